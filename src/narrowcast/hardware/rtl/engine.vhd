-- The accelerator: a window of integers in, a forecast out, both as streams with valid and ready.
--
-- One array of lanes runs every step of the program (see engine_types):
--
--   stores --> x - zero --> lanes --> collector --------------> epilogue --> stores, caches, result
--   weights, keys, values --^               '-> row_maximum --^       '-> exponentials --> stores
--                                                                     '-> row_reciprocal --> M
--
-- A transfer takes place in every clock in which valid and ready are both high. Inputs are taken
-- row by row, oldest first; then the program runs; then the outputs are offered. "reset" is
-- synchronous and may come at any time.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity engine is
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    in_valid  : in    std_logic;
    in_ready  : out   std_logic;
    in_data   : in    std_logic_vector(INPUT_BITS - 1 downto 0);
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(OUTPUT_BITS - 1 downto 0);
    -- Every number as it is stored, for looking inside; leave open.
    trace_valid : out   std_logic;
    trace_data  : out   std_logic_vector(Y_BITS - 1 downto 0)
  );
end entity engine;

architecture rtl of engine is

  constant BANKS    : positive := BANK_BITS'length;
  constant TAG_BITS : positive := ADDRESS_BITS + LANE_INDEX_BITS + 2;

  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);
  subtype step_index is unsigned(STEP_BITS - 1 downto 0);

  -- streams
  signal loading      : std_logic;
  signal in_take      : std_logic;
  signal in_count     : address_t;
  signal start        : std_logic;
  signal sending      : std_logic;
  signal out_left     : unsigned(5 downto 0);
  signal result_in    : std_logic;
  type   result_array is array (OUTPUTS - 1 downto 0) of std_logic_vector(OUTPUT_BITS - 1 downto 0);
  signal results      : result_array;

  -- sequencer, and its signals in step with the operands
  signal issue, first, last : std_logic;
  signal issue_q, first_q   : std_logic_vector(1 to 3);
  signal last_q             : std_logic_vector(1 to 6);
  signal step               : step_index;
  signal step_1, step_2     : step_index;
  signal x_address          : address_t;
  signal lane_address       : address_t;

  -- operands
  signal scratch_data  : std_logic_vector(SCRATCH_BITS - 1 downto 0);
  signal token_data    : std_logic_vector(TOKEN_BITS - 1 downto 0);
  signal token_address : address_t;
  signal x_zero        : signed(X_BITS - 1 downto 0);
  signal x_tokens      : std_logic;
  signal source        : natural;
  signal x             : signed(X_BITS - 1 downto 0);
  signal key_data      : std_logic_vector(LANES * KEY_BITS - 1 downto 0);
  signal value_data    : std_logic_vector(LANES * VALUE_BITS - 1 downto 0);
  type   bank_array is array (0 to BANKS - 1) of signed(LANES * LANE_BITS - 1 downto 0);
  signal bank_words    : bank_array;
  signal lane_words    : signed(LANES * LANE_BITS - 1 downto 0);
  signal sums          : signed(LANES * SUM_BITS - 1 downto 0);

  -- collector
  signal c_valid      : std_logic;
  signal c_value      : signed(SUM_BITS - 1 downto 0);
  signal c_step       : step_index;
  signal c_row_first  : std_logic;
  signal c_row_last   : std_logic;
  signal c_row        : unsigned(COUNT_BITS - 1 downto 0);
  signal c_residual   : std_logic;
  signal c_softmax    : std_logic;
  signal bias_address, m_address, r_address, residual_address, c_y_address : address_t;
  signal c_y_lane     : unsigned(LANE_INDEX_BITS - 1 downto 0);

  -- softmax
  signal to_maximum   : std_logic;
  signal s_valid      : std_logic;
  signal s_below      : signed(SUM_BITS - 1 downto 0);
  signal s_step       : step_index;
  signal s_y_address  : address_t;
  signal s_row_first  : std_logic;
  signal s_row_last   : std_logic;
  signal row_m        : std_logic_vector(ROW_M_BITS - 1 downto 0);
  signal row_m_used   : std_logic;
  signal e_address    : address_t;
  signal e_data       : std_logic_vector(E_BITS - 1 downto 0);
  signal e_valid      : std_logic_vector(1 to 2);
  signal e_tag_1, e_tag_2 : std_logic_vector(TAG_BITS - 1 downto 0);
  signal e_numerator  : unsigned(NUMERATOR_BITS - 1 downto 0);
  signal e_step       : step_index;
  signal e_zero       : signed(E_BITS downto 0);

  -- epilogue
  signal v_valid  : std_logic;
  signal v_acc    : signed(SUM_BITS - 1 downto 0);
  signal v_step   : step_index;
  signal v_step_1 : step_index;
  signal v_m_address : address_t;
  signal v_tag    : std_logic_vector(TAG_BITS - 1 downto 0);
  signal bias_data : std_logic_vector(BIAS_BITS - 1 downto 0);
  signal m_data, r_data : std_logic_vector(M_BITS - 1 downto 0);
  signal m        : signed(M_BITS - 1 downto 0);
  signal y_valid  : std_logic;
  signal y        : signed(Y_BITS - 1 downto 0);
  signal y_step   : step_index;
  signal y_tag    : std_logic_vector(TAG_BITS - 1 downto 0);

  -- writes, all registered
  signal scratch_write : std_logic;
  signal token_write   : std_logic;
  signal key_write     : std_logic;
  signal value_write   : std_logic;
  signal write_address : address_t;
  signal write_lane    : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal write_data    : std_logic_vector(Y_BITS - 1 downto 0);

