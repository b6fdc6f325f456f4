-- SPDX-License-Identifier: Apache-2.0
-- A rom filled with pseudo-random words, alone, for the test of what synthesis makes of it.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity rom_alone is
  generic (
    BLOCK_MEMORY : natural;
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk     : in    std_logic;
    enable  : in    std_logic;
    address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data    : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity rom_alone;

architecture rtl of rom_alone is

  function noise return std_logic_vector is
    variable state  : unsigned(30 downto 0) := to_unsigned(12345, 31);
    variable result : std_logic_vector(0 to DEPTH * WIDTH - 1);
  begin
    for i in result'range loop
      state     := state(29 downto 0) & (state(30) xor state(27)); -- x^31 + x^28 + 1
      result(i) := state(0);
    end loop;
    return result;
  end function noise;

  constant CONTENTS : std_logic_vector(0 to DEPTH * WIDTH - 1) := noise;

begin

  memory : entity work.rom
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      enable  => enable,
      address => address,
      data    => data
    );

end architecture rtl;
