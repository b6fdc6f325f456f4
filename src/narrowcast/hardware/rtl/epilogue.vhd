-- From a sum to an integer of the next tensor, one per clock:
--
--   y = clamp(y_zero + ((acc + bias) * M + ((r - r_zero) * R << Q) + 2^(S-1) >> S))
--
-- A sum, the borrow that its lane still owes and its step enter; bias, M, R and the residual operand follow two clocks later, straight
-- from their memories; y leaves ten clocks after the sum. Whatever travels along ("tag") comes
-- out beside y.
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

  constant STAGES : positive := 10;
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
  signal biased_q     : signed(BIASED_BITS - 1 downto 0);
  signal m_3, m_4     : signed(M_BITS - 1 downto 0);
  signal r_3, r_4     : signed(M_BITS - 1 downto 0);
  signal rest         : signed(R_BITS - 1 downto 0);
  signal rest_q       : signed(R_BITS - 1 downto 0);
  signal product      : signed(BIASED_BITS + M_BITS - 1 downto 0);
  signal r_product    : signed(R_BITS + M_BITS - 1 downto 0);
  signal rounding     : signed(TOTAL_BITS - 1 downto 0);
  signal rounded      : signed(TOTAL_BITS - 1 downto 0);
  signal raised       : signed(TOTAL_BITS - 1 downto 0);
  signal total        : signed(TOTAL_BITS - 1 downto 0);
  signal shifted      : signed(TOTAL_BITS - 1 downto 0);
  signal moved        : signed(TOTAL_BITS - 1 downto 0);
  signal up           : natural;
  signal down         : natural;
  signal zero         : signed(Y_BITS - 1 downto 0);
  signal low          : signed(Y_BITS - 1 downto 0);
  signal high         : signed(Y_BITS - 1 downto 0);

begin

  y_valid <= valids(STAGES);
  y_step  <= steps(STAGES);
  y_tag   <= tags(STAGES);

  pipeline : process (clk) is
    variable word : signed(TOTAL_BITS - 1 downto 0);
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
      biased      <= with_borrow(BIASED_BITS downto 1);
      rest <= (others => '0');
      if has_residual = '1' then
        rest <= resize(residual, R_BITS) - resize(r_zero, R_BITS);
      end if;
      m_3 <= m;
      r_3 <= r;

      -- 4, 5: the two products, their operands registered once more inside the DSP
      biased_q <= biased;
      rest_q   <= rest;
      m_4      <= m_3;
      r_4      <= r_3;
      product   <= biased_q * m_4;
      r_product <= rest_q * r_4;
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
      down <= s.shift;

      -- 8: shift, by slices with the sign filled in
      word := total;
      for i in SHIFT_LOW to SHIFT_HIGH loop
        if down = i then
          word := resize(total(TOTAL_BITS - 1 downto i), TOTAL_BITS);
        end if;
      end loop;
      shifted <= word;
      s    := PROGRAM(to_integer(steps(7)));
      zero <= to_signed(s.y_zero, Y_BITS);

      -- 9: zero point
      moved <= shifted + resize(zero, TOTAL_BITS);
      s    := PROGRAM(to_integer(steps(8)));
      low  <= to_signed(s.y_low, Y_BITS);
      high <= to_signed(s.y_high, Y_BITS);

      -- 10: clamp
      if moved < resize(low, TOTAL_BITS) then
        y <= low;
      elsif moved > resize(high, TOTAL_BITS) then
        y <= high;
      else
        y <= resize(moved, Y_BITS);
      end if;

      if reset = '1' then
        valids <= (others => '0');
      end if;
    end if;
  end process pipeline;

end architecture rtl;