begin

  ------------------------------------------------------------------ streams

  in_ready  <= loading;
  in_take   <= loading and in_valid;
  out_valid <= sending;
  out_data  <= results(0);

  streams : process (clk) is
  begin
    if rising_edge(clk) then
      if in_take = '1' then
        in_count <= in_count + 1;
        if in_count = INPUT_WORDS - 1 then
          loading <= '0';
        end if;
      end if;
      if result_in = '1' then
        results <= std_logic_vector(resize(y, OUTPUT_BITS)) & results(OUTPUTS - 1 downto 1);
        if out_left = OUTPUTS - 1 then
          sending <= '1';
        else
          out_left <= out_left + 1;
        end if;
      elsif sending = '1' and out_ready = '1' then
        results <= results(0) & results(OUTPUTS - 1 downto 1);
        if out_left = 0 then
          sending  <= '0';
          loading  <= '1';
          in_count <= (others => '0');
        else
          out_left <= out_left - 1;
        end if;
      end if;
      if reset = '1' then
        loading  <= '1';
        sending  <= '0';
        in_count <= (others => '0');
        out_left <= (others => '0');
      end if;
    end if;
  end process streams;

  start <= in_take when in_count = INPUT_WORDS - 1 else '0';

  ------------------------------------------------------------------ operands

  control : entity work.sequencer
    generic map (
      PROGRAM      => PROGRAM,
      STEP_BITS    => STEP_BITS,
      COUNT_BITS   => COUNT_BITS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk          => clk,
      reset        => reset,
      start        => start,
      issue        => issue,
      first        => first,
      last         => last,
      step         => step,
      x_address    => x_address,
      lane_address => lane_address
    );

  scratch : entity work.ram
    generic map (
      BLOCK_MEMORY => SCRATCH_BLOCK,
      WIDTH        => SCRATCH_BITS,
      DEPTH        => SCRATCH_WORDS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      write         => scratch_write,
      write_address => write_address,
      write_data    => write_data(SCRATCH_BITS - 1 downto 0),
      read_address  => x_address,
      read_data     => scratch_data
    );

  -- The compiler keeps the residual's reads apart from the operand's.
  token_address <= residual_address when c_residual = '1' else x_address;

  tokens : entity work.ram
    generic map (
      BLOCK_MEMORY => TOKEN_BLOCK,
      WIDTH        => TOKEN_BITS,
      DEPTH        => TOKEN_WORDS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      write         => token_write,
      write_address => write_address,
      write_data    => write_data(TOKEN_BITS - 1 downto 0),
      read_address  => token_address,
      read_data     => token_data
    );

  keys : entity work.lane_cache
    generic map (
      LANES           => LANES,
      BLOCK_MEMORY    => KEY_BLOCK,
      WIDTH           => KEY_BITS,
      DEPTH           => KEY_WORDS,
      ADDRESS_BITS    => ADDRESS_BITS,
      LANE_INDEX_BITS => LANE_INDEX_BITS
    )
    port map (
      clk           => clk,
      write         => key_write,
      write_lane    => write_lane,
      write_address => write_address,
      write_data    => write_data(KEY_BITS - 1 downto 0),
      read_address  => lane_address,
      read_data     => key_data
    );

  values : entity work.lane_cache
    generic map (
      LANES           => LANES,
      BLOCK_MEMORY    => VALUE_BLOCK,
      WIDTH           => VALUE_BITS,
      DEPTH           => VALUE_WORDS,
      ADDRESS_BITS    => ADDRESS_BITS,
      LANE_INDEX_BITS => LANE_INDEX_BITS
    )
    port map (
      clk           => clk,
      write         => value_write,
      write_lane    => write_lane,
      write_address => write_address,
      write_data    => write_data(VALUE_BITS - 1 downto 0),
      read_address  => lane_address,
      read_data     => value_data
    );

  weight_banks : for b in 0 to BANKS - 1 generate

    constant BITS  : positive := BANK_BITS(b);
    constant WIDTH : positive := LANES * BITS;
    constant START_BIT : natural  := BANK_FIRST(b);
    constant SIZE  : positive := BANK_DEPTH(b) * WIDTH;
    signal   word  : std_logic_vector(WIDTH - 1 downto 0);

  begin

    bank : entity work.weight_bank
      generic map (
        BANK         => b,
        WIDTH        => WIDTH,
        ADDRESS_BITS => ADDRESS_BITS,
        SEGMENTS     => SEGMENTS,
        CONTENTS     => WEIGHTS(START_BIT to START_BIT + SIZE - 1)
      )
      port map (
        clk     => clk,
        address => lane_address,
        data    => word
      );

    extend : for lane in 0 to LANES - 1 generate
      bank_words(b)((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS) <=
        resize(signed(word((lane + 1) * BITS - 1 downto lane * BITS)), LANE_BITS);
    end generate extend;

  end generate weight_banks;

  operands : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      issue_q <= issue & issue_q(1 to 2);
      first_q <= first & first_q(1 to 2);
      last_q  <= last & last_q(1 to 5);

      -- the step's own constants arrive with its data
      step_1   <= step;
      s        := PROGRAM(to_integer(step_1));
      x_zero   <= to_signed(s.x_zero, X_BITS);
      x_tokens <= to_unsigned(s.x_tokens, 1)(0);
      source   <= s.lane_source;

      x <= resize(signed(scratch_data), X_BITS) - x_zero;
      if x_tokens = '1' then
        x <= resize(signed(token_data), X_BITS) - x_zero;
      end if;

      lane_words <= bank_words(0);
      for b in 1 to BANKS - 1 loop
        if source = b then
          lane_words <= bank_words(b);
        end if;
      end loop;
      for lane in 0 to LANES - 1 loop
        if source = BANKS then
          lane_words((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS) <=
            resize(signed(key_data((lane + 1) * KEY_BITS - 1 downto lane * KEY_BITS)), LANE_BITS);
        elsif source = BANKS + 1 then
          lane_words((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS) <=
            resize(signed(value_data((lane + 1) * VALUE_BITS - 1 downto lane * VALUE_BITS)), LANE_BITS);
        end if;
      end loop;

      if reset = '1' then
        issue_q <= (others => '0');
        last_q  <= (others => '0');
      end if;
    end if;
  end process operands;

  array_of_lanes : for i in 0 to LANES - 1 generate

    one : entity work.lane
      generic map (
        X_BITS    => X_BITS,
        LANE_BITS => LANE_BITS,
        SUM_BITS  => SUM_BITS
      )
      port map (
        clk    => clk,
        enable => issue_q(3),
        first  => first_q(3),
        x      => x,
        w      => lane_words((i + 1) * LANE_BITS - 1 downto i * LANE_BITS),
        sum    => sums((i + 1) * SUM_BITS - 1 downto i * SUM_BITS)
      );

  end generate array_of_lanes;

  ------------------------------------------------------------------ sums

  collect : entity work.collector
    generic map (
      PROGRAM         => PROGRAM,
      LANES           => LANES,
      SUM_BITS        => SUM_BITS,
      STEP_BITS       => STEP_BITS,
      COUNT_BITS      => COUNT_BITS,
      ADDRESS_BITS    => ADDRESS_BITS,
      LANE_INDEX_BITS => LANE_INDEX_BITS
    )
    port map (
      clk              => clk,
      reset            => reset,
      done             => last_q(6),
      sums             => sums,
      valid            => c_valid,
      value            => c_value,
      step             => c_step,
      row_first        => c_row_first,
      row_last         => c_row_last,
      row              => c_row,
      bias_address     => bias_address,
      m_address        => m_address,
      r_address        => r_address,
      residual_address => residual_address,
      y_address        => c_y_address,
      y_lane           => c_y_lane
    );

  classify : process (all) is
    variable s : step_t;
  begin
    s          := PROGRAM(to_integer(c_step));
    c_residual <= '0';
    c_softmax  <= '0';
    if s.has_residual = 1 then
      c_residual <= c_valid;
    end if;
    if s.destination = TO_SOFTMAX then
      c_softmax <= '1';
    end if;
  end process classify;

  to_maximum <= c_valid and c_softmax;

  maximum : entity work.row_maximum
    generic map (
      WINDOW       => WINDOW,
      SUM_BITS     => SUM_BITS,
      STEP_BITS    => STEP_BITS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      reset         => reset,
      valid         => to_maximum,
      score         => c_value,
      row_first     => c_row_first,
      row_last      => c_row_last,
      step          => c_step,
      y_address     => c_y_address,
      out_valid     => s_valid,
      out_below     => s_below,
      out_step      => s_step,
      out_y_address => s_y_address,
      out_row_first => s_row_first,
      out_row_last  => s_row_last
    );

  ------------------------------------------------------------------ epilogue

  choose : process (all) is
    variable s : step_t;
  begin
    s           := PROGRAM(to_integer(s_step));
    v_valid     <= c_valid and not c_softmax;
    v_acc       <= c_value;
    v_step      <= c_step;
    v_m_address <= m_address;
    v_tag       <= std_logic_vector(c_y_address) & std_logic_vector(c_y_lane) & "00";
    if s_valid = '1' then
      v_valid     <= '1';
      v_acc       <= s_below;
      v_step      <= s_step;
      v_m_address <= to_unsigned(s.m_base, ADDRESS_BITS);
      v_tag       <= std_logic_vector(s_y_address) & (LANE_INDEX_BITS - 1 downto 0 => '0')
                     & s_row_first & s_row_last;
    end if;
  end process choose;

  biases : entity work.rom
    generic map (
      BLOCK_MEMORY => BIAS_BLOCK,
      WIDTH        => BIAS_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => BIASES_IMAGE
    )
    port map (
      clk     => clk,
      address => bias_address,
      data    => bias_data
    );

  multipliers : entity work.rom
    generic map (
      BLOCK_MEMORY => MULTIPLIER_BLOCK,
      WIDTH        => M_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => MULTIPLIERS_IMAGE
    )
    port map (
      clk     => clk,
      address => v_m_address,
      data    => m_data
    );

  residual_multipliers : entity work.rom
    generic map (
      BLOCK_MEMORY => RESIDUAL_BLOCK,
      WIDTH        => M_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => RESIDUALS_IMAGE
    )
    port map (
      clk     => clk,
      address => r_address,
      data    => r_data
    );

  follow : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      v_step_1   <= v_step;
      s          := PROGRAM(to_integer(v_step_1));
      row_m_used <= to_unsigned(s.row_multiplier, 1)(0);
    end if;
  end process follow;

  m <= resize(signed('0' & row_m), M_BITS) when row_m_used = '1' else signed(m_data);

  finish : entity work.epilogue
    generic map (
      PROGRAM       => PROGRAM,
      STEP_BITS     => STEP_BITS,
      SUM_BITS      => SUM_BITS,
      BIAS_BITS     => BIAS_BITS,
      BIASED_BITS   => BIASED_BITS,
      M_BITS        => M_BITS,
      RESIDUAL_BITS => TOKEN_BITS,
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
      step     => v_step,
      tag      => v_tag,
      bias     => signed(bias_data),
      m        => m,
      r        => signed(r_data),
      residual => signed(token_data),
      y_valid  => y_valid,
      y        => y,
      y_step   => y_step,
      y_tag    => y_tag
    );

  ------------------------------------------------------------------ exponentials

  exponentials : entity work.rom
    generic map (
      BLOCK_MEMORY => EXPONENTIAL_BLOCK,
      WIDTH        => E_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => EXPONENTIALS_IMAGE
    )
    port map (
      clk     => clk,
      address => e_address,
      data    => e_data
    );

  exponential_address : process (all) is
    variable s : step_t;
  begin
    s         := PROGRAM(to_integer(y_step));
    e_address <= resize(unsigned(y), ADDRESS_BITS) + to_unsigned(s.table_base, ADDRESS_BITS);
  end process exponential_address;

  reciprocal : entity work.row_reciprocal
    generic map (
      WINDOW         => WINDOW,
      E_BITS         => E_BITS,
      ROW_SUM_BITS   => ROW_SUM_BITS,
      QUOTIENT_BITS  => ROW_M_BITS,
      NUMERATOR_BITS => NUMERATOR_BITS,
      ADDRESS_BITS   => COUNT_BITS
    )
    port map (
      clk          => clk,
      reset        => reset,
      valid        => e_valid(2),
      e            => unsigned(e_data),
      row_first    => e_tag_2(1),
      row_last     => e_tag_2(0),
      numerator    => e_numerator,
      read_address => c_row,
      multiplier   => row_m
    );

  ------------------------------------------------------------------ writes

  write_back : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      s := PROGRAM(to_integer(y_step));

      e_valid <= '0' & e_valid(1);
      if s.destination = TO_SOFTMAX then
        e_valid(1) <= y_valid;
      end if;
      e_tag_1     <= y_tag;
      e_tag_2     <= e_tag_1;
      e_step      <= y_step;
      e_numerator <= to_unsigned(PROGRAM(to_integer(e_step)).numerator, NUMERATOR_BITS);
      e_zero      <= to_signed(PROGRAM(to_integer(e_step)).e_zero, E_BITS + 1);

      scratch_write <= '0';
      token_write   <= '0';
      key_write     <= '0';
      value_write   <= '0';
      write_data    <= std_logic_vector(y);
      write_address <= unsigned(y_tag(TAG_BITS - 1 downto LANE_INDEX_BITS + 2));
      write_lane    <= unsigned(y_tag(LANE_INDEX_BITS + 1 downto 2));
      if in_take = '1' then
        scratch_write <= '1';
        write_data    <= std_logic_vector(resize(signed(in_data), Y_BITS));
        write_address <= in_count + INPUT_BASE;
      elsif e_valid(2) = '1' then
        scratch_write <= '1';
        write_data    <= std_logic_vector(resize(signed('0' & e_data) + e_zero, Y_BITS));
        write_address <= unsigned(e_tag_2(TAG_BITS - 1 downto LANE_INDEX_BITS + 2));
      elsif y_valid = '1' then
        if s.destination = TO_SCRATCH then
          scratch_write <= '1';
        elsif s.destination = TO_TOKENS then
          token_write <= '1';
        elsif s.destination = TO_KEYS then
          key_write <= '1';
        elsif s.destination = TO_VALUES then
          value_write <= '1';
        end if;
      end if;

      if reset = '1' then
        e_valid       <= (others => '0');
        scratch_write <= '0';
        token_write   <= '0';
        key_write     <= '0';
        value_write   <= '0';
      end if;
    end if;
  end process write_back;

  trace_valid <= scratch_write or token_write or key_write or value_write;
  trace_data  <= write_data;

  collect_result : process (all) is
    variable s : step_t;
  begin
    s         := PROGRAM(to_integer(y_step));
    result_in <= '0';
    if s.destination = TO_RESULT then
      result_in <= y_valid;
    end if;
  end process collect_result;

end architecture rtl;
