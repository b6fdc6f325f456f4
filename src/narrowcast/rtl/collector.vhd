-- SPDX-License-Identifier: Apache-2.0
-- Hands the sums of finished tiles on, one column per clock, with the addresses of everything that
-- belongs to each: bias, M, R, residual, destination.
--
-- "done" comes in the clock in which the lanes hold the finished sums. Each way keeps them in two
-- sets of registers, one behind the other, so the lanes can finish two tiles before the first is
-- handed on: "done" fills the outer set, "move" passes it on to the inner one, from which "column"
-- chooses. Two clocks from "done" to the first column. "hold" stops the columns while the softmax
-- has the epilogue; of a model with states not those of scores, which do not go there. A score of a
-- key that does not exist yet is "absent": one behind the newest, until the ring of keys is full.
-- The biases of scores begin with that of the key at place 0 of the ring. The collector walks the
-- same list of jobs as the sequencer, a tile per "done"; the last columns of two jobs are four
-- clocks apart at least, which a job's word takes to fetch.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity collector is
  port (
    clk              : in    std_logic;
    reset            : in    std_logic;
    done             : in    std_logic;
    hold             : in    std_logic;
    -- of the ring of keys and values (state_ring)
    newest           : in    unsigned(ADDRESS_BITS - 1 downto 0);
    behind           : in    unsigned(ADDRESS_BITS - 1 downto 0);
    full             : in    std_logic;
    move             : out   std_logic;
    column           : out   unsigned(LANE_INDEX_BITS - 1 downto 0);
    m_address        : out   unsigned(ADDRESS_BITS - 1 downto 0); -- with the column
    -- one clock after the column; memories are enabled by what of them is needed
    valid            : out   std_logic;
    softmax          : out   std_logic; -- a score, for the softmax, not for the epilogue
    residual         : out   std_logic; -- R,
    residual_row     : out   std_logic; -- a row of the residual operand,
    shared_bias      : out   std_logic; -- a bias,
    own_bias         : out   std_logic; -- a bias of the token's own,
    shared_m         : out   std_logic; -- M,
    row_m            : out   std_logic; -- or the row's M
    taking           : out   std_logic; -- with the column
    step             : out   unsigned(STEP_BITS - 1 downto 0);
    ways             : out   std_logic_vector(1 downto 0);
    row_first        : out   std_logic;
    row_last         : out   std_logic;
    absent           : out   std_logic; -- a score,
    absent_odd       : out   std_logic; -- and that of the second way, if the engine is SPLIT
    slot             : out   unsigned(SLOT_BITS - 1 downto 0);
    bias_address     : out   unsigned(ADDRESS_BITS - 1 downto 0);
    r_address        : out   unsigned(ADDRESS_BITS - 1 downto 0);
    residual_address : out   unsigned(ADDRESS_BITS - 1 downto 0);
    position_address : out   unsigned(ADDRESS_BITS - 1 downto 0); -- the token's own bias
    y_address        : out   unsigned(ADDRESS_BITS - 1 downto 0);
    y_lane           : out   unsigned(LANE_INDEX_BITS - 1 downto 0)
  );
end entity collector;

