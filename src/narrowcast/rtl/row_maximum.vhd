-- SPDX-License-Identifier: Apache-2.0
-- First half of the softmax: keeps a row of scores at full precision while its maximum is found,
-- then hands the row on again as score - maximum, one per clock.
--
-- Two rows fit: while one is handed on, the next is filled. The last score of a row comes in at
-- some clock; the row's first difference leaves five clocks later. "hold" is high in the clocks in
-- which the collector may not take a column: those whose sums would meet a difference at the
-- epilogue, and two more, as exponentials reach the stores two clocks later than other results.
-- A score comes as a raw sum and the borrow that its lane still owes. Rows have ROW_LENGTH scores
-- each or, where that is 0, as many as have come in when "row_last" is high.
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
    SUM_BITS     : positive;
    STEP_BITS    : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk           : in    std_logic;
    reset         : in    std_logic;
    valid         : in    std_logic;
    raw           : in    signed(SUM_BITS - 1 downto 0);
    borrow        : in    std_logic;
    row_first     : in    std_logic;
    row_last      : in    std_logic;
    step          : in    unsigned(STEP_BITS - 1 downto 0);
    ways          : in    std_logic_vector(1 downto 0);
    y_address     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    hold          : out   std_logic;
    out_valid     : out   std_logic;
    out_below     : out   signed(SUM_BITS - 1 downto 0);
    out_step      : out   unsigned(STEP_BITS - 1 downto 0);
    out_ways      : out   std_logic_vector(1 downto 0);
    out_y_address : out   unsigned(ADDRESS_BITS - 1 downto 0);
    out_row_first : out   std_logic;
    out_row_last  : out   std_logic
  );
end entity row_maximum;

architecture rtl of row_maximum is

  constant ROW_INDEX_BITS : positive := index_bits(MOST_SCORES);

  subtype index_t is unsigned(ROW_INDEX_BITS - 1 downto 0);

  -- one clock after the input
  signal came        : std_logic;
  signal came_first  : std_logic;
  signal came_last   : std_logic;
  signal came_step   : unsigned(STEP_BITS - 1 downto 0);
  signal came_ways   : std_logic_vector(1 downto 0);
  signal came_y      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal score       : signed(SUM_BITS - 1 downto 0);

  signal fill         : index_t;
  signal fill_bank    : std_logic;
  signal maximum      : signed(SUM_BITS - 1 downto 0);
  signal reading      : std_logic;
  signal last_index   : index_t; -- of the row that is read
  signal read_index   : index_t;
  signal read_bank    : std_logic;
  signal write_address : unsigned(ROW_INDEX_BITS downto 0);
  signal read_address : unsigned(ROW_INDEX_BITS downto 0);
  signal read_data    : std_logic_vector(SUM_BITS - 1 downto 0);
  signal largest      : signed(SUM_BITS - 1 downto 0);
  signal y_at         : unsigned(ADDRESS_BITS - 1 downto 0);
  signal row_step     : unsigned(STEP_BITS - 1 downto 0);
  signal row_ways     : std_logic_vector(1 downto 0);

  -- What belongs to the row that is complete, kept until the row after it is complete.
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

  write_address <= fill_bank & fill;
  read_address  <= read_bank & read_index;

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => SUM_BITS,
      DEPTH        => 2 ** (ROW_INDEX_BITS + 1),
      ADDRESS_BITS => ROW_INDEX_BITS + 1
    )
    port map (
      clk           => clk,
      write         => came,
      write_address => write_address,
      write_data    => std_logic_vector(score),
      enable        => reading,
      read_address  => read_address,
      read_data     => read_data
    );

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
    variable best : signed(SUM_BITS - 1 downto 0);
  begin
    if rising_edge(clk) then
      came       <= valid;
      came_first <= row_first;
      came_last  <= row_last;
      came_step  <= step;
      came_ways  <= ways;
      came_y     <= y_address;
      score      <= raw + signed'('0' & borrow);

      best := maximum;
      if came_first = '1' or score > maximum then
        best := score;
      end if;

      if reading = '1' then
        read_index <= read_index + 1;
        if read_index = last_index then
          reading <= '0';
        end if;
      end if;

      if came = '1' then
        maximum <= best;
        fill    <= fill + 1;
        if came_first = '1' then
          fill_y <= came_y;
        end if;
        if came_last = '1' then
          full_maximum <= best;
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
      out_below     <= signed(read_data) - largest;
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
