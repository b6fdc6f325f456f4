-- SPDX-License-Identifier: Apache-2.0
-- Feeds the engine a file of inputs and writes down what it answers.
--
-- INPUT_FILE holds a number and its kind a line, as decimal integers. Kinds 0 to 3 are an input
-- word, plus 1 if a restart comes with it, plus 2 if "keep" does. 4 resets the engine once all that
-- it owes is there. 5 is a byte of a state that is put back, and 6 its last one. 7 is a byte of
-- weights, and 8 comes before the first of them. OUTPUT_FILE receives, a line each, the outputs in
-- order, and for every inference "cycles N", counted from the clock in which its first input is
-- taken to the clock in which its last output is taken. If STATE_FILE is not empty, it receives a
-- line for each row of the states that is given out (its bytes), and "restored" or "refused" for
-- each state. With STALLS all streams are held up at random. If TRACE_FILE is not empty, every
-- number that the engine stores is written there, a line each, in the order of the program.
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
    STATE_FILE  : string  := "";
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
  signal keep      : std_logic := '0';
  signal state_in_valid  : std_logic := '0';
  signal state_in_ready  : std_logic;
  signal state_in_data   : std_logic_vector(7 downto 0) := (others => '0');
  signal state_in_last   : std_logic := '0';
  signal state_restored  : std_logic;
  signal state_refused   : std_logic;
  signal state_out_valid : std_logic;
  signal state_out_ready : std_logic := '0';
  signal state_out_data  : std_logic_vector(7 downto 0);
  signal state_out_last  : std_logic;
  signal weights_start   : std_logic := '0';
  signal weights_valid   : std_logic := '0';
  signal weights_data    : std_logic_vector(7 downto 0) := (others => '0');
  signal weights_busy    : std_logic;
  signal weights_loaded  : std_logic;
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
      keep      => keep,
      state_in_valid  => state_in_valid,
      state_in_ready  => state_in_ready,
      state_in_data   => state_in_data,
      state_in_last   => state_in_last,
      state_restored  => state_restored,
      state_refused   => state_refused,
      state_out_valid => state_out_valid,
      state_out_ready => state_out_ready,
      state_out_data  => state_out_data,
      state_out_last  => state_out_last,
      weights_start  => weights_start,
      weights_valid  => weights_valid,
      weights_data   => weights_data,
      weights_busy   => weights_busy,
      weights_loaded => weights_loaded,
      trace_valid => trace_valid,
      trace_data  => trace_data
    );

  drive : process is

    constant KEEP_BIT   : natural := 2;
    constant RESET_KIND : natural := 4;
    constant STATE_KIND : natural := 5;
    constant LAST_KIND  : natural := 6;
    constant WEIGHT_KIND : natural := 7;
    constant START_KIND : natural := 8;

    file     source  : text open read_mode is INPUT_FILE;
    file     sink    : text open write_mode is OUTPUT_FILE;
    file     states  : text;
    variable text_in, text_out, text_row : line;
    variable number  : integer;
    variable kind    : natural;
    variable taken, given, clock_count, idle, begun : natural := 0;
    variable rows    : natural := 0;     -- asked for, and not given out yet
    variable judging : boolean := false; -- a state has been sent, and was not judged yet
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

    function to_std (condition : boolean) return std_logic is
    begin
      if condition then
        return '1';
      end if;
      return '0';
    end function to_std;

    -- The engine has answered everything.
    impure function answered return boolean is
    begin
      return taken mod INPUT_WORDS = 0 and given * INPUT_WORDS = taken * OUTPUTS
             and rows = 0 and not judging;
    end function answered;

  begin
    if STATE_FILE'length > 0 then
      file_open(states, STATE_FILE, write_mode);
    end if;
    for i in 1 to 4 loop
      wait until rising_edge(clk);
    end loop;
    reset <= '0';
    while not (endfile(source) and not pending and answered) loop
      if not pending and not endfile(source) then
        readline(source, text_in);
        read(text_in, number);
        read(text_in, kind);
        if kind < RESET_KIND then
          in_data <= std_logic_vector(to_signed(number, INPUT_BITS));
          restart <= to_unsigned(kind, 2)(0);
          keep    <= to_unsigned(kind, 2)(1);
        elsif kind >= WEIGHT_KIND then
          weights_data <= std_logic_vector(to_unsigned(number, 8));
        elsif kind >= STATE_KIND then
          state_in_data <= std_logic_vector(to_unsigned(number, 8));
          state_in_last <= to_std(kind = LAST_KIND);
        end if;
        pending := true;
      end if;
      in_valid       <= '0';
      state_in_valid <= '0';
      weights_start  <= '0';
      weights_valid  <= '0';
      reset          <= '0';
      if pending and kind < RESET_KIND and weights_busy = '0' and (in_valid = '1' or go) then
        assert weights_loaded = '1'
          report "the weights are refused"
          severity failure;
        in_valid <= '1';
      elsif pending and kind = START_KIND and answered then
        weights_start <= '1';
        pending       := false;
      elsif pending and kind = WEIGHT_KIND and go then
        weights_valid <= '1';
        pending       := false;
      elsif pending and (kind = STATE_KIND or kind = LAST_KIND) and (state_in_valid = '1' or go) then
        state_in_valid <= '1';
      elsif pending and kind = RESET_KIND and answered then
        reset   <= '1';
        pending := false;
      end if;
      out_ready       <= to_std(go);
      state_out_ready <= to_std(go);
      wait until rising_edge(clk);
      clock_count := clock_count + 1;
      idle := idle + 1;
      if in_valid = '1' and in_ready = '1' then
        if taken mod INPUT_WORDS = 0 then
          begun := clock_count;
          if kind >= KEEP_BIT then
            rows := rows + 1;
          end if;
        end if;
        taken   := taken + 1;
        pending := false;
        in_valid <= '0';
        idle    := 0;
      end if;
      if state_in_valid = '1' and state_in_ready = '1' then
        judging := state_in_last = '1';
        pending := false;
        state_in_valid <= '0';
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
      if state_out_valid = '1' and state_out_ready = '1' then
        write(text_row, to_integer(unsigned(state_out_data)));
        write(text_row, ' ');
        idle := 0;
        if state_out_last = '1' then
          writeline(states, text_row);
          rows := rows - 1;
        end if;
      end if;
      if judging and (state_restored or state_refused) = '1' then
        if state_restored = '1' then
          write(text_row, string'("restored"));
        else
          write(text_row, string'("refused"));
        end if;
        writeline(states, text_row);
        judging := false;
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
