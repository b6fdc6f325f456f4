-- The accelerator: integers in, integers out, both as streams with valid and ready.
--
-- One array of lanes, in one or two ways, runs every job of the program (see engine_types):
--
--   stores --> x - zero --> way: lanes, sums, softmax, epilogue --> stores, caches, pool, result
--   weights, keys, values --^
--
-- A transfer takes place in every clock in which valid and ready are both high. Inputs are taken
-- tensor by tensor, row by row; the program starts with the first of them; then the outputs are
-- offered, in the same order. What a model does not need, an engine for it does not have. "reset"
-- is synchronous and may come at any time. Memories are enabled only in the clocks in which they
-- are read or written, and registers keep what they hold while nothing comes.
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
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(OUTPUT_BITS - 1 downto 0);
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
  signal result_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);

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
  signal x_from, x_from_1, x_from_2 : unsigned(1 downto 0);
  signal other_2      : std_logic; -- the other way's token, alone
  signal source, source_1, source_2 : natural range 0 to BANKS + 1;
  signal x_address    : address_t;
  signal lane_address : address_t;
  signal value_address : address_t;
  signal odd_1        : std_logic;
  signal lane_choice  : unsigned(1 downto 0);

  -- operands
  signal read_scratch, read_tokens, read_inputs, read_pool : std_logic;
  signal read_keys, read_values : std_logic;
  signal read_own_values : way_bits;
  type   scratch_array is array (WAYS - 1 downto 0) of std_logic_vector(SCRATCH_BITS - 1 downto 0);
  signal scratch_data : scratch_array;
  type   token_array is array (WAYS - 1 downto 0) of std_logic_vector(TOKEN_BITS - 1 downto 0);
  signal token_data   : token_array;
  signal residual_data : token_array;
  type   input_array is array (WAYS - 1 downto 0) of std_logic_vector(INPUT_BITS - 1 downto 0);
  signal inputs_data  : input_array;
  signal pool_data    : signed(POOL_BITS - 1 downto 0);
  signal x_zero       : signed(X_BITS - 1 downto 0);
  type   raw_array is array (4 * WAYS - 1 downto 0) of signed(X_BITS - 1 downto 0);
  signal raw          : raw_array;
  type   x_array is array (WAYS - 1 downto 0) of signed(X_BITS - 1 downto 0);
  signal x            : x_array;
  signal key_data     : std_logic_vector(maximum(KEY_LANES, 1) * KEY_BITS - 1 downto 0);
  type   value_array is array (WAYS - 1 downto 0)
    of std_logic_vector(maximum(VALUE_LANES, 1) * VALUE_BITS - 1 downto 0);
  signal value_data   : value_array;
  type   choice_array is array (0 to 3) of signed(COLUMNS * LANE_BITS - 1 downto 0);
  signal choices      : choice_array; -- weights, keys, values of even and of odd tokens
  type   bank_array is array (0 to BANKS - 1) of signed(COLUMNS * LANE_BITS - 1 downto 0);
  signal bank_words   : bank_array;
  signal lane_words   : signed(COLUMNS * LANE_BITS - 1 downto 0);

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
  signal c_step_1     : step_index;
  signal c_ways       : std_logic_vector(1 downto 0);
  signal c_ways_1, c_ways_2 : std_logic_vector(1 downto 0);
  signal c_row_first  : std_logic;
  signal c_row_last   : std_logic;
  signal c_slot       : unsigned(SLOT_BITS - 1 downto 0);
  signal bias_address, m_address, r_address : address_t;
  signal residual_address, position_address, c_y_address : address_t;
  signal c_y_lane     : unsigned(LANE_INDEX_BITS - 1 downto 0);
  signal below_valid  : way_bits;
  signal below_step   : step_index_array;
  signal any_m        : std_logic;
  signal chosen_m_address : address_t;

  -- epilogue
  signal bias_data    : std_logic_vector(BIAS_BITS - 1 downto 0);
  subtype position_t is std_logic_vector(POSITION_BITS - 1 downto 0);
  type   position_array is array (WAYS - 1 downto 0) of position_t;
  signal position_data : position_array;
  type   bias_array is array (WAYS - 1 downto 0) of signed(BIAS_BITS - 1 downto 0);
  signal bias         : bias_array;
  type   residual_array is array (WAYS - 1 downto 0) of signed(RESIDUAL_BITS - 1 downto 0);
  signal residual     : residual_array;
  signal per_row      : std_logic;
  signal element_used : std_logic;
  signal element_at   : natural range 0 to maximum(ELEMENT_COUNT, 1);
  signal m_data, r_data : std_logic_vector(M_BITS - 1 downto 0);
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
  signal new_keys     : std_logic_vector(WAYS * KEY_BITS - 1 downto 0);
  signal into_pool       : std_logic;
  signal pool_first    : std_logic;
  signal pool_value    : signed(POOL_BITS - 1 downto 0);

