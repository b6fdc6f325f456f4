-- SPDX-License-Identifier: Apache-2.0
-- Second half of the softmax: sums a row's exponentials and divides once per row.
--
-- M = floor(numerator / sum), at most QUOTIENT_BITS wide, by division without restoring, one bit per
-- clock: a remainder below zero stays, and the sum is added next instead of subtracted. So a bit is
-- the sign of one adder, and no multiplexer follows it. The numerator's upper part is smaller than
-- any sum (the largest exponential of a row is full scale, and the compiler bounds numerator / full
-- scale), so the division starts with it as the remainder and needs QUOTIENT_BITS clocks whatever
-- the width of the numerator.
-- With IN_PARTS, a number of the row is the sum of two exponentials. All three numbers of the sum are
-- added with one carry chain.
-- The multipliers of the last rows are kept in turn, for the context product to read, two clocks
-- from address to data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity row_reciprocal is
  generic (
    BLOCK_MEMORY   : natural; -- 1: block memory, 0: look-up tables
    IN_PARTS       : natural := 0; -- 1: "other_e" is a part of the row, too
    RING_BITS      : positive; -- 2 ** so many multipliers are kept
    E_BITS         : positive;
    ROW_SUM_BITS   : positive;
    QUOTIENT_BITS  : positive;
    NUMERATOR_BITS : positive
  );
  port (
    clk          : in    std_logic;
    reset        : in    std_logic;
    rewind       : in    std_logic; -- the next row is the first again
    valid        : in    std_logic;
    e            : in    unsigned(E_BITS - 1 downto 0);
    other_e      : in    unsigned(E_BITS - 1 downto 0) := (others => '0'); -- with IN_PARTS
    row_first    : in    std_logic;
    row_last     : in    std_logic;
    numerator    : in    unsigned(NUMERATOR_BITS - 1 downto 0);
    read         : in    std_logic;
    read_address : in    unsigned(RING_BITS - 1 downto 0);
    multiplier   : out   std_logic_vector(QUOTIENT_BITS - 1 downto 0)
  );
end entity row_reciprocal;

architecture rtl of row_reciprocal is

  signal sum       : unsigned(ROW_SUM_BITS - 1 downto 0);
  signal summed    : std_logic;
  signal sum_top   : unsigned(NUMERATOR_BITS - 1 downto 0);
  signal divisor   : signed(ROW_SUM_BITS downto 0);
  signal remainder : signed(ROW_SUM_BITS downto 0); -- from -divisor to divisor - 1
  signal dividend  : unsigned(QUOTIENT_BITS - 1 downto 0);
  signal quotient  : unsigned(QUOTIENT_BITS - 1 downto 0);
  signal busy      : std_logic;
  signal write     : std_logic;
  signal row       : unsigned(RING_BITS - 1 downto 0);

begin

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => QUOTIENT_BITS,
      DEPTH        => 2 ** RING_BITS,
      ADDRESS_BITS => RING_BITS
    )
    port map (
      clk           => clk,
      write         => write,
      write_address => row,
      write_data    => std_logic_vector(quotient),
      enable        => read,
      read_address  => read_address,
      read_data     => multiplier
    );

  divide : process (clk) is
    variable base  : unsigned(ROW_SUM_BITS - 1 downto 0);
    variable own   : unsigned(ROW_SUM_BITS - 1 downto 0);
    variable other : unsigned(ROW_SUM_BITS - 1 downto 0);
    variable carry : unsigned(ROW_SUM_BITS - 1 downto 0);
    variable less  : std_logic; -- subtract
    variable outcome : signed(ROW_SUM_BITS downto 0); -- the next remainder
  begin
    if rising_edge(clk) then
      summed <= valid and row_last;
      if valid = '1' then
        base := sum;
        if row_first = '1' then
          base := (others => '0');
        end if;
        own   := resize(e, ROW_SUM_BITS);
        other := resize(other_e, ROW_SUM_BITS);
        carry := (base and own) or (base and other) or (own and other);
        sum   <= base + own;
        if IN_PARTS = 1 then
          sum <= (base xor own xor other) + shift_left(carry, 1);
        end if;
        sum_top <= numerator;
      end if;

      write <= '0';
      if summed = '1' then
        divisor   <= signed('0' & sum);
        remainder <= signed(resize(shift_right(sum_top, QUOTIENT_BITS), ROW_SUM_BITS + 1));
        dividend  <= resize(sum_top, QUOTIENT_BITS);
        quotient  <= to_unsigned(1, QUOTIENT_BITS); -- a mark, which leaves with the last bit
        busy      <= '1';
      elsif busy = '1' then
        less      := not remainder(ROW_SUM_BITS);
        outcome   := add(remainder(ROW_SUM_BITS - 1 downto 0) & dividend(QUOTIENT_BITS - 1),
                         divisor xor (ROW_SUM_BITS downto 0 => less), less);
        remainder <= outcome;
        quotient  <= quotient(QUOTIENT_BITS - 2 downto 0) & not outcome(ROW_SUM_BITS);
        dividend  <= dividend(QUOTIENT_BITS - 2 downto 0) & '0';
        busy      <= not quotient(QUOTIENT_BITS - 1);
        write     <= quotient(QUOTIENT_BITS - 1);
      end if;

      if write = '1' then
        row <= row + 1;
      end if;

      if rewind = '1' or reset = '1' then
        row <= (others => '0');
      end if;
      if reset = '1' then
        summed <= '0';
        write  <= '0';
        busy   <= '0';
      end if;
    end if;
  end process divide;

end architecture rtl;
