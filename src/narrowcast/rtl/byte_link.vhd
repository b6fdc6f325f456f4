-- SPDX-License-Identifier: Apache-2.0
-- The engine behind bytes: takes frames from the bytes that a host sends, gives its answers as bytes.
-- How they come and go is the receiver's and the transmitter's matter, which this resets until the
-- chip is awake.
--
-- The host sends a frame: the byte SYNC, INPUT_WORDS words, and a check byte, with which the bytes
-- after SYNC sum up to a multiple of 256. It gets back OUTPUTS words and a check byte, made in the
-- same way. To a model with states, FIRST in place of SYNC says that a stretch of readings begins:
-- what is kept of those before is dropped. Words are in two's complement, in as many whole bytes as
-- they need, the lowest first.
-- With STATE_ACCESS, SYNC_KEEP and FIRST_KEEP in their place ask for the row of the states as well,
-- which comes behind the answer, with a check byte of its own. Behind RESTORE comes a whole state
-- (state_writer), which is answered by RESTORE.
-- The byte IDENTIFY alone asks what the board is: the 16 bytes of IDENTITY are the answer
-- (integer.identity). What is kept stays.
-- If a host loads the weights, LOAD is followed by weights and their CRC (weight_loader), and
-- drops what is kept. HELD alone asks for the weights that the memory holds. The answer to both
-- comes when the memory has been read back: the CRC and a check byte, or five zeros if the CRC is
-- wrong. Then, as before the first LOAD and after one that breaks off, a frame of words is
-- dropped.
--
-- A word goes to the engine when the byte behind it has come, so the last one goes, and the engine
-- runs, only if the check byte is right. A frame with a wrong check byte or a broken byte, or in
-- which nothing comes for 2 ** TIMEOUT_BITS clocks, is dropped: the engine is reset and there is no
-- answer, so the next frame begins a stretch. So it is with a state that is refused. Between frames
-- everything but the bytes that begin one is ignored, and so is what comes before all bytes of the
-- answer have been taken.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;
use work.model_identity.all;

entity byte_link is
  generic (
    TIMEOUT_BITS : positive := 20
  );
  port (
    clk       : in    std_logic;
    reset     : out   std_logic;
    -- a byte from the host, or one that is known to be damaged, for one clock
    rx_valid  : in    std_logic;
    rx_broken : in    std_logic;
    rx_data   : in    std_logic_vector(7 downto 0);
    -- a byte for the host, which stays until it is taken
    tx_valid  : out   std_logic;
    tx_ready  : in    std_logic;
    tx_data   : out   std_logic_vector(7 downto 0)
  );
end entity byte_link;

