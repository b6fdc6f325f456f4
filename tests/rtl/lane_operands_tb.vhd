-- SPDX-License-Identifier: Apache-2.0
-- The operands of the lanes; the configuration has banks and caches. If it has no weights, the bytes
-- of "weights.txt", one in binary digits a line, are loaded before.
--
-- In: issue, source, address, take, key_write, value_write, write_lane, write_address, key_way, and the
-- data that each way writes. Out: the operand of each lane.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity lane_operands_tb is
end entity lane_operands_tb;

architecture test of lane_operands_tb is

  signal clk           : std_logic := '0';
  signal issue         : std_logic;
  signal source        : natural range 0 to BANK_BITS'length + 1;
  signal address       : unsigned(ADDRESS_BITS - 1 downto 0);
  signal take          : std_logic;
  signal key_write     : std_logic_vector(WAYS - 1 downto 0);
  signal value_write   : std_logic_vector(WAYS - 1 downto 0);
  signal write_lane    : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal write_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal write_data    : std_logic_vector(WAYS * Y_BITS - 1 downto 0);
  signal key_way       : std_logic;
  signal operands      : signed((1 + SPLIT) * COLUMNS * LANE_BITS - 1 downto 0);
  signal weights_start : std_logic := '0';
  signal weights_valid : std_logic := '0';
  signal weights_data  : std_logic_vector(7 downto 0);
  signal weights_busy  : std_logic;
  signal weights_loaded : std_logic;
  signal finished      : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.lane_operands
    port map (
      clk           => clk,
      issue         => issue,
      source        => source,
      address       => address,
      take          => take,
      key_write     => key_write,
      value_write   => value_write,
      write_lane    => write_lane,
      key_way       => key_way,
      write_address => write_address,
      write_data    => write_data,
      operands      => operands,
      weights_start     => weights_start,
      weights_examine   => '0',
      weights_valid     => weights_valid,
      weights_data      => weights_data,
      weights_receiving => open,
      weights_busy      => weights_busy,
      weights_loaded    => weights_loaded,
      weights_check     => open
    );

  drive : process is
    file     stimuli : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 8 + WAYS);
    variable outputs : line;
    file     bytes   : text;
    variable content : line;
    variable byte    : std_logic_vector(7 downto 0);
  begin
    issue       <= '0';
    key_write   <= (others => '0');
    value_write <= (others => '0');
    if WEIGHTS'length = 1 then
      file_open(bytes, "weights.txt", read_mode);
      weights_start <= '1';
      wait until rising_edge(clk);
      weights_start <= '0';
      weights_valid <= '1';
      while not endfile(bytes) loop
        readline(bytes, content);
        read(content, byte);
        weights_data <= byte;
        wait until rising_edge(clk);
      end loop;
      weights_valid <= '0';
      wait until weights_busy = '0';
    end if;
    assert weights_loaded = '1' or WEIGHTS'length > 1
      report "the weights are refused"
      severity failure;
    while not endfile(stimuli) loop
      read_numbers(stimuli, n);
      issue         <= to_bit(n(0));
      source        <= n(1);
      address       <= to_unsigned(n(2), ADDRESS_BITS);
      take          <= to_bit(n(3));
      key_write     <= std_logic_vector(to_unsigned(n(4), WAYS));
      value_write   <= std_logic_vector(to_unsigned(n(5), WAYS));
      write_lane    <= to_unsigned(n(6), LANE_INDEX_BITS);
      write_address <= to_unsigned(n(7), ADDRESS_BITS);
      key_way       <= to_bit(n(8));
      for i in 0 to WAYS - 1 loop
        write_data((i + 1) * Y_BITS - 1 downto i * Y_BITS) <=
          std_logic_vector(to_signed(n(9 + i), Y_BITS));
      end loop;
      wait until rising_edge(clk);
      for lane in 0 to (1 + SPLIT) * COLUMNS - 1 loop
        add(outputs, operands((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
