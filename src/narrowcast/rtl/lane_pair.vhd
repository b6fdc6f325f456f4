-- SPDX-License-Identifier: Apache-2.0
-- Two multiply-accumulate lanes in one DSP block, three clocks behind their inputs.
--
-- One product of x and w_high * 2^FIELD + w_low holds both products: the low one in the lowest
-- FIELD bits, above it the high one, less one where the low one is negative. A sum of such products
-- holds both sums in the same way, as long as the low sum fits into FIELD bits, and is less by at
-- most one borrow. Where w_low is 0 throughout, the high sum is exact and x may be of any width.
--
-- Whole sums (GROUPED = 0) lie in the DSP. sum_high lacks the borrow; whoever takes the sums adds
-- it, once and not in every lane. Grouped sums (GROUPED = 1) let a long sum use a narrow field: the
-- DSP begins anew with every group, and a clock after a group's last pair its two sums, borrow
-- included, are added to those of the groups before, in a carry chain each. The first pair of a sum
-- is also the first of a group.
--
-- Operand registers, product register and accumulator all lie inside the DSP block: see lane. Lane
-- operands are in +-(2^(LANE_BITS - 1) - 1), so that w_high - 1 needs no further bit.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity lane_pair is
  generic (
    X_BITS    : positive;
    LANE_BITS : positive;
    FIELD     : positive; -- position of the high product
    SUM_BITS  : positive; -- of each sum
    GROUPED   : natural   -- 1: groups are added up outside of the DSP; 0: whole sums inside
  );
  port (
    clk         : in    std_logic;
    enable      : in    std_logic; -- x and the lane operands belong together
    first       : in    std_logic; -- they are the first of a sum
    group_first : in    std_logic; -- they are the first of a group (GROUPED = 1)
    group_last  : in    std_logic; -- they are the last of a group (GROUPED = 1)
    x           : in    signed(X_BITS - 1 downto 0);
    w_low       : in    signed(LANE_BITS - 1 downto 0);
    w_high      : in    signed(LANE_BITS - 1 downto 0);
    sum_low     : out   signed(SUM_BITS - 1 downto 0);
    sum_high    : out   signed(SUM_BITS - 1 downto 0);
    borrow      : out   std_logic -- the true high sum is sum_high + borrow
  );
end entity lane_pair;

architecture rtl of lane_pair is

  constant DSP_BITS     : positive := 48;
  constant ACC_BITS     : positive := minimum(FIELD + SUM_BITS, DSP_BITS);
  constant OPERAND_BITS : positive := FIELD + LANE_BITS;
  constant PRODUCT_BITS : positive := X_BITS + OPERAND_BITS;

  signal low_sign    : signed(LANE_BITS - 1 downto 0);
  signal x_q         : signed(X_BITS - 1 downto 0);
  signal operand     : signed(OPERAND_BITS - 1 downto 0);
  signal product     : signed(PRODUCT_BITS - 1 downto 0);
  signal addend      : signed(maximum(PRODUCT_BITS, ACC_BITS) - 1 downto 0);
  signal acc         : signed(ACC_BITS - 1 downto 0);
  signal base        : signed(ACC_BITS - 1 downto 0);
  signal restart     : std_logic;
  signal enable_q    : std_logic_vector(1 downto 0);
  signal restart_q   : std_logic_vector(1 downto 0);
  signal low_wide    : signed(maximum(FIELD, SUM_BITS) - 1 downto 0);
  signal low_field   : signed(SUM_BITS - 1 downto 0);
  signal high_field  : signed(SUM_BITS - 1 downto 0);

begin

  low_sign <= (others => w_low(LANE_BITS - 1));
  restart  <= group_first when GROUPED = 1 else first;

  base   <= (others => '0') when restart_q(1) = '1' else acc;
  addend <= resize(product, addend'length);

  accumulate : process (clk) is
  begin
    if rising_edge(clk) then
      enable_q  <= enable_q(0) & enable;
      restart_q <= restart_q(0) & restart;
      if enable = '1' then
        x_q     <= x;
        operand <= (w_high + low_sign) & resize(w_low, FIELD);
      end if;
      product   <= x_q * operand;
      if enable_q(1) = '1' then
        acc <= base + addend(ACC_BITS - 1 downto 0);
      end if;
    end if;
  end process accumulate;

  low_wide   <= resize(acc(FIELD - 1 downto 0), low_wide'length);
  low_field  <= low_wide(SUM_BITS - 1 downto 0);
  high_field <= resize(acc(ACC_BITS - 1 downto FIELD), SUM_BITS);

  whole_sums : if GROUPED = 0 generate

    sum_low  <= low_field;
    sum_high <= high_field;
    borrow   <= acc(FIELD - 1);

  end generate whole_sums;

  grouped_sums : if GROUPED = 1 generate

    signal first_q     : std_logic_vector(1 downto 0);
    signal last_q      : std_logic_vector(1 downto 0);
    signal first_group : std_logic;
    signal complete    : std_logic; -- acc is the sum of a group
    signal low         : signed(SUM_BITS - 1 downto 0);
    signal high        : signed(SUM_BITS - 1 downto 0);
    signal low_base    : signed(SUM_BITS - 1 downto 0);
    signal high_base   : signed(SUM_BITS - 1 downto 0);

  begin

    low_base  <= (others => '0') when first_group = '1' else low;
    high_base <= (others => '0') when first_group = '1' else high;
    add_up : process (clk) is
    begin
      if rising_edge(clk) then
        first_q  <= first_q(0) & first;
        last_q   <= last_q(0) & group_last;
        complete <= enable_q(1) and last_q(1);
        if enable_q(1) = '1' and restart_q(1) = '1' then
          first_group <= first_q(1);
        end if;
        if complete = '1' then
          low  <= add(low_field, low_base, '0');
          high <= add(high_field, high_base, acc(FIELD - 1));
        end if;
      end if;
    end process add_up;

    sum_low  <= low;
    sum_high <= high;
    borrow   <= '0';

  end generate grouped_sums;

end architecture rtl;
