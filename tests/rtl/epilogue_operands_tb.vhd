-- SPDX-License-Identifier: Apache-2.0
-- The operands of the epilogues; the configuration has the memories and the program.
--
-- In: shared_bias, own_bias, shared_m, read_r, step, active, the four addresses, below_valid,
-- below_step, the residual of each way, and each element. Out: the bias of each way, m, r, and the
-- residual of each way.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity epilogue_operands_tb is
end entity epilogue_operands_tb;

architecture test of epilogue_operands_tb is

  constant ELEMENTS_HELD : positive := maximum(ELEMENT_COUNT, 1);
  constant FIRST_ELEMENT : positive := 12 + WAYS;

  signal clk              : std_logic := '0';
  signal shared_bias      : std_logic;
  signal own_bias         : std_logic;
  signal shared_m         : std_logic;
  signal read_r           : std_logic;
  signal step             : unsigned(STEP_BITS - 1 downto 0);
  signal active           : std_logic_vector(1 downto 0);
  signal bias_address     : unsigned(ADDRESS_BITS - 1 downto 0);
  signal position_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal m_address        : unsigned(ADDRESS_BITS - 1 downto 0);
  signal r_address        : unsigned(ADDRESS_BITS - 1 downto 0);
  signal below_valid      : std_logic;
  signal below_step       : unsigned(STEP_BITS - 1 downto 0);
  signal residual_data    : std_logic_vector(WAYS * TOKEN_BITS - 1 downto 0);
  signal elements         : std_logic_vector(ELEMENTS_HELD * INPUT_BITS - 1 downto 0);
  signal bias             : signed(WAYS * BIAS_BITS - 1 downto 0);
  signal m                : signed((1 + SPLIT) * M_BITS - 1 downto 0);
  signal r                : signed((1 + SPLIT) * M_BITS - 1 downto 0);
  signal residual         : signed(WAYS * RESIDUAL_BITS - 1 downto 0);
  signal finished         : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.epilogue_operands
    port map (
      clk              => clk,
      shared_bias      => shared_bias,
      own_bias         => own_bias,
      shared_m         => shared_m,
      read_r           => read_r,
      step             => step,
      active           => active,
      bias_address     => bias_address,
      position_address => position_address,
      m_address        => m_address,
      r_address        => r_address,
      below_valid      => below_valid,
      below_step       => below_step,
      residual_data    => residual_data,
      elements         => elements,
      bias             => bias,
      m                => m,
      r                => r,
      residual         => residual
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to FIRST_ELEMENT + ELEMENTS_HELD - 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      shared_bias      <= to_bit(n(0));
      own_bias         <= to_bit(n(1));
      shared_m         <= to_bit(n(2));
      read_r           <= to_bit(n(3));
      step             <= to_unsigned(n(4), STEP_BITS);
      active           <= std_logic_vector(to_unsigned(n(5), 2));
      bias_address     <= to_unsigned(n(6), ADDRESS_BITS);
      position_address <= to_unsigned(n(7), ADDRESS_BITS);
      m_address        <= to_unsigned(n(8), ADDRESS_BITS);
      r_address        <= to_unsigned(n(9), ADDRESS_BITS);
      below_valid      <= to_bit(n(10));
      below_step       <= to_unsigned(n(11), STEP_BITS);
      for i in 0 to WAYS - 1 loop
        residual_data((i + 1) * TOKEN_BITS - 1 downto i * TOKEN_BITS) <=
          std_logic_vector(to_signed(n(12 + i), TOKEN_BITS));
      end loop;
      for e in 0 to ELEMENTS_HELD - 1 loop
        elements((e + 1) * INPUT_BITS - 1 downto e * INPUT_BITS) <=
          std_logic_vector(to_signed(n(FIRST_ELEMENT + e), INPUT_BITS));
      end loop;
      wait until rising_edge(clk);
      for i in 0 to WAYS - 1 loop
        add(outputs, bias((i + 1) * BIAS_BITS - 1 downto i * BIAS_BITS));
      end loop;
      for i in 0 to SPLIT loop
        add(outputs, m((i + 1) * M_BITS - 1 downto i * M_BITS));
        add(outputs, r((i + 1) * M_BITS - 1 downto i * M_BITS));
      end loop;
      for i in 0 to WAYS - 1 loop
        add(outputs, residual((i + 1) * RESIDUAL_BITS - 1 downto i * RESIDUAL_BITS));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
