-- SPDX-License-Identifier: Apache-2.0
-- Products of one column, made on the way: each number of a row is multiplied by its weight as it
-- leaves the epilogue, and added to the sum of the row. So such a product takes no turn of the
-- lanes, of which it would use one.
--
-- "valid" comes with a number, "first" and "last" with the first and the last one of its row. The
-- number, less its zero point, follows two clocks later. A row's sum is kept under its own number
-- from six clocks after its last number on, until the next row of that number has come.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity running_sums is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    SUMS         : positive;
    X_BITS       : positive;
    W_BITS       : positive;
    SUM_BITS     : positive;
    ADDRESS_BITS : positive;
    CONTENTS     : std_logic_vector -- weights, of one row after the other
  );
  port (
    clk    : in    std_logic;
    valid  : in    std_logic;
    first  : in    std_logic;
    last   : in    std_logic;
    number : in    unsigned(index_bits(SUMS) - 1 downto 0);
    base   : in    unsigned(ADDRESS_BITS - 1 downto 0); -- of the row's weights
    x      : in    signed(X_BITS - 1 downto 0);         -- two clocks later
    sums_kept : out   signed(SUMS * SUM_BITS - 1 downto 0)
  );
end entity running_sums;

architecture rtl of running_sums is

  constant TO_SUM : positive := 5; -- clocks from a number to the sum with it

  subtype number_t is unsigned(index_bits(SUMS) - 1 downto 0);
  type    number_array is array (1 to TO_SUM) of number_t;

  signal at      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal weight  : std_logic_vector(W_BITS - 1 downto 0);
  signal sum     : signed(SUM_BITS - 1 downto 0);
  signal valid_q, first_q, last_q : std_logic_vector(1 to TO_SUM);
  signal numbers : number_array;

begin

  address <= base when first = '1' else at;

  weights : entity work.rom
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => W_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      enable  => valid,
      address => address,
      data    => weight
    );

  one : entity work.lane
    generic map (
      X_BITS    => X_BITS,
      LANE_BITS => W_BITS,
      SUM_BITS  => SUM_BITS
    )
    port map (
      clk    => clk,
      enable => valid_q(2),
      first  => first_q(2),
      x      => x,
      w      => signed(weight),
      sum    => sum
    );

  follow : process (clk) is
  begin
    if rising_edge(clk) then
      if valid = '1' then
        at <= address + 1;
      end if;
      valid_q <= valid & valid_q(1 to TO_SUM - 1);
      first_q <= first & first_q(1 to TO_SUM - 1);
      last_q  <= (valid and last) & last_q(1 to TO_SUM - 1);
      numbers <= number & numbers(1 to TO_SUM - 1);
      for i in 0 to SUMS - 1 loop
        if last_q(TO_SUM) = '1' and numbers(TO_SUM) = i then
          sums_kept((i + 1) * SUM_BITS - 1 downto i * SUM_BITS) <= sum;
        end if;
      end loop;
    end if;
  end process follow;

end architecture rtl;