begin

  ------------------------------------------------------------------ streams

  inputs_in : entity work.input_loader
    port map (
      clk        => clk,
      reset      => reset,
      start      => sent,
      in_valid   => in_valid,
      in_ready   => in_ready,
      in_data    => in_data,
      row_loaded => row_loaded,
      write      => input_write,
      address    => input_address,
      data       => input_data,
      elements   => elements
    );

  result_data <= std_logic_vector(resize(y(0), OUTPUT_BITS));

  results_out : entity work.result_buffer
    generic map (
      BLOCK_MEMORY => RESULT_BLOCK,
      IN_MEMORY    => RESULT_WORDS > 0,
      WIDTH        => OUTPUT_BITS,
      RESULTS      => OUTPUTS
    )
    port map (
      clk       => clk,
      reset     => reset,
      write     => result_in,
      data      => result_data,
      out_valid => out_valid,
      out_ready => out_ready,
      out_data  => out_data,
      sending   => sending,
      sent      => sent
    );

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

  -- Of the stores, all ways are read, whosever token it is: an enable for each way would take five
  -- look-up tables more, and what the other way reads, perhaps while it is written, is dropped.
  read_scratch <= issue when x_from = FROM_SCRATCH else '0';
  read_tokens  <= issue when x_from = FROM_TOKENS else '0';
  read_inputs  <= issue when x_from = FROM_INPUTS else '0';
  read_pool    <= issue when x_from = FROM_POOL else '0';
  read_keys    <= issue when source = BANKS else '0';
  read_values  <= issue when source = BANKS + 1 else '0';

  stores : for i in 0 to WAYS - 1 generate

    inputs : entity work.ram
      generic map (
        BLOCK_MEMORY => INPUT_BLOCK,
        WIDTH        => INPUT_BITS,
        DEPTH        => INPUT_WORDS_OF_WAY,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk           => clk,
        write         => input_write(i),
        write_address => input_address,
        write_data    => input_data,
        enable        => read_inputs,
        read_address  => x_address,
        read_data     => inputs_data(i)
      );

    with_scratch : if SCRATCH_WORDS > 0 generate

      scratch : entity work.ram
        generic map (
          BLOCK_MEMORY => SCRATCH_BLOCK,
          WIDTH        => SCRATCH_BITS,
          DEPTH        => maximum(SCRATCH_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => scratch_write(i),
          write_address => write_address,
          write_data    => std_logic_vector(write_data(i)(SCRATCH_BITS - 1 downto 0)),
          enable        => read_scratch,
          read_address  => x_address,
          read_data     => scratch_data(i)
        );

    end generate with_scratch;

    without_scratch : if not (SCRATCH_WORDS > 0) generate
      scratch_data(i) <= (others => '0');
    end generate without_scratch;

    with_tokens : if TOKEN_WORDS > 0 generate

      -- Twice the same: one for the broadcast operand, one for the residual operand.
      tokens : entity work.ram
        generic map (
          BLOCK_MEMORY => TOKEN_BLOCK,
          WIDTH        => TOKEN_BITS,
          DEPTH        => maximum(TOKEN_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => token_write(i),
          write_address => write_address,
          write_data    => std_logic_vector(write_data(i)(TOKEN_BITS - 1 downto 0)),
          enable        => read_tokens,
          read_address  => x_address,
          read_data     => token_data(i)
        );

      residuals : entity work.ram
        generic map (
          BLOCK_MEMORY => RESIDUAL_BLOCK,
          WIDTH        => TOKEN_BITS,
          DEPTH        => maximum(TOKEN_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => token_write(i),
          write_address => write_address,
          write_data    => std_logic_vector(write_data(i)(TOKEN_BITS - 1 downto 0)),
          enable        => c_residual_row,
          read_address  => residual_address,
          read_data     => residual_data(i)
        );

    end generate with_tokens;

    without_tokens : if not (TOKEN_WORDS > 0) generate
      token_data(i)    <= (others => '0');
      residual_data(i) <= (others => '0');
    end generate without_tokens;

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
          write_data    => std_logic_vector(write_data(i)(VALUE_BITS - 1 downto 0)),
          enable        => read_own_values(i),
          read_address  => value_address,
          read_data     => value_data(i)
        );

    end generate with_values;

    without_values : if not (VALUE_LANES > 0) generate
      value_data(i) <= (others => '0');
    end generate without_values;

    new_keys((i + 1) * KEY_BITS - 1 downto i * KEY_BITS) <=
      std_logic_vector(write_data(i)(KEY_BITS - 1 downto 0));

  end generate stores;

  -- Values of even and odd tokens lie in a way each.
  one_way : if WAYS = 1 generate
    value_address      <= lane_address;
    odd_1              <= '0';
    read_own_values(0) <= read_values;
  end generate one_way;

  two_ways : if WAYS = 2 generate

    value_address             <= '0' & lane_address(ADDRESS_BITS - 1 downto 1);
    read_own_values(0)        <= read_values and not lane_address(0);
    read_own_values(WAYS - 1) <= read_values and lane_address(0);

    follow_parity : process (clk) is
    begin
      if rising_edge(clk) then
        odd_1 <= lane_address(0);
      end if;
    end process follow_parity;

  end generate two_ways;

  with_keys : if KEY_LANES > 0 generate

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
        read_address  => lane_address,
        read_data     => key_data
      );

  end generate with_keys;

  without_keys : if KEY_LANES = 0 generate
    key_data <= (others => '0');
  end generate without_keys;

  weight_banks : for b in 0 to BANKS - 1 generate

    constant BITS  : positive := BANK_BITS(b);
    constant WIDTH : positive := COLUMNS * BITS;
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
        address => lane_address,
        data    => word
      );

    extend : for lane in 0 to COLUMNS - 1 generate
      bank_words(b)((lane + 1) * LANE_BITS - 1 downto lane * LANE_BITS) <=
        resize(signed(word((lane + 1) * BITS - 1 downto lane * BITS)), LANE_BITS);
    end generate extend;

  end generate weight_banks;

  -- By way and source: a way's own stores, then the other way's.
  own_operands : for i in 0 to WAYS - 1 generate
    raw(4 * i + FROM_SCRATCH) <= resize(signed(scratch_data(i)), X_BITS);
    raw(4 * i + FROM_TOKENS)  <= resize(signed(token_data(i)), X_BITS);
    raw(4 * i + FROM_INPUTS)  <= resize(signed(inputs_data(i)), X_BITS);
    raw(4 * i + FROM_POOL)    <= resize(pool_data, X_BITS);
  end generate own_operands;

  weights_of_lanes : process (all) is
  begin
    choices(0) <= bank_words(0);
    for b in 1 to BANKS - 1 loop
      if source_2 = b then
        choices(0) <= bank_words(b);
      end if;
    end loop;
  end process weights_of_lanes;

  operands_of_lanes : for lane in 0 to COLUMNS - 1 generate

    constant LOW  : natural := lane * LANE_BITS;
    constant HIGH : natural := LOW + LANE_BITS - 1;

  begin

    with_key : if lane < KEY_LANES generate
      choices(1)(HIGH downto LOW) <=
        resize(signed(key_data((lane + 1) * KEY_BITS - 1 downto lane * KEY_BITS)), LANE_BITS);
    end generate with_key;

    without_key : if lane >= KEY_LANES generate
      choices(1)(HIGH downto LOW) <= (others => '0');
    end generate without_key;

    with_value : if lane < VALUE_LANES generate
      choices(2)(HIGH downto LOW) <=
        resize(signed(value_data(0)((lane + 1) * VALUE_BITS - 1 downto lane * VALUE_BITS)),
               LANE_BITS);
      choices(3)(HIGH downto LOW) <=
        resize(signed(value_data(WAYS - 1)((lane + 1) * VALUE_BITS - 1 downto lane * VALUE_BITS)),
               LANE_BITS);
    end generate with_value;

    without_value : if lane >= VALUE_LANES generate
      choices(2)(HIGH downto LOW) <= (others => '0');
      choices(3)(HIGH downto LOW) <= (others => '0');
    end generate without_value;

  end generate operands_of_lanes;

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
      x_from_1 <= x_from;
      x_from_2 <= x_from_1;
      source_1 <= source;
      source_2 <= source_1;
      ways_1   <= ways_0;
      ways_2   <= ways_1;
      other_2  <= ways_1(1) and not ways_1(0);
      both_done <= (ways_2(0) and ways_2(1)) & both_done(3 to DONE_AT - 1);
      -- the caches' choice is worked out a clock ahead, for one table a bit
      lane_choice <= "00";
      if source_1 = BANKS then
        lane_choice <= "01";
      elsif source_1 = BANKS + 1 then
        lane_choice <= '1' & odd_1;
      end if;

      if issue_q(2) = '1' then
        both_3 <= ways_2(0) and ways_2(1);
        if WAYS = 1 then
          x(0) <= raw(to_integer(x_from_2)) - x_zero;
        else
          x(0)        <= raw(to_integer(other_2 & x_from_2)) - x_zero;
          x(WAYS - 1) <= raw(to_integer('1' & x_from_2)) - x_zero;
        end if;
        lane_words <= choices(to_integer(lane_choice));
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
    signal   enable  : std_logic;

  begin

    -- The second way rests while the first has a token alone.
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
        x           => x(i)(X_WIDTH - 1 downto 0),
        w           => lane_words,
        done        => done_own(i),
        move        => move,
        column      => column,
        taking      => taking,
        valid       => c_valid,
        softmax     => c_softmax,
        row_m       => c_row_m,
        step        => c_step,
        ways        => c_ways,
        row_first   => c_row_first,
        row_last    => c_row_last,
        slot        => c_slot,
        y_address   => c_y_address,
        y_lane      => c_y_lane,
        hold        => holds(i),
        below_valid => below_valid(i),
        below_step  => below_step(i),
        bias        => bias(i),
        m           => signed(m_data),
        r           => signed(r_data),
        residual    => residual(i),
        y_valid     => y_valid(i),
        y           => y(i),
        y_step      => y_step(i),
        y_tag       => y_tag(i),
        e_valid     => e_valid(i),
        e           => e(i),
        e_tag       => e_tag(i)
      );

    with_positions : if POSITION_WORDS > 0 generate

      constant SIZE : positive := maximum(POSITION_WORDS, 1) * POSITION_BITS;

    begin

      positions : entity work.rom
        generic map (
          BLOCK_MEMORY => POSITION_BLOCK,
          WIDTH        => POSITION_BITS,
          ADDRESS_BITS => ADDRESS_BITS,
          CONTENTS     => POSITIONS_IMAGE(i * SIZE to (i + 1) * SIZE - 1)
        )
        port map (
          clk     => clk,
          enable  => c_own_bias,
          address => position_address,
          data    => position_data(i)
        );

    end generate with_positions;

    without_positions : if POSITION_WORDS = 0 generate
      position_data(i) <= (others => '0');
    end generate without_positions;

  end generate ways_of_array;

  ------------------------------------------------------------------ the epilogues' parameters

  any_m <= c_shared_m or below_valid(0);

  choose_m : process (all) is
    variable s : step_t;
  begin
    s                := PROGRAM(to_integer(below_step(0)));
    chosen_m_address <= m_address;
    if below_valid(0) = '1' then
      chosen_m_address <= to_unsigned(s.m_base, ADDRESS_BITS);
    end if;
  end process choose_m;

  with_biases : if BIAS_WORDS > 0 generate

    biases : entity work.rom
      generic map (
        BLOCK_MEMORY => BIAS_BLOCK,
        WIDTH        => BIAS_BITS,
        ADDRESS_BITS => ADDRESS_BITS,
        CONTENTS     => BIASES_IMAGE
      )
      port map (
        clk     => clk,
        enable  => c_shared_bias,
        address => bias_address,
        data    => bias_data
      );

  end generate with_biases;

  without_biases : if not (BIAS_WORDS > 0) generate
    bias_data <= (others => '0');
  end generate without_biases;

  multipliers : entity work.rom
    generic map (
      BLOCK_MEMORY => MULTIPLIER_BLOCK,
      WIDTH        => M_BITS,
      ADDRESS_BITS => ADDRESS_BITS,
      CONTENTS     => MULTIPLIERS_IMAGE
    )
    port map (
      clk     => clk,
      enable  => any_m,
      address => chosen_m_address,
      data    => m_data
    );

  with_residual_multipliers : if R_WORDS > 0 generate

    residual_multipliers : entity work.rom
      generic map (
        BLOCK_MEMORY => R_BLOCK,
        WIDTH        => M_BITS,
        ADDRESS_BITS => ADDRESS_BITS,
        CONTENTS     => RESIDUALS_IMAGE
      )
      port map (
        clk     => clk,
        enable  => c_residual,
        address => r_address,
        data    => r_data
      );

  end generate with_residual_multipliers;

  without_residual_multipliers : if not (R_WORDS > 0) generate
    r_data <= (others => '0');
  end generate without_residual_multipliers;

  follow : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      c_step_1 <= c_step;
      c_ways_1 <= c_ways;
      c_ways_2 <= c_ways_1;
      s        := PROGRAM(to_integer(c_step_1));
      per_row  <= to_unsigned(s.bias_per_row, 1)(0);
      element_at   <= s.residual_element;
      element_used <= '0';
      if s.residual_element /= 0 then
        element_used <= '1';
      end if;
    end if;
  end process follow;

  parameters : process (all) is
    variable element : signed(INPUT_BITS - 1 downto 0);
  begin
    for i in 0 to WAYS - 1 loop
      residual(i) <= resize(signed(residual_data(i)), RESIDUAL_BITS);
      bias(i)     <= signed(bias_data);
      if per_row = '1' then
        bias(i) <= resize(signed(position_data(i)), BIAS_BITS);
      end if;
    end loop;
    if c_ways_2 = "10" then
      residual(0) <= resize(signed(residual_data(WAYS - 1)), RESIDUAL_BITS);
      if per_row = '1' then
        bias(0) <= resize(signed(position_data(WAYS - 1)), BIAS_BITS);
      end if;
    end if;
    if element_used = '1' then
      element := signed(elements(INPUT_BITS - 1 downto 0));
      for i in 2 to ELEMENT_COUNT loop
        if element_at = i then
          element := signed(elements(i * INPUT_BITS - 1 downto (i - 1) * INPUT_BITS));
        end if;
      end loop;
      residual <= (others => resize(element, RESIDUAL_BITS));
    end if;
  end process parameters;

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
    trace_data((i + 1) * Y_BITS - 1 downto i * Y_BITS) <= std_logic_vector(write_data(i));
  end generate tracing;

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

  with_pool : if POOL_WORDS > 0 generate

    sum_of_tokens : entity work.pool
      generic map (
        BLOCK_MEMORY => POOL_BLOCK,
        WIDTH        => POOL_BITS,
        DEPTH        => maximum(POOL_WORDS, 1),
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk          => clk,
        reset        => reset,
        valid        => into_pool,
        first_row    => pool_first,
        channel      => y_address,
        value        => pool_value,
        read         => read_pool,
        read_channel => x_address,
        read_data    => pool_data
      );

  end generate with_pool;

  without_pool : if not (POOL_WORDS > 0) generate
    pool_data <= (others => '0');
  end generate without_pool;

end architecture rtl;
