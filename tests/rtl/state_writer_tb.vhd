-- SPDX-License-Identifier: Apache-2.0
-- The writer of states alone; the places come from a file with a word of binary digits a line.
--
-- In: reset, idle, in_valid, in_data, in_last. Out: in_ready, ends, restored, refused, busy, clear,
-- write, place, data, row_written.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity state_writer_tb is
  generic (
    BLOCK_MEMORY : natural;
    ROWS         : positive;
    ROW_BYTES    : positive;
    PLACE_BITS   : positive
  );
end entity state_writer_tb;

architecture test of state_writer_tb is

  constant PLACES : std_logic_vector := read_words("places.txt", ROW_BYTES, PLACE_BITS);

  signal clk         : std_logic := '0';
  signal reset       : std_logic;
  signal idle        : std_logic;
  signal in_valid    : std_logic;
  signal in_ready    : std_logic;
  signal in_data     : std_logic_vector(7 downto 0);
  signal in_last     : std_logic;
  signal ends        : std_logic;
  signal restored    : std_logic;
  signal refused     : std_logic;
  signal busy        : std_logic;
  signal clear       : std_logic;
  signal write       : std_logic;
  signal place       : std_logic_vector(PLACE_BITS - 1 downto 0);
  signal data        : std_logic_vector(7 downto 0);
  signal row_written : std_logic;
  signal finished    : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.state_writer
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      ROWS         => ROWS,
      ROW_BYTES    => ROW_BYTES,
      PLACE_BITS   => PLACE_BITS,
      PLACES       => PLACES
    )
    port map (
      clk         => clk,
      reset       => reset,
      idle        => idle,
      in_valid    => in_valid,
      in_ready    => in_ready,
      in_data     => in_data,
      in_last     => in_last,
      ends        => ends,
      restored    => restored,
      refused     => refused,
      busy        => busy,
      clear       => clear,
      write       => write,
      place       => place,
      data        => data,
      row_written => row_written
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 4);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset    <= to_bit(n(0));
      idle     <= to_bit(n(1));
      in_valid <= to_bit(n(2));
      in_data  <= std_logic_vector(to_unsigned(n(3), 8));
      in_last  <= to_bit(n(4));
      wait until rising_edge(clk);
      add(outputs, in_ready);
      add(outputs, ends);
      add(outputs, restored);
      add(outputs, refused);
      add(outputs, busy);
      add(outputs, clear);
      add(outputs, write);
      add(outputs, place);
      add(outputs, data);
      add(outputs, row_written);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
