-- SPDX-License-Identifier: Apache-2.0
-- Takes bytes from a serial line: a start bit (low), eight data bits, lowest first, a stop bit.
--
-- The line is sampled in the middle of each bit, counted from the start bit's falling edge. A low
-- pulse shorter than half a bit is no start bit. A byte whose stop bit is low is handed over as
-- "broken" instead of "valid", and no other is looked for until the line is high again.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity uart_receiver is
  generic (
    CLOCKS_PER_BIT : positive -- at least 4
  );
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    serial_in : in    std_logic;
    valid     : out   std_logic; -- for one clock
    broken    : out   std_logic; -- for one clock
    data      : out   std_logic_vector(7 downto 0)
  );
end entity uart_receiver;

architecture rtl of uart_receiver is

  constant COUNT_BITS : positive := index_bits(CLOCKS_PER_BIT);

  subtype count_t is unsigned(COUNT_BITS downto 0); -- clocks less two: the top bit is the end

  constant WHOLE : count_t := to_unsigned(CLOCKS_PER_BIT - 2, COUNT_BITS + 1);
  constant HALF  : count_t := to_unsigned(CLOCKS_PER_BIT / 2 - 2, COUNT_BITS + 1);

  signal line_q    : std_logic_vector(1 downto 0);  -- the line, in step with the clock
  signal busy      : std_logic;
  signal waiting   : std_logic;                     -- for a line that is high
  signal left      : count_t;
  signal bits_left : unsigned(3 downto 0);
  signal taken     : std_logic_vector(7 downto 0);

begin

  data <= taken;

  receive : process (clk) is
  begin
    if rising_edge(clk) then
      line_q <= line_q(0) & serial_in;
      valid  <= '0';
      broken <= '0';
      -- in one place: where some bits are set, and others cleared, by several conditions, the carry
      -- chain of an iCE40 is broken up
      left   <= left - 1;
      if busy = '0' or left(COUNT_BITS) = '1' then
        left <= WHOLE;
        if busy = '0' then
          left <= HALF;
        end if;
      end if;
      if busy = '0' then
        bits_left <= to_unsigned(9, 4);
        if line_q(1) = '1' then
          waiting <= '0';
        elsif waiting = '0' then
          busy <= '1';
        end if;
      elsif left(COUNT_BITS) = '1' then
        bits_left <= bits_left - 1;
        if bits_left = 9 then
          busy <= not line_q(1); -- a start bit is still low in its middle
        elsif bits_left = 0 then
          busy    <= '0';
          waiting <= not line_q(1);
          valid   <= line_q(1);
          broken  <= not line_q(1);
        else
          taken <= line_q(1) & taken(7 downto 1);
        end if;
      end if;

      if reset = '1' then
        busy    <= '0';
        waiting <= '1';
        valid   <= '0';
        broken  <= '0';
      end if;
    end if;
  end process receive;

end architecture rtl;
