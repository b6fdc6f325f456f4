-- SPDX-License-Identifier: Apache-2.0
-- The sequencer with a program of the configuration's.
--
-- In: reset, row_loaded. Out: issue, first, last, group_first, group_last, step, ways, x_source,
-- lane_source, x_address, lane_address.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity sequencer_tb is
end entity sequencer_tb;

architecture test of sequencer_tb is

  signal clk          : std_logic := '0';
  signal reset        : std_logic;
  signal row_loaded   : std_logic;
  signal issue        : std_logic;
  signal first        : std_logic;
  signal last         : std_logic;
  signal group_first  : std_logic;
  signal group_last   : std_logic;
  signal step         : unsigned(STEP_BITS - 1 downto 0);
  signal ways         : std_logic_vector(1 downto 0);
  signal x_source     : unsigned(1 downto 0);
  signal lane_source  : natural range 0 to BANK_BITS'length + 1;
  signal x_address    : unsigned(ADDRESS_BITS - 1 downto 0);
  signal lane_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal finished     : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.sequencer
    port map (
      clk          => clk,
      reset        => reset,
      row_loaded   => row_loaded,
      issue        => issue,
      first        => first,
      last         => last,
      group_first  => group_first,
      group_last   => group_last,
      step         => step,
      ways         => ways,
      x_source     => x_source,
      lane_source  => lane_source,
      x_address    => x_address,
      lane_address => lane_address
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset      <= to_bit(n(0));
      row_loaded <= to_bit(n(1));
      wait until rising_edge(clk);
      add(outputs, issue);
      add(outputs, first);
      add(outputs, last);
      add(outputs, group_first);
      add(outputs, group_last);
      add(outputs, step);
      add(outputs, ways);
      add(outputs, x_source);
      add(outputs, to_unsigned(lane_source, 4));
      add(outputs, x_address);
      add(outputs, lane_address);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
