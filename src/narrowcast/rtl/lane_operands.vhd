-- SPDX-License-Identifier: Apache-2.0
-- The lane operand: a word of weights, of keys or of values, one clock in front of the lanes.
--
-- The address comes from the sequencer; the word stands at the output three clocks later, and stays
-- there until another one is taken. Results that are keys or values are written here. Values of
-- even and of odd rows lie in a way each, so an address of values has the way in its lowest bit. If
-- the engine is SPLIT, a word has the operands of both ways, those of the first way in front. Then
-- the values of a way are those of its columns, and a key lies in the lanes of one way, its numbers
-- in two memories in turn: the lowest bit of an address of keys says in which.
-- Weights lie in read-only memories, one for each width. If the configuration has none of them, they
-- lie in one memory of all widths, which a host fills (weight_memory).
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity lane_operands is
  port (
    clk           : in    std_logic;
    issue         : in    std_logic; -- the address is valid
    -- weight bank, or keys, or values
    source        : in    natural range 0 to BANK_BITS'length + 1;
    address       : in    unsigned(ADDRESS_BITS - 1 downto 0);
    take          : in    std_logic; -- two clocks after the address
    key_write     : in    std_logic_vector(WAYS - 1 downto 0);
    value_write   : in    std_logic_vector(WAYS - 1 downto 0);
    write_lane    : in    unsigned(LANE_INDEX_BITS - 1 downto 0);
    key_way       : in    std_logic; -- of a key that is written, if the engine is SPLIT
    write_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data    : in    std_logic_vector(WAYS * Y_BITS - 1 downto 0);
    operands      : out   signed((1 + SPLIT) * COLUMNS * LANE_BITS - 1 downto 0);
    -- weights from a host
    weights_start     : in    std_logic;
    weights_examine   : in    std_logic;
    weights_valid     : in    std_logic;
    weights_data      : in    std_logic_vector(7 downto 0);
    weights_receiving : out   std_logic;
    weights_busy      : out   std_logic;
    weights_loaded    : out   std_logic;
    weights_check     : out   std_logic_vector(31 downto 0)
  );
end entity lane_operands;

architecture rtl of lane_operands is

  constant BANKS : positive := BANK_BITS'length;
  constant LANES : positive := (1 + SPLIT) * COLUMNS; -- of a word
  constant WORD_BITS : positive := LANES * LANE_BITS;

  subtype way_bits is std_logic_vector(WAYS - 1 downto 0);

  signal source_1, source_2 : natural range 0 to BANKS + 1;
  signal value_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal odd_1        : std_logic;
  signal lane_choice  : unsigned(1 downto 0);
  signal read_keys, read_values : std_logic;
  signal read_own_values : way_bits;
  signal new_keys     : std_logic_vector(WAYS * KEY_BITS - 1 downto 0);
  signal key_data     : std_logic_vector(maximum(KEY_LANES, 1) * KEY_BITS - 1 downto 0);
  type   value_array is array (WAYS - 1 downto 0)
    of std_logic_vector(maximum(VALUE_LANES, 1) * VALUE_BITS - 1 downto 0);
  signal value_data   : value_array;
  type   key_array is array (0 to 2 * WAYS - 1)
    of std_logic_vector(maximum(KEY_LANES, 1) * KEY_BITS - 1 downto 0);
  signal split_keys   : key_array; -- by way, and by odd numbers
  signal odd_key_1, odd_key_2 : std_logic;
  type   choice_array is array (0 to 3) of signed(LANES * LANE_BITS - 1 downto 0);
  signal choices      : choice_array; -- weights, keys, values of even and of odd tokens
  type   bank_array is array (0 to BANKS - 1) of signed(LANES * LANE_BITS - 1 downto 0);
  signal bank_words   : bank_array;
  type   word_array is array (0 to BANKS - 1) of std_logic_vector(WORD_BITS - 1 downto 0);
  signal weight_words : word_array; -- as they are stored

