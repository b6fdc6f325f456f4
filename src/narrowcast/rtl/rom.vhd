-- SPDX-License-Identifier: Apache-2.0
-- Read-only memory, two clocks from address to data, in the resource asked for. Without "enable"
-- it keeps what it read last, zeros to begin with.
--
-- CONTENTS is the memory image as one vector, word 0 leftmost. In block memory the two clocks
-- are the memory's latch and its output register. Of look-up tables the memory is built as
-- blocks of 64 words, one table a bit, each with a register, and a second clock chooses among
-- the blocks: a table of six inputs with a register behind it is what the fabric is made of,
-- and no mapper can make it larger. BLOCK_MEMORY stands first among the generics so that the
-- resource can be read from the elaborated module's name.
--
-- Attributes pass the choice on to synthesis, as in ram: "rom_style" to Vivado, "romstyle" to
-- Quartus, "syn_romstyle" to Synplify, LSE and Gowin. Some tools look for them at the words, others
-- at the register that is read into.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity rom is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    WIDTH        : positive;
    ADDRESS_BITS : positive;
    CONTENTS     : std_logic_vector
  );
  port (
    clk     : in    std_logic;
    enable  : in    std_logic;
    address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    data    : out   std_logic_vector(WIDTH - 1 downto 0)
  );
end entity rom;

architecture rtl of rom is

  -- Words have a bit more, always 1, that nobody reads: GHDL's Verilog makes zeros of a constant in
  -- which only the topmost bits are not.
  constant DEPTH : positive := CONTENTS'length / WIDTH;

  attribute rom_style    : string;
  attribute romstyle     : string;
  attribute syn_romstyle : string;

begin

  -- synthesis translate_off
  check : process (clk) is
  begin
    if rising_edge(clk) then
      assert enable /= '1' or address < DEPTH
        report "rom: a read outside of the memory"
        severity failure;
    end if;
  end process check;
  -- synthesis translate_on

  in_block : if BLOCK_MEMORY = 1 generate

    constant BITS : positive := index_bits(DEPTH);
    type     words_t is array (2 ** BITS - 1 downto 0) of std_logic_vector(WIDTH downto 0);

    function image return words_t is
      alias    flat   : std_logic_vector(0 to CONTENTS'length - 1) is CONTENTS;
      variable result : words_t := (others => '1' & (WIDTH - 1 downto 0 => '0'));
    begin
      for i in 0 to DEPTH - 1 loop
        result(i) := '1' & flat(i * WIDTH to i * WIDTH + WIDTH - 1);
      end loop;
      return result;
    end function image;

    constant WORDS   : words_t := image;
    signal   latched : std_logic_vector(WIDTH - 1 downto 0) := (others => '0');

    attribute rom_style of WORDS : constant is "block";
    attribute rom_style of latched : signal is "block";
    attribute romstyle of WORDS : constant is QUARTUS_BLOCK;
    attribute romstyle of latched : signal is QUARTUS_BLOCK;
    attribute syn_romstyle of WORDS : constant is SYN_BLOCK_ROM;
    attribute syn_romstyle of latched : signal is SYN_BLOCK_ROM;

  begin

    read : process (clk) is
    begin
      if rising_edge(clk) then
        if enable = '1' then
          latched <= WORDS(to_integer(resize(address, BITS)))(WIDTH - 1 downto 0);
        end if;
        data <= latched;
      end if;
    end process read;

  end generate in_block;

  in_tables : if BLOCK_MEMORY = 0 generate

    constant BLOCKS      : positive := (DEPTH + 63) / 64;
    constant CHOICE_BITS : positive := index_bits(BLOCKS);
    type     block_array is array (2 ** CHOICE_BITS - 1 downto 0)
      of std_logic_vector(WIDTH - 1 downto 0);
    signal   latched : block_array := (others => (others => '0'));
    signal   chosen  : unsigned(CHOICE_BITS - 1 downto 0) := (others => '0');
    signal   low     : unsigned(5 downto 0);

    attribute rom_style of latched : signal is "distributed";
    attribute romstyle of latched : signal is "logic";
    attribute syn_romstyle of latched : signal is "logic";

  begin

    low <= resize(address, 6);

    blocks_of_64 : for b in 0 to BLOCKS - 1 generate

      type words_t is array (63 downto 0) of std_logic_vector(WIDTH downto 0);

      function image return words_t is
        alias    bits   : std_logic_vector(0 to CONTENTS'length - 1) is CONTENTS;
        variable result : words_t;
      begin
        for i in 0 to 63 loop
          if b * 64 + i < DEPTH then
            result(i) := '1' & bits((b * 64 + i) * WIDTH to (b * 64 + i + 1) * WIDTH - 1);
          else
            result(i) := '1' & (WIDTH - 1 downto 0 => '0');
          end if;
        end loop;
        return result;
      end function image;

      constant WORDS : words_t := image;

      attribute rom_style of WORDS : constant is "distributed";
      attribute romstyle of WORDS : constant is "logic";
      attribute syn_romstyle of WORDS : constant is "logic";

    begin

      read : process (clk) is
      begin
        if rising_edge(clk) then
          if enable = '1' then
            latched(b) <= WORDS(to_integer(low))(WIDTH - 1 downto 0);
          end if;
        end if;
      end process read;

    end generate blocks_of_64;

    blocks_left_over : for b in BLOCKS to 2 ** CHOICE_BITS - 1 generate
      latched(b) <= (others => '0');
    end generate blocks_left_over;

    choose : process (clk) is
    begin
      if rising_edge(clk) then
        if enable = '1' then
          chosen <= resize(shift_right(address, 6), CHOICE_BITS);
        end if;
        data <= latched(to_integer(chosen));
      end if;
    end process choose;

  end generate in_tables;

end architecture rtl;
