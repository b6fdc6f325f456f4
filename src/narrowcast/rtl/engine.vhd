-- SPDX-License-Identifier: Apache-2.0
-- The accelerator: integers in, integers out, both as streams with valid and ready.
--
-- One array of lanes, in one or two ways, runs every job of the program (see engine_types):
--
--   stores --> x - zero --> way: lanes, sums, softmax, epilogue --> stores, caches, pool, result
--   weights, keys, values --^
--
-- A transfer takes place in every clock in which valid and ready are both high. Inputs are taken
-- tensor by tensor, row by row; the program starts with the first of them; then the outputs are
-- offered, in the same order. Of a model with states, keys and values of the last inferences are
-- kept; "restart" with the first input of an inference drops them, as a reset does. With
-- STATE_ACCESS, two more streams give them out and take them back: "keep" with the first input of
-- an inference asks for its row (state_reader), and a state is put back between two inferences
-- (state_writer). If the configuration has no WEIGHTS, a host sends the weights before the first
-- inference, or others between two (weight_loader), and a reset does not concern them. What a model
-- does not need, an engine for it does not have. "reset" is synchronous and may come at any time.
-- Memories are enabled only in the clocks in which they are read or written, and registers keep
-- what they hold while nothing comes.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity engine is
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    in_valid  : in    std_logic;
    in_ready  : out   std_logic;
    in_data   : in    std_logic_vector(INPUT_BITS - 1 downto 0);
    restart   : in    std_logic := '0'; -- with the first input, of a model with states
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(OUTPUT_BITS - 1 downto 0);
    -- With STATE_ACCESS; leave open what is not needed.
    keep            : in    std_logic := '0'; -- with the first input
    state_in_valid  : in    std_logic := '0';
    state_in_ready  : out   std_logic;
    state_in_data   : in    std_logic_vector(7 downto 0) := (others => '0');
    state_in_last   : in    std_logic := '0';
    state_in_ends   : out   std_logic; -- the byte to come has to be the last of a state
    state_restored  : out   std_logic; -- the last state that was put back was taken,
    state_refused   : out   std_logic; -- or it was not
    state_out_valid : out   std_logic;
    state_out_ready : in    std_logic := '0';
    state_out_data  : out   std_logic_vector(7 downto 0);
    state_out_last  : out   std_logic;
    -- Without WEIGHTS in the configuration; leave open what is not needed.
    weights_start     : in    std_logic := '0'; -- new weights come; also ends what came before
    weights_examine   : in    std_logic := '0'; -- those in the memory are to be checked again
    weights_valid     : in    std_logic := '0';
    weights_data      : in    std_logic_vector(7 downto 0) := (others => '0');
    weights_receiving : out   std_logic; -- bytes of weights are taken
    weights_busy      : out   std_logic; -- no inference may run
    weights_loaded    : out   std_logic; -- those of the host are checked; always high with WEIGHTS
    weights_check     : out   std_logic_vector(31 downto 0); -- their CRC
    -- Every number as it is stored, by way, for looking inside; leave open.
    trace_valid : out   std_logic_vector(WAYS - 1 downto 0);
    trace_data  : out   std_logic_vector(WAYS * Y_BITS - 1 downto 0)
  );
end entity engine;