begin

  read_keys   <= issue when source = BANKS else '0';
  read_values <= issue when source = BANKS + 1 else '0';

  values_of_ways : for i in 0 to WAYS - 1 generate

    with_values : if VALUE_LANES > 0 generate

      values : entity work.lane_cache
        generic map (
          BLOCK_MEMORY    => VALUE_BLOCK,
          LANES           => maximum(VALUE_LANES, 1),
          WAYS            => 1,
          WIDTH           => VALUE_BITS,
          DEPTH           => maximum(VALUE_WORDS, 1),
          ADDRESS_BITS    => ADDRESS_BITS,
          LANE_INDEX_BITS => LANE_INDEX_BITS
        )
        port map (
          clk           => clk,
          write         => value_write(i downto i),
          write_lane    => write_lane,
          write_address => write_address,
          write_data    => write_data(i * Y_BITS + VALUE_BITS - 1 downto i * Y_BITS),
          enable        => read_own_values(i),
          read_address  => value_address,
          read_data     => value_data(i)
        );

    end generate with_values;

    without_values : if not (VALUE_LANES > 0) generate
      value_data(i) <= (others => '0');
    end generate without_values;

    new_keys((i + 1) * KEY_BITS - 1 downto i * KEY_BITS) <=
      write_data(i * Y_BITS + KEY_BITS - 1 downto i * Y_BITS);

  end generate values_of_ways;

  -- Values of even and odd tokens lie in a way each.
  one_way : if WAYS = 1 generate
    value_address      <= address;
    odd_1              <= '0';
    read_own_values(0) <= read_values;
  end generate one_way;

  two_halves : if SPLIT = 1 generate
    value_address   <= address;
    odd_1           <= '0';
    read_own_values <= (others => read_values);
  end generate two_halves;

  two_ways : if WAYS = 2 and SPLIT = 0 generate

    value_address             <= '0' & address(ADDRESS_BITS - 1 downto 1);
    read_own_values(0)        <= read_values and not address(0);
    read_own_values(WAYS - 1) <= read_values and address(0);

    follow_parity : process (clk) is
    begin
      if rising_edge(clk) then
        odd_1 <= address(0);
      end if;
    end process follow_parity;

  end generate two_ways;

  with_split_keys : if KEY_LANES > 0 and SPLIT = 1 generate

    signal key_address : unsigned(ADDRESS_BITS - 1 downto 0);

  begin

    key_address <= '0' & address(ADDRESS_BITS - 1 downto 1);

    of_way : for i in 0 to WAYS - 1 generate

      of_number : for odd in 0 to 1 generate

        signal write_here : std_logic_vector(0 downto 0);

      begin

        write_here(0) <= key_write(odd) when to_integer(unsigned'("" & key_way)) = i else '0';

        keys : entity work.lane_cache
          generic map (
            BLOCK_MEMORY    => KEY_BLOCK,
            LANES           => maximum(KEY_LANES, 1),
            WAYS            => 1,
            WIDTH           => KEY_BITS,
            DEPTH           => maximum(KEY_WORDS, 1),
            ADDRESS_BITS    => ADDRESS_BITS,
            LANE_INDEX_BITS => LANE_INDEX_BITS
          )
          port map (
            clk           => clk,
            write         => write_here,
            write_lane    => write_lane,
            write_address => write_address,
            write_data    => new_keys((odd + 1) * KEY_BITS - 1 downto odd * KEY_BITS),
            enable        => read_keys,
            read_address  => key_address,
            read_data     => split_keys(2 * i + odd)
          );

      end generate of_number;

    end generate of_way;

    follow_number : process (clk) is
    begin
      if rising_edge(clk) then
        if read_keys = '1' then
          odd_key_1 <= address(0);
        end if;
        odd_key_2 <= odd_key_1;
      end if;
    end process follow_number;

  end generate with_split_keys;

  with_keys : if KEY_LANES > 0 and SPLIT = 0 generate

    keys : entity work.lane_cache
      generic map (
        BLOCK_MEMORY    => KEY_BLOCK,
        LANES           => maximum(KEY_LANES, 1),
        WAYS            => WAYS,
        WIDTH           => KEY_BITS,
        DEPTH           => maximum(KEY_WORDS, 1),
        ADDRESS_BITS    => ADDRESS_BITS,
        LANE_INDEX_BITS => LANE_INDEX_BITS
      )
      port map (
        clk           => clk,
        write         => key_write,
        write_lane    => write_lane,
        write_address => write_address,
        write_data    => new_keys,
        enable        => read_keys,
        read_address  => address,
        read_data     => key_data
      );

  end generate with_keys;

  without_keys : if KEY_LANES = 0 or SPLIT = 1 generate
    key_data <= (others => '0');
  end generate without_keys;

  in_rom : if WEIGHTS'length > 1 generate

    weight_banks : for b in 0 to BANKS - 1 generate

      constant BITS  : positive := BANK_BITS(b);
      constant WIDTH : positive := LANES * BITS;
      constant START_BIT : natural  := BANK_FIRST(b);
      constant SIZE  : positive := BANK_DEPTH(b) * WIDTH;
      signal   enable : std_logic;
      signal   word  : std_logic_vector(WIDTH - 1 downto 0);

    begin

      enable <= issue when source = b else '0';

      bank : entity work.weight_bank
        generic map (
          BANK         => b,
          WIDTH        => WIDTH,
          ADDRESS_BITS => ADDRESS_BITS,
          SEGMENTS     => SEGMENTS,
          CONTENTS     => WEIGHTS(START_BIT to START_BIT + SIZE - 1)
        )
        port map (
          clk     => clk,
          enable  => enable,
          address => address,
          data    => word
        );

      weight_words(b) <= std_logic_vector(resize(unsigned(word), WORD_BITS));

    end generate weight_banks;

    weights_receiving <= '0';
    weights_busy      <= '0';
    weights_loaded    <= '1';
    weights_check     <= (others => '0');

  end generate in_rom;

  weights_of_host : if WEIGHTS'length = 1 generate

    constant PARTS : positive := maximum(2, SEGMENTS(0).columns);
    signal   enable : std_logic;
    signal   word  : std_logic_vector(16 * PARTS - 1 downto 0);

  begin

    enable <= issue when source < BANKS else '0';

    memory : entity work.weight_memory
      generic map (
        WORDS        => SEGMENTS(0).words,
        COLUMNS      => PARTS,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk       => clk,
        enable    => enable,
        address   => address,
        data      => word,
        start     => weights_start,
        examine   => weights_examine,
        in_valid  => weights_valid,
        in_data   => weights_data,
        receiving => weights_receiving,
        busy      => weights_busy,
        loaded    => weights_loaded,
        check     => weights_check
      );

    weights_of_banks : for b in 0 to BANKS - 1 generate
      weight_words(b) <= std_logic_vector(resize(unsigned(word), WORD_BITS));
    end generate weights_of_banks;

  end generate weights_of_host;

  extend_banks : for b in 0 to BANKS - 1 generate

    constant BITS : positive := BANK_BITS(b);

  begin

    extend : for lane in 0 to LANES - 1 generate
      bank_words(b)((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS) <=
        resize(signed(weight_words(b)((lane + 1) * BITS - 1 downto lane * BITS)), LANE_BITS);
    end generate extend;

  end generate extend_banks;

  weights_of_lanes : process (all) is
  begin
    choices(0) <= bank_words(0);
    for b in 1 to BANKS - 1 loop
      if source_2 = b then
        choices(0) <= bank_words(b);
      end if;
    end loop;
  end process weights_of_lanes;

  operands_of_lanes : for word_lane in 0 to LANES - 1 generate

    constant LOW  : natural := word_lane * LANE_BITS;
    constant HIGH : natural := LOW + LANE_BITS - 1;
    constant LANE : natural := word_lane mod COLUMNS;
    constant WAY  : natural := word_lane / COLUMNS; -- 0 unless the engine is split

  begin

    with_split_key : if LANE < KEY_LANES and SPLIT = 1 generate
      choices(1)(HIGH downto LOW) <=
        resize(signed(split_keys(2 * WAY + 1)((LANE + 1) * KEY_BITS - 1 downto LANE * KEY_BITS)),
               LANE_BITS) when odd_key_2 = '1' else
        resize(signed(split_keys(2 * WAY)((LANE + 1) * KEY_BITS - 1 downto LANE * KEY_BITS)),
               LANE_BITS);
    end generate with_split_key;

    with_key : if LANE < KEY_LANES and SPLIT = 0 generate
      choices(1)(HIGH downto LOW) <=
        resize(signed(key_data((LANE + 1) * KEY_BITS - 1 downto LANE * KEY_BITS)), LANE_BITS);
    end generate with_key;

    without_key : if LANE >= KEY_LANES generate
      choices(1)(HIGH downto LOW) <= (others => '0');
    end generate without_key;

    with_value : if LANE < VALUE_LANES generate
      choices(2)(HIGH downto LOW) <=
        resize(signed(value_data(WAY)((LANE + 1) * VALUE_BITS - 1 downto LANE * VALUE_BITS)),
               LANE_BITS);
      choices(3)(HIGH downto LOW) <=
        resize(signed(value_data(WAYS - 1)((LANE + 1) * VALUE_BITS - 1 downto LANE * VALUE_BITS)),
               LANE_BITS);
    end generate with_value;

    without_value : if LANE >= VALUE_LANES generate
      choices(2)(HIGH downto LOW) <= (others => '0');
      choices(3)(HIGH downto LOW) <= (others => '0');
    end generate without_value;

  end generate operands_of_lanes;

  choose : process (clk) is
  begin
    if rising_edge(clk) then
      source_1 <= source;
      source_2 <= source_1;
      -- the caches' choice is worked out a clock ahead, for one table a bit
      lane_choice <= "00";
      if source_1 = BANKS then
        lane_choice <= "01";
      elsif source_1 = BANKS + 1 then
        lane_choice <= '1' & odd_1;
      end if;
      if take = '1' then
        operands <= choices(to_integer(lane_choice));
      end if;
    end if;
  end process choose;

end architecture rtl;
