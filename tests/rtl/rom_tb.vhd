-- SPDX-License-Identifier: Apache-2.0
-- A rom whose words come from "contents.txt".
--
-- In: enable, address. Out: data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity rom_tb is
  generic (
    BLOCK_MEMORY : natural;
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
end entity rom_tb;

architecture test of rom_tb is

  constant CONTENTS : std_logic_vector := read_words("contents.txt", DEPTH, WIDTH);

  signal clk      : std_logic := '0';
  signal enable   : std_logic;
  signal address  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal data     : std_logic_vector(WIDTH - 1 downto 0);
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.rom
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      enable  => enable,
      address => address,
      data    => data
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      enable  <= to_bit(n(0));
      address <= to_unsigned(n(1), ADDRESS_BITS);
      wait until rising_edge(clk);
      add(outputs, data);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
