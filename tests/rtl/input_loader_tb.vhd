-- SPDX-License-Identifier: Apache-2.0
-- The loader of inputs, of tensors that the configuration describes.
--
-- In: reset, start, in_valid, in_data. Out: in_ready, row_loaded, write, address, data, and the
-- elements one by one.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity input_loader_tb is
end entity input_loader_tb;

architecture test of input_loader_tb is

  signal clk        : std_logic := '0';
  signal reset      : std_logic;
  signal start      : std_logic;
  signal in_valid   : std_logic;
  signal in_ready   : std_logic;
  signal in_data    : std_logic_vector(INPUT_BITS - 1 downto 0);
  signal row_loaded : std_logic;
  signal write      : std_logic_vector(WAYS - 1 downto 0);
  signal address    : unsigned(ADDRESS_BITS - 1 downto 0);
  signal data       : std_logic_vector(INPUT_BITS - 1 downto 0);
  signal elements   : std_logic_vector(maximum(ELEMENT_COUNT, 1) * INPUT_BITS - 1 downto 0);
  signal finished   : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.input_loader
    port map (
      clk        => clk,
      reset      => reset,
      start      => start,
      in_valid   => in_valid,
      in_ready   => in_ready,
      in_data    => in_data,
      row_loaded => row_loaded,
      write      => write,
      address    => address,
      data       => data,
      elements   => elements
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 3);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset    <= to_bit(n(0));
      start    <= to_bit(n(1));
      in_valid <= to_bit(n(2));
      in_data  <= std_logic_vector(to_unsigned(n(3), INPUT_BITS));
      wait until rising_edge(clk);
      add(outputs, in_ready);
      add(outputs, row_loaded);
      add(outputs, write);
      add(outputs, address);
      add(outputs, data);
      for e in 0 to ELEMENT_COUNT - 1 loop
        add(outputs, elements((e + 1) * INPUT_BITS - 1 downto e * INPUT_BITS));
      end loop;
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
