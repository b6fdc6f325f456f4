-- SPDX-License-Identifier: Apache-2.0
-- First half of the softmax: keeps a row of scores at full precision while its maximum is found,
-- then hands the row on again as score - maximum, one per clock.
--
-- Two rows fit: while one is handed on, the next is filled. The last score of a row comes in at
-- some clock; the row's first difference leaves five clocks later. "hold" is high in the clocks in
-- which the collector may not take a column: those whose sums would meet a difference at the
-- epilogue, and two more, as exponentials reach the stores two clocks later than other results. A
-- score comes as a raw sum and the borrow that its lane still owes. With HAS_BIAS, a bias is added
-- that comes two clocks behind it, so a row leaves two clocks later. Rows have ROW_LENGTH scores
-- each or, where that is 0, as many as have come in when "row_last" is high. A score that is absent
-- (HAS_ABSENT) has no part in the maximum, and is marked as such when it is handed on. With
-- IN_PARTS, another unit, which runs in step, has a part of each row: the maximum is that of both,
-- and one of them has a score that is not absent. Without, the first score of a row is not absent.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity row_maximum is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    ROW_LENGTH   : natural;  -- scores of each row; 0: that differs from row to row
    MOST_SCORES  : positive; -- scores of the longest row
    HAS_BIAS     : natural;  -- 1: scores have biases
    HAS_ABSENT   : natural;  -- 1: scores may be absent
    IN_PARTS     : natural;  -- 1: another unit has a part of the row
    SUM_BITS     : positive;
    BIAS_BITS    : positive;
    STEP_BITS    : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk           : in    std_logic;
    reset         : in    std_logic;
    valid         : in    std_logic;
    raw           : in    signed(SUM_BITS - 1 downto 0);
    borrow        : in    std_logic;
    bias          : in    signed(BIAS_BITS - 1 downto 0); -- two clocks after all others
    row_first     : in    std_logic;
    row_last      : in    std_logic;
    absent        : in    std_logic;
    step          : in    unsigned(STEP_BITS - 1 downto 0);
    ways          : in    std_logic_vector(1 downto 0);
    y_address     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    other_found   : in    std_logic; -- the other unit's part has a score,
    other_maximum : in    signed(SUM_BITS - 1 downto 0); -- of which this is the largest
    own_found     : out   std_logic;
    own_maximum   : out   signed(SUM_BITS - 1 downto 0);
    hold          : out   std_logic;
    out_valid     : out   std_logic;
    out_below     : out   signed(SUM_BITS - 1 downto 0);
    out_step      : out   unsigned(STEP_BITS - 1 downto 0);
    out_ways      : out   std_logic_vector(1 downto 0);
    out_y_address : out   unsigned(ADDRESS_BITS - 1 downto 0);
    out_row_first : out   std_logic;
    out_row_last  : out   std_logic;
    out_absent    : out   std_logic;
    next_valid    : out   std_logic; -- a difference comes out in the next clock, of this step
    next_step     : out   unsigned(STEP_BITS - 1 downto 0)
  );
end entity row_maximum;

