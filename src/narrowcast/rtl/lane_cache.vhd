-- SPDX-License-Identifier: Apache-2.0
-- Keys or values: a memory of its own for every lane, written one number at a time, read by all
-- lanes at once at one address.
--
-- Keys: lane = token modulo the number of columns, so the tokens of two ways lie in even
-- and odd lanes, and each lane takes what its own way writes. Values: lane = channel of the
-- head modulo the number of columns, a cache for each way (WAYS = 1). The
-- collector works out lane and address of each write.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity lane_cache is
  generic (
    BLOCK_MEMORY    : natural; -- 1: block memory, 0: look-up tables
    LANES           : positive;
    WAYS            : positive;
    WIDTH           : positive;
    DEPTH           : positive;
    ADDRESS_BITS    : positive;
    LANE_INDEX_BITS : positive
  );
  port (
    clk           : in    std_logic;
    write         : in    std_logic_vector(WAYS - 1 downto 0);
    write_lane    : in    unsigned(LANE_INDEX_BITS - 1 downto 0); -- of the first way's number
    write_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data    : in    std_logic_vector(WAYS * WIDTH - 1 downto 0);
    enable        : in    std_logic; -- of the read port
    read_address  : in    unsigned(ADDRESS_BITS - 1 downto 0);
    read_data     : out   std_logic_vector(LANES * WIDTH - 1 downto 0)
  );
end entity lane_cache;

architecture rtl of lane_cache is

  signal write_one : std_logic_vector(LANES - 1 downto 0);

begin

  lanes_of_cache : for lane in 0 to LANES - 1 generate

    constant OWN : natural := lane mod WAYS;

  begin

    write_one(lane) <= write(OWN) when write_lane / WAYS = lane / WAYS else '0';

    memory : entity work.ram
      generic map (
        BLOCK_MEMORY => BLOCK_MEMORY,
        WIDTH        => WIDTH,
        DEPTH        => DEPTH,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk           => clk,
        write         => write_one(lane),
        write_address => write_address,
        write_data    => write_data((OWN + 1) * WIDTH - 1 downto OWN * WIDTH),
        enable        => enable,
        read_address  => read_address,
        read_data     => read_data((lane + 1) * WIDTH - 1 downto lane * WIDTH)
      );

  end generate lanes_of_cache;

end architecture rtl;