architecture rtl of collector is

  constant NEXT_TO_LAST : natural := maximum(COLUMNS, 2) - 2;
  constant WAYS_AT      : natural := STEP_BITS + ADDRESS_BITS;
  constant SLOT_AT      : natural := WAYS_AT + 2;
  -- A field for an address of its own, or the result's address.
  constant RESIDUAL_FIELD : natural :=
    STEP_BITS + RESIDUAL_ROWS * (SLOT_AT + SLOT_BITS - STEP_BITS);
  constant POSITION_FIELD : natural :=
    STEP_BITS + POSITION_ROWS * (SLOT_AT + SLOT_BITS + RESIDUAL_ROWS * ADDRESS_BITS - STEP_BITS);

  subtype tile_t is unsigned(bits_of_count(PROGRAM, tiles) - 1 downto 0);
  subtype block_t is unsigned(bits_of_count(PROGRAM, channels) - 1 downto 0);
  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);
  subtype lane_t is unsigned(LANE_INDEX_BITS - 1 downto 0);

  -- the next job
  signal arrived   : std_logic;
  signal started   : std_logic; -- a job is current
  signal starts    : std_logic; -- none is, and the first one is prepared
  signal word      : std_logic_vector(COLLECT_WORD_BITS - 1 downto 0);
  signal word_step : unsigned(STEP_BITS - 1 downto 0);
  signal word_y    : address_t;
  signal word_residual : address_t;
  signal word_position : address_t;
  signal word_ways : std_logic_vector(1 downto 0);
  signal word_slot : unsigned(SLOT_BITS - 1 downto 0);
  signal upcoming  : step_t;
  signal prepared  : std_logic;
  signal one_tile  : std_logic;
  signal one_column : std_logic; -- in the last tile
  signal one_block : std_logic; -- a channel in a head
  signal one_lane  : std_logic;
  signal word_free : std_logic; -- of "hold"
  signal of_values : std_logic;

  -- the current job
  signal s         : step_t;
  signal current   : unsigned(STEP_BITS - 1 downto 0);
  signal job_ways  : std_logic_vector(1 downto 0);
  signal job_slot  : unsigned(SLOT_BITS - 1 downto 0);
  signal tile      : tile_t;
  signal last_tile : std_logic;
  signal column_at : lane_t;
  signal columns_left : lane_t;
  signal s_one_column : std_logic;
  signal s_one_block : std_logic;
  signal s_free    : std_logic;
  signal s_of_values : std_logic;
  signal at_row_first : std_logic;
  signal at_absent : std_logic;
  signal until_newest : unsigned(index_bits(maximum(KEPT_ROWS, 2)) - 1 downto 0); -- scores
  signal biases_before : address_t; -- of the key at place 0
  signal bias_at   : address_t;
  signal m_at      : address_t;
  signal r_at      : address_t;
  signal residual_at : address_t;
  signal position_at : address_t;
  signal y_at      : address_t;
  signal lane_at   : lane_t;
  signal block_left : block_t;
  signal block_ends : std_logic; -- of a head's channels, worked out a clock ahead
  signal lanes_end : std_logic; -- the last lane's channel

  signal outer_full : std_logic;
  signal inner_full : std_logic;
  signal tile_ends : std_logic; -- worked out a clock ahead, as are the next two
  signal row_ends  : std_logic;
  signal may_take  : std_logic; -- unless the row ends and no job is prepared, likewise
  signal take      : std_logic;
  signal go        : std_logic;
  signal passing   : std_logic;

