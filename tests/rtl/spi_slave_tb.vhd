-- SPDX-License-Identifier: Apache-2.0
-- The slave, between a master that holds the lines in every clock as the file says, and a source of
-- bytes that offers one after the other.
--
-- In: reset, cs_n, sclk, mosi, and how many of the bytes in answers.txt there are to offer by now.
-- Out: miso, rx_valid, rx_broken, rx_data, tx_ready.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.bench.all;

entity spi_slave_tb is
  generic (
    ANSWERS : positive
  );
end entity spi_slave_tb;

architecture test of spi_slave_tb is

  constant BYTES : std_logic_vector(0 to 8 * ANSWERS - 1) := read_words("answers.txt", ANSWERS, 8);

  signal clk       : std_logic := '0';
  signal reset     : std_logic;
  signal cs_n      : std_logic;
  signal sclk      : std_logic;
  signal mosi      : std_logic;
  signal miso      : std_logic;
  signal rx_valid  : std_logic;
  signal rx_broken : std_logic;
  signal rx_data   : std_logic_vector(8 - 1 downto 0);
  signal tx_valid  : std_logic := '0';
  signal tx_ready  : std_logic;
  signal tx_data   : std_logic_vector(8 - 1 downto 0);
  signal arrived   : natural   := 0;
  signal given     : natural   := 0;
  signal finished  : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.spi_slave
    port map (
      clk       => clk,
      reset     => reset,
      cs_n      => cs_n,
      sclk      => sclk,
      mosi      => mosi,
      miso      => miso,
      rx_valid  => rx_valid,
      rx_broken => rx_broken,
      rx_data   => rx_data,
      tx_valid  => tx_valid,
      tx_ready  => tx_ready,
      tx_data   => tx_data
    );

  offer : process (clk) is
  begin
    if rising_edge(clk) then
      if tx_valid = '1' then
        if tx_ready = '1' then
          tx_valid <= '0';
          given    <= given + 1;
        end if;
      elsif given < arrived then
        tx_valid <= '1';
        tx_data  <= BYTES(8 * given to 8 * given + 7);
      end if;
    end if;
  end process offer;

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 4);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      reset   <= to_bit(n(0));
      cs_n    <= to_bit(n(1));
      sclk    <= to_bit(n(2));
      mosi    <= to_bit(n(3));
      arrived <= n(4);
      wait until rising_edge(clk);
      add(outputs, miso);
      add(outputs, rx_valid);
      add(outputs, rx_broken);
      add(outputs, rx_data);
      add(outputs, tx_ready);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
