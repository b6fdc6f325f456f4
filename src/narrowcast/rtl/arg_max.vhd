-- SPDX-License-Identifier: Apache-2.0
-- The place of the largest number of a row, and its margin to the largest of the others.
--
-- "valid" comes with a number and its place. Of equal numbers the first one counts as the largest.
-- "index" is right from the clock after the last number on, "margin" one clock later, both until
-- "clear", which goes before each row.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity arg_max is
  generic (
    WIDTH      : positive;
    PLACE_BITS : positive
  );
  port (
    clk    : in    std_logic;
    clear  : in    std_logic;
    valid  : in    std_logic;
    place  : in    unsigned(PLACE_BITS - 1 downto 0); -- 0 of the first number
    x      : in    signed(WIDTH - 1 downto 0);
    index  : out   unsigned(PLACE_BITS - 1 downto 0);
    margin : out   unsigned(WIDTH - 1 downto 0)
  );
end entity arg_max;

architecture rtl of arg_max is

  constant LOWEST : signed(WIDTH - 1 downto 0) := to_signed(-2 ** (WIDTH - 1), WIDTH);

  signal largest : signed(WIDTH - 1 downto 0);
  signal second  : signed(WIDTH - 1 downto 0);
  signal above   : std_logic; -- all numbers so far

begin

  above <= '1' when x > largest else '0';

  reduce : process (clk) is
  begin
    if rising_edge(clk) then
      margin <= unsigned(largest) - unsigned(second);
      if valid = '1' then
        if above = '1' then
          largest <= x;
          second  <= largest;
          index   <= place;
        elsif x > second then
          second <= x;
        end if;
      end if;
      if clear = '1' then
        largest <= LOWEST;
        second  <= LOWEST;
        index   <= (others => '0');
      end if;
    end if;
  end process reduce;

end architecture rtl;