architecture rtl of byte_link is

  constant SYNC         : std_logic_vector(7 downto 0) := x"A5";
  constant FIRST        : std_logic_vector(7 downto 0) := x"A6";
  constant SYNC_KEEP    : std_logic_vector(7 downto 0) := x"A7";
  constant FIRST_KEEP   : std_logic_vector(7 downto 0) := x"A8";
  constant RESTORE      : std_logic_vector(7 downto 0) := x"A9";
  constant IDENTIFY     : std_logic_vector(7 downto 0) := x"AA";
  constant LOAD         : std_logic_vector(7 downto 0) := x"AB";
  constant HELD         : std_logic_vector(7 downto 0) := x"AC";
  constant LOADED       : boolean := WEIGHTS'length = 1; -- a host loads them
  constant INPUT_BYTES  : positive := (INPUT_BITS + 7) / 8;
  constant OUTPUT_BYTES : positive := (OUTPUT_BITS + 7) / 8;
  constant IN_TOTAL     : positive := INPUT_WORDS * INPUT_BYTES;
  constant IN_BITS      : positive := index_bits(IN_TOTAL + 1);
  constant PART_BITS    : positive := index_bits(INPUT_BYTES);
  constant LOW_BITS     : positive := TIMEOUT_BITS / 2;
  constant OUT_BITS     : positive := index_bits(OUTPUTS + 1);
  constant REST_BITS    : positive := index_bits(OUTPUT_BYTES + 1);

  -- The chip starts with all flip-flops low. Block memory of an iCE40 can be read only some
  -- microseconds later, hence the length.
  signal awake  : unsigned(8 downto 0) := (others => '0');
  signal drop   : std_logic; -- the frame, and what the engine keeps; high in a reset

  -- from the host to the engine
  signal in_frame  : std_logic;
  -- clocks in which nothing has come, in two counters: the carry between them is a register
  signal idle_low  : unsigned(LOW_BITS downto 0);
  signal idle_high : unsigned(TIMEOUT_BITS - LOW_BITS downto 0);
  signal timed_out : std_logic;
  signal in_left   : unsigned(IN_BITS - 1 downto 0); -- bytes of the frame but for the check byte
  signal part      : unsigned(PART_BITS - 1 downto 0);
  signal complete  : std_logic;                      -- "word" is, and waits for the byte behind it
  signal word      : std_logic_vector(8 * INPUT_BYTES - 1 downto 0);
  signal in_sum    : unsigned(7 downto 0);
  signal in_valid  : std_logic;
  signal in_ready  : std_logic;
  signal in_data   : std_logic_vector(INPUT_BITS - 1 downto 0);
  signal restart   : std_logic;
  signal keep      : std_logic;
  signal asked     : std_logic;                      -- for the identity

  -- states
  signal in_state    : std_logic;                    -- its bytes come
  signal judging     : std_logic;                    -- one has been taken, and with it old verdicts
  signal state_valid : std_logic;
  signal state_ready : std_logic;
  signal state_data  : std_logic_vector(7 downto 0);
  signal state_ends  : std_logic;
  signal restored    : std_logic;
  signal refused     : std_logic;
  signal accepted    : std_logic;                    -- a state, which is to be answered
  signal acknowledging : std_logic;
  signal in_row      : std_logic;                    -- the answer's second part
  signal row_ends    : std_logic;                    -- its check byte comes
  signal row_valid   : std_logic;
  signal row_ready   : std_logic;
  signal row_data    : std_logic_vector(7 downto 0);
  signal row_last    : std_logic;

  -- weights
  signal in_weights        : std_logic;              -- their bytes come
  signal weights_start     : std_logic;
  signal weights_examine   : std_logic;
  signal weights_valid     : std_logic;
  signal weights_receiving : std_logic;
  signal weights_end       : std_logic;              -- the last byte has been taken
  signal weights_busy      : std_logic;
  signal weights_loaded    : std_logic;
  signal weights_check     : std_logic_vector(31 downto 0);
  signal read_back         : std_logic;              -- they are, and then the answer is due

  -- from the engine to the host
  signal answering : std_logic;
  signal busy      : std_logic;             -- from a question to the last byte of its answer
  signal telling   : std_logic;             -- the identity
  signal told      : unsigned(3 downto 0);  -- bytes of it
  signal out_valid : std_logic;
  signal out_ready : std_logic;
  signal out_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);
  signal out_left  : unsigned(OUT_BITS - 1 downto 0);  -- words
  signal wanted    : std_logic;                        -- there are any
  signal rest_left : unsigned(REST_BITS - 1 downto 0); -- bytes of the word in "rest"
  signal no_rest   : std_logic;                        -- there are none
  signal rest      : std_logic_vector(8 * OUTPUT_BYTES - 1 downto 0);
  signal out_sum   : unsigned(7 downto 0);

