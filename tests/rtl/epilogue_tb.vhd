-- SPDX-License-Identifier: Apache-2.0
-- The epilogue on a program of its own, read from "program.txt": a step a line, with has_bias,
-- has_residual, residual_zero, residual_shift, shift, y_zero, y_low, y_high.
--
-- In: reset, valid, acc, borrow, step, tag, bias, m, r, residual. Out: y_valid, y, y_step, y_tag.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_types.all;
use work.bench.all;

entity epilogue_tb is
  generic (
    STEPS         : positive;
    SUM_BITS      : positive;
    BIAS_BITS     : positive;
    BIASED_BITS   : positive;
    M_BITS        : positive;
    BIASED_CUT    : natural;
    M_CUT         : natural;
    RESIDUAL_BITS : positive;
    TOTAL_BITS    : positive;
    SHIFT_LOW     : natural;
    SHIFT_HIGH    : natural;
    UP_LOW        : natural;
    UP_HIGH       : natural;
    Y_BITS        : positive
  );
end entity epilogue_tb;

architecture test of epilogue_tb is

  constant STEP_BITS : positive := index_bits(STEPS);
  constant TAG_BITS  : positive := 7;

  impure function read_program return step_array is
    file     source : text open read_mode is "program.txt";
    variable n      : integers_t(0 to 7);
    variable step   : step_t; -- only with what the epilogue reads
    variable result : step_array(0 to 2 ** STEP_BITS - 1);
  begin
    for i in 0 to STEPS - 1 loop
      read_numbers(source, n);
      step.has_bias       := n(0);
      step.has_residual   := n(1);
      step.residual_zero  := n(2);
      step.residual_shift := n(3);
      step.shift          := n(4);
      step.rounding       := n(4) - 1;
      step.y_zero         := n(5);
      step.y_low          := n(6);
      step.y_high         := n(7);

      result(i to result'high) := (others => step);
    end loop;
    return result;
  end function read_program;

  constant PROGRAM : step_array := read_program;

  signal clk      : std_logic := '0';
  signal reset    : std_logic;
  signal valid    : std_logic;
  signal acc      : signed(SUM_BITS - 1 downto 0);
  signal borrow   : std_logic;
  signal step     : unsigned(STEP_BITS - 1 downto 0);
  signal tag      : std_logic_vector(TAG_BITS - 1 downto 0);
  signal bias     : signed(BIAS_BITS - 1 downto 0);
  signal m        : signed(M_BITS - 1 downto 0);
  signal r        : signed(M_BITS - 1 downto 0);
  signal residual : signed(RESIDUAL_BITS - 1 downto 0);
  signal y_valid  : std_logic;
  signal y        : signed(Y_BITS - 1 downto 0);
  signal y_step   : unsigned(STEP_BITS - 1 downto 0);
  signal y_tag    : std_logic_vector(TAG_BITS - 1 downto 0);
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.epilogue
    generic map (
      PROGRAM       => PROGRAM,
      STEP_BITS     => STEP_BITS,
      SUM_BITS      => SUM_BITS,
      BIAS_BITS     => BIAS_BITS,
      BIASED_BITS   => BIASED_BITS,
      M_BITS        => M_BITS,
      BIASED_CUT    => BIASED_CUT,
      M_CUT         => M_CUT,
      RESIDUAL_BITS => RESIDUAL_BITS,
      TOTAL_BITS    => TOTAL_BITS,
      SHIFT_LOW     => SHIFT_LOW,
      SHIFT_HIGH    => SHIFT_HIGH,
      UP_LOW        => UP_LOW,
      UP_HIGH       => UP_HIGH,
      Y_BITS        => Y_BITS,
      TAG_BITS      => TAG_BITS
    )
    port map (
      clk      => clk,
      reset    => reset,
      valid    => valid,
      acc      => acc,
      borrow   => borrow,
      step     => step,
      tag      => tag,
      bias     => bias,
      m        => m,
      r        => r,
      residual => residual,
      y_valid  => y_valid,
      y        => y,
      y_step   => y_step,
      y_tag    => y_tag
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 9);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset    <= to_bit(n(0));
      valid    <= to_bit(n(1));
      acc      <= to_signed(n(2), SUM_BITS);
      borrow   <= to_bit(n(3));
      step     <= to_unsigned(n(4), STEP_BITS);
      tag      <= std_logic_vector(to_unsigned(n(5), TAG_BITS));
      bias     <= to_signed(n(6), BIAS_BITS);
      m        <= to_signed(n(7), M_BITS);
      r        <= to_signed(n(8), M_BITS);
      residual <= to_signed(n(9), RESIDUAL_BITS);
      wait until rising_edge(clk);
      add(outputs, y_valid);
      add(outputs, y);
      add(outputs, y_step);
      add(outputs, y_tag);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
