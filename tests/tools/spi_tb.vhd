-- SPDX-License-Identifier: Apache-2.0
-- A master on SPI: does what a script says, writes down what it hears.
--
-- SCRIPT_FILE holds a command a line, each with a number:
--   0 N  send the byte N                   3 N  read until N bytes have been heard in all
--   1 N  send the byte N, but break it off 4 N  select the slave for N clocks, without SCLK
--   2 N  leave the lines alone for N bits  5 N  read N bytes, whatever waits
-- OUTPUT_FILE receives every byte of an answer, a line each. SEED decides what a master is free in:
-- where one transaction ends and the next begins, the rate of SCLK up to one bit in BIT_PS, its
-- phase, how much is read at once, reads that break off, and what is sent meanwhile. The clock has
-- 10 ns.
library ieee;
use ieee.math_real.all;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

entity spi_tb is
  generic (
    SCRIPT_FILE  : string;
    OUTPUT_FILE  : string;
    TIMEOUT_BITS : positive;
    BIT_PS       : positive;
    SEED         : positive
  );
end entity spi_tb;

architecture test of spi_tb is

  constant FOUR_CLOCKS : time := 40 ns;

  signal clk      : std_logic := '0';
  signal cs_n     : std_logic := '1';
  signal sclk     : std_logic := '0';
  signal mosi     : std_logic := '0';
  signal miso     : std_logic;
  signal ready    : std_logic;
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.spi_top
    generic map (
      TIMEOUT_BITS => TIMEOUT_BITS
    )
    port map (
      clk   => clk,
      cs_n  => cs_n,
      sclk  => sclk,
      mosi  => mosi,
      miso  => miso,
      ready => ready
    );

  speak : process is

    file     script          : text open read_mode is SCRIPT_FILE;
    file     sink            : text open write_mode is OUTPUT_FILE;
    variable seed_1          : positive := SEED;
    variable seed_2          : positive := 1;
    variable text_in         : line;
    variable command, number : natural;
    variable half            : time     := FOUR_CLOCKS;
    variable selected        : boolean  := false;
    variable heard           : natural  := 0;
    variable patience        : natural;

    impure function random (low, high : integer) return integer is
      variable value : real;
    begin
      uniform(seed_1, seed_2, value);
      return low + integer(floor(value * real(high - low + 1)));
    end function random;

    -- Exchange the first bits of a byte.
    procedure exchange (value : natural; bits : positive; variable got : out natural) is
      variable given : unsigned(7 downto 0) := to_unsigned(value, 8);
      variable taken : unsigned(7 downto 0) := (others => '0');
    begin
      for i in 7 downto 8 - bits loop
        mosi <= given(i);
        wait for half;
        assert miso = '0' or miso = '1'
          report "MISO is not driven"
          severity failure;
        taken(i) := miso;
        sclk <= '1';
        wait for half;
        sclk <= '0';
      end loop;
      got := to_integer(taken);
    end procedure exchange;

    procedure deselect is
    begin
      if selected then
        wait for random(0, 1) * FOUR_CLOCKS;
        cs_n     <= '1';
        selected := false;
        wait for FOUR_CLOCKS;
        assert miso = 'Z'
          report "MISO is driven"
          severity failure;
      end if;
    end procedure deselect;

    -- Begin a transaction; "flag" is the first byte.
    procedure instruct (instruction : natural; variable flag : out natural) is
    begin
      deselect;
      wait for random(0, 20000) * 1 ps;
      half     := BIT_PS * 500 fs;
      if random(0, 1) = 1 then
        half := half * random(100, 300) / 100;
      end if;
      cs_n     <= '0';
      selected := true;
      wait for random(0, 1) * FOUR_CLOCKS;
      exchange(instruction, 8, flag);
    end procedure instruct;

    procedure send (value : natural; bits : positive) is
      variable got : natural;
    begin
      if not selected or random(0, 3) = 0 then
        instruct(2, got);
      end if;
      exchange(value, bits, got);
      assert got = 0
        report "an answer in a write"
        severity failure;
      if bits < 8 then
        deselect;
      end if;
    end procedure send;

    -- Read some bytes, and then the first bits of one more.
    procedure listen (count, further : natural) is
      variable got, flag : natural;
      variable text_out  : line;
      variable is_flag   : boolean := true;
    begin
      instruct(3, got);
      for i in 0 to count loop
        if is_flag then
          assert got <= 1
            report "a flag of " & to_string(got)
            severity failure;
          flag := got;
        else
          write(text_out, got);
          writeline(sink, text_out);
          heard := heard + 1;
        end if;
        is_flag := not is_flag or flag = 0;
        if i < count then
          exchange(random(0, 255), 8, got);
        end if;
      end loop;
      if further > 0 then
        exchange(random(0, 255), further, got);
      end if;
      deselect;
    end procedure listen;

  begin
    wait for 6 us; -- until the design is awake
    while not endfile(script) loop
      readline(script, text_in);
      read(text_in, command);
      read(text_in, number);
      if command = 0 then
        send(number, 8);
      elsif command = 1 then
        send(number, random(1, 7));
      elsif command = 2 then
        wait for number * BIT_PS * 1 ps;
      elsif command = 3 then
        patience := 20000;
        while heard < number and patience > 0 loop
          -- never more than is missing
          listen(random(0, 2 * (number - heard) - 1), random(0, 3) / 3 * random(1, 7));
          patience := patience - 1;
        end loop;
        assert heard = number
          report "heard " & to_string(heard) & " bytes, not " & to_string(number)
          severity failure;
      elsif command = 4 then
        deselect;
        cs_n <= '0';
        wait for number * 10 ns;
        cs_n <= '1';
        wait for FOUR_CLOCKS;
      else
        listen(number, 0);
      end if;
    end loop;
    deselect;
    assert ready = '0'
      report "something is left"
      severity failure;
    finished <= true;
    wait;
  end process speak;

end architecture test;
