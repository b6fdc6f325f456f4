-- SPDX-License-Identifier: Apache-2.0
-- Puts bytes on a serial line: a start bit (low), eight data bits, lowest first, a stop bit.
--
-- A byte is taken in every clock in which valid and ready are both high.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity uart_transmitter is
  generic (
    CLOCKS_PER_BIT : positive -- at least 2
  );
  port (
    clk        : in    std_logic;
    reset      : in    std_logic;
    valid      : in    std_logic;
    ready      : out   std_logic;
    data       : in    std_logic_vector(7 downto 0);
    serial_out : out   std_logic
  );
end entity uart_transmitter;

architecture rtl of uart_transmitter is

  constant COUNT_BITS : positive := index_bits(CLOCKS_PER_BIT);

  signal busy      : std_logic;
  signal left      : unsigned(COUNT_BITS downto 0); -- clocks less two: the top bit is the end
  signal bits_left : unsigned(3 downto 0);
  signal rest      : std_logic_vector(8 downto 0);  -- what is on the line, and what follows

begin

  ready      <= not busy;
  serial_out <= rest(0);

  transmit : process (clk) is
  begin
    if rising_edge(clk) then
      if busy = '0' then
        left      <= to_unsigned(CLOCKS_PER_BIT - 2, COUNT_BITS + 1);
        bits_left <= to_unsigned(9, 4);
        if valid = '1' then
          busy <= '1';
          rest <= data & '0';
        end if;
      elsif left(COUNT_BITS) = '0' then
        left <= left - 1;
      else
        left      <= to_unsigned(CLOCKS_PER_BIT - 2, COUNT_BITS + 1);
        bits_left <= bits_left - 1;
        rest      <= '1' & rest(8 downto 1);
        if bits_left = 0 then
          busy <= '0';
        end if;
      end if;

      if reset = '1' then
        busy <= '0';
        rest <= (others => '1');
      end if;
    end if;
  end process transmit;

end architecture rtl;
