-- SPDX-License-Identifier: Apache-2.0
-- The buffer of results.
--
-- In: reset, write, both, data, out_ready. Out: out_valid, out_data, sending, sent.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity result_buffer_tb is
  generic (
    BLOCK_MEMORY : natural;
    IN_MEMORY    : natural;
    WIDTH        : positive;
    RESULTS      : positive;
    AT_ONCE      : positive
  );
end entity result_buffer_tb;

architecture test of result_buffer_tb is

  signal clk       : std_logic := '0';
  signal reset     : std_logic;
  signal write     : std_logic;
  signal both      : std_logic;
  signal data      : std_logic_vector(AT_ONCE * WIDTH - 1 downto 0);
  signal out_valid : std_logic;
  signal out_ready : std_logic;
  signal out_data  : std_logic_vector(WIDTH - 1 downto 0);
  signal sending   : std_logic;
  signal sent      : std_logic;
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.result_buffer
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      IN_MEMORY    => IN_MEMORY = 1,
      WIDTH        => WIDTH,
      RESULTS      => RESULTS,
      AT_ONCE      => AT_ONCE
    )
    port map (
      clk       => clk,
      reset     => reset,
      write     => write,
      both      => both,
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
    variable n       : integers_t(0 to 4);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset     <= to_bit(n(0));
      write     <= to_bit(n(1));
      both      <= to_bit(n(2));
      data      <= std_logic_vector(to_unsigned(n(3), AT_ONCE * WIDTH));
      out_ready <= to_bit(n(4));
      wait until rising_edge(clk);
      add(outputs, out_valid);
      add(outputs, out_data);
      add(outputs, sending);
      add(outputs, sent);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
