-- SPDX-License-Identifier: Apache-2.0
-- Gives out the newest row of all states, a byte for each number, after the inference that made it.
--
-- "keep" with the first input of an inference asks for its row. Then the numbers are written to a
-- memory as they are made, in the order of the program. After the inference, when its results have
-- been taken ("sent"), they are offered in the order of the states, of which ORDER has the place of
-- each number in the memory. "over" comes when everything that the inference offers has been taken:
-- with "sent", or with the last byte. If the engine is split, NUMBERS are made at once; they share
-- a word, and the lowest bit of a place says which one it is.
-- A byte is offered six clocks after the one before, faster than serial lines take them.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity state_reader is
  generic (
    BLOCK_MEMORY : natural;  -- of the numbers; 1: block memory, 0: look-up tables
    ORDER_BLOCK  : natural;  -- of ORDER
    ROW_BYTES    : positive; -- two at the least
    NUMBERS      : positive range 1 to 2;
    WIDTH        : positive range 1 to 8;
    ORDER        : std_logic_vector
  );
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    begins    : in    std_logic; -- the first input of an inference is taken
    keep      : in    std_logic; -- with it
    write     : in    std_logic;
    data      : in    std_logic_vector(NUMBERS * WIDTH - 1 downto 0);
    sent      : in    std_logic;
    over      : out   std_logic;
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(7 downto 0);
    out_last  : out   std_logic
  );
end entity state_reader;

architecture rtl of state_reader is

  constant INDEX_WIDTH : positive := index_bits(ROW_BYTES);

  signal kept      : std_logic;
  signal made      : unsigned(INDEX_WIDTH - 1 downto 0); -- numbers, or pairs of them
  signal write_row : std_logic;
  signal index     : unsigned(INDEX_WIDTH - 1 downto 0); -- of the byte that is offered next
  signal fetch     : std_logic_vector(0 to 4);          -- from its index to the byte
  signal found     : std_logic_vector(INDEX_WIDTH - 1 downto 0);
  signal found_at  : unsigned(INDEX_WIDTH - 1 downto 0);
  signal found_odd : std_logic;
  signal word      : std_logic_vector(NUMBERS * WIDTH - 1 downto 0);
  signal chosen    : std_logic_vector(WIDTH - 1 downto 0);
  signal valid     : std_logic;
  signal last      : std_logic;
  signal finished  : std_logic; -- the last byte is taken

begin

  out_valid <= valid;
  out_last  <= last;
  finished  <= valid and out_ready and last;
  over      <= finished or (sent and not kept);
  write_row <= write and kept;

  one_number : if NUMBERS = 1 generate
    found_at  <= unsigned(found);
    found_odd <= '0';
    chosen    <= word;
  end generate one_number;

  two_numbers : if NUMBERS = 2 generate

    found_at  <= '0' & unsigned(found(INDEX_WIDTH - 1 downto 1));
    found_odd <= found(0);

    choose : process (all) is
    begin
      chosen <= word(WIDTH - 1 downto 0);
      if found_odd = '1' then
        chosen <= word(NUMBERS * WIDTH - 1 downto (NUMBERS - 1) * WIDTH);
      end if;
    end process choose;

  end generate two_numbers;

  places : entity work.rom
    generic map (
      BLOCK_MEMORY => ORDER_BLOCK,
      WIDTH        => INDEX_WIDTH,
      ADDRESS_BITS => INDEX_WIDTH,
      CONTENTS     => ORDER
    )
    port map (
      clk     => clk,
      enable  => fetch(0),
      address => index,
      data    => found
    );

  memory : entity work.ram
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => NUMBERS * WIDTH,
      DEPTH        => ROW_BYTES / NUMBERS,
      ADDRESS_BITS => INDEX_WIDTH
    )
    port map (
      clk           => clk,
      write         => write_row,
      write_address => made,
      write_data    => data,
      enable        => fetch(2),
      read_address  => found_at,
      read_data     => word
    );

  offer : process (clk) is
  begin
    if rising_edge(clk) then
      fetch <= '0' & fetch(0 to 3);
      if begins = '1' then
        kept <= keep;
        made <= (others => '0');
      elsif write_row = '1' then
        made <= made + 1;
      end if;
      if (sent and kept) = '1' then
        fetch(0) <= '1';
        index    <= (others => '0');
      end if;
      if fetch(4) = '1' then
        valid    <= '1';
        out_data <= std_logic_vector(resize(signed(chosen), 8));
        last     <= '0';
        if index = ROW_BYTES - 1 then
          last <= '1';
        end if;
      end if;
      if (valid and out_ready) = '1' then
        valid <= '0';
        index <= index + 1;
        if last = '1' then
          kept <= '0';
        else
          fetch(0) <= '1';
        end if;
      end if;
      if reset = '1' then
        kept  <= '0';
        fetch <= (others => '0');
        valid <= '0';
      end if;
    end if;
  end process offer;

end architecture rtl;
