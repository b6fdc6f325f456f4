-- SPDX-License-Identifier: Apache-2.0
-- Watches an AXI4-Stream, and ends the simulation at the first breach of the protocol.
--
-- Once valid is high, valid, data and last stay as they are until ready is high. Valid is low in
-- the clock after one with a reset. From the first reset on, valid and ready are known, and so are
-- data and last when valid is high. A packet has WORDS words, and last comes with the last one;
-- with CHECK_LENGTH = false, a packet may have any length.
library ieee;
use ieee.std_logic_1164.all;

entity axis_monitor is
  generic (
    NAME         : string;
    WORDS        : positive;
    CHECK_LENGTH : boolean
  );
  port (
    aclk    : in    std_logic;
    aresetn : in    std_logic;
    tvalid  : in    std_logic;
    tready  : in    std_logic;
    tdata   : in    std_logic_vector;
    tlast   : in    std_logic
  );
end entity axis_monitor;

architecture test of axis_monitor is

begin

  watch : process is
    variable begins : boolean := true;  -- the last clock was one of a reset
    variable held   : boolean := false; -- a word was not taken
    variable data   : std_logic_vector(tdata'range);
    variable last   : std_logic;
    variable count  : natural := 0; -- words of the packet so far
  begin
    wait until rising_edge(aclk) and aresetn = '0';
    loop
      wait until rising_edge(aclk);
      assert not is_x(tvalid) and not is_x(tready)
        report NAME & ": valid or ready is unknown"
        severity failure;
      assert not (begins and tvalid = '1')
        report NAME & ": valid in a reset"
        severity failure;
      if held then
        assert tvalid = '1' and tdata = data and tlast = last
          report NAME & ": a word changes before it is taken"
          severity failure;
      end if;
      if tvalid = '1' then
        assert not is_x(tdata) and not is_x(tlast)
          report NAME & ": an unknown word"
          severity failure;
        if CHECK_LENGTH then
          assert (tlast = '1') = (count = WORDS - 1)
            report NAME & ": last with word " & to_string(count + 1) & " of " & to_string(WORDS)
            severity failure;
        end if;
        if tready = '1' then
          count := count + 1;
          if tlast = '1' then
            count := 0;
          end if;
        end if;
      end if;
      begins := aresetn = '0';
      held   := tvalid = '1' and tready = '0' and not begins;
      data   := tdata;
      last   := tlast;
      if begins then
        count := 0;
      end if;
    end loop;
  end process watch;

end architecture test;
