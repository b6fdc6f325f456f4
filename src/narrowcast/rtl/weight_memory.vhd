-- SPDX-License-Identifier: Apache-2.0
-- All weights in one memory that a host fills: a word holds one weight for every lane, lane 0 in the
-- lowest bits. Two clocks from address to data, as of weight_bank.
--
-- The word is cut into columns of 16 bits, each a memory of its own (weight_ram), and weight_loader
-- fills them. While it is busy, it has the memory.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity weight_memory is
  generic (
    WORDS        : positive;
    COLUMNS      : positive range 2 to positive'high; -- of 16 bits
    ADDRESS_BITS : positive
  );
  port (
    clk       : in    std_logic;
    enable    : in    std_logic;
    address   : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data      : out   std_logic_vector(16 * COLUMNS - 1 downto 0);
    -- of the host, see weight_loader
    start     : in    std_logic;
    examine   : in    std_logic;
    in_valid  : in    std_logic;
    in_data   : in    std_logic_vector(7 downto 0);
    receiving : out   std_logic;
    busy      : out   std_logic;
    loaded    : out   std_logic;
    check     : out   std_logic_vector(31 downto 0)
  );
end entity weight_memory;

architecture rtl of weight_memory is

  signal write         : std_logic_vector(COLUMNS - 1 downto 0);
  signal write_data    : std_logic_vector(15 downto 0);
  signal read_back     : std_logic;
  signal place : unsigned(ADDRESS_BITS - 1 downto 0);
  signal active    : std_logic;
  signal at_word   : unsigned(ADDRESS_BITS - 1 downto 0);

begin

  active  <= read_back when busy = '1' else enable;
  at_word <= place when busy = '1' else address;

  loader : entity work.weight_loader
    generic map (
      WORDS        => WORDS,
      COLUMNS      => COLUMNS,
      ADDRESS_BITS => ADDRESS_BITS
    )
    port map (
      clk        => clk,
      start      => start,
      examine    => examine,
      valid      => in_valid,
      data       => in_data,
      receiving  => receiving,
      busy       => busy,
      loaded     => loaded,
      check      => check,
      write      => write,
      read       => read_back,
      address    => place,
      write_data => write_data,
      read_data  => data
    );

  columns_of_word : for i in 0 to COLUMNS - 1 generate

    column : entity work.weight_ram
      generic map (
        WIDTH        => 16,
        DEPTH        => WORDS + 1,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk     => clk,
        write   => write(i),
        enable  => active,
        address => at_word,
        data_in => write_data,
        data    => data(16 * i + 15 downto 16 * i)
      );

  end generate columns_of_word;

end architecture rtl;
