-- SPDX-License-Identifier: Apache-2.0
-- The collector with a program of the configuration's.
--
-- In: reset, done, hold, newest, behind, full. Out: taking, column, move; then what comes a clock
-- later: valid, softmax, residual, residual_row, shared_bias, own_bias, shared_m, row_m, step,
-- ways, row_first, row_last, slot, bias_address, m_address, r_address, residual_address,
-- position_address, y_address, y_lane, absent, absent_odd.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity collector_tb is
end entity collector_tb;

architecture test of collector_tb is

  signal clk              : std_logic := '0';
  signal reset            : std_logic;
  signal done             : std_logic;
  signal hold             : std_logic;
  signal newest           : unsigned(ADDRESS_BITS - 1 downto 0);
  signal behind           : unsigned(ADDRESS_BITS - 1 downto 0);
  signal full             : std_logic;
  signal move             : std_logic;
  signal column           : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal valid            : std_logic;
  signal softmax          : std_logic;
  signal residual         : std_logic;
  signal residual_row     : std_logic;
  signal shared_bias      : std_logic;
  signal own_bias         : std_logic;
  signal shared_m         : std_logic;
  signal row_m            : std_logic;
  signal taking           : std_logic;
  signal step             : unsigned(STEP_BITS - 1 downto 0);
  signal ways             : std_logic_vector(1 downto 0);
  signal row_first        : std_logic;
  signal row_last         : std_logic;
  signal absent           : std_logic;
  signal absent_odd       : std_logic;
  signal slot             : unsigned(SLOT_BITS - 1 downto 0);
  signal bias_address     : unsigned(ADDRESS_BITS - 1 downto 0);
  signal m_address        : unsigned(ADDRESS_BITS - 1 downto 0);
  signal m_address_1      : unsigned(ADDRESS_BITS - 1 downto 0); -- a clock later, as the others
  signal r_address        : unsigned(ADDRESS_BITS - 1 downto 0);
  signal residual_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal position_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal y_address        : unsigned(ADDRESS_BITS - 1 downto 0);
  signal y_lane           : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal finished         : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.collector
    port map (
      clk              => clk,
      reset            => reset,
      done             => done,
      hold             => hold,
      newest           => newest,
      behind           => behind,
      full             => full,
      move             => move,
      column           => column,
      valid            => valid,
      softmax          => softmax,
      residual         => residual,
      residual_row     => residual_row,
      shared_bias      => shared_bias,
      own_bias         => own_bias,
      shared_m         => shared_m,
      row_m            => row_m,
      taking           => taking,
      step             => step,
      ways             => ways,
      row_first        => row_first,
      row_last         => row_last,
      absent           => absent,
      absent_odd       => absent_odd,
      slot             => slot,
      bias_address     => bias_address,
      m_address        => m_address,
      r_address        => r_address,
      residual_address => residual_address,
      position_address => position_address,
      y_address        => y_address,
      y_lane           => y_lane
    );

  follow : process (clk) is
  begin
    if rising_edge(clk) then
      m_address_1 <= m_address;
    end if;
  end process follow;

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 5);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset <= to_bit(n(0));
      done  <= to_bit(n(1));
      hold  <= to_bit(n(2));
      newest <= to_unsigned(n(3), ADDRESS_BITS);
      behind <= to_unsigned(n(4), ADDRESS_BITS);
      full   <= to_bit(n(5));
      wait until rising_edge(clk);
      add(outputs, taking);
      add(outputs, column);
      add(outputs, move);
      add(outputs, valid);
      add(outputs, softmax);
      add(outputs, residual);
      add(outputs, residual_row);
      add(outputs, shared_bias);
      add(outputs, own_bias);
      add(outputs, shared_m);
      add(outputs, row_m);
      add(outputs, step);
      add(outputs, ways);
      add(outputs, row_first);
      add(outputs, row_last);
      add(outputs, slot);
      add(outputs, bias_address);
      add(outputs, m_address_1);
      add(outputs, r_address);
      add(outputs, residual_address);
      add(outputs, position_address);
      add(outputs, y_address);
      add(outputs, y_lane);
      add(outputs, absent);
      add(outputs, absent_odd);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
