-- SPDX-License-Identifier: Apache-2.0
-- Where the newest row of keys and values lies, which are kept from one inference to the next.
--
-- The rows of all states lie in rings: that of an inference at the place that comes after the one
-- of the inference before, and the first after a restart at place 0. So until the ring is full, the
-- places behind the newest hold no row. All states have equally many rows, so one set of counters
-- serves all. Keys lie at the lane "place modulo lanes"; as many keys as there are lanes take
-- KEY_STRIDE words of each.
-- "restart" counts with the first input of an inference; a reset is a restart, too.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity state_ring is
  generic (
    ROWS            : positive; -- of each state, two at the least
    LANES           : positive;
    KEY_STRIDE      : positive;
    ADDRESS_BITS    : positive;
    LANE_INDEX_BITS : positive
  );
  port (
    clk         : in    std_logic;
    reset       : in    std_logic;
    taken       : in    std_logic; -- an input is taken
    restart     : in    std_logic;
    sent        : in    std_logic; -- the inference is over, or its row is put back
    fresh       : out   std_logic; -- the next input is the first of an inference
    newest      : out   unsigned(ADDRESS_BITS - 1 downto 0);    -- its place,
    behind      : out   unsigned(ADDRESS_BITS - 1 downto 0);    -- the places behind it,
    newest_lane : out   unsigned(LANE_INDEX_BITS - 1 downto 0); -- the lane of its keys,
    newest_keys : out   unsigned(ADDRESS_BITS - 1 downto 0);    -- and the words before them
    full        : out   std_logic
  );
end entity state_ring;

architecture rtl of state_ring is

  signal next_is_first : std_logic;
  signal place : unsigned(ADDRESS_BITS - 1 downto 0);
  signal left  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal lane  : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal keys  : unsigned(ADDRESS_BITS - 1 downto 0);

begin

  fresh       <= next_is_first;
  newest      <= place;
  behind      <= left;
  newest_lane <= lane;
  newest_keys <= keys;

  count : process (clk) is
    variable begins : std_logic;
  begin
    if rising_edge(clk) then
      begins := reset or (taken and next_is_first and restart);
      if taken = '1' then
        next_is_first <= '0';
      end if;
      if sent = '1' then
        next_is_first <= '1';
        place <= place + 1;
        left  <= left - 1;
        lane  <= lane + 1;
        if lane = LANES - 1 then
          lane <= (others => '0');
          keys <= keys + KEY_STRIDE;
        end if;
      end if;
      if begins = '1' or (sent = '1' and left = 0) then
        place <= (others => '0');
        left  <= to_unsigned(ROWS - 1, ADDRESS_BITS);
        lane  <= (others => '0');
        keys  <= (others => '0');
        full  <= not begins;
      end if;
      if reset = '1' then
        next_is_first <= '1';
      end if;
    end if;
  end process count;

end architecture rtl;
