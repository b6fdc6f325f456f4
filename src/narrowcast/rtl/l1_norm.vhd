-- SPDX-License-Identifier: Apache-2.0
-- The sum of the distances of a row's numbers from their zero point, and whether it is above a
-- threshold.
--
-- "valid" comes with a number. "score" is right from two clocks after the last one on, "flag" one
-- clock later, both until "clear", which goes before each row.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity l1_norm is
  generic (
    WIDTH      : positive;
    ZERO       : integer;
    SCORE_BITS : positive; -- of the largest score, and a sign
    THRESHOLD  : natural   -- the largest score without a flag
  );
  port (
    clk   : in    std_logic;
    clear : in    std_logic;
    valid : in    std_logic;
    x     : in    signed(WIDTH - 1 downto 0);
    score : out   signed(SCORE_BITS - 1 downto 0);
    flag  : out   std_logic
  );
end entity l1_norm;

architecture rtl of l1_norm is

  signal valid_1    : std_logic;
  signal difference : signed(WIDTH downto 0);
  signal total      : signed(SCORE_BITS - 1 downto 0);

begin

  score <= total;

  add_up : process (clk) is
    variable sign    : std_logic;
    variable flipped : signed(WIDTH downto 0);
  begin
    if rising_edge(clk) then
      valid_1 <= valid;
      if valid = '1' then
        difference <= resize(x, WIDTH + 1) - to_signed(ZERO, WIDTH + 1);
      end if;
      sign := difference(WIDTH);
      for i in 0 to WIDTH loop
        flipped(i) := difference(i) xor sign;
      end loop;
      if valid_1 = '1' then
        total <= add(total, resize(flipped, SCORE_BITS), sign);
      end if;
      flag <= '0';
      if total > THRESHOLD then
        flag <= '1';
      end if;
      if clear = '1' then
        valid_1 <= '0';
        total   <= (others => '0');
      end if;
    end if;
  end process add_up;

end architecture rtl;
