-- Takes the sums of a finished tile from all lanes at once and hands them on one per clock, with
-- the addresses of everything that belongs to each: bias, M, R, residual, destination.
--
-- "done" comes in the clock in which the lanes hold the finished sums; the first value leaves two
-- clocks later. The collector walks the same program as the sequencer, a tile per "done".
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;

entity collector is
  generic (
    PROGRAM         : step_array;
    LANES           : positive;
    SUM_BITS        : positive;
    STEP_BITS       : positive;
    COUNT_BITS      : positive;
    ADDRESS_BITS    : positive;
    LANE_INDEX_BITS : positive
  );
  port (
    clk              : in    std_logic;
    reset            : in    std_logic;
    done             : in    std_logic;
    sums             : in    signed(LANES * SUM_BITS - 1 downto 0);
    valid            : out   std_logic;
    value            : out   signed(SUM_BITS - 1 downto 0);
    step             : out   unsigned(STEP_BITS - 1 downto 0);
    row_first        : out   std_logic;
    row_last         : out   std_logic;
    row              : out   unsigned(COUNT_BITS - 1 downto 0);
    bias_address     : out   unsigned(ADDRESS_BITS - 1 downto 0);
    m_address        : out   unsigned(ADDRESS_BITS - 1 downto 0);
    r_address        : out   unsigned(ADDRESS_BITS - 1 downto 0);
    residual_address : out   unsigned(ADDRESS_BITS - 1 downto 0);
    y_address        : out   unsigned(ADDRESS_BITS - 1 downto 0);
    y_lane           : out   unsigned(LANE_INDEX_BITS - 1 downto 0)
  );
end entity collector;

architecture rtl of collector is

  constant STEPS : positive := PROGRAM'length;

  subtype count_t is unsigned(COUNT_BITS - 1 downto 0);
  subtype address_t is unsigned(ADDRESS_BITS - 1 downto 0);
  subtype lane_t is unsigned(LANE_INDEX_BITS - 1 downto 0);

  type   sum_array is array (LANES - 1 downto 0) of signed(SUM_BITS - 1 downto 0);
  signal captured : sum_array;
  signal busy     : std_logic;
  signal fetched  : std_logic;
  signal column   : lane_t;
  signal channel  : count_t; -- column of the row
  signal tile     : count_t;
  signal row_at   : count_t;
  signal current  : unsigned(STEP_BITS - 1 downto 0);
  signal ahead    : unsigned(STEP_BITS - 1 downto 0);
  signal s        : step_t;
  signal bias_at  : address_t;
  signal residual_at : address_t;
  signal y_row    : address_t;
  signal y_at     : address_t;
  signal lane_at  : lane_t;
  signal in_block : count_t;

begin

  walk : process (clk) is
    variable tile_ends : boolean;
    variable row_ends  : boolean;
    variable following : step_t;
    variable y_next    : address_t;
  begin
    if rising_edge(clk) then
      following := PROGRAM(to_integer(ahead));
      row_ends  := tile = s.tiles_last and column = s.columns_last;
      tile_ends := column = LANES - 1 or row_ends;
      y_next    := y_row + to_unsigned(s.y_stride, ADDRESS_BITS);

      if done = '1' then
        for i in 0 to LANES - 1 loop
          captured(i) <= sums((i + 1) * SUM_BITS - 1 downto i * SUM_BITS);
        end loop;
      end if;

      value            <= captured(to_integer(column));
      step             <= current;
      row              <= row_at;
      row_first        <= '0';
      row_last         <= '0';
      bias_address     <= bias_at;
      m_address        <= to_unsigned(s.m_base, ADDRESS_BITS) + channel;
      r_address        <= to_unsigned(s.r_base, ADDRESS_BITS) + channel;
      residual_address <= residual_at;
      y_address        <= y_at;
      y_lane           <= lane_at;

      if reset = '1' then
        valid       <= '0';
        busy        <= '0';
        column      <= (others => '0');
        channel     <= (others => '0');
        tile        <= (others => '0');
        row_at      <= (others => '0');
        current     <= (others => '0');
        ahead       <= (others => '0');
        fetched     <= '0';
        lane_at     <= (others => '0');
        in_block    <= (others => '0');
      elsif fetched = '0' then
        -- the first step's word, while the inputs come in
        valid       <= '0';
        fetched     <= '1';
        ahead       <= to_unsigned(1 mod STEPS, STEP_BITS);
        s           <= following;
        bias_at     <= to_unsigned(following.bias_base, ADDRESS_BITS);
        residual_at <= to_unsigned(following.residual_base, ADDRESS_BITS);
        y_row       <= to_unsigned(following.y_base, ADDRESS_BITS);
        y_at        <= to_unsigned(following.y_base, ADDRESS_BITS);
      else
        valid <= busy;
        if busy = '1' then
          if channel = 0 then
            row_first <= '1';
          end if;
          column      <= column + 1;
          channel     <= channel + 1;
          bias_at     <= bias_at + 1;
          residual_at <= residual_at + 1;
          if s.destination = TO_VALUES then
            if lane_at = LANES - 1 or in_block = s.block_last then
              lane_at <= (others => '0');
              y_at    <= y_at + to_unsigned(s.y_stride, ADDRESS_BITS);
            else
              lane_at <= lane_at + 1;
            end if;
            if in_block = s.block_last then
              in_block <= (others => '0');
            else
              in_block <= in_block + 1;
            end if;
          else
            y_at <= y_at + 1;
          end if;

          if tile_ends then
            busy   <= '0';
            column <= (others => '0');
            tile   <= tile + 1;
          end if;

          if row_ends then
            row_last <= '1';
            channel  <= (others => '0');
            tile     <= (others => '0');
            row_at   <= row_at + 1;
            in_block <= (others => '0');
            if s.bias_per_row = 0 then
              bias_at <= to_unsigned(s.bias_base, ADDRESS_BITS);
            end if;
            if s.destination = TO_VALUES then
              lane_at <= (others => '0');
              y_row   <= y_row + 1;
              y_at    <= y_row + 1;
            elsif s.destination = TO_KEYS and lane_at /= LANES - 1 then
              lane_at <= lane_at + 1;
              y_at    <= y_row;
            else
              lane_at <= (others => '0');
              y_row   <= y_next;
              y_at    <= y_next;
            end if;
            if row_at = s.rows_last then
              row_at      <= (others => '0');
              s           <= following;
              bias_at     <= to_unsigned(following.bias_base, ADDRESS_BITS);
              residual_at <= to_unsigned(following.residual_base, ADDRESS_BITS);
              y_row       <= to_unsigned(following.y_base, ADDRESS_BITS);
              y_at        <= to_unsigned(following.y_base, ADDRESS_BITS);
              lane_at     <= (others => '0');
              current     <= ahead;
              if ahead = STEPS - 1 then
                ahead <= (others => '0');
              else
                ahead <= ahead + 1;
              end if;
            end if;
          end if;
        end if;

        if done = '1' then
          busy <= '1';
        end if;
      end if;
    end if;
  end process walk;

end architecture rtl;
