-- Memory with one write port and one read port, two clocks from address to data. Without "enable"
-- the read port keeps what it read last.
--
-- The resource (block memory or look-up tables) is chosen by BLOCK_MEMORY, which stands first
-- among the generics so that it can be read from the elaborated module's name. A word written
-- in one clock can be addressed for reading from the next clock on.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity ram is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk           : in    std_logic;
    write         : in    std_logic;
    write_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data    : in    std_logic_vector(WIDTH - 1 downto 0);
    enable        : in    std_logic; -- of the read port
    read_address  : in    unsigned(ADDRESS_BITS - 1 downto 0);
    read_data     : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity ram;

architecture rtl of ram is

  constant BITS : positive := index_bits(DEPTH);

  type   words_t is array (2 ** BITS - 1 downto 0) of std_logic_vector(WIDTH - 1 downto 0);
  -- Zeros to begin with: a lane may read what nobody has written, and its sum is dropped.
  signal words   : words_t := (others => (others => '0'));
  signal latched : std_logic_vector(WIDTH - 1 downto 0) := (others => '0');

begin

  access_words : process (clk) is
  begin
    if rising_edge(clk) then
      if write = '1' then
        words(to_integer(resize(write_address, BITS))) <= write_data;
      end if;
      if enable = '1' then
        latched <= words(to_integer(resize(read_address, BITS)));
      end if;
      read_data <= latched;
    end if;
  end process access_words;

end architecture rtl;
