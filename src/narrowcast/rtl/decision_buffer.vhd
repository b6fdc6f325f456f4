-- SPDX-License-Identifier: Apache-2.0
-- Reduces results to decisions, and offers these and all others in the order of their stream when
-- the last result has come.
--
-- A result comes with "write", tensor by tensor. The words of a decision's operand go to an arg_max
-- or l1_norm, which keeps the two words that leave for them; others go to a result_buffer.
-- "sending" is high while words are offered; "sent" comes with the last one that is taken.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity decision_buffer is
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    write     : in    std_logic; -- not while words are offered
    data      : in    signed(Y_BITS - 1 downto 0);
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(OUTPUT_BITS - 1 downto 0);
    sending   : out   std_logic;
    sent      : out   std_logic
  );
end entity decision_buffer;

architecture rtl of decision_buffer is

  constant COME_BITS  : positive := index_bits(RESULTS_MADE + 1);
  constant LEAVE_BITS : positive := index_bits(OUTPUTS);

  subtype word_t is std_logic_vector(OUTPUT_BITS - 1 downto 0);
  type    word_array is array (2 * maximum(DECISIONS, 1) - 1 downto 0) of word_t;

  signal come       : unsigned(COME_BITS - 1 downto 0);  -- results that have come,
  signal leave      : unsigned(LEAVE_BITS - 1 downto 0); -- and words that are taken
  signal offering   : std_logic;
  signal last_come  : std_logic;
  signal taken      : std_logic;
  signal last_taken : std_logic;
  signal clear      : std_logic;
  signal own        : std_logic_vector(DECISIONS - 1 downto 0); -- whose operand a result is of
  signal words      : word_array;
  signal decided    : std_logic; -- the word to leave is of a decision
  signal plain      : word_t;

begin

  sending    <= offering;
  out_valid  <= offering;
  sent       <= last_taken;
  taken      <= offering and out_ready;
  last_taken <= '1' when taken = '1' and leave = OUTPUTS - 1 else '0';
  last_come  <= '1' when write = '1' and come = RESULTS_MADE - 1 else '0';
  clear      <= reset or last_taken;

  count : process (clk) is
  begin
    if rising_edge(clk) then
      if write = '1' then
        come <= come + 1;
      end if;
      if taken = '1' then
        leave <= leave + 1;
      end if;
      if clear = '1' then
        come  <= (others => '0');
        leave <= (others => '0');
      end if;
    end if;
  end process count;

  -- The last result may be part of a score, which takes a clock more.
  at_once : if DECISION_LATE = 0 generate

    begin_to_offer : process (clk) is
    begin
      if rising_edge(clk) then
        offering <= (offering or last_come) and not clear;
      end if;
    end process begin_to_offer;

  end generate at_once;

  later : if DECISION_LATE = 1 generate

    signal last_came : std_logic;

  begin

    begin_to_offer : process (clk) is
    begin
      if rising_edge(clk) then
        last_came <= last_come and not clear;
        offering  <= (offering or last_came) and not clear;
      end if;
    end process begin_to_offer;

  end generate later;

  of_decision : for i in 0 to DECISIONS - 1 generate

    constant FIRST : natural  := DECISION_FIRST(i);
    constant SIZE  : positive := DECISION_COLUMNS(i);
    constant BITS  : positive := DECISION_BITS(i);
    signal   valid : std_logic;

  begin

    valid <= write and own(i);

    all_are_own : if SIZE = RESULTS_MADE generate
      own(i) <= '1';
    end generate all_are_own;

    some_are_own : if SIZE < RESULTS_MADE generate
      own(i) <= '1' when come >= FIRST and come < FIRST + SIZE else '0';
    end generate some_are_own;

    of_class : if DECISION_KIND(i) = DECIDE_ARG_MAX generate

      signal place  : unsigned(COME_BITS - 1 downto 0);
      signal index  : unsigned(index_bits(SIZE) - 1 downto 0);
      signal margin : unsigned(BITS - 1 downto 0);

    begin

      place            <= come - FIRST;
      words(2 * i)     <= std_logic_vector(resize(index, OUTPUT_BITS));
      words(2 * i + 1) <= std_logic_vector(resize(margin, OUTPUT_BITS));

      largest : entity work.arg_max
        generic map (
          WIDTH      => BITS,
          PLACE_BITS => index_bits(SIZE)
        )
        port map (
          clk    => clk,
          clear  => clear,
          valid  => valid,
          place  => place(index_bits(SIZE) - 1 downto 0),
          x      => data(BITS - 1 downto 0),
          index  => index,
          margin => margin
        );

    end generate of_class;

    of_score : if DECISION_KIND(i) = DECIDE_L1_NORM generate

      constant SCORE_BITS : positive := DECISION_SCORE_BITS(i);
      signal   score      : signed(SCORE_BITS - 1 downto 0);
      signal   flag       : std_logic;

    begin

      words(2 * i)     <= std_logic_vector(resize(score, OUTPUT_BITS));
      words(2 * i + 1) <= (0 => flag, others => '0');

      norm : entity work.l1_norm
        generic map (
          WIDTH      => BITS,
          ZERO       => DECISION_ZERO(i),
          SCORE_BITS => SCORE_BITS,
          THRESHOLD  => DECISION_THRESHOLD(i)
        )
        port map (
          clk   => clk,
          clear => clear,
          valid => valid,
          x     => data(BITS - 1 downto 0),
          score => score,
          flag  => flag
        );

    end generate of_score;

  end generate of_decision;

  choose : process (all) is
  begin
    out_data <= plain;
    decided  <= '0';
    for i in 0 to DECISIONS - 1 loop
      for j in 0 to 1 loop
        if leave = DECISION_PLACE(i) + j then
          out_data <= words(2 * i + j);
          decided  <= '1';
        end if;
      end loop;
    end loop;
  end process choose;

  with_others : if PLAIN_RESULTS > 0 generate

    signal others_in    : std_logic;
    signal others_taken : std_logic;

  begin

    others_in    <= write when own = (own'range => '0') else '0';
    others_taken <= taken and not decided;

    buffered : entity work.result_buffer
      generic map (
        BLOCK_MEMORY => 0,
        IN_MEMORY    => false,
        WIDTH        => OUTPUT_BITS,
        RESULTS      => maximum(PLAIN_RESULTS, 1)
      )
      port map (
        clk       => clk,
        reset     => reset,
        write     => others_in,
        data      => std_logic_vector(resize(data, OUTPUT_BITS)),
        out_valid => open,
        out_ready => others_taken,
        out_data  => plain,
        sending   => open,
        sent      => open
      );

  end generate with_others;

  without_others : if PLAIN_RESULTS = 0 generate
    plain <= words(0);
  end generate without_others;

end architecture rtl;
