-- SPDX-License-Identifier: Apache-2.0
-- The ring of states alone.
--
-- In: reset, taken, restart, sent. Out: newest, behind, newest_lane, newest_keys, full,
-- fresh.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity state_ring_tb is
  generic (
    ROWS            : positive;
    LANES           : positive;
    KEY_STRIDE      : positive;
    ADDRESS_BITS    : positive;
    LANE_INDEX_BITS : positive
  );
end entity state_ring_tb;

architecture test of state_ring_tb is

  signal clk         : std_logic := '0';
  signal reset       : std_logic;
  signal taken       : std_logic;
  signal restart     : std_logic;
  signal sent        : std_logic;
  signal fresh       : std_logic;
  signal newest      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal behind      : unsigned(ADDRESS_BITS - 1 downto 0);
  signal newest_lane : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal newest_keys : unsigned(ADDRESS_BITS - 1 downto 0);
  signal full        : std_logic;
  signal finished    : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.state_ring
    generic map (
      ROWS            => ROWS,
      LANES           => LANES,
      KEY_STRIDE      => KEY_STRIDE,
      ADDRESS_BITS    => ADDRESS_BITS,
      LANE_INDEX_BITS => LANE_INDEX_BITS
    )
    port map (
      clk         => clk,
      reset       => reset,
      taken       => taken,
      restart     => restart,
      sent        => sent,
      fresh       => fresh,
      newest      => newest,
      behind      => behind,
      newest_lane => newest_lane,
      newest_keys => newest_keys,
      full        => full
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 3);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset   <= to_bit(n(0));
      taken   <= to_bit(n(1));
      restart <= to_bit(n(2));
      sent    <= to_bit(n(3));
      wait until rising_edge(clk);
      add(outputs, newest);
      add(outputs, behind);
      add(outputs, newest_lane);
      add(outputs, newest_keys);
      add(outputs, full);
      add(outputs, fresh);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
