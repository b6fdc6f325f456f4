-- SPDX-License-Identifier: Apache-2.0
-- Takes the inputs of an inference from their stream, row by row, and writes them to the stores.
--
-- Inputs come one tensor after the other. Row i of a tensor goes to way i modulo ways; the rows of
-- two ways lie at the same address. If the engine is SPLIT, number i goes to way i modulo ways
-- instead. "row_loaded" is high with the last input of each row. Numbers that are residuals by
-- themselves are kept, for the epilogue, beside being stored. After the last input nothing is taken
-- until "start".
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity input_loader is
  port (
    clk        : in    std_logic;
    reset      : in    std_logic;
    start      : in    std_logic; -- the inputs of the next inference may come
    in_valid   : in    std_logic;
    in_ready   : out   std_logic;
    in_data    : in    std_logic_vector(INPUT_BITS - 1 downto 0);
    row_loaded : out   std_logic;
    write      : out   std_logic_vector(WAYS - 1 downto 0);
    address    : out   unsigned(ADDRESS_BITS - 1 downto 0);
    data       : out   std_logic_vector(INPUT_BITS - 1 downto 0);
    elements   : out   std_logic_vector(maximum(ELEMENT_COUNT, 1) * INPUT_BITS - 1 downto 0)
  );
end entity input_loader;

architecture rtl of input_loader is

  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);

  constant TENSOR_BITS : positive := index_bits(INPUT_TENSORS);

  signal loading      : std_logic;
  signal waking       : unsigned(1 downto 0); -- after a reset, until the first job is fetched
  signal take         : std_logic;
  signal tensor       : unsigned(TENSOR_BITS - 1 downto 0);
  signal tensor_left  : address_t; -- rows of the tensor behind this one
  signal following    : unsigned(TENSOR_BITS - 1 downto 0); -- tensor of the next row
  signal at_tensor_end : std_logic;
  signal columns_left : address_t; -- inputs of the row behind this one
  signal rows_left    : address_t;
  signal way          : std_logic;
  signal row_at       : address_t;
  signal at           : address_t;
  signal row_ends     : std_logic; -- the input to come is the row's last
  signal last_row     : std_logic;

  -- Of a row of a tensor: its inputs but for the first.
  function further_columns (number : unsigned) return address_t is
    variable count : address_t;
  begin
    count := to_unsigned(INPUT_TENSOR_COLUMNS(0) - 1, ADDRESS_BITS);
    for i in 1 to INPUT_TENSORS - 1 loop
      if number = i then
        count := to_unsigned(INPUT_TENSOR_COLUMNS(i) - 1, ADDRESS_BITS);
      end if;
    end loop;
    return count;
  end function further_columns;

  -- Of a tensor: its rows but for the first.
  function further_rows (number : unsigned) return address_t is
    variable count : address_t;
  begin
    count := to_unsigned(INPUT_TENSOR_ROWS(0) - 1, ADDRESS_BITS);
    for i in 1 to INPUT_TENSORS - 1 loop
      if number = i then
        count := to_unsigned(INPUT_TENSOR_ROWS(i) - 1, ADDRESS_BITS);
      end if;
    end loop;
    return count;
  end function further_rows;

  -- Rows that come in before a tensor's first.
  function rows_before (number : natural) return natural is
    variable count : natural := 0;
  begin
    for i in 0 to INPUT_TENSORS - 1 loop
      if i < number then
        count := count + INPUT_TENSOR_ROWS(i);
      end if;
    end loop;
    return count;
  end function rows_before;

