-- SPDX-License-Identifier: Apache-2.0
-- Memory with one write port and one read port, two clocks from address to data. Without "enable"
-- the read port keeps what it read last.
--
-- The resource (block memory or look-up tables) is chosen by BLOCK_MEMORY, which stands first
-- among the generics so that it can be read from the elaborated module's name. A word written
-- in one clock can be addressed for reading from the next clock on. What a read in the
-- same clock returns differs from device to device; synthesis takes it that there is none
-- (yosys' "-no-rw-check"), and in simulation it is a failure.
--
-- Attributes pass the choice on to synthesis: "ram_style" to Vivado, "ramstyle" to Quartus,
-- "syn_ramstyle" to Synplify, LSE and Gowin. Where one name means different things to different
-- tools or devices, engine_types holds the value; a tool that does not know it warns and chooses by
-- itself.
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

  function style (in_block, in_tables : string) return string is
  begin
    if BLOCK_MEMORY = 1 then
      return in_block;
    end if;
    return in_tables;
  end function style;

  type   words_t is array (2 ** BITS - 1 downto 0) of std_logic_vector(WIDTH - 1 downto 0);
  -- Zeros to begin with: a lane may read what nobody has written, and its sum is dropped.
  signal words   : words_t := (others => (others => '0'));
  signal latched : std_logic_vector(WIDTH - 1 downto 0) := (others => '0');

  attribute ram_style : string;
  attribute ram_style of words : signal is style("block", "distributed");
  attribute ramstyle : string;
  attribute ramstyle of words : signal is style(QUARTUS_BLOCK, "MLAB") & ", no_rw_check";
  attribute syn_ramstyle : string;
  attribute syn_ramstyle of words : signal is style("block_ram", SYN_TABLES_RAM);

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
      -- synthesis translate_off
      assert write /= '1' or write_address < DEPTH
        report "ram: a write outside of the memory"
        severity failure;
      assert enable /= '1' or read_address < DEPTH
        report "ram: a read outside of the memory"
        severity failure;
      assert (write and enable) /= '1' or write_address /= read_address
        report "ram: a read and a write of one address in one clock"
        severity failure;
      -- synthesis translate_on
      read_data <= latched;
    end if;
  end process access_words;

end architecture rtl;
