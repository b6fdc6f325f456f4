-- SPDX-License-Identifier: Apache-2.0
-- The cache of all lanes; its words are as wide as one number of the files may be.
--
-- In: write, write_lane, write_address, write_data, enable, read_address. Out: read_data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity lane_cache_tb is
  generic (
    BLOCK_MEMORY    : natural;
    LANES           : positive;
    WAYS            : positive;
    WIDTH           : positive;
    DEPTH           : positive;
    ADDRESS_BITS    : positive;
    LANE_INDEX_BITS : positive
  );
end entity lane_cache_tb;

architecture test of lane_cache_tb is

  signal clk           : std_logic := '0';
  signal write         : std_logic_vector(WAYS - 1 downto 0);
  signal write_lane    : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal write_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal write_data    : std_logic_vector(WAYS * WIDTH - 1 downto 0);
  signal enable        : std_logic;
  signal read_address  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal read_data     : std_logic_vector(LANES * WIDTH - 1 downto 0);
  signal finished      : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.lane_cache
    generic map (
      BLOCK_MEMORY    => BLOCK_MEMORY,
      LANES           => LANES,
      WAYS            => WAYS,
      WIDTH           => WIDTH,
      DEPTH           => DEPTH,
      ADDRESS_BITS    => ADDRESS_BITS,
      LANE_INDEX_BITS => LANE_INDEX_BITS
    )
    port map (
      clk           => clk,
      write         => write,
      write_lane    => write_lane,
      write_address => write_address,
      write_data    => write_data,
      enable        => enable,
      read_address  => read_address,
      read_data     => read_data
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 5);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      write         <= std_logic_vector(to_unsigned(n(0), WAYS));
      write_lane    <= to_unsigned(n(1), LANE_INDEX_BITS);
      write_address <= to_unsigned(n(2), ADDRESS_BITS);
      write_data    <= std_logic_vector(to_unsigned(n(3), WAYS * WIDTH));
      enable        <= to_bit(n(4));
      read_address  <= to_unsigned(n(5), ADDRESS_BITS);
      wait until rising_edge(clk);
      add(outputs, read_data);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
