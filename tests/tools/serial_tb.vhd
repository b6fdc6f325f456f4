-- SPDX-License-Identifier: Apache-2.0
-- A host at the other end of the serial line: does what a script says, writes down what it hears.
--
-- SCRIPT_FILE holds a command a line, each with a number:
--   0 N  send the byte N                   3 N  wait until N bytes have been heard in all
--   1 N  send the byte N, stop bit low     4 N  pull the line low for N clocks
--   2 N  leave the line alone for N bits
-- OUTPUT_FILE receives every byte heard, a line each. The host's bits last BIT_TIME, which need not
-- be CLOCKS_PER_BIT of the clocks of 10 ns.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

entity serial_tb is
  generic (
    SCRIPT_FILE    : string;
    OUTPUT_FILE    : string;
    CLOCKS_PER_BIT : positive;
    TIMEOUT_BITS   : positive;
    BIT_PS         : positive
  );
end entity serial_tb;

architecture test of serial_tb is

  constant BIT_TIME : time := BIT_PS * 1 ps;

  signal clk        : std_logic := '0';
  signal serial_in  : std_logic := '1';
  signal serial_out : std_logic;
  signal heard      : natural   := 0;
  signal finished   : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.serial_top
    generic map (
      CLOCKS_PER_BIT => CLOCKS_PER_BIT,
      TIMEOUT_BITS   => TIMEOUT_BITS
    )
    port map (
      clk        => clk,
      serial_in  => serial_in,
      serial_out => serial_out
    );

  speak : process is

    file     script  : text open read_mode is SCRIPT_FILE;
    variable text_in : line;
    variable command, number : natural;

    procedure send (value : natural; stop : std_logic) is
      variable bits : unsigned(0 to 9) := '0' & "00000000" & stop;
    begin
      for i in 0 to 7 loop
        bits(i + 1) := to_unsigned(value, 8)(i);
      end loop;
      for i in bits'range loop
        serial_in <= bits(i);
        wait for BIT_TIME;
      end loop;
      serial_in <= '1';
    end procedure send;

  begin
    wait for 6 us; -- until the design is awake
    while not endfile(script) loop
      readline(script, text_in);
      read(text_in, command);
      read(text_in, number);
      if command = 0 then
        send(number, '1');
      elsif command = 1 then
        send(number, '0');
      elsif command = 2 then
        wait for number * BIT_TIME;
      elsif command = 3 then
        if heard < number then
          wait until heard = number for 10 ms;
        end if;
        assert heard = number
          report "heard " & to_string(heard) & " bytes, not " & to_string(number)
          severity failure;
        wait for BIT_TIME;
      else
        serial_in <= '0';
        wait for number * 10 ns;
        serial_in <= '1';
        wait for 2 * BIT_TIME;
      end if;
    end loop;
    finished <= true;
    wait;
  end process speak;

  listen : process is
    file     sink     : text open write_mode is OUTPUT_FILE;
    variable text_out : line;
    variable value    : unsigned(7 downto 0);
  begin
    wait until serial_out = '0';
    wait for 0.5 * BIT_TIME;
    assert serial_out = '0'
      report "a start bit that is too short"
      severity failure;
    for i in value'reverse_range loop
      wait for BIT_TIME;
      value(i) := serial_out;
    end loop;
    wait for BIT_TIME;
    assert serial_out = '1'
      report "no stop bit"
      severity failure;
    write(text_out, to_integer(value));
    writeline(sink, text_out);
    heard <= heard + 1;
  end process listen;

end architecture test;
