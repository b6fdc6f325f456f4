-- SPDX-License-Identifier: Apache-2.0
-- From a sum to an integer of the next tensor, one per clock:
--
--   y = clamp(y_zero + ((acc + bias) * M + ((r - r_zero) * R << Q) + 2^(S-1) >> S))
--
-- A sum, the borrow that its lane still owes and its step enter; bias, M, R and the residual
-- operand follow two clocks later, straight from their memories; y leaves eleven clocks after the
-- sum. Where a product is wider than a multiplier, BIASED_CUT or M_CUT cuts an operand at so many
-- bits. Both parts are multiplied at once, and added a clock later, in place of the operands' second
-- registers. Whatever travels along ("tag") comes out beside y. Operands that are not valid change
-- nothing.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity epilogue is
  generic (
    PROGRAM       : step_array;
    STEP_BITS     : positive;
    SUM_BITS      : positive;
    BIAS_BITS     : positive;
    BIASED_BITS   : positive; -- holds acc + bias
    M_BITS        : positive;
    BIASED_CUT    : natural;  -- 0: not cut
    M_CUT         : natural;  -- likewise; of both products
    RESIDUAL_BITS : positive;
    TOTAL_BITS    : positive; -- holds everything up to the shift
    SHIFT_LOW     : natural;  -- S is between these two
    SHIFT_HIGH    : natural;
    UP_LOW        : natural;  -- Q is between these two
    UP_HIGH       : natural;
    Y_BITS        : positive;
    TAG_BITS      : positive
  );
  port (
    clk      : in    std_logic;
    reset    : in    std_logic;
    valid    : in    std_logic;
    acc      : in    signed(SUM_BITS - 1 downto 0);
    borrow   : in    std_logic;
    step     : in    unsigned(STEP_BITS - 1 downto 0);
    tag      : in    std_logic_vector(TAG_BITS - 1 downto 0);
    bias     : in    signed(BIAS_BITS - 1 downto 0);     -- two clocks after acc
    m        : in    signed(M_BITS - 1 downto 0);        -- likewise
    r        : in    signed(M_BITS - 1 downto 0);        -- likewise
    residual : in    signed(RESIDUAL_BITS - 1 downto 0); -- likewise
    y_valid  : out   std_logic;
    y        : out   signed(Y_BITS - 1 downto 0);
    y_step   : out   unsigned(STEP_BITS - 1 downto 0);
    y_tag    : out   std_logic_vector(TAG_BITS - 1 downto 0)
  );
end entity epilogue;