architecture rtl of row_maximum is

  constant ROW_INDEX_BITS : positive := index_bits(MOST_SCORES);

  subtype index_t is unsigned(ROW_INDEX_BITS - 1 downto 0);

  -- the input, in step with its bias
  signal given       : std_logic;
  signal given_raw   : signed(SUM_BITS - 1 downto 0);
  signal given_borrow : std_logic;
  signal given_first : std_logic;
  signal given_last  : std_logic;
  signal given_absent : std_logic;
  signal given_step  : unsigned(STEP_BITS - 1 downto 0);
  signal given_ways  : std_logic_vector(1 downto 0);
  signal given_y     : unsigned(ADDRESS_BITS - 1 downto 0);

  -- one clock after it
  signal came        : std_logic;
  signal came_first  : std_logic;
  signal came_last   : std_logic;
  signal came_absent : std_logic;
  signal came_step   : unsigned(STEP_BITS - 1 downto 0);
  signal came_ways   : std_logic_vector(1 downto 0);
  signal came_y      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal score       : signed(SUM_BITS - 1 downto 0);

  signal fill         : index_t;
  signal fill_bank    : std_logic;
  signal maximum      : signed(SUM_BITS - 1 downto 0);
  signal found        : std_logic; -- a score that is not absent
  signal reading      : std_logic;
  signal last_index   : index_t; -- of the row that is read
  signal read_index   : index_t;
  signal read_bank    : std_logic;
  signal write_address : unsigned(ROW_INDEX_BITS downto 0);
  signal read_address : unsigned(ROW_INDEX_BITS downto 0);
  signal write_data   : std_logic_vector(SUM_BITS + HAS_ABSENT - 1 downto 0);
  signal read_data    : std_logic_vector(SUM_BITS + HAS_ABSENT - 1 downto 0);
  signal largest      : signed(SUM_BITS - 1 downto 0);
  signal y_at         : unsigned(ADDRESS_BITS - 1 downto 0);
  signal row_step     : unsigned(STEP_BITS - 1 downto 0);
  signal row_ways     : std_logic_vector(1 downto 0);

  -- What belongs to the row that is complete, kept until the row after it is complete. Its maximum
  -- takes over two clocks after its last score, so it need not be kept.
  signal full_maximum : signed(SUM_BITS - 1 downto 0);
  signal full_step    : unsigned(STEP_BITS - 1 downto 0);
  signal full_ways    : std_logic_vector(1 downto 0);
  signal full_y       : unsigned(ADDRESS_BITS - 1 downto 0);
  signal fill_y       : unsigned(ADDRESS_BITS - 1 downto 0);

  -- The first and the last of a row, in flight with the memory's read.
  signal reading_q : std_logic_vector(2 downto 0);
  signal first_q   : std_logic_vector(1 downto 0);
  signal last_q    : std_logic_vector(1 downto 0);

