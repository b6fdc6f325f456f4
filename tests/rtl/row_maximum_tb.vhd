-- SPDX-License-Identifier: Apache-2.0
-- Rows of scores, and what is handed on.
--
-- In: reset, valid, raw, borrow, row_first, row_last, step, ways, y_address, absent, bias,
-- other_found, other_maximum. Out: hold, out_valid, out_below, out_step, out_ways, out_y_address,
-- out_row_first, out_row_last, out_absent.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity row_maximum_tb is
  generic (
    BLOCK_MEMORY : natural;
    ROW_LENGTH   : natural;
    MOST_SCORES  : positive;
    HAS_BIAS     : natural;
    HAS_ABSENT   : natural;
    IN_PARTS     : natural;
    SUM_BITS     : positive;
    BIAS_BITS    : positive;
    STEP_BITS    : positive;
    ADDRESS_BITS : positive
  );
end entity row_maximum_tb;

architecture test of row_maximum_tb is

  signal clk           : std_logic := '0';
  signal reset         : std_logic;
  signal valid         : std_logic;
  signal raw           : signed(SUM_BITS - 1 downto 0);
  signal borrow        : std_logic;
  signal bias          : signed(BIAS_BITS - 1 downto 0);
  signal row_first     : std_logic;
  signal row_last      : std_logic;
  signal absent        : std_logic;
  signal step          : unsigned(STEP_BITS - 1 downto 0);
  signal ways          : std_logic_vector(2 - 1 downto 0);
  signal y_address     : unsigned(ADDRESS_BITS - 1 downto 0);
  signal other_found   : std_logic;
  signal other_maximum : signed(SUM_BITS - 1 downto 0);
  signal hold          : std_logic;
  signal out_valid     : std_logic;
  signal out_below     : signed(SUM_BITS - 1 downto 0);
  signal out_step      : unsigned(STEP_BITS - 1 downto 0);
  signal out_ways      : std_logic_vector(2 - 1 downto 0);
  signal out_y_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal out_row_first : std_logic;
  signal out_row_last  : std_logic;
  signal out_absent    : std_logic;
  signal finished      : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.row_maximum
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      ROW_LENGTH   => ROW_LENGTH,
      MOST_SCORES  => MOST_SCORES,
      HAS_BIAS     => HAS_BIAS,
      HAS_ABSENT   => HAS_ABSENT,
      IN_PARTS     => IN_PARTS,
      SUM_BITS     => SUM_BITS,
      BIAS_BITS    => BIAS_BITS,
      STEP_BITS    => STEP_BITS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      reset         => reset,
      valid         => valid,
      raw           => raw,
      borrow        => borrow,
      bias          => bias,
      row_first     => row_first,
      row_last      => row_last,
      absent        => absent,
      step          => step,
      ways          => ways,
      y_address     => y_address,
      other_found   => other_found,
      other_maximum => other_maximum,
      own_found     => open,
      own_maximum   => open,
      hold          => hold,
      out_valid     => out_valid,
      out_below     => out_below,
      out_step      => out_step,
      out_ways      => out_ways,
      out_y_address => out_y_address,
      out_row_first => out_row_first,
      out_row_last  => out_row_last,
      out_absent    => out_absent,
      next_valid    => open,
      next_step     => open
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 12);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset     <= to_bit(n(0));
      valid     <= to_bit(n(1));
      raw       <= to_signed(n(2), SUM_BITS);
      borrow    <= to_bit(n(3));
      row_first <= to_bit(n(4));
      row_last  <= to_bit(n(5));
      step      <= to_unsigned(n(6), STEP_BITS);
      ways      <= std_logic_vector(to_unsigned(n(7), 2));
      y_address <= to_unsigned(n(8), ADDRESS_BITS);
      absent    <= to_bit(n(9));
      bias      <= to_signed(n(10), BIAS_BITS);
      other_found   <= to_bit(n(11));
      other_maximum <= to_signed(n(12), SUM_BITS);
      wait until rising_edge(clk);
      add(outputs, hold);
      add(outputs, out_valid);
      add(outputs, out_below);
      add(outputs, out_step);
      add(outputs, out_ways);
      add(outputs, out_y_address);
      add(outputs, out_row_first);
      add(outputs, out_row_last);
      add(outputs, out_absent);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
