-- SPDX-License-Identifier: Apache-2.0
-- The engine between two AXI4-Streams: does what a script says, writes down what comes out.
--
-- SCRIPT_FILE holds a command a line, each with three numbers:
--   0 DATA LAST USER  send a word; DATA has the bits of the word only, those above are random
--   1 N 0 0           hold aresetn low for N clocks
--   2 N 0 0           wait until N packets have come out in all
--   3 N 0 0           send nothing for N clocks
-- OUTPUT_FILE receives, a line each and in the order of time: "word DATA LAST" for every word that
-- comes out, "cycles N" behind the last one of a packet, "error" for every clock of packet_error,
-- and "reset" for every reset. The cycles are counted as engine_tb does. Of 100 clocks in which it
-- could, the sender sends none in IN_STALLS, and the receiver is not ready in OUT_STALLS. With
-- AFTER_VALID, it is ready only in clocks in which valid is high.
--
-- Beside the protocol of both streams, this bench checks that outputs change with the clock only:
-- it changes inputs 2 ns later.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;

entity axis_script_tb is
  generic (
    SCRIPT_FILE : string;
    OUTPUT_FILE : string;
    IN_STALLS   : natural;
    OUT_STALLS  : natural;
    AFTER_VALID : boolean
  );
end entity axis_script_tb;

architecture test of axis_script_tb is

  signal aclk          : std_logic := '0';
  signal aresetn       : std_logic := '0';
  signal s_axis_tvalid : std_logic := '0';
  signal s_axis_tready : std_logic;
  signal s_axis_tdata  : std_logic_vector((INPUT_BITS + 7) / 8 * 8 - 1 downto 0);
  signal s_axis_tlast  : std_logic;
  signal s_axis_tuser  : std_logic_vector(0 downto 0);
  signal m_axis_tvalid : std_logic;
  signal m_axis_tready : std_logic := '0';
  signal m_axis_tdata  : std_logic_vector((OUTPUT_BITS + 7) / 8 * 8 - 1 downto 0);
  signal m_axis_tlast  : std_logic;
  signal packet_error  : std_logic;
  signal answers       : natural   := 0;
  signal finished      : boolean   := false;

