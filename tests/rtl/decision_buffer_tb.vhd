-- SPDX-License-Identifier: Apache-2.0
-- The buffer of results and decisions, of outputs that the configuration describes.
--
-- In: reset, write, data, out_ready. Out: out_valid, out_data, sending, sent.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity decision_buffer_tb is
end entity decision_buffer_tb;

architecture test of decision_buffer_tb is

  signal clk       : std_logic := '0';
  signal reset     : std_logic;
  signal write     : std_logic;
  signal data      : signed(Y_BITS - 1 downto 0);
  signal out_valid : std_logic;
  signal out_ready : std_logic;
  signal out_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);
  signal sending   : std_logic;
  signal sent      : std_logic;
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.decision_buffer
    port map (
      clk       => clk,
      reset     => reset,
      write     => write,
      data      => data,
      out_valid => out_valid,
      out_ready => out_ready,
      out_data  => out_data,
      sending   => sending,
      sent      => sent
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 3);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset     <= to_bit(n(0));
      write     <= to_bit(n(1));
      data      <= to_signed(n(2), Y_BITS);
      out_ready <= to_bit(n(3));
      wait until rising_edge(clk);
      add(outputs, out_valid);
      add(outputs, signed(out_data));
      add(outputs, sending);
      add(outputs, sent);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
