-- SPDX-License-Identifier: Apache-2.0
-- Issues one operand pair per clock: the jobs of the program one after the other, each two nested
-- loops (tiles, inner dimension).
--
-- The addresses are the loop's own registers, so an operand pair is issued in the clock in which
-- its addresses stand at the outputs and "issue" is high. All waiting is in the program: a job's
-- idle clocks before it make sure that data are written before they are read and that the units
-- behind are free. So the schedule is fixed at compile time, to the clock. Only a job that reads
-- inputs for which no job before it has waited waits until they have come in ("row_loaded" counts
-- their rows), which delays all that follows alike.
-- The next job's word is fetched while the current job runs, in three clocks, so jobs start at
-- least four clocks apart. The comparisons that end a loop are made a clock ahead.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity sequencer is
  port (
    clk          : in    std_logic;
    reset        : in    std_logic;
    row_loaded   : in    std_logic;
    issue        : out   std_logic;
    first        : out   std_logic; -- of a tile
    last         : out   std_logic;
    group_first  : out   std_logic; -- of a group of products
    group_last   : out   std_logic;
    step         : out   unsigned(STEP_BITS - 1 downto 0);
    ways         : out   std_logic_vector(1 downto 0); -- which ways' tokens
    x_source     : out   unsigned(1 downto 0);
    lane_source  : out   natural range 0 to BANK_BITS'length + 1;
    x_address    : out   unsigned(ADDRESS_BITS - 1 downto 0);
    lane_address : out   unsigned(ADDRESS_BITS - 1 downto 0)
  );
end entity sequencer;

architecture rtl of sequencer is

  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);
  subtype rows_t is unsigned(index_bits(INPUT_ROWS + 1) - 1 downto 0);

  constant WAYS_AT  : natural := STEP_BITS + ADDRESS_BITS;
  constant NEEDS_AT : natural := WAYS_AT + 2;
  constant WAIT_AT  : natural := NEEDS_AT + NEEDS_BITS;
  constant PAUSE_BITS : positive :=
    maximum(ISSUE_WORD_BITS - WAIT_AT, bits_of_count(PROGRAM, pauses));

  subtype tile_t is unsigned(bits_of_count(PROGRAM, tiles) - 1 downto 0);
  subtype inner_t is unsigned(bits_of_count(PROGRAM, products) - 1 downto 0);
  subtype group_t is unsigned(bits_of_count(PROGRAM, groups) - 1 downto 0);
  subtype pause_t is unsigned(PAUSE_BITS - 1 downto 0);

  -- the next job: its word, its step
  signal arrived   : std_logic;
  signal fetched   : std_logic;
  signal word       : std_logic_vector(ISSUE_WORD_BITS - 1 downto 0);
  signal word_step  : unsigned(STEP_BITS - 1 downto 0);
  signal word_ways  : std_logic_vector(1 downto 0);
  signal word_needs : rows_t;
  signal word_wait  : pause_t;
  signal word_x     : address_t;
  signal upcoming   : step_t;
  signal prepared   : std_logic; -- the next job can start as far as its word is concerned
  signal one_tile   : std_logic;
  signal one_inner  : std_logic;
  signal one_group  : std_logic;
  signal no_wait    : std_logic;
  signal pauses     : std_logic; -- between its tiles

  -- rows of the inputs that are loaded, and for which no job has waited yet
  signal rows       : rows_t;
  signal needs      : rows_t;
  signal go         : std_logic;
  signal started    : std_logic; -- a clock ago

  -- the current job
  signal busy       : std_logic;
  signal issuing    : std_logic; -- it does not pause
  signal s          : step_t;
  signal s_one_inner : std_logic;
  signal s_one_group : std_logic;
  signal s_pauses   : std_logic;
  signal current    : unsigned(STEP_BITS - 1 downto 0);
  signal pause      : pause_t;
  signal tile       : tile_t;
  signal inner      : inner_t;
  signal group_left : group_t;
  signal at_first   : std_logic;
  signal at_last    : std_logic;
  signal at_group_first : std_logic;
  signal at_group_last : std_logic;
  signal last_tile  : std_logic;
  signal at_end     : std_logic; -- at_last and last_tile
  signal x_row      : address_t;
  signal x_at       : address_t;
  signal lane_tile  : address_t;
  signal lane_at    : address_t;
  signal ends       : std_logic;

