-- SPDX-License-Identifier: Apache-2.0
-- The words of the engine's program, and of its memory plan.
--
-- A program is a constant array of steps, and a list of jobs in read-only memories. A job is one
-- row of one step: a token, or a token in every way, against all columns. The sequencer and the
-- collector walk the same list, each at its own pace, and every unit reads only the fields that
-- concern it, so nothing but "this tile is done" has to travel with the data. Counts that end a
-- loop are stored less one ("_last").
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

package engine_types is

  -- Where the broadcast operand comes from.
  constant FROM_SCRATCH : natural := 0;
  constant FROM_TOKENS  : natural := 1;
  constant FROM_INPUTS  : natural := 2;
  constant FROM_POOL    : natural := 3;

  -- Where the epilogue's result goes.
  constant TO_SCRATCH : natural := 0;
  constant TO_TOKENS  : natural := 1;
  constant TO_KEYS    : natural := 2;
  constant TO_VALUES  : natural := 3;
  constant TO_RESULT  : natural := 4;
  constant TO_SOFTMAX : natural := 5;
  constant TO_POOL    : natural := 6;

  -- What the lanes of a way are built of.
  constant LANE_PAIRS  : natural := 0;
  constant LANE_SINGLE : natural := 1;
  constant LANE_TABLES : natural := 2;
  constant LANE_TREES  : natural := 3;

  -- What a decision makes of its operand.
  constant DECIDE_ARG_MAX : natural := 0;
  constant DECIDE_L1_NORM : natural := 1;

  -- Memories in the words of tools whose words depend on the family: change them here.
  -- Quartus: "M9K" for MAX 10 and Cyclone 10 LP, "M10K" for Cyclone V, "M20K" for Cyclone 10 GX.
  constant QUARTUS_BLOCK : string := "M9K";
  -- ROM in blocks. Synplify and Gowin: "block_rom"; LSE: "EBR".
  constant SYN_BLOCK_ROM : string := "block_rom";
  -- RAM of look-up tables. Lattice: "distributed"; Gowin: "distributed_ram"; Synplify for AMD's
  -- devices: "select_ram".
  constant SYN_TABLES_RAM : string := "distributed";

  -- What numbers of any model are at the most, here and nowhere else; compile.ranges refuses a model
  -- that has others. engine_config states the widths of one model.
  subtype flag_t is natural range 0 to 1;
  subtype count_t is natural range 0 to 2 ** 16 - 1; -- of rows, columns or clocks
  subtype lane_t is natural range 0 to 2 ** 12 - 1;  -- of a way
  subtype word_t is natural range 0 to 2 ** 22 - 1;  -- of a memory
  subtype bank_t is natural range 0 to 6;            -- one for each width of weights
  subtype shift_t is natural range 1 to 24;
  subtype raise_t is natural range 0 to 48;
  subtype level_t is integer range -2 ** 23 to 2 ** 23 - 1; -- of a tensor of 24 bits

  type step_t is record
    -- sequencer
    tiles_last     : count_t;
    inner_last     : count_t;
    group_last     : count_t; -- products that a pair of lanes sums up at a time
    tile_pause     : count_t; -- idle clocks between tiles
    x_source       : natural range FROM_SCRATCH to FROM_POOL;
    x_zero         : level_t;
    lane_source    : natural range 0 to bank_t'high + 2; -- a weight bank, or keys, or values
    lane_base      : word_t;
    lane_stride    : word_t; -- from tile to tile
    -- collector
    column_first   : flag_t; -- first lane, and from lane to lane
    column_step    : positive range 1 to 2;
    columns_full   : lane_t; -- columns of a full tile, less one,
    columns_last   : lane_t; -- and of the last tile
    bias_base      : word_t;
    m_base         : word_t;
    r_base         : word_t;
    destination    : natural range TO_SCRATCH to TO_POOL;
    y_stride       : count_t; -- values: from block to block of channels
    block_last     : count_t; -- values: columns of one head, less one
    -- epilogue
    has_bias       : flag_t;
    bias_per_row   : flag_t; -- 1: every token has biases of its own
    has_residual   : flag_t;
    residual_element : count_t; -- 0: the residual is a row; n: it is the n-th element of the inputs
    row_multiplier : flag_t; -- 1: M comes from the row's reciprocal
    residual_zero  : level_t;
    residual_shift : raise_t;
    shift          : shift_t;
    rounding       : natural range 0 to shift_t'high - 1; -- position of the rounding bit
    y_zero         : level_t;
    y_low          : level_t;
    y_high         : level_t;
    -- running sums (running_sums)
    runs_into      : count_t; -- 0: none; n: the results are multiplied and added to the n-th sum,
    run_base       : word_t;  -- with the weights from here on
    takes_run      : count_t; -- 0: sums come of the lanes; n: the only one is the n-th running sum
    -- softmax
    numerator      : natural range 0 to 2 ** 25 - 1;
    table_base     : word_t;
    e_zero         : integer range -128 to 0;
  end record;

  type step_array is array (natural range <>) of step_t;

  -- Counts of a step, of which the counters are no wider than a program needs.
  type counted_t is (tiles, products, groups, pauses, channels);

  -- A run of words of one weight bank. The lowest columns * column_bits bits of each word lie
  -- in block memories, a column each; the rest lies in look-up tables.
  type segment_t is record
    bank        : bank_t;
    first       : word_t;
    words       : positive range 1 to word_t'high;
    columns     : count_t;
    column_bits : positive range 1 to count_t'high;
  end record;

  type segment_array is array (natural range <>) of segment_t;

  type natural_array is array (natural range <>) of natural;

  type level_array is array (natural range <>) of level_t;

  function minimum_of (a, b : natural) return natural;

  -- Bits of an index that tells so many apart, one at the least.
  function index_bits (count : positive) return positive;

  -- Bits that hold a count of any step of a program.
  function bits_of_count (program : step_array; counted : counted_t) return positive;

  -- a + b + carry. A difference inside, because synthesis may swap the operands of a sum, but not
  -- of a difference: a goes into the carry chain as it is, b may be a function of signals.
  function add (a, b : signed; carry : std_logic) return signed;

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

  function bits_of_count (program : step_array; counted : counted_t) return positive is
    variable most : natural := 0;
  begin
    for i in program'range loop
      if counted = tiles then
        most := maximum(most, program(i).tiles_last);
      elsif counted = products then
        most := maximum(most, program(i).inner_last);
      elsif counted = groups then
        most := maximum(most, program(i).group_last);
      elsif counted = pauses then
        most := maximum(most, program(i).tile_pause);
      else
        most := maximum(most, program(i).block_last);
      end if;
    end loop;
    return index_bits(most + 1);
  end function bits_of_count;

  function add (a, b : signed; carry : std_logic) return signed is
    variable result : signed(a'length downto 0);
  begin
    result := (a & carry) - (not b & '1');
    return result(a'length downto 1);
  end function add;

end package body engine_types;