begin

  reset <= not awake(8);

  wake : process (clk) is
  begin
    if rising_edge(clk) then
      if awake(8) = '0' then
        awake <= awake + 1;
      end if;
    end if;
  end process wake;

  take_frame : process (clk) is
    variable sum_next : unsigned(7 downto 0);
  begin
    if rising_edge(clk) then
      drop     <= '0';
      accepted <= '0';
      asked    <= '0';
      weights_start   <= '0';
      weights_examine <= '0';
      weights_valid   <= '0';
      sum_next := in_sum + unsigned(rx_data);
      if in_ready = '1' then
        in_valid <= '0';
      end if;
      if rx_valid = '1' then
        state_data <= rx_data;
      end if;

      if STATE_ACCESS = 1 and in_state = '1' then
        if state_ready = '1' then
          judging     <= state_valid;
          state_valid <= '0';
        end if;
        if rx_valid = '1' then
          state_valid <= '1';
        end if;
        if (judging and restored) = '1' then
          in_state <= '0';
          accepted <= '1';
        elsif rx_broken = '1' or timed_out = '1' or (judging and refused) = '1' then
          in_state <= '0';
          drop     <= '1';
        end if;
      elsif LOADED and in_weights = '1' then
        weights_valid <= rx_valid;
        if weights_end = '1' then
          in_weights <= '0';
        elsif rx_broken = '1' or timed_out = '1' then
          in_weights <= '0';
          drop       <= '1';
        end if;
      elsif in_frame = '0' then
        in_left  <= to_unsigned(IN_TOTAL, IN_BITS);
        part     <= (others => '0');
        complete <= '0';
        in_sum   <= (others => '0');
        if rx_valid = '1' and rx_data = SYNC and busy = '0' then
          in_frame <= '1';
          restart  <= '0';
          keep     <= '0';
        end if;
        if rx_valid = '1' and rx_data = IDENTIFY and busy = '0' then
          asked <= '1';
        end if;
        if KEPT_ROWS > 0 and rx_valid = '1' and rx_data = FIRST and busy = '0' then
          in_frame <= '1';
          restart  <= '1';
          keep     <= '0';
        end if;
        if LOADED and rx_valid = '1' and busy = '0' then
          keep <= '0';
          if rx_data = LOAD then
            in_weights    <= '1';
            weights_start <= '1';
            drop          <= '1';
          elsif rx_data = HELD then
            weights_examine <= '1';
          end if;
        end if;
        if STATE_ACCESS = 1 and rx_valid = '1' and busy = '0' then
          if rx_data = SYNC_KEEP or rx_data = FIRST_KEEP then
            in_frame <= '1';
            restart  <= '0';
            keep     <= '1';
            if rx_data = FIRST_KEEP then
              restart <= '1';
            end if;
          elsif rx_data = RESTORE then
            in_state    <= '1';
            judging     <= '0';
            state_valid <= '0';
          end if;
        end if;
      elsif rx_broken = '1' or timed_out = '1' then
        in_frame <= '0';
        drop     <= '1';
      elsif rx_valid = '1' then
        in_sum   <= sum_next;
        in_left  <= in_left - 1;
        complete <= '0';
        if complete = '1' then
          in_valid <= '1';
          in_data  <= word(INPUT_BITS - 1 downto 0);
        end if;
        if in_left = 0 then
          in_frame <= '0';
          if sum_next /= 0 or weights_loaded = '0' then
            in_valid <= '0';
            drop     <= '1';
          end if;
        else
          word <= std_logic_vector(resize(
            shift_right(unsigned(std_logic_vector'(rx_data & word)), 8), 8 * INPUT_BYTES));
          part <= part + 1;
          if part = INPUT_BYTES - 1 then
            part     <= (others => '0');
            complete <= '1';
          end if;
        end if;
      end if;

      if reset = '1' then
        in_frame    <= '0';
        in_state    <= '0';
        in_weights  <= '0';
        judging     <= '0';
        state_valid <= '0';
        in_valid    <= '0';
        drop        <= '1';
      end if;
    end if;
  end process take_frame;

  weights_end <= in_weights and not weights_start and not weights_receiving;

  timed_out <= idle_high(TIMEOUT_BITS - LOW_BITS);

  count_idle : process (clk) is
  begin
    if rising_edge(clk) then
      idle_low <= ('0' & idle_low(LOW_BITS - 1 downto 0)) + 1;
      if idle_low(LOW_BITS) = '1' then
        idle_high <= idle_high + 1;
      end if;
      if (in_frame or in_state or in_weights) = '0' or rx_valid = '1' then
        idle_low  <= to_unsigned(1, LOW_BITS + 1); -- the carry comes a clock late
        idle_high <= (others => '0');
      end if;
    end if;
  end process count_idle;

  accelerator : entity work.engine
    port map (
      clk       => clk,
      reset     => drop,
      in_valid  => in_valid,
      in_ready  => in_ready,
      in_data   => in_data,
      restart   => restart,
      out_valid => out_valid,
      out_ready => out_ready,
      out_data  => out_data,
      keep            => keep,
      state_in_valid  => state_valid,
      state_in_ready  => state_ready,
      state_in_data   => state_data,
      state_in_last   => state_ends,
      state_in_ends   => state_ends,
      state_restored  => restored,
      state_refused   => refused,
      state_out_valid => row_valid,
      state_out_ready => row_ready,
      state_out_data  => row_data,
      state_out_last  => row_last,
      weights_start     => weights_start,
      weights_examine   => weights_examine,
      weights_valid     => weights_valid,
      weights_data      => state_data,
      weights_receiving => weights_receiving,
      weights_busy      => weights_busy,
      weights_loaded    => weights_loaded,
      weights_check     => weights_check
    );

  busy      <= answering or tx_valid;
  out_ready <= no_rest and wanted and not tx_valid;
  row_ready <= in_row and not tx_valid and not row_ends;

  answer : process (clk) is
    variable byte : std_logic_vector(7 downto 0);
  begin
    if rising_edge(clk) then
      if tx_valid = '1' then
        if tx_ready = '1' then
          tx_valid <= '0';
        end if;
      elsif no_rest = '0' then
        tx_valid  <= '1';
        tx_data   <= rest(7 downto 0);
        out_sum   <= out_sum + unsigned(rest(7 downto 0));
        rest      <= std_logic_vector(shift_right(unsigned(rest), 8));
        rest_left <= rest_left - 1;
        if rest_left = 1 then
          no_rest <= '1';
        end if;
      elsif telling = '1' then
        tx_valid <= '1';
        for i in 0 to 15 loop
          if told = i then
            tx_data <= IDENTITY(8 * i to 8 * i + 7);
          end if;
        end loop;
        told <= told + 1;
        if told = 15 then
          telling   <= '0';
          answering <= '0';
        end if;
      elsif LOADED and read_back = '1' then
        if weights_busy = '0' then
          byte := (others => '0');
          for i in 0 to 3 loop
            if told = i and weights_loaded = '1' then
              byte := weights_check(8 * i + 7 downto 8 * i);
            end if;
          end loop;
          tx_valid <= '1';
          tx_data  <= byte;
          out_sum  <= out_sum + unsigned(byte);
          told     <= told + 1;
          if told = 3 then
            told      <= (others => '0');
            read_back <= '0';
            wanted    <= '0';
          end if;
        end if;
      elsif STATE_ACCESS = 1 and acknowledging = '1' then
        tx_valid      <= '1';
        tx_data       <= RESTORE;
        acknowledging <= '0';
        answering     <= '0';
      elsif STATE_ACCESS = 1 and in_row = '1' and row_ends = '0' then
        if row_valid = '1' then
          tx_valid <= '1';
          tx_data  <= row_data;
          out_sum  <= out_sum + unsigned(row_data);
          row_ends <= row_last;
        end if;
      elsif wanted = '0' then
        tx_valid  <= '1';
        tx_data   <= std_logic_vector(0 - out_sum);
        out_sum   <= (others => '0');
        row_ends  <= '0';
        if STATE_ACCESS = 1 and keep = '1' and in_row = '0' then
          in_row <= '1';
        else
          in_row    <= '0';
          out_left  <= to_unsigned(OUTPUTS, OUT_BITS);
          wanted    <= '1';
          answering <= '0';
        end if;
      elsif out_valid = '1' then
        rest      <= std_logic_vector(resize(signed(out_data), 8 * OUTPUT_BYTES));
        rest_left <= to_unsigned(OUTPUT_BYTES, REST_BITS);
        no_rest   <= '0';
        out_left  <= out_left - 1;
        if out_left = 1 then
          wanted <= '0';
        end if;
      end if;

      -- from the right check byte on
      if in_frame = '1' and rx_valid = '1' and in_left = 0 and rx_broken = '0' then
        answering <= '1';
      end if;
      if asked = '1' then
        answering <= '1';
        telling   <= '1';
      end if;
      if LOADED and (weights_examine or weights_end) = '1' then
        answering <= '1';
        read_back <= '1';
      end if;
      if STATE_ACCESS = 1 and accepted = '1' then
        answering     <= '1';
        acknowledging <= '1';
      end if;
      if reset = '1' or drop = '1' then
        tx_valid  <= '0';
        telling   <= '0';
        told      <= (others => '0');
        read_back <= '0';
        acknowledging <= '0';
        in_row    <= '0';
        row_ends  <= '0';
        out_sum   <= (others => '0');
        out_left  <= to_unsigned(OUTPUTS, OUT_BITS);
        wanted    <= '1';
        rest_left <= (others => '0');
        no_rest   <= '1';
        answering <= '0';
      end if;
    end if;
  end process answer;

end architecture rtl;
