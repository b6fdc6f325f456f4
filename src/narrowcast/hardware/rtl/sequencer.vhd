-- Issues one operand pair per clock: three nested loops (rows, tiles, inner dimension) over the
-- steps of the program.
--
-- The addresses are the loop's own registers, so an operand pair is issued in the clock in which
-- its addresses stand at the outputs and "issue" is high. All waiting is in the program: the
-- pauses after tiles, rows and steps make sure that data are written before they are read and
-- that the units behind are free. So the schedule is fixed at compile time, to the clock.
-- After a reset the first step's word is fetched while the inputs come in.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity sequencer is
  generic (
    PROGRAM      : step_array;
    STEP_BITS    : positive;
    COUNT_BITS   : positive;
    ADDRESS_BITS : positive
  );
  port (
    clk          : in    std_logic;
    reset        : in    std_logic;
    start        : in    std_logic;
    issue        : out   std_logic;
    first        : out   std_logic;
    last         : out   std_logic;
    step         : out   unsigned(STEP_BITS - 1 downto 0);
    x_address    : out   unsigned(ADDRESS_BITS - 1 downto 0);
    lane_address : out   unsigned(ADDRESS_BITS - 1 downto 0)
  );
end entity sequencer;

architecture rtl of sequencer is

  constant STEPS : positive := PROGRAM'length;

  subtype count_t is unsigned(COUNT_BITS - 1 downto 0);
  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);

  signal active   : std_logic;
  signal current  : unsigned(STEP_BITS - 1 downto 0);
  signal ahead    : unsigned(STEP_BITS - 1 downto 0); -- the step after
  signal s        : step_t;                           -- the current step's word
  signal pause    : count_t;
  signal row      : count_t;
  signal tile     : count_t;
  signal inner    : count_t;
  signal wrap     : count_t;
  signal x_row    : address_t;
  signal x_at     : address_t;
  signal lane_tile : address_t;
  signal lane_at  : address_t;
  signal issuing  : std_logic;
  signal at_last  : std_logic;

begin

  issuing <= active when pause = 0 else '0';
  at_last <= '1' when inner = s.inner_last else '0';

  issue        <= issuing;
  first        <= issuing when inner = 0 else '0';
  last         <= issuing and at_last;
  step         <= current;
  x_address    <= x_at;
  lane_address <= lane_at;

  walk : process (clk) is
    variable following : step_t;
    variable next_row  : address_t;
    variable next_tile : address_t;
  begin
    if rising_edge(clk) then
      following := PROGRAM(to_integer(ahead));
      next_row  := x_row + to_unsigned(s.x_stride, ADDRESS_BITS);
      next_tile := lane_tile + to_unsigned(s.lane_stride, ADDRESS_BITS);
      if reset = '1' or (active = '0' and start = '0') then
        active    <= '0';
        current   <= (others => '0');
        ahead     <= (others => '0');
        s         <= following;
        pause     <= (others => '0');
        row       <= (others => '0');
        tile      <= (others => '0');
        inner     <= (others => '0');
        wrap      <= (others => '0');
        x_row     <= to_unsigned(following.x_base, ADDRESS_BITS);
        x_at      <= to_unsigned(following.x_base, ADDRESS_BITS);
        lane_tile <= to_unsigned(following.lane_base, ADDRESS_BITS);
        lane_at   <= to_unsigned(following.lane_base, ADDRESS_BITS);
      elsif active = '0' then
        active <= '1';
        ahead  <= to_unsigned(1 mod STEPS, STEP_BITS);
      elsif pause /= 0 then
        pause <= pause - 1;
      elsif at_last = '0' then
        inner <= inner + 1;
        x_at  <= x_at + 1;
        if wrap = s.wrap_last then
          wrap    <= (others => '0');
          lane_at <= lane_tile;
        else
          wrap    <= wrap + 1;
          lane_at <= lane_at + 1;
        end if;
      else
        inner <= (others => '0');
        wrap  <= (others => '0');
        if tile /= s.tiles_last then
          tile      <= tile + 1;
          pause     <= to_unsigned(s.tile_pause, COUNT_BITS);
          x_at      <= x_row;
          lane_tile <= next_tile;
          lane_at   <= next_tile;
        elsif row /= s.rows_last then
          tile      <= (others => '0');
          row       <= row + 1;
          pause     <= to_unsigned(s.row_pause, COUNT_BITS);
          x_row     <= next_row;
          x_at      <= next_row;
          lane_tile <= to_unsigned(s.lane_base, ADDRESS_BITS);
          lane_at   <= to_unsigned(s.lane_base, ADDRESS_BITS);
        else
          tile      <= (others => '0');
          row       <= (others => '0');
          pause     <= to_unsigned(s.step_pause, COUNT_BITS);
          s         <= following;
          x_row     <= to_unsigned(following.x_base, ADDRESS_BITS);
          x_at      <= to_unsigned(following.x_base, ADDRESS_BITS);
          lane_tile <= to_unsigned(following.lane_base, ADDRESS_BITS);
          lane_at   <= to_unsigned(following.lane_base, ADDRESS_BITS);
          current   <= ahead;
          if ahead = STEPS - 1 then
            ahead <= (others => '0');
          else
            ahead <= ahead + 1;
          end if;
          if current = STEPS - 1 then
            active <= '0';
          end if;
        end if;
      end if;
    end if;
  end process walk;

end architecture rtl;
