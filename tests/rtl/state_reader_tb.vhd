-- SPDX-License-Identifier: Apache-2.0
-- The reader of states alone; the order comes from a file with a word of binary digits a line.
--
-- In: reset, begins, keep, write, data, sent, out_ready. Out: over, out_valid, out_data, out_last.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_types.all;
use work.bench.all;

entity state_reader_tb is
  generic (
    BLOCK_MEMORY : natural;
    ROW_BYTES    : positive;
    NUMBERS      : positive;
    WIDTH        : positive
  );
end entity state_reader_tb;

architecture test of state_reader_tb is

  constant ORDER : std_logic_vector := read_words("order.txt", ROW_BYTES, index_bits(ROW_BYTES));

  signal clk       : std_logic := '0';
  signal reset     : std_logic;
  signal begins    : std_logic;
  signal keep      : std_logic;
  signal write     : std_logic;
  signal data      : std_logic_vector(NUMBERS * WIDTH - 1 downto 0);
  signal sent      : std_logic;
  signal over      : std_logic;
  signal out_valid : std_logic;
  signal out_ready : std_logic;
  signal out_data  : std_logic_vector(7 downto 0);
  signal out_last  : std_logic;
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.state_reader
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      ORDER_BLOCK  => BLOCK_MEMORY,
      ROW_BYTES    => ROW_BYTES,
      NUMBERS      => NUMBERS,
      WIDTH        => WIDTH,
      ORDER        => ORDER
    )
    port map (
      clk       => clk,
      reset     => reset,
      begins    => begins,
      keep      => keep,
      write     => write,
      data      => data,
      sent      => sent,
      over      => over,
      out_valid => out_valid,
      out_ready => out_ready,
      out_data  => out_data,
      out_last  => out_last
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 6);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset     <= to_bit(n(0));
      begins    <= to_bit(n(1));
      keep      <= to_bit(n(2));
      write     <= to_bit(n(3));
      data      <= std_logic_vector(to_unsigned(n(4), NUMBERS * WIDTH));
      sent      <= to_bit(n(5));
      out_ready <= to_bit(n(6));
      wait until rising_edge(clk);
      add(outputs, over);
      add(outputs, out_valid);
      add(outputs, out_data);
      add(outputs, out_last);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
