-- SPDX-License-Identifier: Apache-2.0
-- What the test benches share: numbers from lines of a file, and numbers into lines of a file.
--
-- A bench applies a line of STIMULUS in every clock, and writes a line of RESPONSE: its outputs as
-- they are just before the clock's edge.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

package bench is

  constant STIMULUS : string := "stimulus.txt";
  constant RESPONSE : string := "response.txt";

  type integers_t is array (natural range <>) of integer;

  -- Read as many numbers as "numbers" holds from the next line.
  procedure read_numbers (file source : text; numbers : out integers_t);

  -- Words as one vector, word 0 leftmost, from a file with a word of binary digits a line.
  impure function read_words (name : string; count, width : positive) return std_logic_vector;

  function to_bit (number : integer) return std_logic;

  -- Append a number to a line, "x" if a bit of it is neither 0 nor 1.
  procedure add (outputs : inout line; value : in std_logic);
  procedure add (outputs : inout line; value : in std_logic_vector); -- as it is without a sign
  procedure add (outputs : inout line; value : in unsigned);
  procedure add (outputs : inout line; value : in signed);

end package bench;

package body bench is

  procedure read_numbers (file source : text; numbers : out integers_t) is
    variable content : line;
  begin
    readline(source, content);
    for i in numbers'range loop
      read(content, numbers(i));
    end loop;
  end procedure read_numbers;

  impure function read_words (name : string; count, width : positive) return std_logic_vector is
    file     source  : text open read_mode is name;
    variable content : line;
    variable word    : std_logic_vector(width - 1 downto 0);
    variable result  : std_logic_vector(0 to count * width - 1);
  begin
    for i in 0 to count - 1 loop
      readline(source, content);
      read(content, word);
      result(i * width to (i + 1) * width - 1) := word;
    end loop;
    return result;
  end function read_words;

  function to_bit (number : integer) return std_logic is
  begin
    if number = 1 then
      return '1';
    end if;
    return '0';
  end function to_bit;

  procedure add (outputs : inout line; value : in std_logic) is
  begin
    add(outputs, unsigned'("" & value));
  end procedure add;

  procedure add (outputs : inout line; value : in std_logic_vector) is
  begin
    add(outputs, unsigned(value));
  end procedure add;

  procedure add (outputs : inout line; value : in unsigned) is
  begin
    add(outputs, signed('0' & value));
  end procedure add;

  procedure add (outputs : inout line; value : in signed) is
  begin
    if is_x(std_logic_vector(value)) then
      write(outputs, string'("x "));
    else
      write(outputs, to_integer(value));
      write(outputs, ' ');
    end if;
  end procedure add;

end package body bench;
