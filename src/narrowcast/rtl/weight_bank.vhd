-- SPDX-License-Identifier: Apache-2.0
-- All weights of one width: a word holds one weight for every lane, lane 0 in the lowest bits.
--
-- The bank is cut into segments (see engine_types): the compiler places as many columns of each
-- segment in block memory as the device has room for, the rest in look-up tables. Segments
-- start at multiples of 512, so an address in a segment costs next to no logic.
-- Two clocks from address to data; the choice among segments is left to the output.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity weight_bank is
  generic (
    BANK         : natural;
    WIDTH        : positive;
    ADDRESS_BITS : positive;
    SEGMENTS     : segment_array;
    CONTENTS     : std_logic_vector
  );
  port (
    clk     : in    std_logic;
    enable  : in    std_logic;
    address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data    : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity weight_bank;

architecture rtl of weight_bank is

  -- Bits high downto low of a run of words, as an image for rom.
  function cut (first, words, low, high : natural) return std_logic_vector is
    alias    bits   : std_logic_vector(0 to CONTENTS'length - 1) is CONTENTS;
    constant SIZE   : positive := high - low + 1;
    variable result : std_logic_vector(0 to words * SIZE - 1);
    variable start  : natural;
  begin
    for i in 0 to words - 1 loop
      start := (first + i) * WIDTH + WIDTH - 1 - high;
      result(i * SIZE to i * SIZE + SIZE - 1) := bits(start to start + SIZE - 1);
    end loop;
    return result;
  end function cut;

  type   word_array is array (SEGMENTS'range) of std_logic_vector(WIDTH - 1 downto 0);
  signal words  : word_array;
  signal earlier : unsigned(ADDRESS_BITS - 1 downto 0);
  signal chosen : std_logic_vector(SEGMENTS'range);

begin

  segments_of_bank : for s in SEGMENTS'range generate

    of_this_bank : if SEGMENTS(s).bank = BANK generate

      constant SEGMENT : segment_t := SEGMENTS(s);
      constant LAST    : natural   := SEGMENT.first + SEGMENT.words - 1;
      constant IN_BLOCKS : natural := minimum_of(WIDTH, SEGMENT.columns * SEGMENT.column_bits);
      signal   offset  : unsigned(ADDRESS_BITS - 1 downto 0);
      signal   own     : std_logic;

    begin

      offset <= address - SEGMENT.first;
      own    <= enable when address >= SEGMENT.first and address <= LAST else '0';

      block_columns : for c in 0 to SEGMENT.columns - 1 generate

        constant LOW  : natural := c * SEGMENT.column_bits;
        constant HIGH : natural := minimum_of(WIDTH, LOW + SEGMENT.column_bits) - 1;

      begin

        column : entity work.rom
          generic map (
            BLOCK_MEMORY => 1,
            WIDTH        => HIGH - LOW + 1,
            ADDRESS_BITS => ADDRESS_BITS,
            CONTENTS     => cut(SEGMENT.first, SEGMENT.words, LOW, HIGH)
          )
          port map (
            clk     => clk,
            enable  => own,
            address => offset,
            data    => words(s)(HIGH downto LOW)
          );

      end generate block_columns;

      tables : if IN_BLOCKS < WIDTH generate

        rest : entity work.rom
          generic map (
            BLOCK_MEMORY => 0,
            WIDTH        => WIDTH - IN_BLOCKS,
            ADDRESS_BITS => ADDRESS_BITS,
            CONTENTS     => cut(SEGMENT.first, SEGMENT.words, IN_BLOCKS, WIDTH - 1)
          )
          port map (
            clk     => clk,
            enable  => own,
            address => offset,
            data    => words(s)(WIDTH - 1 downto IN_BLOCKS)
          );

      end generate tables;

    end generate of_this_bank;

    of_another_bank : if SEGMENTS(s).bank /= BANK generate
      words(s) <= (others => '0');
    end generate of_another_bank;

  end generate segments_of_bank;

  -- Which segment, worked out beside the memories: one bit each.
  follow : process (clk) is
  begin
    if rising_edge(clk) then
      if enable = '1' then
        earlier <= address;
      end if;
      for s in SEGMENTS'range loop
        chosen(s) <= '0';
        if SEGMENTS(s).bank = BANK and earlier >= SEGMENTS(s).first
          and earlier < SEGMENTS(s).first + SEGMENTS(s).words then
          chosen(s) <= '1';
        end if;
      end loop;
    end if;
  end process follow;

  choose : process (all) is
    variable word : std_logic_vector(WIDTH - 1 downto 0);
  begin
    word := (others => '0');
    for s in SEGMENTS'range loop
      if SEGMENTS(s).bank = BANK then
        word := word or (words(s) and (WIDTH - 1 downto 0 => chosen(s)));
      end if;
    end loop;
    data <= word;
  end process choose;

end architecture rtl;