architecture rtl of engine is

  constant BANKS    : positive := BANK_BITS'length;
  constant TAG_BITS : positive := ADDRESS_BITS + LANE_INDEX_BITS + 4;
  constant DONE_AT  : positive := 6 + GROUPED; -- clocks from a tile's last pair to its sums

  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);
  subtype step_index is unsigned(STEP_BITS - 1 downto 0);
  subtype way_bits is std_logic_vector(WAYS - 1 downto 0);
  type    y_array is array (WAYS - 1 downto 0) of signed(Y_BITS - 1 downto 0);
  type    tag_array is array (WAYS - 1 downto 0) of std_logic_vector(TAG_BITS - 1 downto 0);
  type    step_index_array is array (WAYS - 1 downto 0) of step_index;

  -- streams
  signal row_loaded   : std_logic;
  signal input_write  : way_bits;
  signal input_address : address_t;
  signal input_data   : std_logic_vector(INPUT_BITS - 1 downto 0);
  signal elements     : std_logic_vector(maximum(ELEMENT_COUNT, 1) * INPUT_BITS - 1 downto 0);
  signal sending      : std_logic;
  signal sent         : std_logic;
  signal result_in    : std_logic;
  signal result_both  : std_logic;
  signal result_data  : std_logic_vector((1 + RESULT_PAIRS) * OUTPUT_BITS - 1 downto 0);

  -- the newest row of the states
  signal loading      : std_logic;
  signal offered      : std_logic;
  signal input_taken  : std_logic;
  signal fresh        : std_logic;
  signal clear_ring   : std_logic;
  signal next_row     : std_logic;
  signal newest       : address_t;
  signal behind       : address_t;
  signal ring_lane    : unsigned(LANE_INDEX_BITS + SPLIT - 1 downto 0);
  signal newest_lane  : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal newest_way   : std_logic;
  signal newest_keys  : address_t;
  signal ring_full    : std_logic;

  -- access to the states
  constant PLACE_BITS : positive := ADDRESS_BITS + LANE_INDEX_BITS + 2;
  signal over         : std_logic; -- all that an inference offers is taken
  signal restoring    : std_logic;
  signal clear        : std_logic; -- no row exists
  signal put          : std_logic; -- a number of a state
  signal put_place    : std_logic_vector(PLACE_BITS - 1 downto 0); -- odd, value, lane, address
  signal put_data     : std_logic_vector(7 downto 0);
  signal put_ways     : way_bits;
  signal row_put      : std_logic;

  -- sequencer, and its signals in step with the operands
  signal issue, first, last, group_first, group_last : std_logic;
  signal issue_q      : std_logic_vector(1 to 3);
  signal first_q      : std_logic_vector(1 to 3);
  signal group_first_q, group_last_q : std_logic_vector(1 to 3);
  signal last_q       : std_logic_vector(1 to DONE_AT);
  signal step         : step_index;
  signal step_1       : step_index;
  signal ways_0, ways_1, ways_2 : std_logic_vector(1 downto 0);
  signal both_3       : std_logic;
  signal both_done    : std_logic_vector(3 to DONE_AT);
  signal done_own     : way_bits;
  signal x_from       : unsigned(1 downto 0);
  signal source       : natural range 0 to BANKS + 1;
  signal x_address    : address_t;
  signal lane_address : address_t;

  -- running sums
  subtype run_t is unsigned(index_bits(RUNNING_SUMS + 1) - 1 downto 0);
  type    run_array is array (2 to DONE_AT) of run_t;
  signal run_q        : run_array; -- of the step of an operand pair: the sum that it takes, or 0
  signal take_run     : std_logic;
  signal running      : signed(SUM_BITS - 1 downto 0);

  -- operands
  signal x_zero       : signed(X_BITS - 1 downto 0);
  signal x            : signed(WAYS * X_BITS - 1 downto 0);
  signal lane_words   : signed((1 + SPLIT) * COLUMNS * LANE_BITS - 1 downto 0);

  -- collector
  signal move         : std_logic;
  signal column       : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal holds        : way_bits;
  signal c_valid      : std_logic;
  signal c_softmax    : std_logic;
  signal c_residual   : std_logic;
  signal c_residual_row : std_logic;
  signal c_shared_bias, c_own_bias, c_shared_m, c_row_m : std_logic;
  signal taking       : std_logic;
  signal c_step       : step_index;
  signal c_ways       : std_logic_vector(1 downto 0);
  signal c_row_first  : std_logic;
  signal c_row_last   : std_logic;
  signal c_absent     : std_logic_vector(1 downto 0);
  signal c_slot       : unsigned(SLOT_BITS - 1 downto 0);
  signal bias_address, m_address, r_address : address_t;
  signal residual_address, position_address, c_y_address : address_t;
  signal c_y_lane     : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal below_valid  : way_bits;
  signal below_step   : step_index_array;

  -- epilogue
  signal bias         : signed(WAYS * BIAS_BITS - 1 downto 0);
  signal m            : signed((1 + SPLIT) * M_BITS - 1 downto 0);
  signal r            : signed((1 + SPLIT) * M_BITS - 1 downto 0);
  type   sum_array is array (WAYS - 1 downto 0) of signed(SUM_BITS - 1 downto 0);
  type   part_array is array (WAYS - 1 downto 0) of unsigned(E_BITS - 1 downto 0);
  signal row_found    : way_bits;  -- of each way's part of a row of scores
  signal row_largest  : sum_array;
  signal row_part     : part_array;
  signal residual_data : std_logic_vector(WAYS * TOKEN_BITS - 1 downto 0);
  signal residual     : signed(WAYS * RESIDUAL_BITS - 1 downto 0);
  signal y_valid      : way_bits;
  signal y            : y_array;
  signal y_step       : step_index_array;
  signal y_tag        : tag_array;
  signal e_valid      : way_bits;
  signal e            : y_array;
  signal e_tag        : tag_array;
  signal y_ways       : std_logic_vector(1 downto 0);
  signal e_ways       : std_logic_vector(1 downto 0);
  signal y_address    : address_t;

  -- writes, all registered
  signal scratch_write : way_bits;
  signal token_write   : way_bits;
  signal key_write     : way_bits;
  signal value_write   : way_bits;
  signal pool_write    : way_bits;
  signal write_address : address_t;
  signal write_lane    : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal write_data    : y_array;
  signal stored       : std_logic_vector(WAYS * Y_BITS - 1 downto 0); -- the same as one vector
  signal into_pool       : std_logic;
  signal pool_first    : std_logic;
  signal pool_value    : signed(POOL_BITS - 1 downto 0);

