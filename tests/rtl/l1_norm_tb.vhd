-- SPDX-License-Identifier: Apache-2.0
-- The norm of a row, and whether it is above a threshold.
--
-- In: clear, valid, x. Out: score, flag.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity l1_norm_tb is
  generic (
    WIDTH      : positive;
    ZERO       : integer;
    SCORE_BITS : positive;
    THRESHOLD  : natural
  );
end entity l1_norm_tb;

architecture test of l1_norm_tb is

  signal clk      : std_logic := '0';
  signal clear    : std_logic;
  signal valid    : std_logic;
  signal x        : signed(WIDTH - 1 downto 0);
  signal score    : signed(SCORE_BITS - 1 downto 0);
  signal flag     : std_logic;
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.l1_norm
    generic map (
      WIDTH      => WIDTH,
      ZERO       => ZERO,
      SCORE_BITS => SCORE_BITS,
      THRESHOLD  => THRESHOLD
    )
    port map (
      clk   => clk,
      clear => clear,
      valid => valid,
      x     => x,
      score => score,
      flag  => flag
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 2);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      clear <= to_bit(n(0));
      valid <= to_bit(n(1));
      x     <= to_signed(n(2), WIDTH);
      wait until rising_edge(clk);
      add(outputs, score);
      add(outputs, flag);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
