-- SPDX-License-Identifier: Apache-2.0
-- The memory of weights with its loader.
--
-- In: start, examine, in_valid, in_data, enable, address. Out: receiving, busy, loaded, the higher and
-- the lower half of check, and the columns of data, the lowest first.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity weight_memory_tb is
  generic (
    WORDS        : positive;
    COLUMNS      : positive;
    ADDRESS_BITS : positive
  );
end entity weight_memory_tb;

architecture test of weight_memory_tb is

  signal clk       : std_logic := '0';
  signal start     : std_logic;
  signal examine   : std_logic;
  signal in_valid  : std_logic;
  signal in_data   : std_logic_vector(7 downto 0);
  signal enable    : std_logic;
  signal address   : unsigned(ADDRESS_BITS - 1 downto 0);
  signal receiving : std_logic;
  signal busy      : std_logic;
  signal loaded    : std_logic;
  signal check     : std_logic_vector(31 downto 0);
  signal data      : std_logic_vector(16 * COLUMNS - 1 downto 0);
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.weight_memory
    generic map (
      WORDS        => WORDS,
      COLUMNS      => COLUMNS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk       => clk,
      enable    => enable,
      address   => address,
      data      => data,
      start     => start,
      examine   => examine,
      in_valid  => in_valid,
      in_data   => in_data,
      receiving => receiving,
      busy      => busy,
      loaded    => loaded,
      check     => check
    );

  drive : process is
    file     stimuli : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 5);
    variable outputs : line;
  begin
    while not endfile(stimuli) loop
      read_numbers(stimuli, n);
      start    <= to_bit(n(0));
      examine  <= to_bit(n(1));
      in_valid <= to_bit(n(2));
      in_data  <= std_logic_vector(to_unsigned(n(3), 8));
      enable   <= to_bit(n(4));
      address  <= to_unsigned(n(5), ADDRESS_BITS);
      wait until rising_edge(clk);
      add(outputs, receiving);
      add(outputs, busy);
      add(outputs, loaded);
      add(outputs, check(31 downto 16));
      add(outputs, check(15 downto 0));
      for i in 0 to COLUMNS - 1 loop
        add(outputs, data(16 * i + 15 downto 16 * i));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