begin

  ------------------------------------------------------------------ streams

  inputs_in : entity work.input_loader
    port map (
      clk        => clk,
      reset      => reset,
      start      => over,
      in_valid   => offered,
      in_ready   => loading,
      in_data    => in_data,
      row_loaded => row_loaded,
      write      => input_write,
      address    => input_address,
      data       => input_data,
      elements   => elements
    );

  -- Both ways of a split engine may have a result in a clock.
  results_of_ways : for i in 0 to RESULT_PAIRS generate
    result_data((i + 1) * OUTPUT_BITS - 1 downto i * OUTPUT_BITS) <=
      std_logic_vector(resize(y(i), OUTPUT_BITS));
  end generate results_of_ways;

  result_both <= y_ways(1) when RESULT_PAIRS = 1 else '0';

  without_decisions : if DECISIONS = 0 generate

    results_out : entity work.result_buffer
      generic map (
        BLOCK_MEMORY => RESULT_BLOCK,
        IN_MEMORY    => RESULT_WORDS > 0,
        WIDTH        => OUTPUT_BITS,
        RESULTS      => OUTPUTS,
        AT_ONCE      => 1 + RESULT_PAIRS
      )
      port map (
        clk       => clk,
        reset     => reset,
        write     => result_in,
        both      => result_both,
        data      => result_data,
        out_valid => out_valid,
        out_ready => out_ready,
        out_data  => out_data,
        sending   => sending,
        sent      => sent
      );

  end generate without_decisions;

  with_decisions : if DECISIONS > 0 generate

    results_out : entity work.decision_buffer
      port map (
        clk       => clk,
        reset     => reset,
        write     => result_in,
        data      => y(0),
        out_valid => out_valid,
        out_ready => out_ready,
        out_data  => out_data,
        sending   => sending,
        sent      => sent
      );

  end generate with_decisions;

  ------------------------------------------------------------------ states

  offered     <= in_valid and not restoring;
  in_ready    <= loading and not restoring;
  input_taken <= offered and loading;
  clear_ring  <= reset or clear;
  next_row    <= over or row_put;

  with_states : if KEPT_ROWS > 0 generate

    ring : entity work.state_ring
      generic map (
        ROWS            => maximum(KEPT_ROWS, 1),
        LANES           => (1 + SPLIT) * COLUMNS,
        KEY_STRIDE      => maximum(KEPT_KEY_STRIDE, 1),
        ADDRESS_BITS    => ADDRESS_BITS,
        LANE_INDEX_BITS => LANE_INDEX_BITS + SPLIT
      )
      port map (
        clk         => clk,
        reset       => clear_ring,
        taken       => input_taken,
        restart     => restart,
        sent        => next_row,
        fresh       => fresh,
        newest      => newest,
        behind      => behind,
        newest_lane => ring_lane,
        newest_keys => newest_keys,
        full        => ring_full
      );

  end generate with_states;

  without_states : if KEPT_ROWS = 0 generate
    newest      <= (others => '0');
    behind      <= (others => '0');
    ring_lane   <= (others => '0');
    newest_keys <= (others => '0');
    ring_full   <= '1';
    fresh       <= '0';
  end generate without_states;

  with_access : if STATE_ACCESS = 1 generate

    constant NUMBERS   : positive := 1 + SPLIT;
    constant NUMBER_BITS : positive := maximum(KEY_BITS, VALUE_BITS);
    signal   begins    : std_logic;
    signal   row_write : std_logic;
    signal   row_data  : std_logic_vector(NUMBERS * NUMBER_BITS - 1 downto 0);

  begin

    begins    <= input_taken and fresh;
    row_write <= key_write(0) or value_write(0);

    -- If the engine is split, a way has every other number; otherwise there is one way only.
    choose_way : process (all) is
    begin
      put_ways <= (others => '1');
      if SPLIT = 1 then
        put_ways(0)        <= not put_place(PLACE_BITS - 1);
        put_ways(WAYS - 1) <= put_place(PLACE_BITS - 1);
      end if;
    end process choose_way;

    numbers_of_row : for i in 0 to NUMBERS - 1 generate
      row_data((i + 1) * NUMBER_BITS - 1 downto i * NUMBER_BITS) <=
        stored(i * Y_BITS + NUMBER_BITS - 1 downto i * Y_BITS);
    end generate numbers_of_row;

    reader : entity work.state_reader
      generic map (
        BLOCK_MEMORY => STATE_ROW_BLOCK,
        ORDER_BLOCK  => STATE_ORDER_BLOCK,
        ROW_BYTES    => maximum(STATE_ROW_BYTES, 2),
        NUMBERS      => NUMBERS,
        WIDTH        => NUMBER_BITS,
        ORDER        => STATE_ORDER_IMAGE
      )
      port map (
        clk       => clk,
        reset     => reset,
        begins    => begins,
        keep      => keep,
        write     => row_write,
        data      => row_data,
        sent      => sent,
        over      => over,
        out_valid => state_out_valid,
        out_ready => state_out_ready,
        out_data  => state_out_data,
        out_last  => state_out_last
      );

    writer : entity work.state_writer
      generic map (
        BLOCK_MEMORY => STATE_PLACES_BLOCK,
        ROWS         => maximum(KEPT_ROWS, 1),
        ROW_BYTES    => maximum(STATE_ROW_BYTES, 2),
        PLACE_BITS   => PLACE_BITS,
        PLACES       => STATE_PLACES_IMAGE
      )
      port map (
        clk         => clk,
        reset       => reset,
        idle        => fresh,
        in_valid    => state_in_valid,
        in_ready    => state_in_ready,
        in_data     => state_in_data,
        in_last     => state_in_last,
        ends        => state_in_ends,
        restored    => state_restored,
        refused     => state_refused,
        busy        => restoring,
        clear       => clear,
        write       => put,
        place       => put_place,
        data        => put_data,
        row_written => row_put
      );

  end generate with_access;

  without_access : if STATE_ACCESS = 0 generate
    over            <= sent;
    restoring       <= '0';
    clear           <= '0';
    put             <= '0';
    put_place       <= (others => '0');
    put_data        <= (others => '0');
    put_ways        <= (others => '0');
    row_put         <= '0';
    state_in_ready  <= '0';
    state_in_ends   <= '0';
    state_restored  <= '0';
    state_refused   <= '0';
    state_out_valid <= '0';
    state_out_data  <= (others => '0');
    state_out_last  <= '0';
  end generate without_access;

  newest_lane <= ring_lane(LANE_INDEX_BITS + SPLIT - 1 downto SPLIT);
  newest_way  <= ring_lane(0);

  ------------------------------------------------------------------ operands

  control : entity work.sequencer
    port map (
      clk          => clk,
      reset        => reset,
      row_loaded   => row_loaded,
      issue        => issue,
      first        => first,
      last         => last,
      group_first  => group_first,
      group_last   => group_last,
      step         => step,
      ways         => ways_0,
      x_source     => x_from,
      lane_source  => source,
      x_address    => x_address,
      lane_address => lane_address
    );

  rows : entity work.row_operands
    port map (
      clk              => clk,
      reset            => reset,
      issue            => issue,
      source           => x_from,
      active           => ways_0,
      address          => x_address,
      zero             => x_zero,
      take             => issue_q(2),
      residual_read    => c_residual_row,
      residual_ways    => c_ways,
      residual_address => residual_address,
      input_write      => input_write,
      input_address    => input_address,
      input_data       => input_data,
      scratch_write    => scratch_write,
      token_write      => token_write,
      write_address    => write_address,
      write_data       => stored,
      into_pool        => into_pool,
      pool_first       => pool_first,
      pool_channel     => y_address,
      pool_value       => pool_value,
      operands         => x,
      residual_data    => residual_data
    );

  columns_of_lanes : entity work.lane_operands
    port map (
      clk           => clk,
      issue         => issue,
      source        => source,
      address       => lane_address,
      take          => issue_q(2),
      key_write     => key_write,
      value_write   => value_write,
      write_lane    => write_lane,
      key_way       => newest_way,
      write_address => write_address,
      write_data    => stored,
      operands      => lane_words,
      weights_start     => weights_start,
      weights_examine   => weights_examine,
      weights_valid     => weights_valid,
      weights_data      => weights_data,
      weights_receiving => weights_receiving,
      weights_busy      => weights_busy,
      weights_loaded    => weights_loaded,
      weights_check     => weights_check
    );

  operands : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      issue_q       <= issue & issue_q(1 to 2);
      first_q       <= first & first_q(1 to 2);
      group_first_q <= group_first & group_first_q(1 to 2);
      group_last_q  <= group_last & group_last_q(1 to 2);
      last_q        <= last & last_q(1 to DONE_AT - 1);

      -- the step's own constants arrive with its data
      step_1   <= step;
      s        := PROGRAM(to_integer(step_1));
      x_zero   <= to_signed(s.x_zero, X_BITS);
      ways_1   <= ways_0;
      ways_2   <= ways_1;
      both_done <= (ways_2(0) and ways_2(1)) & both_done(3 to DONE_AT - 1);
      run_q    <= to_unsigned(s.takes_run, run_t'length) & run_q(2 to DONE_AT - 1);
      if issue_q(2) = '1' then
        both_3 <= ways_2(0) and ways_2(1);
      end if;

      if reset = '1' then
        issue_q <= (others => '0');
        last_q  <= (others => '0');
      end if;
    end if;
  end process operands;

  ------------------------------------------------------------------ sums

  collect : entity work.collector
    port map (
      clk          => clk,
      reset        => reset,
      done         => last_q(DONE_AT),
      hold         => holds(0),
      newest       => newest,
      behind       => behind,
      full         => ring_full,
      move         => move,
      column       => column,
      valid        => c_valid,
      softmax      => c_softmax,
      residual     => c_residual,
      residual_row => c_residual_row,
      shared_bias  => c_shared_bias,
      own_bias     => c_own_bias,
      shared_m     => c_shared_m,
      row_m        => c_row_m,
      taking       => taking,
      step         => c_step,
      ways         => c_ways,
      row_first    => c_row_first,
      row_last     => c_row_last,
      absent       => c_absent(0),
      absent_odd   => c_absent(1),
      slot         => c_slot,
      bias_address => bias_address,
      m_address    => m_address,
      r_address    => r_address,
      residual_address => residual_address,
      position_address => position_address,
      y_address    => c_y_address,
      y_lane       => c_y_lane
    );

  ways_of_array : for i in 0 to WAYS - 1 generate

    constant X_WIDTH : positive := WAY_X_BITS(i);
    constant OTHER   : natural  := (WAYS - 1 - i) * SPLIT + i * (1 - SPLIT);
    signal   enable  : std_logic;
    signal   take_own_run : std_logic;

  begin

    -- The second way rests while the first has a token alone.
    take_own_run <= take_run when i = 0 else '0';

    enable      <= issue_q(3) when i = 0 else issue_q(3) and both_3;
    done_own(i) <= last_q(DONE_AT) when i = 0 else last_q(DONE_AT) and both_done(DONE_AT);

    unit : entity work.way
      generic map (
        INDEX     => i,
        LANE_KIND => WAY_KIND(i),
        X_WIDTH   => X_WIDTH,
        W_WIDTH   => WAY_W_BITS(i),
        TAG_BITS  => TAG_BITS
      )
      port map (
        clk         => clk,
        reset       => reset,
        rewind      => sending,
        enable      => enable,
        first       => first_q(3),
        group_first => group_first_q(3),
        group_last  => group_last_q(3),
        x           => x(i * X_BITS + X_WIDTH - 1 downto i * X_BITS),
        w           => lane_words((i * SPLIT + 1) * COLUMNS * LANE_BITS - 1
                                  downto i * SPLIT * COLUMNS * LANE_BITS),
        done        => done_own(i),
        move        => move,
        column      => column,
        taking      => taking,
        take_run    => take_own_run,
        running     => running,
        valid       => c_valid,
        softmax     => c_softmax,
        row_m       => c_row_m,
        step        => c_step,
        ways        => c_ways,
        row_first   => c_row_first,
        row_last    => c_row_last,
        absent      => c_absent(i),
        other_found   => row_found(OTHER),
        other_maximum => row_largest(OTHER),
        other_e       => row_part(OTHER),
        own_found     => row_found(i),
        own_maximum   => row_largest(i),
        own_e         => row_part(i),
        slot        => c_slot,
        y_address   => c_y_address,
        y_lane      => c_y_lane,
        hold        => holds(i),
        below_valid => below_valid(i),
        below_step  => below_step(i),
        bias        => bias((i + 1) * BIAS_BITS - 1 downto i * BIAS_BITS),
        m           => m((i * SPLIT + 1) * M_BITS - 1 downto i * SPLIT * M_BITS),
        r           => r((i * SPLIT + 1) * M_BITS - 1 downto i * SPLIT * M_BITS),
        residual    => residual((i + 1) * RESIDUAL_BITS - 1 downto i * RESIDUAL_BITS),
        y_valid     => y_valid(i),
        y           => y(i),
        y_step      => y_step(i),
        y_tag       => y_tag(i),
        e_valid     => e_valid(i),
        e           => e(i),
        e_tag       => e_tag(i)
      );

  end generate ways_of_array;

  with_running_sums : if RUNNING_SUMS > 0 generate

    constant SUMS  : positive := maximum(RUNNING_SUMS, 1);
    constant PARTS : positive := 1 + SPLIT; -- of a row: each way's, or the only one

    type   kept_array is array (0 to PARTS - 1) of signed(SUMS * SUM_BITS - 1 downto 0);
    signal valid   : std_logic;
    signal number  : unsigned(index_bits(SUMS) - 1 downto 0);
    signal base    : address_t;
    signal kept    : kept_array;

  begin

    choose : process (all) is
      variable s : step_t;
      variable total : signed(SUM_BITS - 1 downto 0);
    begin
      s      := PROGRAM(to_integer(y_step(0)));
      valid  <= '0';
      number <= (others => '0');
      if s.runs_into /= 0 then
        valid  <= y_valid(0);
        number <= to_unsigned(s.runs_into - 1, index_bits(SUMS));
      end if;
      base     <= to_unsigned(s.run_base, ADDRESS_BITS);
      take_run <= '0';
      if run_q(DONE_AT) /= 0 then
        take_run <= '1';
      end if;
      running <= (others => '0');
      for i in 1 to SUMS loop
        if run_q(DONE_AT) = i or SUMS = 1 then
          total := kept(0)(i * SUM_BITS - 1 downto (i - 1) * SUM_BITS);
          if PARTS = 2 then
            total := total + kept(PARTS - 1)(i * SUM_BITS - 1 downto (i - 1) * SUM_BITS);
          end if;
          running <= total;
        end if;
      end loop;
    end process choose;

    of_part : for i in 0 to PARTS - 1 generate

      constant SIZE   : positive := maximum(RUNNING_IMAGE'length / PARTS, 1);
      signal x_1, x_2 : signed(RUNNING_X_BITS - 1 downto 0);

    begin

      centre : process (clk) is
        variable s : step_t;
      begin
        if rising_edge(clk) then
          s   := PROGRAM(to_integer(y_step(0)));
          x_1 <= resize(y(i), RUNNING_X_BITS) - to_signed(s.y_zero, RUNNING_X_BITS);
          x_2 <= x_1;
        end if;
      end process centre;

      on_the_way : entity work.running_sums
        generic map (
          BLOCK_MEMORY => RUNNING_BLOCK,
          SUMS         => SUMS,
          X_BITS       => RUNNING_X_BITS,
          W_BITS       => RUNNING_W_BITS,
          SUM_BITS     => SUM_BITS,
          ADDRESS_BITS => ADDRESS_BITS,
          CONTENTS     => RUNNING_IMAGE(i * SIZE to (i + 1) * SIZE - 1)
        )
        port map (
          clk       => clk,
          valid     => valid,
          first     => y_tag(0)(1),
          last      => y_tag(0)(0),
          number    => number,
          base      => base,
          x         => x_2,
          sums_kept => kept(i)
        );

    end generate of_part;

  end generate with_running_sums;

  without_running_sums : if RUNNING_SUMS = 0 generate
    take_run <= '0';
    running  <= (others => '0');
  end generate without_running_sums;

  parameters : entity work.epilogue_operands
    port map (
      clk              => clk,
      shared_bias      => c_shared_bias,
      own_bias         => c_own_bias,
      shared_m         => c_shared_m,
      read_r           => c_residual,
      step             => c_step,
      active           => c_ways,
      bias_address     => bias_address,
      position_address => position_address,
      m_address        => m_address,
      r_address        => r_address,
      below_valid      => below_valid(0),
      below_step       => below_step(0),
      residual_data    => residual_data,
      elements         => elements,
      bias             => bias,
      m                => m,
      r                => r,
      residual         => residual
    );

  ------------------------------------------------------------------ writes

  y_ways    <= y_tag(0)(3 downto 2);
  e_ways    <= e_tag(0)(3 downto 2);
  y_address <= unsigned(y_tag(0)(TAG_BITS - 1 downto LANE_INDEX_BITS + 4));

  write_back : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      s := PROGRAM(to_integer(y_step(0)));

      scratch_write <= (others => '0');
      token_write   <= (others => '0');
      key_write     <= (others => '0');
      value_write   <= (others => '0');
      pool_write    <= (others => '0');
      if e_valid(0) = '1' then
        scratch_write <= e_ways(WAYS - 1 downto 0);
        write_address <= unsigned(e_tag(0)(TAG_BITS - 1 downto LANE_INDEX_BITS + 4));
        write_data    <= e;
        if e_ways = "10" then
          write_data(WAYS - 1) <= e(0);
        end if;
      elsif y_valid(0) = '1' then
        write_address <= y_address;
        write_lane    <= unsigned(y_tag(0)(LANE_INDEX_BITS + 3 downto 4));
        write_data    <= y;
        if y_ways = "10" then
          write_data(WAYS - 1) <= y(0);
        end if;
        if KEPT_ROWS > 0 then
          if s.destination = TO_KEYS then
            write_address <= y_address + newest_keys;
            write_lane    <= newest_lane;
          elsif s.destination = TO_VALUES then
            write_address <= y_address + newest;
          end if;
        end if;
        if s.destination = TO_SCRATCH then
          scratch_write <= y_ways(WAYS - 1 downto 0);
        elsif s.destination = TO_TOKENS then
          token_write <= y_ways(WAYS - 1 downto 0);
        elsif s.destination = TO_KEYS then
          key_write <= y_ways(WAYS - 1 downto 0);
        elsif s.destination = TO_VALUES then
          value_write <= y_ways(WAYS - 1 downto 0);
        elsif s.destination = TO_POOL then
          pool_write <= y_ways(WAYS - 1 downto 0);
        end if;
      end if;
      if STATE_ACCESS = 1 then
        -- of a state that is put back, between two inferences
        if put = '1' then
          write_address <= unsigned(put_place(ADDRESS_BITS - 1 downto 0)) + newest_keys;
          write_lane    <= newest_lane;
          write_data    <= (others => resize(signed(put_data), Y_BITS));
          if put_place(PLACE_BITS - 2) = '1' then
            write_address <= unsigned(put_place(ADDRESS_BITS - 1 downto 0)) + newest;
            write_lane    <= unsigned(put_place(PLACE_BITS - 3 downto ADDRESS_BITS));
            value_write   <= put_ways;
          else
            key_write <= put_ways;
          end if;
        end if;
      end if;

      if reset = '1' then
        scratch_write <= (others => '0');
        token_write   <= (others => '0');
        key_write     <= (others => '0');
        value_write   <= (others => '0');
        pool_write    <= (others => '0');
      end if;
    end if;
  end process write_back;

  tracing : for i in 0 to WAYS - 1 generate
    trace_valid(i) <= scratch_write(i) or token_write(i) or key_write(i) or value_write(i)
                      or pool_write(i);
    stored((i + 1) * Y_BITS - 1 downto i * Y_BITS) <= std_logic_vector(write_data(i));
  end generate tracing;

  trace_data <= stored;

  collect_result : process (all) is
    variable s : step_t;
    variable total : signed(POOL_BITS - 1 downto 0);
  begin
    s         := PROGRAM(to_integer(y_step(0)));
    result_in <= '0';
    if s.destination = TO_RESULT then
      result_in <= y_valid(0);
    end if;
    into_pool <= '0';
    if s.destination = TO_POOL then
      into_pool <= y_valid(0);
    end if;
    pool_first <= '0';
    if unsigned(y_tag(0)(LANE_INDEX_BITS + 3 downto 4)) = 0 then
      pool_first <= '1';
    end if;
    total := resize(y(0), POOL_BITS);
    if y_ways = "11" then
      total := total + resize(y(WAYS - 1), POOL_BITS);
    end if;
    pool_value <= total;
  end process collect_result;

end architecture rtl;