begin

  in_ready   <= loading;
  take       <= loading and in_valid;
  row_loaded <= take and row_ends;

  one_tensor : if INPUT_TENSORS = 1 generate
    following     <= (others => '0');
    at_tensor_end <= '0';
  end generate one_tensor;

  tensors : if INPUT_TENSORS > 1 generate
    at_tensor_end <= '1' when tensor_left = 0 else '0';
    following     <= tensor + 1 when at_tensor_end = '1' else tensor;
  end generate tensors;

  load : process (clk) is
  begin
    if rising_edge(clk) then
      write   <= (others => '0');
      address <= at;
      if SPLIT = 1 then
        address <= '0' & at(ADDRESS_BITS - 1 downto 1);
      end if;
      if take = '1' then
        data     <= in_data;
        write(0) <= '1';
        if SPLIT = 1 then
          write(0)        <= not at(0);
          write(WAYS - 1) <= at(0);
        elsif WAYS = 2 then
          write(0)        <= not way;
          write(WAYS - 1) <= way;
        end if;
        at           <= at + 1;
        columns_left <= columns_left - 1;
        if columns_left = 1 then
          row_ends <= '1';
        end if;
        if row_ends = '1' then
          columns_left <= further_columns(following);
          row_ends     <= '0';
          if further_columns(following) = 0 then
            row_ends <= '1';
          end if;
          rows_left <= rows_left - 1;
          if WAYS = 2 and SPLIT = 0 and way = '0' and at_tensor_end = '0' then
            at  <= row_at; -- the other way's row lies at the same address
            way <= '1';
          else
            row_at <= at + 1;
            way    <= '0';
          end if;
          if rows_left = 1 then
            last_row <= '1';
          end if;
        end if;
      end if;
      loading <= start or (loading and not (take and row_ends and last_row));
      if waking /= 0 then
        waking <= waking - 1;
        if waking = 1 then
          loading <= '1';
        end if;
      end if;
      if loading = '0' or reset = '1' then
        way          <= '0';
        row_at       <= (others => '0');
        at           <= (others => '0');
        columns_left <= to_unsigned(INPUT_TENSOR_COLUMNS(0) - 1, ADDRESS_BITS);
        row_ends     <= '0';
        if INPUT_TENSOR_COLUMNS(0) = 1 then
          row_ends <= '1';
        end if;
        rows_left    <= to_unsigned(INPUT_ROWS - 1, ADDRESS_BITS);
        last_row     <= '0';
        if INPUT_ROWS = 1 then
          last_row <= '1';
        end if;
      end if;
      if reset = '1' then
        waking  <= "11";
        loading <= '0';
        write   <= (others => '0');
      end if;
    end if;
  end process load;

  count_tensors : if INPUT_TENSORS > 1 generate

    count : process (clk) is
    begin
      if rising_edge(clk) then
        if row_loaded = '1' then
          tensor      <= following;
          tensor_left <= tensor_left - 1;
          if at_tensor_end = '1' then
            tensor_left <= further_rows(following);
          end if;
        end if;
        if loading = '0' or reset = '1' then
          tensor      <= (others => '0');
          tensor_left <= to_unsigned(INPUT_TENSOR_ROWS(0) - 1, ADDRESS_BITS);
        end if;
      end if;
    end process count;

  end generate count_tensors;

  count_none : if INPUT_TENSORS = 1 generate
    tensor      <= (others => '0');
    tensor_left <= (others => '0');
  end generate count_none;

  -- A number of a tensor's last row is kept from every row: that of the last one stays.
  kept : for e in 0 to ELEMENT_COUNT - 1 generate

    constant OF_TENSOR : natural := ELEMENT_TENSOR(e);
    constant ROW       : natural := ELEMENT_ROW(e);
    constant AT_LEFT   : natural := INPUT_TENSOR_COLUMNS(OF_TENSOR) - 1 - ELEMENT_COLUMN(e);
    constant ROWS_LEFT_THEN : natural := INPUT_ROWS - 1 - rows_before(OF_TENSOR) - ROW;
    constant ANY_ROW   : boolean := ROW = INPUT_TENSOR_ROWS(OF_TENSOR) - 1;

  begin

    keep : process (clk) is
    begin
      if rising_edge(clk) then
        if take = '1' and columns_left = AT_LEFT and tensor = OF_TENSOR
           and (ANY_ROW or rows_left = ROWS_LEFT_THEN) then
          elements((e + 1) * INPUT_BITS - 1 downto e * INPUT_BITS) <= in_data;
        end if;
      end if;
    end process keep;

  end generate kept;

  none_kept : if ELEMENT_COUNT = 0 generate
    elements <= (others => '0');
  end generate none_kept;

end architecture rtl;
