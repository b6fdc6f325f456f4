-- SPDX-License-Identifier: Apache-2.0
-- Feeds lanes of all kinds a file of operands and writes down what stands at their outputs.
--
-- INPUT_FILE holds a clock a line: enable, first, group_first, group_last, x, w_low, w_high of
-- lane_pair and w of lane and lane_tables, as decimal integers. OUTPUT_FILE receives a line for each
-- of them and for DELAY clocks more, as they are before the clock's edge: sum_low, sum_high and
-- borrow of lane_pair, sums of lane_tables, in a row and in a tree, sum of lane.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

entity lane_tb is
  generic (
    INPUT_FILE  : string;
    OUTPUT_FILE : string;
    X_BITS      : positive;
    LANE_BITS   : positive;
    FIELD       : positive;
    SUM_BITS    : positive;
    GROUPED     : natural;
    DELAY       : natural
  );
end entity lane_tb;

architecture test of lane_tb is

  type numbers_t is array (0 to 7) of integer;
  type sums_t is array (0 to 1) of signed(SUM_BITS - 1 downto 0);

  signal clk      : std_logic := '0';
  signal flags    : std_logic_vector(0 to 3) := (others => '0');
  signal x        : signed(X_BITS - 1 downto 0) := (others => '0');
  signal w_low    : signed(LANE_BITS - 1 downto 0) := (others => '0');
  signal w_high   : signed(LANE_BITS - 1 downto 0) := (others => '0');
  signal w        : signed(LANE_BITS - 1 downto 0) := (others => '0');
  signal sum_low  : signed(SUM_BITS - 1 downto 0);
  signal sum_high : signed(SUM_BITS - 1 downto 0);
  signal borrow   : std_logic;
  signal sums     : sums_t; -- of tables: in a row, in a tree
  signal sum_one  : signed(SUM_BITS - 1 downto 0);
  signal finished : boolean := false;

begin

  clk <= not clk after 5 ns when not finished;

  pair : entity work.lane_pair
    generic map (
      X_BITS    => X_BITS,
      LANE_BITS => LANE_BITS,
      FIELD     => FIELD,
      SUM_BITS  => SUM_BITS,
      GROUPED   => GROUPED
    )
    port map (
      clk         => clk,
      enable      => flags(0),
      first       => flags(1),
      group_first => flags(2),
      group_last  => flags(3),
      x           => x,
      w_low       => w_low,
      w_high      => w_high,
      sum_low     => sum_low,
      sum_high    => sum_high,
      borrow      => borrow
    );

  of_tables : for tree in 0 to 1 generate

    tables : entity work.lane_tables
      generic map (
        X_BITS    => X_BITS,
        LANE_BITS => LANE_BITS,
        SUM_BITS  => SUM_BITS,
        TREE      => tree
      )
      port map (
        clk    => clk,
        enable => flags(0),
        first  => flags(1),
        x      => x,
        w      => w,
        sum    => sums(tree)
      );

  end generate of_tables;

  one : entity work.lane
    generic map (
      X_BITS    => X_BITS,
      LANE_BITS => LANE_BITS,
      SUM_BITS  => SUM_BITS
    )
    port map (
      clk    => clk,
      enable => flags(0),
      first  => flags(1),
      x      => x,
      w      => w,
      sum    => sum_one
    );

  drive : process is
    file     source   : text open read_mode is INPUT_FILE;
    file     sink     : text open write_mode is OUTPUT_FILE;
    variable text_in, text_out : line;
    variable numbers  : numbers_t := (others => 0);
    variable idle     : natural := 0;
  begin
    while idle <= DELAY loop
      wait until rising_edge(clk);
      write(text_out, to_integer(sum_low));
      write(text_out, ' ');
      write(text_out, to_integer(sum_high));
      write(text_out, ' ');
      write(text_out, std_logic'pos(borrow) - std_logic'pos('0'));
      write(text_out, ' ');
      write(text_out, to_integer(sums(0)));
      write(text_out, ' ');
      write(text_out, to_integer(sums(1)));
      write(text_out, ' ');
      write(text_out, to_integer(sum_one));
      writeline(sink, text_out);
      if endfile(source) then
        flags <= (others => '0');
        idle  := idle + 1;
      else
        readline(source, text_in);
        for i in numbers'range loop
          read(text_in, numbers(i));
        end loop;
        for i in flags'range loop
          flags(i) <= '1' when numbers(i) = 1 else '0';
        end loop;
        x      <= to_signed(numbers(4), X_BITS);
        w_low  <= to_signed(numbers(5), LANE_BITS);
        w_high <= to_signed(numbers(6), LANE_BITS);
        w      <= to_signed(numbers(7), LANE_BITS);
      end if;
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
