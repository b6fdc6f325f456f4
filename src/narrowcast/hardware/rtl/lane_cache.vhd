-- Keys or values: a memory of its own for every lane, written one number at a time, read by all
-- lanes at once at one address.
--
-- Keys: lane = key index modulo the number of lanes. Values: lane = channel of the head modulo
-- the number of lanes. The collector works out lane and address of each write.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity lane_cache is
  generic (
    LANES        : positive;
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive;
    LANE_INDEX_BITS : positive
  );
  port (
    clk           : in    std_logic;
    write         : in    std_logic;
    write_lane    : in    unsigned(LANE_INDEX_BITS - 1 downto 0);
    write_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data    : in    std_logic_vector(WIDTH - 1 downto 0);
    read_address  : in    unsigned(ADDRESS_BITS - 1 downto 0);
    read_data     : out   std_logic_vector(LANES * WIDTH - 1 downto 0)
  );
end entity lane_cache;

architecture rtl of lane_cache is

  signal write_one : std_logic_vector(LANES - 1 downto 0);

begin

  lanes_of_cache : for lane in 0 to LANES - 1 generate

    write_one(lane) <= write when write_lane = lane else '0';

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
        write_data    => write_data,
        read_address  => read_address,
        read_data     => read_data((lane + 1) * WIDTH - 1 downto lane * WIDTH)
      );

  end generate lanes_of_cache;

end architecture rtl;
