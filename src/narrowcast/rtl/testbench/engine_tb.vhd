-- SPDX-License-Identifier: Apache-2.0
-- Feeds the engine a file of inputs and writes down what it answers.
--
-- INPUT_FILE holds one input word a line, as a decimal integer, and whether a restart comes with it, 0
-- or 1; OUTPUT_FILE receives, a line each,
-- the outputs in order, and for every inference "cycles N", counted from the clock in which its
-- first input is taken to the clock in which its last output is taken. With STALLS both streams
-- are held up at random. If TRACE_FILE is not empty, every number that the engine stores is written
-- there, a line each, in the order of the program.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;

entity engine_tb is
  generic (
    INPUT_FILE  : string;
    OUTPUT_FILE : string;
    STALLS      : boolean := false;
    TRACE_FILE  : string  := ""
  );
end entity engine_tb;

architecture test of engine_tb is

  signal clk       : std_logic := '0';
  signal reset     : std_logic := '1';
  signal in_valid  : std_logic := '0';
  signal in_ready  : std_logic;
  signal in_data   : std_logic_vector(INPUT_BITS - 1 downto 0) := (others => '0');
  signal restart   : std_logic := '0';
  signal out_valid : std_logic;
  signal out_ready : std_logic := '0';
  signal out_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);
  signal finished  : boolean := false;
  signal trace_valid : std_logic_vector(WAYS - 1 downto 0);
  signal trace_data  : std_logic_vector(WAYS * Y_BITS - 1 downto 0);

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.engine
    port map (
      clk       => clk,
      reset     => reset,
      in_valid  => in_valid,
      in_ready  => in_ready,
      in_data   => in_data,
      restart   => restart,
      out_valid => out_valid,
      out_ready => out_ready,
      out_data  => out_data,
      trace_valid => trace_valid,
      trace_data  => trace_data
    );

  drive : process is
    file     source  : text open read_mode is INPUT_FILE;
    file     sink    : text open write_mode is OUTPUT_FILE;
    variable text_in, text_out : line;
    variable number  : integer;
    variable taken, given, clock_count, idle, begun : natural := 0;
    variable seed_1  : positive := 7;
    variable seed_2  : positive := 11;
    variable chance  : real;
    variable pending : boolean := false;

    impure function go return boolean is
    begin
      if not STALLS then
        return true;
      end if;
      uniform(seed_1, seed_2, chance);
      return chance < 0.5;
    end function go;

  begin
    for i in 1 to 4 loop
      wait until rising_edge(clk);
    end loop;
    reset <= '0';
    while not (endfile(source) and not pending and taken mod INPUT_WORDS = 0
               and given * INPUT_WORDS = taken * OUTPUTS) loop
      if not pending and not endfile(source) then
        readline(source, text_in);
        read(text_in, number);
        in_data <= std_logic_vector(to_signed(number, INPUT_BITS));
        read(text_in, number);
        restart <= to_unsigned(number, 1)(0);
        pending := true;
      end if;
      if pending and (in_valid = '1' or go) then
        in_valid <= '1';
      else
        in_valid <= '0';
      end if;
      if go then
        out_ready <= '1';
      else
        out_ready <= '0';
      end if;
      wait until rising_edge(clk);
      clock_count := clock_count + 1;
      idle := idle + 1;
      if in_valid = '1' and in_ready = '1' then
        if taken mod INPUT_WORDS = 0 then
          begun := clock_count;
        end if;
        taken   := taken + 1;
        pending := false;
        in_valid <= '0';
        idle    := 0;
      end if;
      if out_valid = '1' and out_ready = '1' then
        write(text_out, to_integer(signed(out_data)));
        writeline(sink, text_out);
        given := given + 1;
        idle  := 0;
        if given mod OUTPUTS = 0 then
          write(text_out, string'("cycles "));
          write(text_out, clock_count - begun + 1);
          writeline(sink, text_out);
        end if;
      end if;
      if idle > 4000000 then
        report "the engine does not answer" severity failure;
      end if;
    end loop;
    finished <= true;
    wait;
  end process drive;

  tracing : if TRACE_FILE'length > 0 generate

    trace : process is
      file     sink : text open write_mode is TRACE_FILE;
      variable text_out : line;
    begin
      wait until rising_edge(clk) and reset = '0';
      for i in 0 to WAYS - 1 loop
        if trace_valid(i) = '1' then
          write(text_out, to_integer(signed(trace_data((i + 1) * Y_BITS - 1 downto i * Y_BITS))));
          writeline(sink, text_out);
        end if;
      end loop;
    end process trace;

  end generate tracing;

end architecture test;
