-- SPDX-License-Identifier: Apache-2.0
-- The sum of a tensor's rows, channel by channel: what the head reads.
--
-- A value comes with its channel, rows one after the other; the first row replaces what is there.
-- Four clocks after a value has come its channel can be read, and can be added to again.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity pool is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    WIDTH        : positive;
    DEPTH        : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk          : in    std_logic;
    reset        : in    std_logic;
    valid        : in    std_logic;
    first_row    : in    std_logic;
    channel      : in    unsigned(ADDRESS_BITS - 1 downto 0);
    value        : in    signed(WIDTH - 1 downto 0);
    read         : in    std_logic; -- not while values come
    read_channel : in    unsigned(ADDRESS_BITS - 1 downto 0);
    read_data    : out   signed(WIDTH - 1 downto 0) -- two clocks later
  );
end entity pool;

architecture rtl of pool is

  type   channel_array is array (1 to 3) of unsigned(ADDRESS_BITS - 1 downto 0);
  signal channels : channel_array;
  signal valids   : std_logic_vector(1 to 3);
  signal firsts   : std_logic_vector(1 to 2);
  signal value_1  : signed(WIDTH - 1 downto 0);
  signal value_2  : signed(WIDTH - 1 downto 0);
  signal total    : signed(WIDTH - 1 downto 0);
  signal enable   : std_logic;
  signal address  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal data     : std_logic_vector(WIDTH - 1 downto 0);

begin

  enable    <= valid or read;
  address   <= channel when valid = '1' else read_channel;
  read_data <= signed(data);

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      DEPTH        => DEPTH,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk           => clk,
      write         => valids(3),
      write_address => channels(3),
      write_data    => std_logic_vector(total),
      enable        => enable,
      read_address  => address,
      read_data     => data
    );

  add : process (clk) is
    variable base : signed(WIDTH - 1 downto 0);
  begin
    if rising_edge(clk) then
      valids   <= valid & valids(1 to 2);
      firsts   <= first_row & firsts(1);
      channels <= channel & channels(1 to 2);
      value_1  <= value;
      value_2  <= value_1;
      base     := signed(data);
      if firsts(2) = '1' then
        base := (others => '0');
      end if;
      total <= base + value_2;
      if reset = '1' then
        valids <= (others => '0');
      end if;
    end if;
  end process add;

end architecture rtl;
