-- SPDX-License-Identifier: Apache-2.0
-- The sums and quotients of rows.
--
-- In: reset, rewind, valid, e, row_first, row_last, numerator, read, read_address. Out: multiplier.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity row_reciprocal_tb is
  generic (
    IN_PARTS       : natural;
    RING_BITS      : positive;
    E_BITS         : positive;
    ROW_SUM_BITS   : positive;
    QUOTIENT_BITS  : positive;
    NUMERATOR_BITS : positive
  );
end entity row_reciprocal_tb;

architecture test of row_reciprocal_tb is

  signal clk          : std_logic := '0';
  signal reset        : std_logic;
  signal rewind       : std_logic;
  signal valid        : std_logic;
  signal e            : unsigned(E_BITS - 1 downto 0);
  signal other_e      : unsigned(E_BITS - 1 downto 0);
  signal row_first    : std_logic;
  signal row_last     : std_logic;
  signal numerator    : unsigned(NUMERATOR_BITS - 1 downto 0);
  signal read         : std_logic;
  signal read_address : unsigned(RING_BITS - 1 downto 0);
  signal multiplier   : std_logic_vector(QUOTIENT_BITS - 1 downto 0);
  signal finished     : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.row_reciprocal
    generic map (
      BLOCK_MEMORY   => 0,
      IN_PARTS       => IN_PARTS,
      RING_BITS      => RING_BITS,
      E_BITS         => E_BITS,
      ROW_SUM_BITS   => ROW_SUM_BITS,
      QUOTIENT_BITS  => QUOTIENT_BITS,
      NUMERATOR_BITS => NUMERATOR_BITS
    )
    port map (
      clk          => clk,
      reset        => reset,
      rewind       => rewind,
      valid        => valid,
      e            => e,
      other_e      => other_e,
      row_first    => row_first,
      row_last     => row_last,
      numerator    => numerator,
      read         => read,
      read_address => read_address,
      multiplier   => multiplier
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 9);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset        <= to_bit(n(0));
      rewind       <= to_bit(n(1));
      valid        <= to_bit(n(2));
      e            <= to_unsigned(n(3), E_BITS);
      row_first    <= to_bit(n(4));
      row_last     <= to_bit(n(5));
      numerator    <= to_unsigned(n(6), NUMERATOR_BITS);
      read         <= to_bit(n(7));
      read_address <= to_unsigned(n(8), RING_BITS);
      other_e      <= to_unsigned(n(9), E_BITS);
      wait until rising_edge(clk);
      add(outputs, multiplier);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
