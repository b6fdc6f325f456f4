-- SPDX-License-Identifier: Apache-2.0
-- Collects the results of an inference, in the order of their stream, and offers them when the last
-- one is there.
--
-- With AT_ONCE = 2, two results can come in a clock, "both", the first of them in the lower bits.
-- Few results are held by registers, of which the first is offered; many lie in a memory, from
-- which four registers are filled ahead, so that a result leaves in every clock. With the memory,
-- the first one can be taken three clocks later. "sending" is high while results are offered;
-- "sent" comes with the last one that is taken.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity result_buffer is
  generic (
    BLOCK_MEMORY : natural;  -- 1: block memory, 0: look-up tables
    IN_MEMORY    : boolean;
    WIDTH        : positive;
    RESULTS      : positive;
    AT_ONCE      : positive range 1 to 2 := 1 -- 2: not from a memory
  );
  port (
    clk       : in    std_logic;
    reset     : in    std_logic;
    write     : in    std_logic; -- not while results are offered
    both      : in    std_logic := '0';
    data      : in    std_logic_vector(AT_ONCE * WIDTH - 1 downto 0);
    out_valid : out   std_logic;
    out_ready : in    std_logic;
    out_data  : out   std_logic_vector(WIDTH - 1 downto 0);
    sending   : out   std_logic;
    sent      : out   std_logic
  );
end entity result_buffer;

architecture rtl of result_buffer is

  constant COUNT_BITS : positive := index_bits(RESULTS + 1);

  signal offering : std_logic;
  signal count    : unsigned(COUNT_BITS - 1 downto 0); -- written, then still to be taken, less one
  signal valid    : std_logic;
  signal at_last  : std_logic; -- the count is zero, worked out a clock ahead
  signal last     : std_logic;

begin

  sending   <= offering;
  out_valid <= valid;
  sent      <= last;
  last      <= valid and out_ready and at_last;

  collect : process (clk) is
  begin
    if rising_edge(clk) then
      if write = '1' then
        if count = RESULTS - 1 then
          offering <= '1';
        else
          count <= count + 1;
        end if;
        if AT_ONCE = 2 then
          if both = '1' then
            if count = RESULTS - 2 then
              offering <= '1';
            else
              count <= count + 2;
            end if;
          end if;
        end if;
        at_last <= '0';
        if RESULTS = 1 then
          at_last <= '1';
        end if;
      elsif valid = '1' and out_ready = '1' then
        if at_last = '1' then
          offering <= '0';
        else
          count <= count - 1;
        end if;
        if count = 1 then
          at_last <= '1';
        end if;
      end if;
      if reset = '1' then
        offering <= '0';
        count    <= (others => '0');
        at_last  <= '0';
      end if;
    end if;
  end process collect;

  in_registers : if not IN_MEMORY generate

    type   result_array is array (RESULTS - 1 downto 0) of std_logic_vector(WIDTH - 1 downto 0);
    signal kept : result_array;

  begin

    valid    <= offering;
    out_data <= kept(0);

    shift : process (clk) is
    begin
      if rising_edge(clk) then
        if write = '1' then
          kept <= data(WIDTH - 1 downto 0) & kept(RESULTS - 1 downto 1);
          if AT_ONCE = 2 then
            if both = '1' then
              kept <= data(AT_ONCE * WIDTH - 1 downto (AT_ONCE - 1) * WIDTH)
                      & (data(WIDTH - 1 downto 0) & kept(RESULTS - 1 downto AT_ONCE));
            end if;
          end if;
        elsif offering = '1' and out_ready = '1' then
          kept <= kept(0) & kept(RESULTS - 1 downto 1);
        end if;
      end if;
    end process shift;

  end generate in_registers;

  in_ram : if IN_MEMORY generate

    constant ADDRESS_BITS : positive := index_bits(RESULTS);
    type   ahead_array is array (3 downto 0) of std_logic_vector(WIDTH - 1 downto 0);
    signal ahead     : ahead_array;
    signal head      : unsigned(1 downto 0);
    signal tail      : unsigned(1 downto 0);
    signal stored    : unsigned(2 downto 0); -- in the registers
    signal room      : unsigned(2 downto 0); -- registers that are neither full nor waited for
    signal to_read   : unsigned(COUNT_BITS - 1 downto 0);
    signal address   : unsigned(ADDRESS_BITS - 1 downto 0);
    signal write_at  : unsigned(ADDRESS_BITS - 1 downto 0);
    signal read      : std_logic;
    signal reads     : std_logic_vector(1 to 2);
    signal taken     : std_logic;
    signal read_data : std_logic_vector(WIDTH - 1 downto 0);

  begin

    valid    <= '1' when stored /= 0 else '0';
    taken    <= valid and out_ready;
    out_data <= ahead(to_integer(head));
    read     <= '1' when offering = '1' and room /= 0 and to_read /= 0 else '0';

    memory : entity work.ram
      generic map (
        BLOCK_MEMORY => BLOCK_MEMORY,
        WIDTH        => WIDTH,
        DEPTH        => RESULTS,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk           => clk,
        write         => write,
        write_address => write_at,
        write_data    => data(WIDTH - 1 downto 0),
        enable        => read,
        read_address  => address,
        read_data     => read_data
      );

    look_ahead : process (clk) is
      variable now_stored : unsigned(2 downto 0);
      variable now_room   : unsigned(2 downto 0);
    begin
      if rising_edge(clk) then
        now_stored := stored;
        now_room   := room;
        reads      <= read & reads(1);
        if write = '1' then
          write_at <= write_at + 1;
        end if;
        if read = '1' then
          address  <= address + 1;
          to_read  <= to_read - 1;
          now_room := now_room - 1;
        end if;
        if reads(2) = '1' then
          ahead(to_integer(tail)) <= read_data;
          tail       <= tail + 1;
          now_stored := now_stored + 1;
        end if;
        if taken = '1' then
          head       <= head + 1;
          now_stored := now_stored - 1;
          now_room   := now_room + 1;
        end if;
        stored <= now_stored;
        room   <= now_room;
        if reset = '1' or last = '1' then
          reads    <= (others => '0');
          head     <= (others => '0');
          tail     <= (others => '0');
          stored   <= (others => '0');
          room     <= to_unsigned(4, 3);
          to_read  <= to_unsigned(RESULTS, COUNT_BITS);
          address  <= (others => '0');
          write_at <= (others => '0');
        end if;
      end if;
    end process look_ahead;

  end generate in_ram;

end architecture rtl;
