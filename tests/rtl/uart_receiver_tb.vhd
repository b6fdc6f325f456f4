-- SPDX-License-Identifier: Apache-2.0
-- The receiver on a line that is high or low in every clock as the file says.
--
-- In: reset, serial_in. Out: valid, broken, data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity uart_receiver_tb is
  generic (
    CLOCKS_PER_BIT : positive
  );
end entity uart_receiver_tb;

architecture test of uart_receiver_tb is

  signal clk       : std_logic := '0';
  signal reset     : std_logic;
  signal serial_in : std_logic;
  signal valid     : std_logic;
  signal broken    : std_logic;
  signal data      : std_logic_vector(8 - 1 downto 0);
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.uart_receiver
    generic map (
      CLOCKS_PER_BIT => CLOCKS_PER_BIT
    )
    port map (
      clk       => clk,
      reset     => reset,
      serial_in => serial_in,
      valid     => valid,
      broken    => broken,
      data      => data
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset     <= to_bit(n(0));
      serial_in <= to_bit(n(1));
      wait until rising_edge(clk);
      add(outputs, valid);
      add(outputs, broken);
      add(outputs, data);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
