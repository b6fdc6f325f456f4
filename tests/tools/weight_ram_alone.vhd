-- SPDX-License-Identifier: Apache-2.0
-- A weight_ram alone, for the test of what synthesis makes of it.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity weight_ram_alone is
  generic (
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk     : in    std_logic;
    write   : in    std_logic;
    enable  : in    std_logic;
    address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data_in : in    std_logic_vector(WIDTH - 1 downto 0);
    data    : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity weight_ram_alone;

architecture rtl of weight_ram_alone is

begin

  memory : entity work.weight_ram
    generic map (
      WIDTH        => WIDTH,
      DEPTH        => DEPTH,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk     => clk,
      write   => write,
      enable  => enable,
      address => address,
      data_in => data_in,
      data    => data
    );

end architecture rtl;
