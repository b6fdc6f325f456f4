-- SPDX-License-Identifier: Apache-2.0
-- One multiply-accumulate lane of look-up tables: acc <= (first ? 0 : acc) + x * w, three clocks
-- behind its inputs, as lane is, but without a DSP block.
--
-- The product is a sum of rows (radix-4 Booth recoding): three neighbouring bits of one operand,
-- the multiplier, are a digit in -2 .. 2, and a row is the other operand, the multiplicand, times a
-- digit. A negative row is written as the complement, and the 1 that it lacks enters as a carry. So
-- one table of six inputs makes a bit of an adder: it sees the sum of the rows before, which goes
-- into the carry chain as it is, two bits of the multiplicand and three of the digit. Likewise the
-- accumulator's start value is a multiplexer on the side of its adder that has inputs to spare.
--
-- A multiplier with an odd number of bits has its lowest bit split off: that row is the
-- multiplicand or 0, flip-flops with a reset and no tables, and all others are added in the second
-- clock. With an even number, the lower half of the rows is added in the first clock, the rest in
-- the second; the 1 that the lowest row lacks is then the carry of the third clock, the
-- accumulation.
--
-- In a tree, several rows that would be added in the second clock are added up in the first one,
-- beside the lower half, and the second clock adds both halves: fewer adders follow each other, and
-- a row more takes tables of its own.
--
-- The multiplier is whichever operand makes fewer tables, but an odd one of more than 7 bits only
-- if need be: four adders and more would follow each other in one clock. A product written with "*"
-- would not do: from 9 bits on it becomes a DSP block.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity lane_tables is
  generic (
    X_BITS    : positive;
    LANE_BITS : positive;
    SUM_BITS  : positive;
    TREE      : natural -- 1: rows are added up in a tree
  );
  port (
    clk    : in    std_logic;
    enable : in    std_logic; -- x and w are an operand pair
    first  : in    std_logic; -- it is the first of a sum
    x      : in    signed(X_BITS - 1 downto 0);
    w      : in    signed(LANE_BITS - 1 downto 0);
    sum    : out   signed(SUM_BITS - 1 downto 0)
  );
end entity lane_tables;

