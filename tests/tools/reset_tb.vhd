-- SPDX-License-Identifier: Apache-2.0
-- Resets the engine in the middle of inferences, then runs one to its end.
--
-- INPUT_FILE holds the input words of one window, a line each. For each of several moments (while
-- inputs come in, while the program runs, while outputs are offered) an inference is begun, broken
-- off by a reset, and begun anew; its outputs are written to OUTPUT_FILE, a line each, and behind
-- them "cycles N", counted as engine_tb does. The first reset comes 4 clocks after the first input,
-- each next one RESET_STEP clocks later than the one before.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;

entity reset_tb is
  generic (
    INPUT_FILE  : string;
    OUTPUT_FILE : string;
    ATTEMPTS    : positive;
    RESET_STEP  : positive
  );
end entity reset_tb;

architecture test of reset_tb is

  type word_array is array (0 to INPUT_WORDS - 1) of integer;

  signal clk       : std_logic := '0';
  signal reset     : std_logic := '1';
  signal in_valid  : std_logic := '0';
  signal in_ready  : std_logic;
  signal in_data   : std_logic_vector(INPUT_BITS - 1 downto 0) := (others => '0');
  signal out_valid : std_logic;
  signal out_ready : std_logic := '0';
  signal out_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);
  signal finished  : boolean := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.engine
    port map (
      clk         => clk,
      reset       => reset,
      in_valid    => in_valid,
      in_ready    => in_ready,
      in_data     => in_data,
      restart     => '0',
      out_valid   => out_valid,
      out_ready   => out_ready,
      out_data    => out_data,
      trace_valid => open,
      trace_data  => open
    );

  drive : process is
    file     source   : text open read_mode is INPUT_FILE;
    file     sink     : text open write_mode is OUTPUT_FILE;
    variable text_in, text_out : line;
    variable words    : word_array;
    variable taken, given, clocks, begun, limit : natural;
  begin
    for i in words'range loop
      readline(source, text_in);
      read(text_in, words(i));
    end loop;
    for attempt in 1 to ATTEMPTS loop
      for whole in 0 to 1 loop
        reset <= '1';
        wait until rising_edge(clk);
        reset <= '0';
        taken  := 0;
        given  := 0;
        clocks := 0;
        limit  := 4 + (attempt - 1) * RESET_STEP;
        -- the run that is broken off leaves its outputs untaken, so the reset finds them offered
        out_ready <= '1' when whole = 1 else '0';
        while given < OUTPUTS and (whole = 1 or clocks < limit) loop
          if taken < INPUT_WORDS then
            in_valid <= '1';
            in_data  <= std_logic_vector(to_signed(words(taken), INPUT_BITS));
          else
            in_valid <= '0';
          end if;
          wait until rising_edge(clk);
          clocks := clocks + 1;
          if in_valid = '1' and in_ready = '1' then
            if taken = 0 then
              begun := clocks;
            end if;
            taken := taken + 1;
          end if;
          if out_valid = '1' and out_ready = '1' then
            write(text_out, to_integer(signed(out_data)));
            writeline(sink, text_out);
            given := given + 1;
          end if;
        end loop;
        in_valid <= '0';
      end loop;
      write(text_out, string'("cycles "));
      write(text_out, clocks - begun + 1);
      writeline(sink, text_out);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
