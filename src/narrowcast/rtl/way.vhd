-- SPDX-License-Identifier: Apache-2.0
-- One way of the array: a row of lanes, the registers that keep their sums, softmax and epilogue.
--
--   x, w --> lanes --> outer, inner --> column --------------> epilogue --> y
--                                          '-> row_maximum --^     '-> exponentials --> e
--                                                                  '-> row_reciprocal --> M
--
-- Ways run in step, each on a token of its own: sequencer and collector say what all of them do.
-- All of a way is arithmetic; its stores lie outside.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity way is
  generic (
    INDEX     : natural;
    LANE_KIND : natural;
    X_WIDTH   : positive;
    W_WIDTH   : positive;
    TAG_BITS  : positive
  );
  port (
    clk           : in    std_logic;
    reset         : in    std_logic;
    rewind        : in    std_logic; -- an inference is over
    -- operands, and what they are: of every lane
    enable        : in    std_logic;
    first         : in    std_logic;
    group_first   : in    std_logic;
    group_last    : in    std_logic;
    x             : in    signed(X_WIDTH - 1 downto 0);
    w             : in    signed(COLUMNS * LANE_BITS - 1 downto 0);
    -- finished sums
    done          : in    std_logic;
    move          : in    std_logic;
    column        : in    unsigned(LANE_INDEX_BITS - 1 downto 0);
    taking        : in    std_logic;
    take_run      : in    std_logic; -- with "done": the first lane's sum is the running one
    running       : in    signed(SUM_BITS - 1 downto 0);
    -- one clock after the column
    valid         : in    std_logic;
    softmax       : in    std_logic;
    row_m         : in    std_logic; -- the row's M is to be read
    step          : in    unsigned(STEP_BITS - 1 downto 0);
    ways          : in    std_logic_vector(1 downto 0);
    row_first     : in    std_logic;
    row_last      : in    std_logic;
    absent        : in    std_logic; -- a score of a key that does not exist
    slot          : in    unsigned(SLOT_BITS - 1 downto 0);
    y_address     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    y_lane        : in    unsigned(LANE_INDEX_BITS - 1 downto 0);
    -- the other way's part of a row, if the ways have every other column of the same one
    other_found   : in    std_logic;
    other_maximum : in    signed(SUM_BITS - 1 downto 0);
    other_e       : in    unsigned(E_BITS - 1 downto 0);
    own_found     : out   std_logic;
    own_maximum   : out   signed(SUM_BITS - 1 downto 0);
    own_e         : out   unsigned(E_BITS - 1 downto 0);
    hold          : out   std_logic;
    -- in the next clock a difference enters the epilogue, of this step
    below_valid   : out   std_logic;
    below_step    : out   unsigned(STEP_BITS - 1 downto 0);
    -- two clocks after what enters the epilogue
    bias          : in    signed(BIAS_BITS - 1 downto 0);
    m             : in    signed(M_BITS - 1 downto 0);
    r             : in    signed(M_BITS - 1 downto 0);
    residual      : in    signed(RESIDUAL_BITS - 1 downto 0);
    -- results: tags hold address, lane (of a difference: whether it is absent), ways, and first and
    -- last of a row (of differences, and where there are running sums)
    y_valid       : out   std_logic;
    y             : out   signed(Y_BITS - 1 downto 0);
    y_step        : out   unsigned(STEP_BITS - 1 downto 0);
    y_tag         : out   std_logic_vector(TAG_BITS - 1 downto 0);
    e_valid       : out   std_logic;
    e             : out   signed(Y_BITS - 1 downto 0);
    e_tag         : out   std_logic_vector(TAG_BITS - 1 downto 0)
  );
end entity way;

