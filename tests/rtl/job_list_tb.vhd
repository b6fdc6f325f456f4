-- SPDX-License-Identifier: Apache-2.0
-- The list of jobs, whose words come from "contents.txt"; how many they are is the configuration's.
--
-- In: reset, advance. Out: word, arrived, fetched.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_config.all;
use work.bench.all;

entity job_list_tb is
  generic (
    BLOCK_MEMORY : natural;
    WIDTH        : positive
  );
end entity job_list_tb;

architecture test of job_list_tb is

  constant CONTENTS : std_logic_vector := read_words("contents.txt", JOBS, WIDTH);

  signal clk      : std_logic := '0';
  signal reset    : std_logic;
  signal advance  : std_logic;
  signal word     : std_logic_vector(WIDTH - 1 downto 0);
  signal arrived  : std_logic;
  signal fetched  : std_logic;
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.job_list
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      reset   => reset,
      advance => advance,
      word    => word,
      arrived => arrived,
      fetched => fetched
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset   <= to_bit(n(0));
      advance <= to_bit(n(1));
      wait until rising_edge(clk);
      add(outputs, word);
      add(outputs, arrived);
      add(outputs, fetched);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
