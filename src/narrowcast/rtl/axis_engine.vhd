-- SPDX-License-Identifier: Apache-2.0
-- The engine between two AXI4-Streams: a packet of input words goes in, a packet of output words
-- comes out.
--
-- A word is in two's complement, sign-extended to whole bytes; the bits above the word are ignored
-- on the input. A packet has INPUT_WORDS words, the last of them with s_axis_tlast. Its answer has
-- OUTPUTS words, the last of them with m_axis_tlast. Of a model with states, s_axis_tuser(0) with
-- the first word of a packet says that a stretch of readings begins: what is kept of those before
-- is dropped. With other words, and of other models, it has no meaning.
--
-- A packet of another length is dropped: the engine is reset, nothing comes out, and "packet_error"
-- is high for one clock. What is kept of earlier readings is lost, so the next packet begins a
-- stretch. A packet that is too long is dropped at the last word that it may have, and its further
-- words are taken and ignored up to s_axis_tlast. Answers to earlier packets have left by then,
-- because the engine takes no word while it answers.
--
-- The wrapper costs no clock. No output depends on an input within a clock: ready, valid, data and
-- last are functions of registers. "aresetn" is synchronous and may come at any time; a clock of it
-- is enough.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity axis_engine is
  port (
    aclk          : in    std_logic;
    aresetn       : in    std_logic;
    s_axis_tvalid : in    std_logic;
    s_axis_tready : out   std_logic;
    s_axis_tdata  : in    std_logic_vector((INPUT_BITS + 7) / 8 * 8 - 1 downto 0);
    s_axis_tlast  : in    std_logic;
    s_axis_tuser  : in    std_logic_vector(0 downto 0); -- a stretch begins
    m_axis_tvalid : out   std_logic;
    m_axis_tready : in    std_logic;
    m_axis_tdata  : out   std_logic_vector((OUTPUT_BITS + 7) / 8 * 8 - 1 downto 0);
    m_axis_tlast  : out   std_logic;
    packet_error  : out   std_logic
  );
end entity axis_engine;

architecture rtl of axis_engine is

  constant IN_BITS  : positive := index_bits(INPUT_WORDS);
  constant OUT_BITS : positive := index_bits(OUTPUTS);

  signal reset      : std_logic;
  signal drop       : std_logic; -- the packet, and with it all that the engine holds
  signal discarding : std_logic; -- the words of a packet that is too long

  -- into the engine
  signal taking    : std_logic;
  signal in_left   : unsigned(IN_BITS - 1 downto 0); -- words of the packet behind the next one
  signal at_end    : std_logic;                      -- the next one is the last
  signal in_valid  : std_logic;
  signal in_ready  : std_logic;

  -- out of the engine
  signal out_left  : unsigned(OUT_BITS - 1 downto 0); -- words of the answer behind the next one
  signal out_valid : std_logic;
  signal out_data  : std_logic_vector(OUTPUT_BITS - 1 downto 0);

begin

  reset        <= drop or not aresetn;
  packet_error <= drop;

  taking        <= in_ready and not drop and not discarding;
  s_axis_tready <= taking or discarding;
  in_valid      <= s_axis_tvalid and taking and (s_axis_tlast xnor at_end);

  take_packet : process (aclk) is
  begin
    if rising_edge(aclk) then
      drop <= '0';
      if in_valid = '1' then
        in_left <= in_left - 1;
        if in_left = 1 then
          at_end <= '1';
        end if;
      elsif s_axis_tvalid = '1' and taking = '1' then
        drop       <= '1';
        discarding <= not s_axis_tlast;
      end if;
      if s_axis_tvalid = '1' and s_axis_tlast = '1' then
        discarding <= '0';
      end if;
      if reset = '1' or (in_valid = '1' and at_end = '1') then
        in_left <= to_unsigned(INPUT_WORDS - 1, IN_BITS);
        at_end  <= '0';
        if INPUT_WORDS = 1 then
          at_end <= '1';
        end if;
      end if;
      if aresetn = '0' then
        drop       <= '0';
        discarding <= '0';
      end if;
    end if;
  end process take_packet;

  accelerator : entity work.engine
    port map (
      clk       => aclk,
      reset     => reset,
      in_valid  => in_valid,
      in_ready  => in_ready,
      in_data   => s_axis_tdata(INPUT_BITS - 1 downto 0),
      restart   => s_axis_tuser(0),
      out_valid => out_valid,
      out_ready => m_axis_tready,
      out_data  => out_data
    );

  m_axis_tvalid <= out_valid;
  m_axis_tdata  <= std_logic_vector(resize(signed(out_data), m_axis_tdata'length));
  m_axis_tlast  <= '1' when out_left = 0 else '0';

  count_answer : process (aclk) is
  begin
    if rising_edge(aclk) then
      if out_valid = '1' and m_axis_tready = '1' then
        out_left <= out_left - 1;
        if out_left = 0 then
          out_left <= to_unsigned(OUTPUTS - 1, OUT_BITS);
        end if;
      end if;
      if reset = '1' then
        out_left <= to_unsigned(OUTPUTS - 1, OUT_BITS);
      end if;
    end if;
  end process count_answer;

end architecture rtl;
