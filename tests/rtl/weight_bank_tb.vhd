-- SPDX-License-Identifier: Apache-2.0
-- A weight bank whose words come from "contents.txt", and the segments of all banks from
-- "segments.txt": bank, first, words, columns, column_bits.
--
-- In: enable, address. Out: data.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library work;
use work.engine_types.all;
use work.bench.all;

entity weight_bank_tb is
  generic (
    BANK          : natural;
    WIDTH         : positive;
    DEPTH         : positive;
    ADDRESS_BITS  : positive;
    SEGMENT_COUNT : positive
  );
end entity weight_bank_tb;

architecture test of weight_bank_tb is

  impure function read_segments return segment_array is
    file     source : text open read_mode is "segments.txt";
    variable n      : integers_t(0 to 4);
    variable result : segment_array(0 to SEGMENT_COUNT - 1);
  begin
    for i in result'range loop
      read_numbers(source, n);
      result(i) := (bank => n(0), first => n(1), words => n(2), columns => n(3), column_bits => n(4));
    end loop;
    return result;
  end function read_segments;

  constant SEGMENTS : segment_array    := read_segments;
  constant CONTENTS : std_logic_vector := read_words("contents.txt", DEPTH, WIDTH);

  signal clk      : std_logic := '0';
  signal enable   : std_logic;
  signal address  : unsigned(ADDRESS_BITS - 1 downto 0);
  signal data     : std_logic_vector(WIDTH - 1 downto 0);
  signal finished : boolean   := false;

begin

  clk <= not clk after 5 ns when not finished;

  dut : entity work.weight_bank
    generic map (
      BANK         => BANK,
      WIDTH        => WIDTH,
      ADDRESS_BITS => ADDRESS_BITS,
      SEGMENTS     => SEGMENTS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      enable  => enable,
      address => address,
      data    => data
    );

  drive : process is
    file     source  : text open read_mode is STIMULUS;
    file     sink    : text open write_mode is RESPONSE;
    variable n       : integers_t(0 to 1);
    variable outputs : line;
  begin
    while not endfile(source) loop
      read_numbers(source, n);
      enable  <= to_bit(n(0));
      address <= to_unsigned(n(1), ADDRESS_BITS);
      wait until rising_edge(clk);
      add(outputs, data);
      writeline(sink, outputs);
    end loop;
    finished <= true;
    wait;
  end process drive;

end architecture test;
