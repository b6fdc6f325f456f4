-- SPDX-License-Identifier: Apache-2.0
-- All weights of one width: a word holds one weight for every lane, lane 0 in the lowest bits.
--
-- The bank is cut into segments (see engine_types): the compiler places as many columns of each
-- segment in block memory as the device has room for, the rest in look-up tables. Segments
-- follow each other, and start at multiples of a block memory's depth, so it takes the address's
-- upper bits only to tell which of them it is in.
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

  function trailing_zeros (number : positive) return natural is
    variable zeros : natural := 0;
  begin
    while number / 2 ** zeros mod 2 = 0 loop
      zeros := zeros + 1;
    end loop;
    return zeros;
  end function trailing_zeros;

  -- Whether a place is the boundary or lies behind it.
  function reaches (place : unsigned; boundary : natural) return std_logic is
    constant LOWEST : natural := trailing_zeros(maximum(boundary, 1));
  begin
    if boundary = 0 or place(place'high downto LOWEST) >= boundary / 2 ** LOWEST then
      return '1';
    end if;
    return '0';
  end function reaches;

  -- Whether words of the bank follow from here on.
  function is_first (place : natural) return boolean is
  begin
    for s in SEGMENTS'range loop
      if SEGMENTS(s).bank = BANK and SEGMENTS(s).first = place then
        return true;
      end if;
    end loop;
    return false;
  end function is_first;

  type   word_array is array (SEGMENTS'range) of std_logic_vector(WIDTH - 1 downto 0);
  signal words  : word_array;
  signal chosen : std_logic_vector(SEGMENTS'range);

begin

  segments_of_bank : for s in SEGMENTS'range generate

    of_this_bank : if SEGMENTS(s).bank = BANK generate

      constant SEGMENT : segment_t := SEGMENTS(s);
      constant BEHIND  : natural   := SEGMENT.first + SEGMENT.words;
      constant IN_BLOCKS : natural := minimum_of(WIDTH, SEGMENT.columns * SEGMENT.column_bits);
      signal   offset  : unsigned(ADDRESS_BITS - 1 downto 0);
      signal   inside  : std_logic;
      signal   own     : std_logic;
      signal   own_1   : std_logic; -- of the word that was addressed last

    begin

      offset <= address - SEGMENT.first;
      own    <= enable and inside;

      followed : if is_first(BEHIND) generate
        inside <= reaches(address, SEGMENT.first) and not reaches(address, BEHIND);
      end generate followed;

      at_the_end : if not is_first(BEHIND) generate
        inside <= reaches(address, SEGMENT.first);
      end generate at_the_end;

      -- Which segment, worked out beside the memories: one bit each.
      follow : process (clk) is
      begin
        if rising_edge(clk) then
          if enable = '1' then
            own_1 <= inside;
          end if;
          chosen(s) <= own_1;
        end if;
      end process follow;

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
      words(s)  <= (others => '0');
      chosen(s) <= '0';
    end generate of_another_bank;

  end generate segments_of_bank;

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