architecture rtl of way is

  type   sum_array is array (COLUMNS - 1 downto 0) of signed(SUM_BITS - 1 downto 0);
  signal sums         : sum_array;
  signal borrows      : std_logic_vector(COLUMNS - 1 downto 0);
  signal outer        : sum_array;
  signal outer_borrow : std_logic_vector(COLUMNS - 1 downto 0);
  signal inner        : sum_array;
  signal inner_borrow : std_logic_vector(COLUMNS - 1 downto 0);
  signal value        : signed(SUM_BITS - 1 downto 0);
  signal borrow       : std_logic;

  signal to_maximum   : std_logic;
  signal s_valid      : std_logic;
  signal s_below      : signed(SUM_BITS - 1 downto 0);
  signal s_step       : unsigned(STEP_BITS - 1 downto 0);
  signal s_ways       : std_logic_vector(1 downto 0);
  signal s_y_address  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal s_row_first  : std_logic;
  signal s_row_last   : std_logic;
  signal s_absent     : std_logic;

  signal v_valid      : std_logic;
  signal v_acc        : signed(SUM_BITS - 1 downto 0);
  signal v_borrow     : std_logic;
  signal v_step       : unsigned(STEP_BITS - 1 downto 0);
  signal v_step_1     : unsigned(STEP_BITS - 1 downto 0);
  signal v_tag        : std_logic_vector(TAG_BITS - 1 downto 0);
  signal row_multiplier : std_logic_vector(ROW_M_BITS - 1 downto 0);
  signal row_m_used   : std_logic;
  signal chosen_m     : signed(M_BITS - 1 downto 0);

  signal r_valid      : std_logic;
  signal r_y          : signed(Y_BITS - 1 downto 0);
  signal r_step       : unsigned(STEP_BITS - 1 downto 0);
  signal r_tag        : std_logic_vector(TAG_BITS - 1 downto 0);

  signal to_table     : std_logic;
  signal e_address    : unsigned(ADDRESS_BITS - 1 downto 0);
  signal e_data       : std_logic_vector(E_BITS - 1 downto 0);
  signal e_present    : unsigned(E_BITS - 1 downto 0); -- 0 if absent
  signal e_valids     : std_logic_vector(1 to 2);
  signal e_tag_1, e_tag_2 : std_logic_vector(TAG_BITS - 1 downto 0);
  signal e_numerator  : unsigned(NUMERATOR_BITS - 1 downto 0);
  signal e_step       : unsigned(STEP_BITS - 1 downto 0);
  signal e_zero       : signed(E_BITS downto 0);

