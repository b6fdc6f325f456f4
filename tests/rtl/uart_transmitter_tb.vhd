-- SPDX-License-Identifier: Apache-2.0
-- The transmitter, and its line in every clock.
--
-- In: reset, valid, data. Out: ready, serial_out.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity uart_transmitter_tb is
  generic (
    CLOCKS_PER_BIT : positive
  );
end entity uart_transmitter_tb;

architecture test of uart_transmitter_tb is

  signal clk        : std_logic := '0';
  signal reset      : std_logic;
  signal valid      : std_logic;
  signal ready      : std_logic;
  signal data       : std_logic_vector(8 - 1 downto 0);
  signal serial_out : std_logic;
  signal finished   : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.uart_transmitter
    generic map (
      CLOCKS_PER_BIT => CLOCKS_PER_BIT
    )
    port map (
      clk        => clk,
      reset      => reset,
      valid      => valid,
      ready      => ready,
      data       => data,
      serial_out => serial_out
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 2);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset <= to_bit(n(0));
      valid <= to_bit(n(1));
      data  <= std_logic_vector(to_unsigned(n(2), 8));
      wait until rising_edge(clk);
      add(outputs, ready);
      add(outputs, serial_out);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
