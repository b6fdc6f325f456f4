-- SPDX-License-Identifier: Apache-2.0
-- A slave on a serial peripheral interface: bytes from the master, and bytes of answers to it.
--
-- Mode 0: SCLK is low at rest, bits are taken at its rising edges and change at its falling edges, the
-- highest bit of a byte first. A transaction lasts as long as cs_n is low. Its first byte on MOSI is
-- an instruction:
--   02  write: the bytes that follow on MOSI are handed over.
--   03  read: bytes of answers are given out on MISO.
-- Any other one does nothing. The first byte on MISO is a flag: 1 if a byte of an answer waits, else
-- 0. In a read that byte follows a flag of 1, and then comes the next flag; another flag follows a
-- flag of 0. In other transactions all further bytes are 0.
--
-- A byte of an answer is taken (tx_ready) when its last bit is. If cs_n rises before, it waits on, so
-- an interrupted read loses nothing. If cs_n rises within a byte of a write, that byte is handed over
-- as "broken" instead of "valid". So every transaction starts anew, whatever was in the one before. A
-- transaction that began before a reset has ended is ignored.
--
-- The lines are taken into step with clk by two flip-flops each. SCLK has to be high and low for at
-- least four clocks each, which is at most clk / 8, and MOSI has to be stable from a clock before its
-- rising edge to two clocks after it. MISO has changed three clocks after a falling edge. cs_n has to
-- fall at least four clocks before the first rising edge, to rise at least four clocks after the last
-- one, and to be high for at least four clocks.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity spi_slave is
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    cs_n      : in    std_logic;
    sclk      : in    std_logic;
    mosi      : in    std_logic;
    miso      : out   std_logic; -- to be driven while cs_n is low
    rx_valid  : out   std_logic; -- for one clock
    rx_broken : out   std_logic; -- for one clock
    rx_data   : out   std_logic_vector(7 downto 0);
    tx_valid  : in    std_logic;
    tx_ready  : out   std_logic; -- for one clock, and only if tx_valid was high
    tx_data   : in    std_logic_vector(7 downto 0)
  );
end entity spi_slave;

architecture rtl of spi_slave is

  constant WRITE : std_logic_vector(7 downto 0) := x"02";
  constant READ  : std_logic_vector(7 downto 0) := x"03";

  -- the lines, in step with the clock
  signal cs_n_q     : std_logic_vector(1 downto 0);
  signal sclk_q     : std_logic_vector(2 downto 0);
  signal mosi_q     : std_logic_vector(1 downto 0);
  -- from the master
  signal instructed : std_logic;                    -- the instruction has come
  signal writing    : std_logic;
  signal reading    : std_logic;
  signal bits       : unsigned(2 downto 0);         -- of the byte that have come
  signal taken      : std_logic_vector(7 downto 0);
  -- to the master
  signal flag       : std_logic;                    -- the byte on MISO is a flag of 1
  signal giving     : std_logic;                    -- it is one of an answer
  signal rest       : std_logic_vector(7 downto 0); -- what is on MISO, and what follows

begin

  miso    <= rest(7);
  rx_data <= taken;

  exchange : process (clk) is
    variable byte : std_logic_vector(7 downto 0);
  begin
    if rising_edge(clk) then
      cs_n_q    <= cs_n_q(0) & cs_n;
      sclk_q    <= sclk_q(1 downto 0) & sclk;
      mosi_q    <= mosi_q(0) & mosi;
      rx_valid  <= '0';
      rx_broken <= '0';
      tx_ready  <= '0';
      byte      := taken(6 downto 0) & mosi_q(1);

      if cs_n_q(1) = '1' then
        if writing = '1' and bits /= 0 then
          rx_broken <= '1';
        end if;
        instructed <= '0';
        writing    <= '0';
        reading    <= '0';
        bits       <= (others => '0');
        flag       <= tx_valid;
        giving     <= '0';
        rest       <= "0000000" & tx_valid;
      elsif sclk_q(2 downto 1) = "01" then
        taken <= byte;
        bits  <= bits + 1;
        if bits = 7 then
          rx_valid   <= writing;
          tx_ready   <= giving;
          instructed <= '1';
          if instructed = '0' and byte = WRITE then
            writing <= '1';
          end if;
          if instructed = '0' and byte = READ then
            reading <= '1';
          end if;
        end if;
      elsif sclk_q(2 downto 1) = "10" then
        rest <= rest(6 downto 0) & '0';
        if reading = '1' and bits = 0 then
          giving <= flag;
          if flag = '1' then
            flag <= '0';
            rest <= tx_data;
          else
            flag <= tx_valid;
            rest <= "0000000" & tx_valid;
          end if;
        end if;
      end if;

      if reset = '1' then
        instructed <= '1'; -- until cs_n is high
        writing    <= '0';
        reading    <= '0';
        giving     <= '0';
        rx_valid   <= '0';
        rx_broken  <= '0';
        tx_ready   <= '0';
      end if;
    end if;
  end process exchange;

end architecture rtl;