begin

  ------------------------------------------------------------------ lanes

  in_pairs : if LANE_KIND = LANE_PAIRS generate

    lanes : for i in 0 to COLUMNS / 2 - 1 generate

      signal low, high : signed(SUM_BITS - 1 downto 0);

    begin

      pair : entity work.lane_pair
        generic map (
          X_BITS    => X_WIDTH,
          LANE_BITS => LANE_BITS,
          FIELD     => PAIR_FIELD,
          SUM_BITS  => SUM_BITS,
          GROUPED   => GROUPED
        )
        port map (
          clk         => clk,
          enable      => enable,
          first       => first,
          group_first => group_first,
          group_last  => group_last,
          x           => x,
          w_low       => w((2 * i + 1) * LANE_BITS - 1 downto 2 * i * LANE_BITS),
          w_high      => w((2 * i + 2) * LANE_BITS - 1 downto (2 * i + 1) * LANE_BITS),
          sum_low     => low,
          sum_high    => high,
          borrow      => borrows(2 * i + 1)
        );

      borrows(2 * i)  <= '0';
      sums(2 * i)     <= low;
      sums(2 * i + 1) <= high;

    end generate lanes;

  end generate in_pairs;

  one_by_one : if LANE_KIND = LANE_SINGLE generate

    lanes : for i in 0 to COLUMNS - 1 generate

      one : entity work.lane
        generic map (
          X_BITS    => X_WIDTH,
          LANE_BITS => W_WIDTH,
          SUM_BITS  => SUM_BITS
        )
        port map (
          clk    => clk,
          enable => enable,
          first  => first,
          x      => x,
          w      => w(i * LANE_BITS + W_WIDTH - 1 downto i * LANE_BITS),
          sum    => sums(i)
        );

      borrows(i) <= '0';

    end generate lanes;

  end generate one_by_one;

  of_tables : if LANE_KIND = LANE_TABLES or LANE_KIND = LANE_TREES generate

    -- beside grouped pairs, whose sums come a clock later
    signal l_enable, l_first : std_logic;
    signal l_x : signed(X_WIDTH - 1 downto 0);
    signal l_w : signed(COLUMNS * W_WIDTH - 1 downto 0);

  begin

    at_once : if GROUPED = 0 generate

      l_enable <= enable;
      l_first  <= first;
      l_x      <= x;

      cut : for i in 0 to COLUMNS - 1 generate
        l_w((i + 1) * W_WIDTH - 1 downto i * W_WIDTH) <=
          w(i * LANE_BITS + W_WIDTH - 1 downto i * LANE_BITS);
      end generate cut;

    end generate at_once;

    a_clock_later : if GROUPED = 1 generate

      wait_for_pairs : process (clk) is
      begin
        if rising_edge(clk) then
          l_enable <= enable;
          l_first  <= first;
          if enable = '1' then
            l_x <= x;
            for i in 0 to COLUMNS - 1 loop
              l_w((i + 1) * W_WIDTH - 1 downto i * W_WIDTH) <=
                w(i * LANE_BITS + W_WIDTH - 1 downto i * LANE_BITS);
            end loop;
          end if;
        end if;
      end process wait_for_pairs;

    end generate a_clock_later;

    lanes : for i in 0 to COLUMNS - 1 generate

      one : entity work.lane_tables
        generic map (
          X_BITS    => X_WIDTH,
          LANE_BITS => W_WIDTH,
          SUM_BITS  => SUM_BITS,
          TREE      => boolean'pos(LANE_KIND = LANE_TREES)
        )
        port map (
          clk    => clk,
          enable => l_enable,
          first  => l_first,
          x      => l_x,
          w      => l_w((i + 1) * W_WIDTH - 1 downto i * W_WIDTH),
          sum    => sums(i)
        );

      borrows(i) <= '0';

    end generate lanes;

  end generate of_tables;

  keep : process (clk) is
  begin
    if rising_edge(clk) then
      if done = '1' then
        outer        <= sums;
        outer_borrow <= borrows;
        if RUNNING_SUMS > 0 and take_run = '1' then
          outer(0)        <= running;
          outer_borrow(0) <= '0';
        end if;
      end if;
      if move = '1' then
        inner        <= outer;
        inner_borrow <= outer_borrow;
      end if;
      if taking = '1' then
        if COLUMNS = 1 then
          value  <= inner(0);  -- an index of no bits is not synthesised
          borrow <= inner_borrow(0);
        else
          value  <= inner(to_integer(column));
          borrow <= inner_borrow(to_integer(column));
        end if;
      end if;
    end if;
  end process keep;

  ------------------------------------------------------------------ softmax, first half

  to_maximum <= valid and softmax;

  with_scores : if MOST_KEYS > 0 generate

    scores_of_row : entity work.row_maximum
      generic map (
        BLOCK_MEMORY => SCORES_BLOCK,
        ROW_LENGTH   => ROW_LENGTH,
        MOST_SCORES  => maximum(MOST_KEYS, 1),
        HAS_BIAS     => SCORE_BIASES,
        HAS_ABSENT   => minimum_of(KEPT_ROWS, 1),
        IN_PARTS     => SPLIT,
        SUM_BITS     => SUM_BITS,
        BIAS_BITS    => BIAS_BITS,
        STEP_BITS    => STEP_BITS,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk           => clk,
        reset         => reset,
        valid         => to_maximum,
        raw           => value,
        borrow        => borrow,
        bias          => bias,
        row_first     => row_first,
        row_last      => row_last,
        absent        => absent,
        step          => step,
        ways          => ways,
        y_address     => y_address,
        other_found   => other_found,
        other_maximum => other_maximum,
        own_found     => own_found,
        own_maximum   => own_maximum,
        hold          => hold,
        out_valid     => s_valid,
        out_below     => s_below,
        out_step      => s_step,
        out_ways      => s_ways,
        out_y_address => s_y_address,
        out_row_first => s_row_first,
        out_row_last  => s_row_last,
        out_absent    => s_absent,
        next_valid    => below_valid,
        next_step     => below_step
      );

  end generate with_scores;

  without_scores : if MOST_KEYS = 0 generate
    hold        <= '0';
    own_found   <= '0';
    own_maximum <= (others => '0');
    s_valid     <= '0';
    s_below     <= (others => '0');
    s_step      <= (others => '0');
    s_ways      <= (others => '0');
    s_y_address <= (others => '0');
    s_row_first <= '0';
    s_row_last  <= '0';
    s_absent    <= '0';
    below_valid <= '0';
    below_step  <= (others => '0');
  end generate without_scores;

  ------------------------------------------------------------------ epilogue

  choose : process (all) is
  begin
    v_valid  <= valid and not softmax;
    if INDEX = 1 and ways /= "11" then
      v_valid <= '0'; -- the first way's token alone
    end if;
    v_acc    <= value;
    v_borrow <= borrow;
    v_step   <= step;
    v_tag    <= std_logic_vector(y_address) & std_logic_vector(y_lane) & ways & "00";
    if RUNNING_SUMS > 0 then
      v_tag(1 downto 0) <= row_first & row_last;
    end if;
    if s_valid = '1' then
      v_valid  <= '1';
      v_acc    <= s_below;
      v_borrow <= '0';
      v_step   <= s_step;
      v_tag    <= std_logic_vector(s_y_address) & (LANE_INDEX_BITS - 1 downto 1 => '0') & s_absent
                  & s_ways & s_row_first & s_row_last;
    end if;
  end process choose;

  follow : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      v_step_1   <= v_step;
      s          := PROGRAM(to_integer(v_step_1));
      row_m_used <= to_unsigned(s.row_multiplier, 1)(0);
    end if;
  end process follow;

  chosen_m <= resize(signed('0' & row_multiplier), M_BITS) when row_m_used = '1' else m;

  finish : entity work.epilogue
    generic map (
      PROGRAM       => PROGRAM,
      STEP_BITS     => STEP_BITS,
      SUM_BITS      => SUM_BITS,
      BIAS_BITS     => BIAS_BITS,
      BIASED_BITS   => BIASED_BITS,
      M_BITS        => M_BITS,
      BIASED_CUT    => BIASED_CUT,
      M_CUT         => M_CUT,
      RESIDUAL_BITS => RESIDUAL_BITS,
      TOTAL_BITS    => TOTAL_BITS,
      SHIFT_LOW     => SHIFT_LOW,
      SHIFT_HIGH    => SHIFT_HIGH,
      UP_LOW        => UP_LOW,
      UP_HIGH       => UP_HIGH,
      Y_BITS        => Y_BITS,
      TAG_BITS      => TAG_BITS
    )
    port map (
      clk      => clk,
      reset    => reset,
      valid    => v_valid,
      acc      => v_acc,
      borrow   => v_borrow,
      step     => v_step,
      tag      => v_tag,
      bias     => bias,
      m        => chosen_m,
      r        => r,
      residual => residual,
      y_valid  => r_valid,
      y        => r_y,
      y_step   => r_step,
      y_tag    => r_tag
    );

  y_valid <= r_valid;
  y       <= r_y;
  y_step  <= r_step;
  y_tag   <= r_tag;

  ------------------------------------------------------------------ softmax, second half

  with_exponentials : if MOST_KEYS > 0 generate

    exponentials : entity work.rom
      generic map (
        BLOCK_MEMORY => EXPONENTIAL_BLOCK,
        WIDTH        => E_BITS,
        ADDRESS_BITS => ADDRESS_BITS,
        CONTENTS     => EXPONENTIALS_IMAGE
      )
      port map (
        clk     => clk,
        enable  => to_table,
        address => e_address,
        data    => e_data
      );

  end generate with_exponentials;

  without_exponentials : if MOST_KEYS = 0 generate
    e_data <= (others => '0');
  end generate without_exponentials;

  look_up : process (all) is
    variable s : step_t;
  begin
    s         := PROGRAM(to_integer(r_step));
    e_address <= resize(unsigned(r_y), ADDRESS_BITS) + to_unsigned(s.table_base, ADDRESS_BITS);
    to_table  <= '0';
    if s.destination = TO_SOFTMAX then
      to_table <= r_valid;
    end if;
  end process look_up;

  exponential : process (clk) is
  begin
    if rising_edge(clk) then
      e_valids    <= to_table & e_valids(1);
      e_tag_1     <= r_tag;
      e_tag_2     <= e_tag_1;
      e_step      <= r_step;
      e_numerator <= to_unsigned(PROGRAM(to_integer(e_step)).numerator, NUMERATOR_BITS);
      e_zero      <= to_signed(PROGRAM(to_integer(e_step)).e_zero, E_BITS + 1);
      if reset = '1' then
        e_valids <= (others => '0');
      end if;
    end if;
  end process exponential;

  any_rows : if KEPT_ROWS > 0 generate
    e_present <= (others => '0') when e_tag_2(4) = '1' else unsigned(e_data);
  end generate any_rows;

  all_rows : if KEPT_ROWS = 0 generate
    e_present <= unsigned(e_data);
  end generate all_rows;

  own_e <= e_present;

  e_valid <= e_valids(2);
  e       <= resize(signed('0' & e_present) + e_zero, Y_BITS);
  e_tag   <= e_tag_2;

  with_reciprocal : if MOST_KEYS > 0 generate

    reciprocal : entity work.row_reciprocal
      generic map (
        BLOCK_MEMORY   => ROW_M_BLOCK,
        IN_PARTS       => SPLIT,
        RING_BITS      => RING_BITS,
        E_BITS         => E_BITS,
        ROW_SUM_BITS   => ROW_SUM_BITS,
        QUOTIENT_BITS  => ROW_M_BITS,
        NUMERATOR_BITS => NUMERATOR_BITS
      )
      port map (
        clk          => clk,
        reset        => reset,
        rewind       => rewind,
        valid        => e_valids(2),
        e            => e_present,
        other_e      => other_e,
        row_first    => e_tag_2(1),
        row_last     => e_tag_2(0),
        numerator    => e_numerator,
        read         => row_m,
        read_address => slot(RING_BITS - 1 downto 0),
        multiplier   => row_multiplier
      );

  end generate with_reciprocal;

  without_reciprocal : if MOST_KEYS = 0 generate
    row_multiplier <= (others => '0');
  end generate without_reciprocal;

end architecture rtl;