begin

  aclk <= not aclk after 5 ns when not finished;

  dut : entity work.axis_engine
    port map (
      aclk          => aclk,
      aresetn       => aresetn,
      s_axis_tvalid => s_axis_tvalid,
      s_axis_tready => s_axis_tready,
      s_axis_tdata  => s_axis_tdata,
      s_axis_tlast  => s_axis_tlast,
      s_axis_tuser  => s_axis_tuser,
      m_axis_tvalid => m_axis_tvalid,
      m_axis_tready => m_axis_tready,
      m_axis_tdata  => m_axis_tdata,
      m_axis_tlast  => m_axis_tlast,
      packet_error  => packet_error
    );

  of_inputs : entity work.axis_monitor
    generic map (
      NAME         => "input",
      WORDS        => INPUT_WORDS,
      CHECK_LENGTH => false
    )
    port map (
      aclk    => aclk,
      aresetn => aresetn,
      tvalid  => s_axis_tvalid,
      tready  => s_axis_tready,
      tdata   => s_axis_tdata,
      tlast   => s_axis_tlast
    );

  of_outputs : entity work.axis_monitor
    generic map (
      NAME         => "output",
      WORDS        => OUTPUTS,
      CHECK_LENGTH => true
    )
    port map (
      aclk    => aclk,
      aresetn => aresetn,
      tvalid  => m_axis_tvalid,
      tready  => m_axis_tready,
      tdata   => m_axis_tdata,
      tlast   => m_axis_tlast
    );

  send : process is

    file     script  : text open read_mode is SCRIPT_FILE;
    variable text_in : line;
    variable command, number, last, user : natural;
    variable seed_1  : positive := 3;
    variable seed_2  : positive := 5;
    variable chance  : real;

    procedure clock is
    begin
      wait until rising_edge(aclk);
      wait for 2 ns;
    end procedure clock;

    impure function random_word return std_logic_vector is
      variable word : std_logic_vector(s_axis_tdata'range);
    begin
      for i in word'range loop
        uniform(seed_1, seed_2, chance);
        word(i) := '1' when chance < 0.5 else '0';
      end loop;
      return word;
    end function random_word;

  begin
    clock;
    clock;
    aresetn <= '1';
    clock;
    while not endfile(script) loop
      readline(script, text_in);
      read(text_in, command);
      read(text_in, number);
      read(text_in, last);
      read(text_in, user);
      if command = 0 then
        loop
          uniform(seed_1, seed_2, chance);
          exit when chance * 100.0 >= real(IN_STALLS);
          clock;
        end loop;
        s_axis_tvalid <= '1';
        s_axis_tdata  <= random_word;
        s_axis_tdata(INPUT_BITS - 1 downto 0) <= std_logic_vector(to_unsigned(number, INPUT_BITS));
        s_axis_tlast  <= to_unsigned(last, 1)(0);
        s_axis_tuser  <= std_logic_vector(to_unsigned(user, 1));
        loop
          wait until rising_edge(aclk);
          exit when s_axis_tready = '1';
        end loop;
        wait for 2 ns;
        s_axis_tvalid <= '0';
        s_axis_tdata  <= (others => 'X');
        s_axis_tlast  <= 'X';
        s_axis_tuser  <= "X";
      elsif command = 1 then
        aresetn <= '0';
        for i in 1 to number loop
          clock;
        end loop;
        aresetn <= '1';
        clock;
      elsif command = 2 then
        if answers < number then
          wait until answers = number for 1 ms;
        end if;
        assert answers = number
          report to_string(answers) & " packets came out, not " & to_string(number)
          severity failure;
        clock;
      else
        for i in 1 to number loop
          clock;
        end loop;
      end if;
    end loop;
    finished <= true;
    wait;
  end process send;

  receive : process is
    variable seed_1 : positive := 7;
    variable seed_2 : positive := 11;
    variable chance : real;
  begin
    wait until rising_edge(aclk);
    wait for 2 ns;
    uniform(seed_1, seed_2, chance);
    m_axis_tready <= '1' when chance * 100.0 >= real(OUT_STALLS) else '0';
    if AFTER_VALID and m_axis_tvalid /= '1' then
      m_axis_tready <= '0';
    end if;
  end process receive;

  write_down : process is
    file     sink     : text open write_mode is OUTPUT_FILE;
    variable text_out : line;
    variable clocks   : natural;
    variable first    : boolean := true; -- the next word that goes in is a packet's first
    variable begun    : natural;
  begin
    wait until rising_edge(aclk);
    clocks := clocks + 1;
    if s_axis_tvalid = '1' and s_axis_tready = '1' then
      if first then
        begun := clocks;
      end if;
      first := s_axis_tlast = '1';
    end if;
    if m_axis_tvalid = '1' and m_axis_tready = '1' and aresetn = '1' then
      write(text_out, "word " & to_string(to_integer(signed(m_axis_tdata))));
      write(text_out, " " & to_string(m_axis_tlast));
      writeline(sink, text_out);
      if m_axis_tlast = '1' then
        answers <= answers + 1;
        write(text_out, "cycles " & to_string(clocks - begun + 1));
        writeline(sink, text_out);
      end if;
    end if;
    if packet_error = '1' then
      write(text_out, string'("error"));
      writeline(sink, text_out);
    end if;
    if aresetn = '0' then
      write(text_out, string'("reset"));
      writeline(sink, text_out);
      first := true;
      wait until aresetn = '1';
    end if;
  end process write_down;

  only_with_the_clock : process is
  begin
    wait on s_axis_tready, m_axis_tvalid, m_axis_tdata, m_axis_tlast, packet_error;
    assert now = 0 ns or (aclk = '1' and aclk'last_event = 0 ns)
      report "an output changes without a clock"
      severity failure;
  end process only_with_the_clock;

end architecture test;
