-- SPDX-License-Identifier: Apache-2.0
-- The largest number of a row.
--
-- In: clear, valid, place, x. Out: index, margin.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity arg_max_tb is
  generic (
    WIDTH      : positive;
    PLACE_BITS : positive
  );
end entity arg_max_tb;

architecture test of arg_max_tb is

  signal clk      : std_logic := '0';
  signal clear    : std_logic;
  signal valid    : std_logic;
  signal place    : unsigned(PLACE_BITS - 1 downto 0);
  signal x        : signed(WIDTH - 1 downto 0);
  signal index    : unsigned(PLACE_BITS - 1 downto 0);
  signal margin   : unsigned(WIDTH - 1 downto 0);
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.arg_max
    generic map (
      WIDTH      => WIDTH,
      PLACE_BITS => PLACE_BITS
    )
    port map (
      clk    => clk,
      clear  => clear,
      valid  => valid,
      place  => place,
      x      => x,
      index  => index,
      margin => margin
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 3);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      clear <= to_bit(n(0));
      valid <= to_bit(n(1));
      place <= to_unsigned(n(2), PLACE_BITS);
      x     <= to_signed(n(3), WIDTH);
      wait until rising_edge(clk);
      add(outputs, std_logic_vector(index));
      add(outputs, std_logic_vector(margin));
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
