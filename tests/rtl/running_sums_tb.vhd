-- SPDX-License-Identifier: Apache-2.0
-- The running sums alone; the weights come from a file with a word of binary digits a line.
--
-- In: valid, first, last, number, base, x. Out: the sum of each number.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_types.all;
use work.bench.all;

entity running_sums_tb is
  generic (
    BLOCK_MEMORY : natural;
    SUMS         : positive;
    X_BITS       : positive;
    W_BITS       : positive;
    SUM_BITS     : positive;
    ADDRESS_BITS : positive;
    WEIGHTS      : positive
  );
end entity running_sums_tb;

architecture test of running_sums_tb is

  constant CONTENTS : std_logic_vector := read_words("weights.txt", WEIGHTS, W_BITS);

  signal clk       : std_logic := '0';
  signal valid     : std_logic;
  signal first     : std_logic;
  signal last      : std_logic;
  signal number    : unsigned(index_bits(SUMS) - 1 downto 0);
  signal base      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal x         : signed(X_BITS - 1 downto 0);
  signal sums_kept : signed(SUMS * SUM_BITS - 1 downto 0);
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.running_sums
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      SUMS         => SUMS,
      X_BITS       => X_BITS,
      W_BITS       => W_BITS,
      SUM_BITS     => SUM_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk       => clk,
      valid     => valid,
      first     => first,
      last      => last,
      number    => number,
      base      => base,
      x         => x,
      sums_kept => sums_kept
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 5);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      valid  <= to_bit(n(0));
      first  <= to_bit(n(1));
      last   <= to_bit(n(2));
      number <= to_unsigned(n(3), index_bits(SUMS));
      base   <= to_unsigned(n(4), ADDRESS_BITS);
      x      <= to_signed(n(5), X_BITS);
      wait until rising_edge(clk);
      for i in 0 to SUMS - 1 loop
        add(outputs, sums_kept((i + 1) * SUM_BITS - 1 downto i * SUM_BITS));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
