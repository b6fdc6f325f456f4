-- SPDX-License-Identifier: Apache-2.0
-- A ram alone, for the test of what synthesis makes of it.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity ram_alone is
  generic (
    BLOCK_MEMORY : natural;
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk           : in    std_logic;
    write         : in    std_logic;
    write_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data    : in    std_logic_vector(WIDTH - 1 downto 0);
    enable        : in    std_logic;
    read_address  : in    unsigned(ADDRESS_BITS - 1 downto 0);
    read_data     : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity ram_alone;

architecture rtl of ram_alone is

begin

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      DEPTH        => DEPTH,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      write         => write,
      write_address => write_address,
      write_data    => write_data,
      enable        => enable,
      read_address  => read_address,
      read_data     => read_data
    );

end architecture rtl;
