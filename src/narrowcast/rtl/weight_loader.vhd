-- SPDX-License-Identifier: Apache-2.0
-- Writes weights that a host sends to the memory of weights, and reads them back to check them.
--
-- After "start" come the bytes of WORDS words, and four bytes of their CRC-32 (that of IEEE 802.3,
-- as in zlib), the lowest first. A word has COLUMNS columns of 16 bits, which come one after the
-- other, the lowest first; the CRC lies in the first two columns of a further word. After the last
-- byte, all is read back, a bit in a clock: the weights count as "loaded" if their CRC is the one that
-- lies behind them, and "check" is that CRC. "examine" does the same with what the memory holds
-- already. What has been loaded before counts no longer from "start" or "examine" on. Neither waits:
-- they also end what was begun before.
-- A byte is taken in each clock with "valid" in which "receiving" is high. "busy" is high until the
-- verdict; while it is, the memory is the loader's alone, and reads for the engine have to rest.
-- All flip-flops begin low: what the memory holds after a start counts for nothing.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity weight_loader is
  generic (
    WORDS        : positive;
    COLUMNS      : positive range 2 to positive'high;
    ADDRESS_BITS : positive
  );
  port (
    clk       : in    std_logic;
    start     : in    std_logic;
    examine   : in    std_logic;
    valid     : in    std_logic;
    data      : in    std_logic_vector(7 downto 0);
    receiving : out   std_logic;
    busy      : out   std_logic;
    loaded    : out   std_logic;
    check     : out   std_logic_vector(31 downto 0);
    -- to the memory, two clocks from address to "read_data"
    write      : out   std_logic_vector(COLUMNS - 1 downto 0);
    read       : out   std_logic;
    address    : out   unsigned(ADDRESS_BITS - 1 downto 0);
    write_data : out   std_logic_vector(15 downto 0);
    read_data  : in    std_logic_vector(16 * COLUMNS - 1 downto 0)
  );
end entity weight_loader;

architecture rtl of weight_loader is

  constant COLUMN_BITS : positive := index_bits(COLUMNS);

  signal writing   : std_logic := '0'; -- the bytes come
  signal reading   : std_logic := '0';
  signal sound     : std_logic := '0'; -- the last reading found the right CRC
  signal place     : unsigned(ADDRESS_BITS - 1 downto 0) := (others => '0');
  signal column    : unsigned(COLUMN_BITS - 1 downto 0) := (others => '0');
  signal behind    : std_logic;        -- the weights: the CRC's word
  signal at_end    : std_logic;        -- of the CRC

  -- writing
  signal high      : std_logic := '0'; -- the byte to come is a column's higher one
  signal put       : std_logic := '0'; -- a column is written in this clock
  signal put_last  : std_logic := '0'; -- and all are then
  signal word      : std_logic_vector(15 downto 0) := (others => '0');

  -- reading: a column is taken while the one before it is worked on, bit by bit
  signal phase     : unsigned(3 downto 0) := (others => '0');
  signal bits      : std_logic_vector(15 downto 0) := (others => '0');
  signal filled    : std_logic := '0'; -- there is one in "bits"
  signal of_crc    : std_logic := '0'; -- which is part of the CRC
  signal last      : std_logic := '0'; -- and no other follows
  signal crc       : std_logic_vector(31 downto 0) := (others => '0');
  signal wrong     : std_logic := '0';

begin

  receiving  <= writing and not put_last;
  busy       <= writing or reading;
  loaded     <= sound;
  check      <= not crc;
  read       <= reading;
  address    <= place;
  write_data <= word;

  behind <= '1' when place = WORDS else '0';
  at_end <= behind when column = 1 else '0';

  write_column : process (all) is
  begin
    write <= (others => '0');
    for i in write'range loop
      if column = i then
        write(i) <= put;
      end if;
    end loop;
  end process write_column;

  work_on : process (clk) is
    variable step_on : std_logic;
    variable differs : std_logic;
  begin
    if rising_edge(clk) then
      put      <= '0';
      step_on  := put;
      put_last <= '0';

      if (writing and valid and not put_last) = '1' then
        word <= data & word(15 downto 8);
        high <= not high;
        put  <= high;
        if high = '1' then
          put_last <= at_end;
        end if;
      end if;

      if reading = '1' then
        phase <= phase + 1;
        bits  <= '0' & bits(15 downto 1);
        if filled = '1' then
          differs := bits(0) xor crc(0);
          crc     <= '0' & crc(31 downto 1);
          if of_crc = '1' then
            crc(31) <= crc(0);
            wrong   <= wrong or not differs;
          elsif differs = '1' then
            crc <= ('0' & crc(31 downto 1)) xor x"EDB88320";
          end if;
        end if;
        if phase = 15 then
          step_on := not at_end;
          filled  <= '1';
          of_crc  <= behind;
          last    <= at_end;
          for i in 0 to COLUMNS - 1 loop
            if column = i then
              bits <= read_data(16 * i + 15 downto 16 * i);
            end if;
          end loop;
          if last = '1' then
            reading <= '0';
            sound   <= not (wrong or not differs);
          end if;
        end if;
      end if;

      if step_on = '1' then
        column <= column + 1;
        if column = COLUMNS - 1 then
          column <= (others => '0');
          place  <= place + 1;
        end if;
      end if;

      if start = '1' or examine = '1' or put_last = '1' then
        writing <= start;
        reading <= not start;
        sound   <= '0';
        place   <= (others => '0');
        column  <= (others => '0');
        high    <= '0';
        put     <= '0';
        phase   <= (others => '0');
        filled  <= '0';
        last    <= '0';
        crc     <= (others => '1');
        wrong   <= '0';
      end if;
    end if;
  end process work_on;

end architecture rtl;
