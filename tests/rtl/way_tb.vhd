-- SPDX-License-Identifier: Apache-2.0
-- A way of the array; the configuration has the widths, the program and the exponentials.
--
-- In: reset, rewind, enable, first, group_first, group_last, x, done, move, column, taking, valid,
-- softmax, row_m, step, ways, row_first, row_last, slot, y_address, y_lane, bias, m, r, residual,
-- absent, take_run, running, and w of each lane. Out: hold, below_valid, below_step, y_valid, y,
-- y_step, y_tag, e_valid, e, e_tag.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity way_tb is
  generic (
    INDEX     : natural;
    LANE_KIND : natural;
    X_WIDTH   : positive;
    W_WIDTH   : positive
  );
end entity way_tb;

architecture test of way_tb is

  constant TAG_BITS : positive := ADDRESS_BITS + LANE_INDEX_BITS + 4;
  constant FIRST_W  : positive := 28;

  signal clk         : std_logic := '0';
  signal reset       : std_logic;
  signal rewind      : std_logic;
  signal enable      : std_logic;
  signal first       : std_logic;
  signal group_first : std_logic;
  signal group_last  : std_logic;
  signal x           : signed(X_WIDTH - 1 downto 0);
  signal w           : signed(COLUMNS * LANE_BITS - 1 downto 0);
  signal done        : std_logic;
  signal move        : std_logic;
  signal column      : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal taking      : std_logic;
  signal take_run    : std_logic;
  signal running     : signed(SUM_BITS - 1 downto 0);
  signal valid       : std_logic;
  signal softmax     : std_logic;
  signal row_m       : std_logic;
  signal step        : unsigned(STEP_BITS - 1 downto 0);
  signal ways        : std_logic_vector(1 downto 0);
  signal row_first   : std_logic;
  signal row_last    : std_logic;
  signal absent      : std_logic;
  signal slot        : unsigned(SLOT_BITS - 1 downto 0);
  signal y_address   : unsigned(ADDRESS_BITS - 1 downto 0);
  signal y_lane      : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal hold        : std_logic;
  signal below_valid : std_logic;
  signal below_step  : unsigned(STEP_BITS - 1 downto 0);
  signal bias        : signed(BIAS_BITS - 1 downto 0);
  signal m           : signed(M_BITS - 1 downto 0);
  signal r           : signed(M_BITS - 1 downto 0);
  signal residual    : signed(RESIDUAL_BITS - 1 downto 0);
  signal y_valid     : std_logic;
  signal y           : signed(Y_BITS - 1 downto 0);
  signal y_step      : unsigned(STEP_BITS - 1 downto 0);
  signal y_tag       : std_logic_vector(TAG_BITS - 1 downto 0);
  signal e_valid     : std_logic;
  signal e           : signed(Y_BITS - 1 downto 0);
  signal e_tag       : std_logic_vector(TAG_BITS - 1 downto 0);
  signal finished    : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.way
    generic map (
      INDEX     => INDEX,
      LANE_KIND => LANE_KIND,
      X_WIDTH   => X_WIDTH,
      W_WIDTH   => W_WIDTH,
      TAG_BITS  => TAG_BITS
    )
    port map (
      clk         => clk,
      reset       => reset,
      rewind      => rewind,
      enable      => enable,
      first       => first,
      group_first => group_first,
      group_last  => group_last,
      x           => x,
      w           => w,
      done        => done,
      move        => move,
      column      => column,
      taking      => taking,
      take_run    => take_run,
      running     => running,
      valid       => valid,
      softmax     => softmax,
      row_m       => row_m,
      step        => step,
      ways        => ways,
      row_first   => row_first,
      row_last    => row_last,
      absent      => absent,
      slot        => slot,
      y_address   => y_address,
      y_lane      => y_lane,
      other_found   => '0',
      other_maximum => (others => '0'),
      other_e       => (others => '0'),
      own_found     => open,
      own_maximum   => open,
      own_e         => open,
      hold        => hold,
      below_valid => below_valid,
      below_step  => below_step,
      bias        => bias,
      m           => m,
      r           => r,
      residual    => residual,
      y_valid     => y_valid,
      y           => y,
      y_step      => y_step,
      y_tag       => y_tag,
      e_valid     => e_valid,
      e           => e,
      e_tag       => e_tag
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to FIRST_W + COLUMNS - 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset       <= to_bit(n(0));
      rewind      <= to_bit(n(1));
      enable      <= to_bit(n(2));
      first       <= to_bit(n(3));
      group_first <= to_bit(n(4));
      group_last  <= to_bit(n(5));
      x           <= to_signed(n(6), X_WIDTH);
      done        <= to_bit(n(7));
      move        <= to_bit(n(8));
      column      <= to_unsigned(n(9), LANE_INDEX_BITS);
      taking      <= to_bit(n(10));
      valid       <= to_bit(n(11));
      softmax     <= to_bit(n(12));
      row_m       <= to_bit(n(13));
      step        <= to_unsigned(n(14), STEP_BITS);
      ways        <= std_logic_vector(to_unsigned(n(15), 2));
      row_first   <= to_bit(n(16));
      row_last    <= to_bit(n(17));
      slot        <= to_unsigned(n(18), SLOT_BITS);
      y_address   <= to_unsigned(n(19), ADDRESS_BITS);
      y_lane      <= to_unsigned(n(20), LANE_INDEX_BITS);
      bias        <= to_signed(n(21), BIAS_BITS);
      m           <= to_signed(n(22), M_BITS);
      r           <= to_signed(n(23), M_BITS);
      residual    <= to_signed(n(24), RESIDUAL_BITS);
      absent      <= to_bit(n(25));
      take_run    <= to_bit(n(26));
      running     <= to_signed(n(27), SUM_BITS);
      for i in 0 to COLUMNS - 1 loop
        w((i + 1) * LANE_BITS - 1 downto i * LANE_BITS) <= to_signed(n(FIRST_W + i), LANE_BITS);
      end loop;
      wait until rising_edge(clk);
      add(outputs, hold);
      add(outputs, below_valid);
      add(outputs, below_step);
      add(outputs, y_valid);
      add(outputs, y);
      add(outputs, y_step);
      add(outputs, y_tag);
      add(outputs, e_valid);
      add(outputs, e);
      add(outputs, e_tag);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