begin

  list_of_jobs : entity work.job_list
    generic map (
      BLOCK_MEMORY => COLLECT_BLOCK,
      WIDTH        => COLLECT_WORD_BITS,
      CONTENTS     => COLLECT_IMAGE
    )
    port map (
      clk     => clk,
      reset   => reset,
      advance => go,
      word    => word,
      arrived => arrived,
      fetched => open
    );

  word_step <= unsigned(word(STEP_BITS - 1 downto 0));
  word_y    <= unsigned(word(WAYS_AT - 1 downto STEP_BITS));
  word_ways <= word(SLOT_AT - 1 downto WAYS_AT);
  word_slot <= unsigned(word(SLOT_AT + SLOT_BITS - 1 downto SLOT_AT));
  word_residual <= unsigned(word(RESIDUAL_FIELD + ADDRESS_BITS - 1 downto RESIDUAL_FIELD));
  word_position <= unsigned(word(POSITION_FIELD + ADDRESS_BITS - 1 downto POSITION_FIELD));

  take      <= inner_full and (s_free or not hold) and may_take;
  go        <= (take and row_ends) or starts;
  passing   <= outer_full and (not inner_full or (take and tile_ends));

  one_lane <= '1' when COLUMNS = 1 else '0';

  move   <= passing;
  taking <= take;
  column <= column_at;
  m_address <= m_at;

  fetch : process (clk) is
    variable following : step_t;
  begin
    if rising_edge(clk) then
      -- synthesis translate_off
      assert arrived /= '1' or word_step < PROGRAM'length
        report "collector: a job of a step outside of the program"
        severity failure;
      -- synthesis translate_on
      following := PROGRAM(to_integer(word_step));
      if arrived = '1' then
        upcoming <= following;
        one_tile <= '0';
        if following.tiles_last = 0 then
          one_tile <= '1';
        end if;
        one_column <= '0';
        if following.columns_last = 0 then
          one_column <= '1';
        end if;
        one_block <= '0';
        if following.block_last = 0 then
          one_block <= '1';
        end if;
        word_free <= '0';
        if KEPT_ROWS > 0 and following.destination = TO_SOFTMAX then
          word_free <= '1';
        end if;
        of_values <= '0';
        if following.destination = TO_VALUES then
          of_values <= '1';
        end if;
      end if;
      -- not branches, whose enable would follow "go"
      prepared <= (prepared or arrived) and not go;
      started  <= started or go;
      starts   <= (starts or (arrived and not started)) and not go;
      if reset = '1' then
        prepared <= '0';
        started  <= '0';
        starts   <= '0';
      end if;
    end if;
  end process fetch;

  walk : process (clk) is
    variable y_step : address_t;
    variable ends   : std_logic; -- of a row, in the next clock
  begin
    if rising_edge(clk) then
      biases_before <= behind;
      if SPLIT = 1 then
        biases_before <= '0' & behind(ADDRESS_BITS - 1 downto 1);
        if behind(0) = '1' then
          biases_before <= ('0' & behind(ADDRESS_BITS - 1 downto 1)) + KEPT_ROWS;
        end if;
      end if;
      outer_full <= done or (outer_full and not passing);
      inner_full <= passing or (inner_full and not (take and tile_ends));

      valid        <= take;
      step         <= current;
      ways         <= job_ways;
      slot         <= job_slot;
      row_first    <= at_row_first;
      row_last     <= row_ends;
      absent       <= at_absent;
      absent_odd   <= at_absent;
      if SPLIT = 1 then
        -- the way of odd places: the newest may lie in the other one, and it has a place less of an
        -- odd number
        if full = '0' and newest(0) = '0' and until_newest = 0 then
          absent_odd <= '1';
        end if;
        if KEPT_ROWS mod 2 = 1 and row_ends = '1' then
          absent_odd <= '1';
        end if;
      end if;
      bias_address <= bias_at;
      r_address    <= r_at;
      residual_address <= residual_at;
      position_address <= position_at;
      y_address    <= y_at;
      y_lane       <= lane_at;
      softmax      <= '0';
      if s.destination = TO_SOFTMAX then
        softmax <= '1';
      end if;
      residual    <= '0';
      residual_row <= '0';
      shared_bias <= '0';
      own_bias    <= '0';
      shared_m    <= '0';
      row_m       <= '0';
      if s.has_residual = 1 then
        residual <= take;
        if s.residual_element = 0 then
          residual_row <= take;
        end if;
      end if;
      if s.bias_per_row = 1 then
        own_bias <= take;
      elsif s.has_bias = 1 or (SCORE_BIASES = 1 and s.destination = TO_SOFTMAX) then
        shared_bias <= take;
      end if;
      if s.row_multiplier = 1 then
        row_m <= take;
      elsif s.destination /= TO_SOFTMAX then
        shared_m <= take;
      end if;

      ends := row_ends;
      if take = '1' then
        at_row_first <= '0';
        bias_at      <= bias_at + 1;
        m_at         <= m_at + 1;
        r_at         <= r_at + 1;
        residual_at  <= residual_at + 1;
        position_at  <= position_at + 1;
        column_at    <= column_at + to_unsigned(s.column_step, LANE_INDEX_BITS);
        columns_left <= columns_left - 1;
        tile_ends    <= '0';
        ends         := '0';
        if columns_left = 1 then
          tile_ends <= '1';
          ends      := last_tile;
        end if;
        y_step := to_unsigned(1, ADDRESS_BITS);
        if s_of_values = '1' then
          y_step     := (others => '0');
          lane_at    <= lane_at + 1;
          block_left <= block_left - 1;
          block_ends <= '0';
          if block_left = 1 then
            block_ends <= '1';
          end if;
          lanes_end <= '0';
          if lane_at = NEXT_TO_LAST then
            lanes_end <= '1';
          end if;
          if block_ends = '1' then
            block_left <= to_unsigned(s.block_last, block_t'length);
            block_ends <= s_one_block;
          end if;
          if block_ends = '1' or lanes_end = '1' then
            lane_at   <= (others => '0');
            lanes_end <= one_lane;
            y_step    := to_unsigned(s.y_stride, ADDRESS_BITS);
          end if;
        end if;
        y_at <= y_at + y_step;
        if KEPT_ROWS > 0 then
          until_newest <= until_newest - 1;
          if until_newest = 0 then
            at_absent <= not full;
          end if;
        end if;
        if tile_ends = '1' then
          column_at    <= to_unsigned(s.column_first, LANE_INDEX_BITS);
          columns_left <= to_unsigned(s.columns_full, LANE_INDEX_BITS);
          tile_ends    <= '0';
          if s.columns_full = 0 then
            tile_ends <= '1';
          end if;
          tile <= tile - 1;
          if tile = 1 then
            last_tile    <= '1';
            columns_left <= to_unsigned(s.columns_last, LANE_INDEX_BITS);
            tile_ends    <= s_one_column;
            ends         := s_one_column;
          end if;
        end if;
      end if;

      if go = '1' then
        s            <= upcoming;
        current      <= word_step;
        job_ways     <= word_ways;
        job_slot     <= word_slot;
        tile         <= to_unsigned(upcoming.tiles_last, tile_t'length);
        last_tile    <= one_tile;
        column_at    <= to_unsigned(upcoming.column_first, LANE_INDEX_BITS);
        s_one_column <= one_column;
        s_free       <= word_free;
        s_of_values  <= of_values;
        columns_left <= to_unsigned(upcoming.columns_full, LANE_INDEX_BITS);
        tile_ends    <= '0';
        ends         := one_tile and one_column;
        if upcoming.columns_full = 0 then
          tile_ends <= '1';
        end if;
        if one_tile = '1' then
          columns_left <= to_unsigned(upcoming.columns_last, LANE_INDEX_BITS);
          tile_ends    <= one_column;
        end if;
        at_row_first <= '1';
        bias_at      <= to_unsigned(upcoming.bias_base, ADDRESS_BITS);
        if KEPT_ROWS > 0 and SCORE_BIASES = 1 then
          if upcoming.destination = TO_SOFTMAX then
            bias_at <= to_unsigned(upcoming.bias_base, ADDRESS_BITS) + biases_before;
          end if;
        end if;
        at_absent    <= '0';
        until_newest <= newest(until_newest'range);
        if SPLIT = 1 then
          until_newest <= newest(until_newest'high + 1 downto 1);
        end if;
        m_at         <= to_unsigned(upcoming.m_base, ADDRESS_BITS);
        r_at         <= to_unsigned(upcoming.r_base, ADDRESS_BITS);
        residual_at  <= word_residual;
        position_at  <= word_position;
        y_at         <= word_y;
        if upcoming.destination = TO_POOL then
          y_at <= (others => '0');
        end if;
        block_left   <= to_unsigned(upcoming.block_last, block_t'length);
        block_ends   <= one_block;
        s_one_block  <= one_block;
        lanes_end    <= one_lane;
        lane_at      <= resize(word_slot, LANE_INDEX_BITS);
      end if;
      row_ends <= ends;
      may_take <= not ends or ((prepared or arrived) and not go);

      if reset = '1' then
        outer_full <= '0';
        inner_full <= '0';
        valid      <= '0';
        residual   <= '0';
        residual_row <= '0';
        shared_bias <= '0';
        own_bias   <= '0';
        shared_m   <= '0';
        row_m      <= '0';
      end if;
    end if;
  end process walk;

end architecture rtl;
