-- SPDX-License-Identifier: Apache-2.0
-- The engine on a board, as a slave on a serial peripheral interface (SPI). The transactions are those
-- of spi_slave, and what is said in them is that of byte_link.
--
-- MISO is driven only while the slave is selected, so that it can share the bus with others. "ready"
-- is high while a byte of an answer waits: between two of them it is low for some clocks.
library ieee;
use ieee.std_logic_1164.all;

library work;

entity spi_top is
  generic (
    TIMEOUT_BITS : positive := 20
  );
  port (
    clk   : in    std_logic;
    cs_n  : in    std_logic;
    sclk  : in    std_logic;
    mosi  : in    std_logic;
    miso  : out   std_logic;
    ready : out   std_logic
  );
end entity spi_top;

architecture rtl of spi_top is

  signal reset     : std_logic;
  signal level     : std_logic; -- of MISO
  signal rx_valid  : std_logic;
  signal rx_broken : std_logic;
  signal rx_data   : std_logic_vector(7 downto 0);
  signal tx_valid  : std_logic;
  signal tx_ready  : std_logic;
  signal tx_data   : std_logic_vector(7 downto 0);

begin

  miso  <= level when cs_n = '0' else 'Z';
  ready <= tx_valid;

  slave : entity work.spi_slave
    port map (
      clk       => clk,
      reset     => reset,
      cs_n      => cs_n,
      sclk      => sclk,
      mosi      => mosi,
      miso      => level,
      rx_valid  => rx_valid,
      rx_broken => rx_broken,
      rx_data   => rx_data,
      tx_valid  => tx_valid,
      tx_ready  => tx_ready,
      tx_data   => tx_data
    );

  link : entity work.byte_link
    generic map (
      TIMEOUT_BITS => TIMEOUT_BITS
    )
    port map (
      clk       => clk,
      reset     => reset,
      rx_valid  => rx_valid,
      rx_broken => rx_broken,
      rx_data   => rx_data,
      tx_valid  => tx_valid,
      tx_ready  => tx_ready,
      tx_data   => tx_data
    );

end architecture rtl;