begin

  list_of_jobs : entity work.job_list
    generic map (
      BLOCK_MEMORY => ISSUE_BLOCK,
      WIDTH        => ISSUE_WORD_BITS,
      CONTENTS     => ISSUE_IMAGE
    )
    port map (
      clk     => clk,
      reset   => reset,
      advance => go,
      word    => word,
      arrived => arrived,
      fetched => fetched
    );

  word_step <= unsigned(word(STEP_BITS - 1 downto 0));
  word_x     <= unsigned(word(WAYS_AT - 1 downto STEP_BITS));
  word_ways  <= word(NEEDS_AT - 1 downto WAYS_AT);
  word_needs <= resize(unsigned(word(WAIT_AT - 1 downto NEEDS_AT)), rows_t'length);
  word_wait  <= resize(unsigned(word(ISSUE_WORD_BITS - 1 downto WAIT_AT)), PAUSE_BITS);

  ends <= issuing and at_end;
  go   <= prepared and (ends or not busy);

  issue        <= issuing;
  first        <= issuing and at_first;
  last         <= issuing and at_last;
  group_first  <= issuing and at_group_first;
  group_last   <= issuing and (at_group_last or at_last);
  step         <= current;
  x_source     <= to_unsigned(s.x_source, 2);
  lane_source  <= s.lane_source;
  x_address    <= x_at;
  lane_address <= lane_at;

  fetch : process (clk) is
    variable following : step_t;
    variable counted   : rows_t;
  begin
    if rising_edge(clk) then
      -- synthesis translate_off
      assert arrived /= '1' or word_step < PROGRAM'length
        report "sequencer: a job of a step outside of the program"
        severity failure;
      -- synthesis translate_on
      following := PROGRAM(to_integer(word_step));

      -- a clock later than need be, but before the next word arrives
      started <= go;
      counted := (others => '0');
      if started = '1' then
        counted := needs;
      end if;
      rows <= rows - counted + unsigned'("" & row_loaded);

      if arrived = '1' then
        upcoming  <= following;
        one_tile  <= '0';
        one_inner <= '0';
        one_group <= '0';
        no_wait   <= '0';
        pauses    <= '0';
        needs     <= word_needs;
        if following.tiles_last = 0 then
          one_tile <= '1';
        end if;
        if following.inner_last = 0 then
          one_inner <= '1';
        end if;
        if following.group_last = 0 then
          one_group <= '1';
        end if;
        if word_wait = 0 then
          no_wait <= '1';
        end if;
        if following.tile_pause /= 0 then
          pauses <= '1';
        end if;
      end if;

      if go = '1' then
        prepared <= '0';
      elsif arrived = '1' then
        if rows >= word_needs then
          prepared <= '1';
        end if;
      elsif fetched = '1' and prepared = '0' then
        if rows >= needs then
          prepared <= '1';
        end if;
      end if;

      if reset = '1' then
        prepared <= '0';
        started  <= '0';
        rows     <= (others => '0');
        needs    <= (others => '0');
      end if;
    end if;
  end process fetch;

  walk : process (clk) is
    variable next_tile : address_t;
    variable issues    : std_logic; -- in the next clock
    variable now_last_tile : std_logic; -- for the pair to come
  begin
    if rising_edge(clk) then
      now_last_tile := last_tile;
      if at_last = '1' and tile = 1 then
        now_last_tile := '1';
      end if;
      next_tile := lane_tile + to_unsigned(s.lane_stride, ADDRESS_BITS);

      -- not one of several branches, whose choice would follow "go"
      issues := issuing and not at_end and not (at_last and s_pauses);
      if busy = '1' and issuing = '0' then
        pause <= pause - 1;
        if pause = 1 then
          issues := '1';
        end if;
      end if;
      if go = '1' then
        issues := no_wait;
      end if;
      issuing <= issues;
      busy    <= go or (busy and not ends);

      if issuing = '1' then
        at_first       <= at_last;
        at_group_first <= at_last or at_group_last;
        x_at           <= x_at + 1;
        lane_at        <= lane_at + 1;
        inner          <= inner - 1;
        last_tile      <= now_last_tile;
        at_last        <= '0';
        at_end         <= '0';
        if inner = 1 then
          at_last <= '1';
          at_end  <= now_last_tile;
        end if;
        group_left    <= group_left - 1;
        at_group_last <= '0';
        if group_left = 1 then
          at_group_last <= '1';
        end if;
        if at_group_last = '1' or at_last = '1' then
          group_left    <= to_unsigned(s.group_last, group_t'length);
          at_group_last <= s_one_group;
        end if;
        if at_last = '1' then
          inner     <= to_unsigned(s.inner_last, inner_t'length);
          at_last   <= s_one_inner;
          at_end    <= s_one_inner and now_last_tile;
          x_at      <= x_row;
          lane_tile <= next_tile;
          lane_at   <= next_tile;
          tile      <= tile - 1;
          pause     <= to_unsigned(s.tile_pause, PAUSE_BITS);
        end if;
      end if;

      if go = '1' then
        s              <= upcoming;
        s_one_inner    <= one_inner;
        s_one_group    <= one_group;
        s_pauses       <= pauses;
        current        <= word_step;
        ways           <= word_ways;
        pause          <= word_wait;
        tile           <= to_unsigned(upcoming.tiles_last, tile_t'length);
        last_tile      <= one_tile;
        inner          <= to_unsigned(upcoming.inner_last, inner_t'length);
        at_first       <= '1';
        at_last        <= one_inner;
        at_end         <= one_inner and one_tile;
        group_left     <= to_unsigned(upcoming.group_last, group_t'length);
        at_group_first <= '1';
        at_group_last  <= one_group;
        x_row          <= word_x;
        x_at           <= word_x;
        lane_tile      <= to_unsigned(upcoming.lane_base, ADDRESS_BITS);
        lane_at        <= to_unsigned(upcoming.lane_base, ADDRESS_BITS);
      end if;

      if reset = '1' then
        busy    <= '0';
        issuing <= '0';
      end if;
    end if;
  end process walk;

end architecture rtl;
