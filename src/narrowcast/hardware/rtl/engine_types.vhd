-- The words of the engine's program, and of its memory plan.
--
-- A program is a constant array of steps. Every unit of the engine walks the same program at
-- its own pace and reads only the fields that concern it, so nothing but "this tile is done"
-- has to travel with the data. Counts that end a loop are stored less one ("_last").
library ieee;
use ieee.std_logic_1164.all;

package engine_types is

  -- Where the epilogue's result goes.
  constant TO_SCRATCH : natural := 0;
  constant TO_TOKENS  : natural := 1;
  constant TO_KEYS    : natural := 2;
  constant TO_VALUES  : natural := 3;
  constant TO_RESULT  : natural := 4;
  constant TO_SOFTMAX : natural := 5;

  type step_t is record
    -- sequencer
    rows_last      : natural;
    tiles_last     : natural;
    inner_last     : natural;
    tile_pause     : natural; -- idle clocks after a tile,
    row_pause      : natural; -- after the last tile of a row,
    step_pause     : natural; -- after the last tile of the step
    x_tokens       : natural; -- 1: operand from the token store, 0: from the scratch store
    x_base         : natural;
    x_stride       : natural;
    x_zero         : integer;
    lane_source    : natural; -- weight bank, or keys, or values
    lane_base      : natural;
    lane_stride    : natural; -- from tile to tile
    wrap_last      : natural; -- lane operands repeat after this many
    -- collector
    columns_last   : natural; -- of the last tile of a row
    bias_base      : natural;
    bias_per_row   : natural; -- 1: every row has biases of its own
    m_base         : natural;
    r_base         : natural;
    residual_base  : natural;
    destination    : natural;
    y_base         : natural;
    y_stride       : natural;
    block_last     : natural; -- values: columns of one head, less one
    -- epilogue
    has_bias       : natural;
    has_residual   : natural;
    row_multiplier : natural; -- 1: M comes from the row's reciprocal
    residual_zero  : integer;
    residual_shift : natural;
    shift          : natural;
    rounding       : natural; -- position of the rounding bit
    y_zero         : integer;
    y_low          : integer;
    y_high         : integer;
    -- softmax
    numerator      : natural;
    table_base     : natural;
    e_zero         : integer;
  end record;

  type step_array is array (natural range <>) of step_t;

  -- A run of words of one weight bank. The lowest columns * column_bits bits of each word lie
  -- in block memories, a column each; the rest lies in look-up tables.
  type segment_t is record
    bank        : natural;
    first       : natural;
    words       : positive;
    columns     : natural;
    column_bits : positive;
  end record;

  type segment_array is array (natural range <>) of segment_t;

  type natural_array is array (natural range <>) of natural;

  function minimum_of (a, b : natural) return natural;

  -- Bits of an index that tells so many apart, one at the least.
  function index_bits (count : positive) return positive;

end package engine_types;

package body engine_types is

  function minimum_of (a, b : natural) return natural is
  begin
    if a < b then
      return a;
    end if;
    return b;
  end function minimum_of;

  function index_bits (count : positive) return positive is
    variable bits : positive := 1;
  begin
    while 2 ** bits < count loop
      bits := bits + 1;
    end loop;
    return bits;
  end function index_bits;

end package body engine_types;