architecture rtl of lane_tables is

  function either (condition : boolean; yes, no : natural) return natural is
  begin
    if condition then
      return yes;
    end if;
    return no;
  end function either;

  -- look-up tables of a product, about
  function tables (multiplier, multiplicand : positive) return natural is
  begin
    if multiplier mod 2 = 1 and multiplier > 7 then
      return natural'high;
    end if;
    return multiplier / 2 * (multiplicand + 1);
  end function tables;

  constant W_MULTIPLIES : boolean  := tables(LANE_BITS, X_BITS) <= tables(X_BITS, LANE_BITS);
  constant R_BITS       : positive := either(W_MULTIPLIES, LANE_BITS, X_BITS); -- multiplier
  constant M_BITS       : positive := either(W_MULTIPLIES, X_BITS, LANE_BITS); -- multiplicand
  constant ODD          : natural  := R_BITS mod 2;
  constant ROWS         : positive := R_BITS / 2; -- of digits
  constant LOWER_ROWS   : natural  := (1 - ODD) * (ROWS + 1) / 2;
  constant HALVES       : boolean  := TREE = 1 and ROWS - LOWER_ROWS > 1; -- two sums at once
  constant EARLY_ROWS   : natural  := either(HALVES, (ROWS + 1 - ODD) / 2, LOWER_ROWS);
  constant TOTAL_BITS   : positive := X_BITS + LANE_BITS;
  constant SPLIT        : natural  := 2 * EARLY_ROWS + ODD; -- place of the later rows

  subtype multiplier_t is signed(R_BITS - 1 downto 0);
  subtype multiplicand_t is signed(M_BITS - 1 downto 0);
  subtype digits_t is signed(2 * ROWS downto 0); -- two bits each, and a 0 below the lowest
  subtype row_t is signed(M_BITS + 1 downto 0);
  subtype total_t is signed(TOTAL_BITS - 1 downto 0);

  -- Add rows to what is below them. Row r counts 2^(2r + ODD); the sum that includes it has
  -- M_BITS + 2 bits from there on. With nothing below, the lowest row is taken as it is, without the
  -- 1 that it may lack.
  function add_rows (
    below   : total_t;
    nothing : boolean;
    m       : multiplicand_t;
    d       : digits_t;
    from    : natural;
    upto    : integer
  ) return signed is
    variable total          : total_t := below;
    variable single, double : row_t;
    variable row            : row_t;
    variable low            : natural;
  begin
    single := resize(m, row_t'length);
    double := single(M_BITS downto 0) & '0';
    for r in from to upto loop
      row := (others => '0');
      if d(2 * r + 1) /= d(2 * r) then
        row := single;
      elsif d(2 * r + 2) /= d(2 * r + 1) then
        row := double;
      end if;
      if d(2 * r + 2) = '1' then
        row := not row;
      end if;
      low := 2 * r + ODD;
      if r > from or not nothing then
        row := add(resize(total(low + M_BITS - 1 downto low), row_t'length), row, d(2 * r + 2));
      end if;
      total(low + M_BITS + 1 downto low) := row;
    end loop;
    return total;
  end function add_rows;

  signal r        : multiplier_t;
  signal m        : multiplicand_t;
  signal d        : digits_t;
  signal m_q      : multiplicand_t;
  signal d_q      : digits_t;
  signal lowest   : total_t; -- the row of a lowest bit that is split off
  signal early    : total_t;
  signal late     : total_t;
  signal total    : total_t;
  signal product  : total_t;
  signal lacking  : std_logic;
  signal addend   : signed(maximum(TOTAL_BITS, SUM_BITS) - 1 downto 0);
  signal acc      : signed(SUM_BITS - 1 downto 0);
  signal base     : signed(SUM_BITS - 1 downto 0);
  signal enable_q : std_logic_vector(1 downto 0);
  signal first_q  : std_logic_vector(1 downto 0);

begin

  w_multiplier : if W_MULTIPLIES generate
    r <= w;
    m <= x;
  end generate w_multiplier;

  x_multiplier : if not W_MULTIPLIES generate
    r <= x;
    m <= w;
  end generate x_multiplier;

  d      <= r(R_BITS - 1 downto ODD) & '0';
  lowest <= resize(m, TOTAL_BITS) when ODD = 1 and r(0) = '1' else (others => '0');

  in_a_row : if not HALVES generate
    total <= add_rows(early, false, m_q, d_q, EARLY_ROWS, ROWS - 1);
  end generate in_a_row;

  in_halves : if HALVES generate
    signal upper : signed(TOTAL_BITS - 1 downto SPLIT);
  begin
    upper <= resize(early(SPLIT + M_BITS - 1 downto SPLIT), upper'length);

    total(SPLIT - 1 downto 0)          <= early(SPLIT - 1 downto 0);
    total(TOTAL_BITS - 1 downto SPLIT) <= add(upper, late(TOTAL_BITS - 1 downto SPLIT),
                                              d_q(2 * EARLY_ROWS + 2));
  end generate in_halves;

  addend <= resize(product, addend'length);
  base   <= (others => '0') when first_q(1) = '1' else acc;
  sum    <= acc;

  accumulate : process (clk) is
  begin
    if rising_edge(clk) then
      enable_q <= enable_q(0) & enable;
      first_q  <= first_q(0) & first;
      if enable = '1' then
        m_q   <= m;
        d_q   <= d;
        early <= add_rows(lowest, ODD = 0, m, d, 0, EARLY_ROWS - 1);
        late  <= add_rows((others => '0'), true, m, d, EARLY_ROWS, ROWS - 1);
      end if;
      lacking <= d_q(2);
      if ODD = 1 then
        lacking <= '0';
      end if;
      product <= total;
      if enable_q(1) = '1' then
        acc <= add(addend(SUM_BITS - 1 downto 0), base, lacking);
      end if;
    end if;
  end process accumulate;

end architecture rtl;
