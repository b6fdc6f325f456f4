-- SPDX-License-Identifier: Apache-2.0
-- A lane alone, for the test of what synthesis makes of it.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity lane_alone is
  generic (
    X_BITS    : positive;
    LANE_BITS : positive;
    SUM_BITS  : positive
  );
  port (
    clk    : in    std_logic;
    enable : in    std_logic;
    first  : in    std_logic;
    x      : in    signed(X_BITS - 1 downto 0);
    w      : in    signed(LANE_BITS - 1 downto 0);
    sum    : out   signed(SUM_BITS - 1 downto 0)
  );
end entity lane_alone;

architecture rtl of lane_alone is

begin

  one : entity work.lane
    generic map (
      X_BITS    => X_BITS,
      LANE_BITS => LANE_BITS,
      SUM_BITS  => SUM_BITS
    )
    port map (
      clk    => clk,
      enable => enable,
      first  => first,
      x      => x,
      w      => w,
      sum    => sum
    );

end architecture rtl;