architecture rtl of epilogue is

  constant STAGES : positive := 11;
  constant SHIFTED_BITS : positive := maximum(TOTAL_BITS - SHIFT_LOW, Y_BITS + 2);
  constant COARSE_STEPS : natural  := (SHIFT_HIGH - SHIFT_LOW) / 4;
  constant DOWN_BITS    : positive := index_bits(COARSE_STEPS + 1) + 2;
  constant R_BITS : positive := RESIDUAL_BITS + 1;

  type step_pipe is array (1 to STAGES) of unsigned(STEP_BITS - 1 downto 0);
  type tag_pipe is array (1 to STAGES) of std_logic_vector(TAG_BITS - 1 downto 0);

  signal steps  : step_pipe;
  signal tags   : tag_pipe;
  signal valids : std_logic_vector(1 to STAGES);

  signal acc_1, acc_2 : signed(SUM_BITS - 1 downto 0);
  signal borrow_1, borrow_2 : std_logic;
  signal r_zero       : signed(RESIDUAL_BITS - 1 downto 0);
  signal has_bias     : std_logic;
  signal has_residual : std_logic;
  signal biased       : signed(BIASED_BITS - 1 downto 0);
  signal m_3, r_3     : signed(M_BITS - 1 downto 0);
  signal rest         : signed(R_BITS - 1 downto 0);
  signal product      : signed(BIASED_BITS + M_BITS - 1 downto 0);
  signal r_product    : signed(R_BITS + M_BITS - 1 downto 0);
  signal rounding     : signed(TOTAL_BITS - 1 downto 0);
  signal rounded      : signed(TOTAL_BITS - 1 downto 0);
  signal raised       : signed(TOTAL_BITS - 1 downto 0);
  signal total        : signed(TOTAL_BITS - 1 downto 0);
  signal up           : natural;
  signal down         : unsigned(DOWN_BITS - 1 downto 0);
  signal fine         : unsigned(1 downto 0);
  signal coarse       : signed(SHIFTED_BITS - 1 downto 0);
  signal shifted      : signed(SHIFTED_BITS - 1 downto 0);
  signal kept         : signed(Y_BITS downto 0);
  signal beyond       : std_logic;
  signal sign         : std_logic;
  signal less         : std_logic;
  signal more         : std_logic;
  signal zero         : signed(Y_BITS - 1 downto 0);
  signal low          : signed(Y_BITS downto 0); -- limits less the zero point
  signal high         : signed(Y_BITS downto 0);
  signal limit_low    : signed(Y_BITS downto 0);
  signal limit_high   : signed(Y_BITS downto 0);

  -- lower + (upper << cut), of which the lowest bits are no sum.
  function joined (lower, upper : signed; cut : positive; bits : positive) return signed is
    variable sum : signed(bits - cut - 1 downto 0);
  begin
    sum := resize(upper, bits - cut) + resize(lower(lower'high downto cut), bits - cut);
    return sum & lower(cut - 1 downto 0);
  end function joined;

begin

  -- 4, 5: the two products
  cut_biased : if BIASED_CUT > 0 generate

    signal lower : signed(BIASED_CUT + M_BITS downto 0);
    signal upper : signed(BIASED_BITS - BIASED_CUT + M_BITS - 1 downto 0);

  begin

    multiply : process (clk) is
    begin
      if rising_edge(clk) then
        lower   <= signed('0' & biased(BIASED_CUT - 1 downto 0)) * m_3;
        upper   <= biased(BIASED_BITS - 1 downto BIASED_CUT) * m_3;
        product <= joined(lower, upper, BIASED_CUT, product'length);
      end if;
    end process multiply;

  end generate cut_biased;

  cut_m : if M_CUT > 0 generate

    signal lower   : signed(BIASED_BITS + M_CUT downto 0);
    signal upper   : signed(BIASED_BITS + M_BITS - M_CUT - 1 downto 0);
    signal r_lower : signed(R_BITS + M_CUT downto 0);
    signal r_upper : signed(R_BITS + M_BITS - M_CUT - 1 downto 0);

  begin

    multiply : process (clk) is
    begin
      if rising_edge(clk) then
        lower     <= biased * signed('0' & m_3(M_CUT - 1 downto 0));
        upper     <= biased * m_3(M_BITS - 1 downto M_CUT);
        product   <= joined(lower, upper, M_CUT, product'length);
        r_lower   <= rest * signed('0' & r_3(M_CUT - 1 downto 0));
        r_upper   <= rest * r_3(M_BITS - 1 downto M_CUT);
        r_product <= joined(r_lower, r_upper, M_CUT, r_product'length);
      end if;
    end process multiply;

  end generate cut_m;

  -- operands that fit are registered once more, inside the DSP
  whole_biased : if BIASED_CUT = 0 and M_CUT = 0 generate

    signal biased_q : signed(BIASED_BITS - 1 downto 0);
    signal m_4      : signed(M_BITS - 1 downto 0);

  begin

    multiply : process (clk) is
    begin
      if rising_edge(clk) then
        biased_q <= biased;
        m_4      <= m_3;
        product  <= biased_q * m_4;
      end if;
    end process multiply;

  end generate whole_biased;

  whole_r : if M_CUT = 0 generate

    signal rest_q : signed(R_BITS - 1 downto 0);
    signal r_4    : signed(M_BITS - 1 downto 0);

  begin

    multiply : process (clk) is
    begin
      if rising_edge(clk) then
        rest_q    <= rest;
        r_4       <= r_3;
        r_product <= rest_q * r_4;
      end if;
    end process multiply;

  end generate whole_r;

  y_valid <= valids(STAGES);
  y_step  <= steps(STAGES);
  y_tag   <= tags(STAGES);

  pipeline : process (clk) is
    variable clamped : signed(Y_BITS downto 0);
    variable s    : step_t;
    variable addend : signed(BIASED_BITS - 1 downto 0);
    variable with_borrow : signed(BIASED_BITS downto 0);
  begin
    if rising_edge(clk) then
      steps  <= step & steps(1 to STAGES - 1);
      tags   <= tag & tags(1 to STAGES - 1);
      valids <= valid & valids(1 to STAGES - 1);

      -- 1, 2: wait for the memories
      acc_1 <= acc;
      acc_2 <= acc_1;
      borrow_1 <= borrow;
      borrow_2 <= borrow_1;
      s            := PROGRAM(to_integer(steps(1)));
      r_zero       <= to_signed(s.residual_zero, RESIDUAL_BITS);
      has_bias     <= to_unsigned(s.has_bias, 1)(0);
      has_residual <= to_unsigned(s.has_residual, 1)(0);

      -- 3: bias and zero point
      addend := (others => '0');
      if has_bias = '1' then
        addend := resize(bias, BIASED_BITS);
      end if;
      -- the borrow is the carry into the one adder
      with_borrow := (resize(acc_2, BIASED_BITS) & '1') + (addend & borrow_2);
      if valids(2) = '1' then
        biased <= with_borrow(BIASED_BITS downto 1);
        rest   <= (others => '0');
        if has_residual = '1' then
          rest <= resize(residual, R_BITS) - resize(r_zero, R_BITS);
        end if;
        m_3 <= m;
        r_3 <= r;
      end if;

      -- 5: what is added to the products
      s := PROGRAM(to_integer(steps(4)));
      up       <= s.residual_shift;
      rounding <= to_signed(0, TOTAL_BITS);
      for i in 0 to SHIFT_HIGH loop
        if s.rounding = i then
          rounding(i) <= '1';
        end if;
      end loop;

      -- 6: round, and raise the residual
      rounded <= resize(product, TOTAL_BITS) + rounding;
      raised  <= (others => '0');
      for i in UP_LOW to UP_HIGH loop
        if up = i then
          raised <= shift_left(resize(r_product, TOTAL_BITS), i);
        end if;
      end loop;

      -- 7: add
      total <= rounded + raised;
      s    := PROGRAM(to_integer(steps(6)));
      down <= to_unsigned(s.shift - SHIFT_LOW, DOWN_BITS);

      -- 8, 9: shift, by slices with the sign filled in; first by fours, then by the rest
      for i in 0 to COARSE_STEPS loop
        if down(DOWN_BITS - 1 downto 2) = i then
          coarse <= resize(total(TOTAL_BITS - 1 downto SHIFT_LOW + 4 * i), SHIFTED_BITS);
        end if;
      end loop;
      fine <= down(1 downto 0);
      for i in 0 to 3 loop
        if fine = i then
          shifted <= resize(coarse(SHIFTED_BITS - 1 downto i), SHIFTED_BITS);
        end if;
      end loop;
      s    := PROGRAM(to_integer(steps(8)));
      low  <= to_signed(s.y_low - s.y_zero, Y_BITS + 1);
      high <= to_signed(s.y_high - s.y_zero, Y_BITS + 1);

      -- 10: compare: what does not fit in Y_BITS + 1 bits is beyond the limits on its sign's side
      kept      <= resize(shifted, Y_BITS + 1);
      limit_low <= low;
      limit_high <= high;
      sign      <= shifted(SHIFTED_BITS - 1);
      beyond    <= '0';
      if resize(resize(shifted, Y_BITS + 1), SHIFTED_BITS) /= shifted then
        beyond <= '1';
      end if;
      less <= '0';
      if resize(shifted, Y_BITS + 1) < low then
        less <= '1';
      end if;
      more <= '0';
      if resize(shifted, Y_BITS + 1) > high then
        more <= '1';
      end if;
      s    := PROGRAM(to_integer(steps(9)));
      zero <= to_signed(s.y_zero, Y_BITS);

      -- 11: clamp and add the zero point
      clamped := kept;
      if (beyond and sign) = '1' or (not beyond and less) = '1' then
        clamped := limit_low;
      elsif (beyond or more) = '1' then
        clamped := limit_high;
      end if;
      y <= resize(clamped + resize(zero, Y_BITS + 1), Y_BITS);

      if reset = '1' then
        valids <= (others => '0');
      end if;
    end if;
  end process pipeline;

end architecture rtl;
