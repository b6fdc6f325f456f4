-- First half of the softmax: keeps a row of scores at full precision while its maximum is found,
-- then hands the row on again as score - maximum, one per clock.
--
-- Two rows fit: while one is handed on, the next is filled. The last score of a row comes in at
-- some clock; the row's first difference leaves four clocks later.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity row_maximum is
  generic (
    WINDOW       : positive;
    SUM_BITS     : positive;
    STEP_BITS    : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk           : in    std_logic;
    reset         : in    std_logic;
    valid         : in    std_logic;
    score         : in    signed(SUM_BITS - 1 downto 0);
    row_first     : in    std_logic;
    row_last      : in    std_logic;
    step          : in    unsigned(STEP_BITS - 1 downto 0);
    y_address     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    out_valid     : out   std_logic;
    out_below     : out   signed(SUM_BITS - 1 downto 0);
    out_step      : out   unsigned(STEP_BITS - 1 downto 0);
    out_y_address : out   unsigned(ADDRESS_BITS - 1 downto 0);
    out_row_first : out   std_logic;
    out_row_last  : out   std_logic
  );
end entity row_maximum;

architecture rtl of row_maximum is

  constant ROW_INDEX_BITS : positive := index_bits(WINDOW);

  subtype index_t is unsigned(ROW_INDEX_BITS - 1 downto 0);

  signal fill         : index_t;
  signal fill_bank    : std_logic;
  signal maximum      : signed(SUM_BITS - 1 downto 0);
  signal reading      : std_logic;
  signal read_index   : index_t;
  signal read_bank    : std_logic;
  signal write_address : unsigned(ROW_INDEX_BITS downto 0);
  signal read_address : unsigned(ROW_INDEX_BITS downto 0);
  signal read_data    : std_logic_vector(SUM_BITS - 1 downto 0);
  signal largest      : signed(SUM_BITS - 1 downto 0);
  signal y_at         : unsigned(ADDRESS_BITS - 1 downto 0);
  signal row_step     : unsigned(STEP_BITS - 1 downto 0);

  -- What belongs to the row that is complete, kept until the row after it is complete.
  signal full_maximum : signed(SUM_BITS - 1 downto 0);
  signal full_step    : unsigned(STEP_BITS - 1 downto 0);
  signal full_y       : unsigned(ADDRESS_BITS - 1 downto 0);
  signal fill_y       : unsigned(ADDRESS_BITS - 1 downto 0);

  -- The first and the last of a row, in flight with the memory's read.
  signal reading_q : std_logic_vector(1 downto 0);
  signal first_q   : std_logic_vector(1 downto 0);
  signal last_q    : std_logic_vector(1 downto 0);

begin

  write_address <= fill_bank & fill;
  read_address  <= read_bank & read_index;

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => 0,
      WIDTH        => SUM_BITS,
      DEPTH        => 2 ** (ROW_INDEX_BITS + 1),
      ADDRESS_BITS => ROW_INDEX_BITS + 1
    )
    port map (
      clk           => clk,
      write         => valid,
      write_address => write_address,
      write_data    => std_logic_vector(score),
      read_address  => read_address,
      read_data     => read_data
    );

  walk : process (clk) is
    variable best : signed(SUM_BITS - 1 downto 0);
  begin
    if rising_edge(clk) then
      best := maximum;
      if row_first = '1' or score > maximum then
        best := score;
      end if;

      if reading = '1' then
        read_index <= read_index + 1;
        if read_index = WINDOW - 1 then
          reading <= '0';
        end if;
      end if;

      if valid = '1' then
        maximum <= best;
        fill    <= fill + 1;
        if row_first = '1' then
          fill_y <= y_address;
        end if;
        if row_last = '1' then
          full_maximum <= best;
          full_step    <= step;
          full_y       <= fill_y;

          fill       <= (others => '0');
          fill_bank  <= not fill_bank;
          reading    <= '1';
          read_index <= (others => '0');
          read_bank  <= fill_bank;
        end if;
      end if;

      reading_q <= reading_q(0) & reading;
      first_q   <= first_q(0) & '0';
      last_q    <= last_q(0) & '0';
      if read_index = 0 then
        first_q(0) <= reading;
      end if;
      if read_index = WINDOW - 1 then
        last_q(0) <= reading;
      end if;

      -- The row that leaves takes over when its first score is about to come out of memory.
      if first_q(0) = '1' then
        largest  <= full_maximum;
        row_step <= full_step;
        y_at     <= full_y;
      elsif reading_q(1) = '1' then
        y_at <= y_at + 1;
      end if;

      out_valid     <= reading_q(1);
      out_below     <= signed(read_data) - largest;
      out_step      <= row_step;
      out_y_address <= y_at;
      out_row_first <= first_q(1);
      out_row_last  <= last_q(1);

      if reset = '1' then
        fill      <= (others => '0');
        fill_bank <= '0';
        reading   <= '0';
        reading_q <= (others => '0');
        out_valid <= '0';
      end if;
    end if;
  end process walk;

end architecture rtl;
