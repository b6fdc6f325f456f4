-- SPDX-License-Identifier: Apache-2.0
-- The pool alone.
--
-- In: reset, valid, first_row, channel, value, read, read_channel. Out: read_data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity pool_tb is
  generic (
    BLOCK_MEMORY : natural;
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
end entity pool_tb;

architecture test of pool_tb is

  signal clk          : std_logic := '0';
  signal reset        : std_logic;
  signal valid        : std_logic;
  signal first_row    : std_logic;
  signal channel      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal value        : signed(WIDTH - 1 downto 0);
  signal read         : std_logic;
  signal read_channel : unsigned(ADDRESS_BITS - 1 downto 0);
  signal read_data    : signed(WIDTH - 1 downto 0);
  signal finished     : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.pool
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      DEPTH        => DEPTH,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk          => clk,
      reset        => reset,
      valid        => valid,
      first_row    => first_row,
      channel      => channel,
      value        => value,
      read         => read,
      read_channel => read_channel,
      read_data    => read_data
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 6);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset        <= to_bit(n(0));
      valid        <= to_bit(n(1));
      first_row    <= to_bit(n(2));
      channel      <= to_unsigned(n(3), ADDRESS_BITS);
      value        <= to_signed(n(4), WIDTH);
      read         <= to_bit(n(5));
      read_channel <= to_unsigned(n(6), ADDRESS_BITS);
      wait until rising_edge(clk);
      add(outputs, read_data);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
