-- SPDX-License-Identifier: Apache-2.0
-- The stores of rows; the configuration has their sizes.
--
-- In: reset, issue, source, active, address, zero, take, residual_read, residual_ways,
-- residual_address, input_write, input_address, input_data, scratch_write, token_write,
-- write_address, into_pool, pool_first, pool_channel, pool_value, and the data that each way
-- writes. Out: the operand of each way, and the residual of each way.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity row_operands_tb is
end entity row_operands_tb;

architecture test of row_operands_tb is

  signal clk              : std_logic := '0';
  signal reset            : std_logic;
  signal issue            : std_logic;
  signal source           : unsigned(1 downto 0);
  signal active           : std_logic_vector(1 downto 0);
  signal address          : unsigned(ADDRESS_BITS - 1 downto 0);
  signal zero             : signed(X_BITS - 1 downto 0);
  signal take             : std_logic;
  signal residual_read    : std_logic;
  signal residual_ways    : std_logic_vector(1 downto 0);
  signal residual_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal input_write      : std_logic_vector(WAYS - 1 downto 0);
  signal input_address    : unsigned(ADDRESS_BITS - 1 downto 0);
  signal input_data       : std_logic_vector(INPUT_BITS - 1 downto 0);
  signal scratch_write    : std_logic_vector(WAYS - 1 downto 0);
  signal token_write      : std_logic_vector(WAYS - 1 downto 0);
  signal write_address    : unsigned(ADDRESS_BITS - 1 downto 0);
  signal write_data       : std_logic_vector(WAYS * Y_BITS - 1 downto 0);
  signal into_pool        : std_logic;
  signal pool_first       : std_logic;
  signal pool_channel     : unsigned(ADDRESS_BITS - 1 downto 0);
  signal pool_value       : signed(POOL_BITS - 1 downto 0);
  signal operands         : signed(WAYS * X_BITS - 1 downto 0);
  signal residual_data    : std_logic_vector(WAYS * TOKEN_BITS - 1 downto 0);
  signal finished         : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.row_operands
    port map (
      clk              => clk,
      reset            => reset,
      issue            => issue,
      source           => source,
      active           => active,
      address          => address,
      zero             => zero,
      take             => take,
      residual_read    => residual_read,
      residual_ways    => residual_ways,
      residual_address => residual_address,
      input_write      => input_write,
      input_address    => input_address,
      input_data       => input_data,
      scratch_write    => scratch_write,
      token_write      => token_write,
      write_address    => write_address,
      write_data       => write_data,
      into_pool        => into_pool,
      pool_first       => pool_first,
      pool_channel     => pool_channel,
      pool_value       => pool_value,
      operands         => operands,
      residual_data    => residual_data
    );

  drive : process is
    file     stimuli : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 19 + WAYS);
    variable outputs : line;
  begin
    while not endfile(stimuli) loop
      read_numbers(stimuli, n);
      reset            <= to_bit(n(0));
      issue            <= to_bit(n(1));
      source           <= to_unsigned(n(2), 2);
      active           <= std_logic_vector(to_unsigned(n(3), 2));
      address          <= to_unsigned(n(4), ADDRESS_BITS);
      zero             <= to_signed(n(5), X_BITS);
      take             <= to_bit(n(6));
      residual_read    <= to_bit(n(7));
      residual_ways    <= std_logic_vector(to_unsigned(n(8), 2));
      residual_address <= to_unsigned(n(9), ADDRESS_BITS);
      input_write      <= std_logic_vector(to_unsigned(n(10), WAYS));
      input_address    <= to_unsigned(n(11), ADDRESS_BITS);
      input_data       <= std_logic_vector(to_signed(n(12), INPUT_BITS));
      scratch_write    <= std_logic_vector(to_unsigned(n(13), WAYS));
      token_write      <= std_logic_vector(to_unsigned(n(14), WAYS));
      write_address    <= to_unsigned(n(15), ADDRESS_BITS);
      into_pool        <= to_bit(n(16));
      pool_first       <= to_bit(n(17));
      pool_channel     <= to_unsigned(n(18), ADDRESS_BITS);
      pool_value       <= to_signed(n(19), POOL_BITS);
      for i in 0 to WAYS - 1 loop
        write_data((i + 1) * Y_BITS - 1 downto i * Y_BITS) <=
          std_logic_vector(to_signed(n(20 + i), Y_BITS));
      end loop;
      wait until rising_edge(clk);
      for i in 0 to WAYS - 1 loop
        add(outputs, operands((i + 1) * X_BITS - 1 downto i * X_BITS));
      end loop;
      for i in 0 to WAYS - 1 loop
        add(outputs, signed(residual_data((i + 1) * TOKEN_BITS - 1 downto i * TOKEN_BITS)));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
