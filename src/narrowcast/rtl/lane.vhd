-- SPDX-License-Identifier: Apache-2.0
-- One multiply-accumulate lane: acc <= (first ? 0 : acc) + x * w, three clocks behind its inputs.
--
-- Written so that operand registers, product register and accumulator all lie inside one DSP
-- block: the start value is a multiplexer in front of the adder, not a second assignment.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity lane is
  generic (
    X_BITS    : positive;
    LANE_BITS : positive;
    SUM_BITS  : positive
  );
  port (
    clk    : in    std_logic;
    enable : in    std_logic; -- x and w are an operand pair
    first  : in    std_logic; -- it is the first of a sum
    x      : in    signed(X_BITS - 1 downto 0);
    w      : in    signed(LANE_BITS - 1 downto 0);
    sum    : out   signed(SUM_BITS - 1 downto 0)
  );
end entity lane;

architecture rtl of lane is

  signal x_q      : signed(X_BITS - 1 downto 0);
  signal w_q      : signed(LANE_BITS - 1 downto 0);
  signal product  : signed(X_BITS + LANE_BITS - 1 downto 0);
  signal acc      : signed(SUM_BITS - 1 downto 0);
  signal base     : signed(SUM_BITS - 1 downto 0);
  signal enable_q : std_logic_vector(1 downto 0);
  signal first_q  : std_logic_vector(1 downto 0);

begin

  base <= (others => '0') when first_q(1) = '1' else acc;
  sum  <= acc;

  accumulate : process (clk) is
  begin
    if rising_edge(clk) then
      enable_q <= enable_q(0) & enable;
      first_q  <= first_q(0) & first;
      if enable = '1' then
        x_q <= x;
        w_q <= w;
      end if;
      product  <= x_q * w_q;
      if enable_q(1) = '1' then
        acc <= base + resize(product, SUM_BITS);
      end if;
    end if;
  end process accumulate;

end architecture rtl;
