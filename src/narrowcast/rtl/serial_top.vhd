-- SPDX-License-Identifier: Apache-2.0
-- The engine on a board, with a serial line (8 data bits, no parity, 1 stop bit) to talk to it. What
-- is said on the line is that of byte_link.
library ieee;
use ieee.std_logic_1164.all;

library work;

entity serial_top is
  generic (
    CLOCKS_PER_BIT : positive;
    TIMEOUT_BITS   : positive := 20
  );
  port (
    clk        : in    std_logic;
    serial_in  : in    std_logic;
    serial_out : out   std_logic
  );
end entity serial_top;

architecture rtl of serial_top is

  signal reset     : std_logic;
  signal rx_valid  : std_logic;
  signal rx_broken : std_logic;
  signal rx_data   : std_logic_vector(7 downto 0);
  signal tx_valid  : std_logic;
  signal tx_ready  : std_logic;
  signal tx_data   : std_logic_vector(7 downto 0);

begin

  receiver : entity work.uart_receiver
    generic map (
      CLOCKS_PER_BIT => CLOCKS_PER_BIT
    )
    port map (
      clk       => clk,
      reset     => reset,
      serial_in => serial_in,
      valid     => rx_valid,
      broken    => rx_broken,
      data      => rx_data
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

  transmitter : entity work.uart_transmitter
    generic map (
      CLOCKS_PER_BIT => CLOCKS_PER_BIT
    )
    port map (
      clk        => clk,
      reset      => reset,
      valid      => tx_valid,
      ready      => tx_ready,
      data       => tx_data,
      serial_out => serial_out
    );

end architecture rtl;
