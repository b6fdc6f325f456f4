-- SPDX-License-Identifier: Apache-2.0
-- Large memory with one port, which reads or writes, and nothing in it to begin with; two clocks from
-- address to data. Without "enable" it keeps what it read last.
--
-- It is made for the single-port memories of an iCE40 UltraPlus (SPRAM), of which each has 16,384
-- words of 16 bits; "huge" is yosys' word for them. Other tools make it of the block memories that
-- they have.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity weight_ram is
  generic (
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk     : in    std_logic;
    write   : in    std_logic;
    enable  : in    std_logic; -- reads, unless it writes
    address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data_in : in    std_logic_vector(WIDTH - 1 downto 0);
    data    : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity weight_ram;

architecture rtl of weight_ram is

  constant BITS  : positive := index_bits(DEPTH);
  type     words_t is array (2 ** BITS - 1 downto 0) of std_logic_vector(WIDTH - 1 downto 0);
  signal latched : std_logic_vector(WIDTH - 1 downto 0);

  attribute ram_style : string;

begin

  access_words : process (clk) is
    variable words : words_t; -- a signal of this size would slow down a simulation
    attribute ram_style of words : variable is "huge";
  begin
    if rising_edge(clk) then
      if write = '1' then
        words(to_integer(resize(address, BITS))) := data_in;
      elsif enable = '1' then
        latched <= words(to_integer(resize(address, BITS)));
      end if;
      -- synthesis translate_off
      assert (write or enable) /= '1' or address < DEPTH
        report "weight_ram: an access outside of the memory"
        severity failure;
      -- synthesis translate_on
      data <= latched;
    end if;
  end process access_words;

end architecture rtl;
