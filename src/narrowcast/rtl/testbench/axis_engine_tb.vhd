-- SPDX-License-Identifier: Apache-2.0
-- Feeds axis_engine the test vectors, twice, and compares what comes out.
--
-- INPUT_FILE and EXPECTED_FILE hold one hexadecimal word a line, packet after packet. Of a model
-- with states, RESTART_FILE holds 0 or 1 a line for each packet; the first packet begins a stretch
-- in any case. In the second pass both streams are held up at random. Before each pass come two
-- packets of wrong lengths, one of them too long, which have to be reported and not answered. A
-- difference, or a breach of the protocol, ends the simulation as a failure.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;

entity axis_engine_tb is
  generic (
    INPUT_FILE    : string  := "inputs.hex";
    EXPECTED_FILE : string  := "expected.hex";
    RESTART_FILE  : string  := "restart.txt";
    PATIENCE      : natural := 4_000_000 -- clocks without a word
  );
end entity axis_engine_tb;

architecture test of axis_engine_tb is

  -- vectors have whole hexadecimal digits
  subtype in_digits_t is std_logic_vector((INPUT_BITS + 3) / 4 * 4 - 1 downto 0);
  subtype out_digits_t is std_logic_vector((OUTPUT_BITS + 3) / 4 * 4 - 1 downto 0);

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

  signal errors   : natural := 0;
  signal begun    : time    := 0 ns; -- when the first word of a packet was taken
  signal finished : boolean := false;

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

  monitor : entity work.axis_monitor
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

    variable text_in : line;
    variable word    : in_digits_t;
    variable flag    : natural;
    variable status  : file_open_status;
    variable seed_1  : positive := 3;
    variable seed_2  : positive := 5;
    variable chance  : real;
    variable pause   : natural;
    file     words   : text;
    file     flags   : text;

    procedure give (value : std_logic_vector; last : boolean; user : natural) is
    begin
      loop
        uniform(seed_1, seed_2, chance);
        exit when chance * 100.0 >= real(pause);
        wait until rising_edge(aclk);
      end loop;
      s_axis_tvalid <= '1';
      s_axis_tdata  <= std_logic_vector(resize(signed(value), s_axis_tdata'length));
      s_axis_tlast  <= '1' when last else '0';
      s_axis_tuser  <= std_logic_vector(to_unsigned(user, 1));
      loop
        wait until rising_edge(aclk);
        exit when s_axis_tready = '1';
      end loop;
      s_axis_tvalid <= '0';
    end procedure give;

    procedure give_broken (length : positive) is
    begin
      for i in 1 to length loop
        give(std_logic_vector(to_unsigned(i mod 2, INPUT_BITS)), i = length, 0);
      end loop;
    end procedure give_broken;

  begin
    for i in 1 to 20 loop
      wait until rising_edge(aclk);
    end loop;
    aresetn <= '1';
    wait until rising_edge(aclk);
    for pass in 0 to 1 loop
      pause := 50 * pass;
      give_broken(abs (INPUT_WORDS - 2) + 1); -- a word too few; if there is only one, one too many
      give_broken(INPUT_WORDS + 2);
      file_open(words, INPUT_FILE, read_mode);
      if KEPT_ROWS > 0 then
        file_open(status, flags, RESTART_FILE, read_mode);
        assert status = open_ok
          report "there is no " & RESTART_FILE
          severity failure;
      end if;
      flag := 1;
      while not endfile(words) loop
        if KEPT_ROWS > 0 then
          readline(flags, text_in);
          if flag = 0 then
            read(text_in, flag);
          end if;
        end if;
        for i in 1 to INPUT_WORDS loop
          readline(words, text_in);
          hread(text_in, word);
          give(word(INPUT_BITS - 1 downto 0), i = INPUT_WORDS, flag);
          if i = 1 then
            begun <= now;
          end if;
        end loop;
        flag := 0;
      end loop;
      file_close(words);
      if KEPT_ROWS > 0 then
        file_close(flags);
      end if;
    end loop;
    wait;
  end process send;

  count_errors : process (aclk) is
  begin
    if rising_edge(aclk) then
      if packet_error = '1' then
        errors <= errors + 1;
      end if;
    end if;
  end process count_errors;

  receive : process is
    variable text_in : line;
    variable word    : out_digits_t;
    variable windows : natural;
    variable idle    : natural;
    variable seed_1  : positive := 7;
    variable seed_2  : positive := 11;
    variable chance  : real;
    variable pause   : natural;
    variable clocks  : natural := 0;
    file     words   : text;
  begin
    for pass in 0 to 1 loop
      pause   := 50 * pass;
      windows := 0;
      file_open(words, EXPECTED_FILE, read_mode);
      while not endfile(words) loop
        for i in 1 to OUTPUTS loop
          readline(words, text_in);
          hread(text_in, word);
          idle := 0;
          loop
            uniform(seed_1, seed_2, chance);
            m_axis_tready <= '1' when chance * 100.0 >= real(pause) else '0';
            wait until rising_edge(aclk);
            exit when m_axis_tvalid = '1' and m_axis_tready = '1';
            idle := idle + 1;
            assert idle < PATIENCE
              report "no answer"
              severity failure;
          end loop;
          assert signed(m_axis_tdata) = signed(word(OUTPUT_BITS - 1 downto 0))
            report "packet " & to_string(windows) & ", word " & to_string(i - 1) & ": "
                   & to_hstring(m_axis_tdata) & ", not " & to_hstring(word)
            severity failure;
          m_axis_tready <= '0';
        end loop;
        windows := windows + 1;
        if pass = 0 then
          clocks := (now - begun) / 10 ns + 1;
        end if;
      end loop;
      file_close(words);
    end loop;
    assert errors = 4
      report to_string(errors) & " packets were reported as broken, not 4"
      severity failure;
    report to_string(windows) & " packets are right, without and with stalls; "
           & to_string(clocks) & " clocks from the first word in to the last word out";
    finished <= true;
    wait;
  end process receive;

end architecture test;
