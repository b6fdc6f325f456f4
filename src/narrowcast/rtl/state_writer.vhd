-- SPDX-License-Identifier: Apache-2.0
-- Puts a state back: takes its bytes from a stream, and says where each number of a row belongs.
--
--   count, high byte | count, low byte | rows, oldest first | CRC, high byte | CRC, low byte
--
-- A state is taken between two inferences only. It goes before a reading that waits ("busy"). Its
-- first byte clears the ring of states. Each number of a row comes out with the word of PLACES that
-- belongs to it, two clocks after it was taken; "row_written" comes in the clock after the last
-- number of a row. So the rows are written as if inferences had made them.
-- A state is refused, and the ring cleared again, if the count is more than ROWS, if "in_last" is
-- not with the byte that has to be the last one, or if the CRC of all bytes is not 0
-- (CRC-16/CCITT-FALSE). Then the bytes up to "in_last" are dropped. "restored" and "refused" stay
-- until the next state begins. "ends" is high while the byte to come has to be the last one.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity state_writer is
  generic (
    BLOCK_MEMORY : natural;  -- of PLACES; 1: block memory, 0: look-up tables
    ROWS         : positive; -- of each state
    ROW_BYTES    : positive; -- of all states, two at the least
    PLACE_BITS   : positive;
    PLACES       : std_logic_vector
  );
  port (
    clk         : in    std_logic;
    reset       : in    std_logic;
    idle        : in    std_logic; -- no inference has begun
    in_valid    : in    std_logic;
    in_ready    : out   std_logic;
    in_data     : in    std_logic_vector(7 downto 0);
    in_last     : in    std_logic;
    ends        : out   std_logic;
    restored    : out   std_logic;
    refused     : out   std_logic;
    busy        : out   std_logic;
    clear       : out   std_logic; -- no row exists
    write       : out   std_logic;
    place       : out   std_logic_vector(PLACE_BITS - 1 downto 0);
    data        : out   std_logic_vector(7 downto 0);
    row_written : out   std_logic
  );
end entity state_writer;

architecture rtl of state_writer is

  constant INDEX_WIDTH : positive := index_bits(ROW_BYTES);
  constant COUNT_BITS : positive := index_bits(ROWS + 1);
  constant DRAIN      : positive := 3; -- clocks until the last number is written

  type   part_t is (nothing, count_high, count_low, row, check_high, check_low, rest, verdict);
  signal part       : part_t; -- what the byte to come belongs to
  signal receiving  : std_logic;
  signal taken      : std_logic;
  signal high       : std_logic_vector(7 downto 0); -- byte of the count
  signal rows_left  : unsigned(COUNT_BITS - 1 downto 0);
  signal index      : unsigned(INDEX_WIDTH - 1 downto 0);
  signal number     : std_logic;                    -- a number of a row is taken
  signal row_ends   : std_logic;                    -- it is the last one
  signal number_q   : std_logic_vector(1 to 2);
  signal row_ends_q : std_logic_vector(1 to 3);
  type   data_array is array (1 to 2) of std_logic_vector(7 downto 0);
  signal data_q     : data_array;
  signal crc        : std_logic_vector(15 downto 0);
  signal wrong      : std_logic;
  signal left       : unsigned(1 downto 0);

  -- The CRC of one more byte.
  function crc_of (so_far : std_logic_vector(15 downto 0); byte : std_logic_vector(7 downto 0))
    return std_logic_vector is
    variable result : std_logic_vector(15 downto 0);
    variable top    : std_logic;
  begin
    result := so_far;
    for i in 7 downto 0 loop
      top    := result(15) xor byte(i);
      result := result(14 downto 0) & '0';
      if top = '1' then
        result := result xor x"1021";
      end if;
    end loop;
    return result;
  end function crc_of;

begin

  receiving   <= '0' when part = nothing or part = verdict else '1';
  in_ready    <= receiving and not row_ends_q(1); -- where a row lies changes between two of them
  taken       <= in_valid and receiving and not row_ends_q(1);
  ends        <= '1' when part = check_low or part = rest else '0';
  busy        <= '1' when part /= nothing or (in_valid and idle) = '1' else '0';
  number      <= taken when part = row else '0';
  row_ends    <= number when index = ROW_BYTES - 1 else '0';
  write       <= number_q(2);
  data        <= data_q(2);
  row_written <= row_ends_q(3);

  memory : entity work.rom
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => PLACE_BITS,
      ADDRESS_BITS => INDEX_WIDTH,
      CONTENTS     => PLACES
    )
    port map (
      clk     => clk,
      enable  => number,
      address => index,
      data    => place
    );

  take : process (clk) is
    variable count : unsigned(15 downto 0);
    variable bad   : std_logic;
  begin
    if rising_edge(clk) then
      number_q   <= number & number_q(1);
      row_ends_q <= row_ends & row_ends_q(1 to 2);
      data_q     <= in_data & data_q(1);
      clear      <= '0';
      count      := unsigned(high) & unsigned(in_data);
      bad        := wrong;

      if part = nothing then
        crc   <= (others => '1');
        index <= (others => '0');
        left  <= to_unsigned(DRAIN, 2);
        wrong <= '0';
        if (in_valid and idle) = '1' then
          part     <= count_high;
          clear    <= '1';
          restored <= '0';
          refused  <= '0';
        end if;
      elsif part = verdict then
        left <= left - 1;
        if crc /= x"0000" then
          bad := '1';
        end if;
        if left = 1 then
          clear <= bad; -- while inputs still wait
        elsif left = 0 then
          part     <= nothing;
          restored <= not bad;
          refused  <= bad;
        end if;
      elsif taken = '1' then
        crc <= crc_of(crc, in_data);
        if part = count_high then
          high <= in_data;
          part <= count_low;
        elsif part = count_low then
          rows_left <= count(COUNT_BITS - 1 downto 0);
          part      <= row;
          if count = 0 then
            part <= check_high;
          elsif count > ROWS then
            part <= rest;
          end if;
        elsif part = row then
          index <= index + 1;
          if row_ends = '1' then
            index     <= (others => '0');
            rows_left <= rows_left - 1;
            if rows_left = 1 then
              part <= check_high;
            end if;
          end if;
        elsif part = check_high then
          part <= check_low;
        elsif part = check_low then
          part <= rest;
        end if;
        if in_last = '1' then
          part <= verdict;
          if part /= check_low then
            wrong <= '1';
          end if;
        end if;
      end if;

      if reset = '1' then
        part       <= nothing;
        number_q   <= (others => '0');
        row_ends_q <= (others => '0');
        restored   <= '0';
        refused    <= '0';
        clear      <= '0';
      end if;
    end if;
  end process take;

end architecture rtl;