begin

  own_found   <= found;
  own_maximum <= maximum;
  next_valid  <= reading_q(1);
  next_step   <= row_step;

  write_address <= fill_bank & fill;
  read_address  <= read_bank & read_index;

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => SUM_BITS + HAS_ABSENT,
      DEPTH        => 2 ** (ROW_INDEX_BITS + 1),
      ADDRESS_BITS => ROW_INDEX_BITS + 1
    )
    port map (
      clk           => clk,
      write         => came,
      write_address => write_address,
      write_data    => write_data,
      enable        => reading,
      read_address  => read_address,
      read_data     => read_data
    );

  write_data(SUM_BITS - 1 downto 0) <= std_logic_vector(score);

  marked : if HAS_ABSENT = 1 generate

    write_data(SUM_BITS) <= came_absent;

    mark : process (clk) is
    begin
      if rising_edge(clk) then
        came_absent <= given_absent;
        out_absent  <= read_data(SUM_BITS);
      end if;
    end process mark;

  end generate marked;

  unmarked : if HAS_ABSENT = 0 generate
    came_absent <= '0';
    out_absent  <= '0';
  end generate unmarked;

  at_once : if HAS_BIAS = 0 generate
    given        <= valid;
    given_raw    <= raw;
    given_borrow <= borrow;
    given_first  <= row_first;
    given_last   <= row_last;
    given_absent <= absent;
    given_step   <= step;
    given_ways   <= ways;
    given_y      <= y_address;
  end generate at_once;

  behind : if HAS_BIAS = 1 generate

    constant RAW_AT  : natural  := 4;
    constant STEP_AT : natural  := RAW_AT + SUM_BITS;
    constant WAYS_AT : natural  := STEP_AT + STEP_BITS;
    constant LAST_AT : natural  := WAYS_AT + 2;
    constant BITS    : positive := LAST_AT + ADDRESS_BITS;

    subtype all_t is std_logic_vector(BITS - 1 downto 0);

    signal now_all, after_1, after_2 : all_t;
    signal valid_1, valid_2 : std_logic;

  begin

    now_all <= std_logic_vector(y_address) & ways & std_logic_vector(step) & std_logic_vector(raw)
               & absent & row_last & row_first & borrow;

    wait_for_bias : process (clk) is
    begin
      if rising_edge(clk) then
        after_1 <= now_all;
        after_2 <= after_1;
        valid_1 <= valid;
        valid_2 <= valid_1;
        if reset = '1' then
          valid_1 <= '0';
          valid_2 <= '0';
        end if;
      end if;
    end process wait_for_bias;

    given        <= valid_2;
    given_borrow <= after_2(0);
    given_first  <= after_2(1);
    given_last   <= after_2(2);
    given_absent <= after_2(3);
    given_raw    <= signed(after_2(STEP_AT - 1 downto RAW_AT));
    given_step   <= unsigned(after_2(WAYS_AT - 1 downto STEP_AT));
    given_ways   <= after_2(LAST_AT - 1 downto WAYS_AT);
    given_y      <= unsigned(after_2(BITS - 1 downto LAST_AT));

  end generate behind;

  one_length : if ROW_LENGTH > 0 generate
    last_index <= to_unsigned(ROW_LENGTH - 1, ROW_INDEX_BITS);
  end generate one_length;

  any_length : if ROW_LENGTH = 0 generate

    keep_length : process (clk) is
    begin
      if rising_edge(clk) then
        if came = '1' and came_last = '1' then
          last_index <= fill;
        end if;
      end if;
    end process keep_length;

  end generate any_length;

  walk : process (clk) is
  begin
    if rising_edge(clk) then
      came       <= given;
      came_first <= given_first;
      came_last  <= given_last;
      came_step  <= given_step;
      came_ways  <= given_ways;
      came_y     <= given_y;
      if HAS_BIAS = 1 then
        score <= add(given_raw, resize(bias, SUM_BITS), given_borrow);
      else
        score <= given_raw + signed'('0' & given_borrow);
      end if;

      full_maximum <= maximum;
      if IN_PARTS = 1 then
        if other_found = '1' and (found = '0' or other_maximum > maximum) then
          full_maximum <= other_maximum;
        end if;
      end if;

      if reading = '1' then
        read_index <= read_index + 1;
        if read_index = last_index then
          reading <= '0';
        end if;
      end if;

      if came = '1' then
        if came_first = '1'
           or (came_absent = '0' and (score > maximum or (IN_PARTS = 1 and found = '0'))) then
          maximum <= score;
        end if;
        found <= not came_absent or (found and not came_first);
        fill  <= fill + 1;
        if came_first = '1' then
          fill_y <= came_y;
        end if;
        if came_last = '1' then
          full_step    <= came_step;
          full_ways    <= came_ways;
          full_y       <= fill_y;
          if ROW_LENGTH < 2 and came_first = '1' then
            full_y <= came_y; -- the row has a single score
          end if;

          fill       <= (others => '0');
          fill_bank  <= not fill_bank;
          reading    <= '1';
          read_index <= (others => '0');
          read_bank  <= fill_bank;
        end if;
      end if;

      reading_q <= reading_q(1 downto 0) & reading;
      hold      <= reading_q(0) or reading_q(1) or reading_q(2);
      first_q   <= first_q(0) & '0';
      last_q    <= last_q(0) & '0';
      if read_index = 0 then
        first_q(0) <= reading;
      end if;
      if read_index = last_index then
        last_q(0) <= reading;
      end if;

      -- The row that leaves takes over when its first score is about to come out of memory.
      if first_q(0) = '1' then
        largest  <= full_maximum;
        row_step <= full_step;
        row_ways <= full_ways;
        y_at     <= full_y;
      elsif reading_q(1) = '1' then
        y_at <= y_at + 1;
      end if;

      out_valid     <= reading_q(1);
      out_below     <= signed(read_data(SUM_BITS - 1 downto 0)) - largest;
      out_step      <= row_step;
      out_ways      <= row_ways;
      out_y_address <= y_at;
      out_row_first <= first_q(1);
      out_row_last  <= last_q(1);

      if reset = '1' then
        came      <= '0';
        fill      <= (others => '0');
        fill_bank <= '0';
        reading   <= '0';
        reading_q <= (others => '0');
        hold      <= '0';
        out_valid <= '0';
      end if;
    end if;
  end process walk;

end architecture rtl;
