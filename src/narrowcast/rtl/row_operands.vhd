-- SPDX-License-Identifier: Apache-2.0
-- The broadcast operand of each way, and rows of the residual operand.
--
-- Inputs, scratch, tokens and the sum over rows: the address comes from the sequencer, and the
-- operand, less its zero point, stands at the output three clocks later. Tokens lie in two
-- memories, so that a row can be read as operand while another one is read as residual. Results are
-- written here but for keys, values and what leaves the engine. If the engine is SPLIT, the numbers
-- of a row lie in the stores of both ways in turn: the lowest bit of the address says in which, and
-- both ways have the same operand.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity row_operands is
  port (
    clk              : in    std_logic;
    reset            : in    std_logic;
    issue            : in    std_logic; -- the address is valid
    source           : in    unsigned(1 downto 0);
    active           : in    std_logic_vector(1 downto 0); -- which ways' tokens
    address          : in    unsigned(ADDRESS_BITS - 1 downto 0);
    zero             : in    signed(X_BITS - 1 downto 0); -- two clocks after the address
    take             : in    std_logic;                   -- likewise
    residual_read    : in    std_logic;
    residual_ways    : in    std_logic_vector(1 downto 0); -- which ways' tokens
    residual_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    input_write      : in    std_logic_vector(WAYS - 1 downto 0);
    input_address    : in    unsigned(ADDRESS_BITS - 1 downto 0);
    input_data       : in    std_logic_vector(INPUT_BITS - 1 downto 0);
    scratch_write    : in    std_logic_vector(WAYS - 1 downto 0);
    token_write      : in    std_logic_vector(WAYS - 1 downto 0);
    write_address    : in    unsigned(ADDRESS_BITS - 1 downto 0);
    write_data       : in    std_logic_vector(WAYS * Y_BITS - 1 downto 0);
    -- a term of a sum over rows: its channel, and whether it is of the first row
    into_pool        : in    std_logic;
    pool_first       : in    std_logic;
    pool_channel     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    pool_value       : in    signed(POOL_BITS - 1 downto 0);
    operands         : out   signed(WAYS * X_BITS - 1 downto 0);
    residual_data    : out   std_logic_vector(WAYS * TOKEN_BITS - 1 downto 0) -- two clocks later
  );
end entity row_operands;

architecture rtl of row_operands is

  signal source_1, source_2 : unsigned(1 downto 0);
  signal ways_1       : std_logic_vector(1 downto 0);
  signal other_2      : std_logic; -- the other way's token, alone
  signal store_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal odd_1, odd_2 : std_logic;
  signal reads, read_residuals : std_logic_vector(WAYS - 1 downto 0);
  signal read_scratch, read_tokens, read_inputs : std_logic_vector(WAYS - 1 downto 0);
  signal read_pool    : std_logic;
  type   scratch_array is array (WAYS - 1 downto 0) of std_logic_vector(SCRATCH_BITS - 1 downto 0);
  signal scratch_data : scratch_array;
  type   token_array is array (WAYS - 1 downto 0) of std_logic_vector(TOKEN_BITS - 1 downto 0);
  signal token_data   : token_array;
  type   input_array is array (WAYS - 1 downto 0) of std_logic_vector(INPUT_BITS - 1 downto 0);
  signal inputs_data  : input_array;
  signal pool_data    : signed(POOL_BITS - 1 downto 0);
  type   raw_array is array (3 downto 0) of signed(X_BITS - 1 downto 0);
  type   chosen_array is array (WAYS - 1 downto 0) of signed(X_BITS - 1 downto 0);
  signal chosen       : chosen_array; -- by way, of its own stores

begin

  -- Only the ways with a token are read: the other one's word may be written at the same time.
  one_way : if WAYS = 1 generate
    reads(0)          <= issue;
    read_residuals(0) <= residual_read;
  end generate one_way;

  two_ways : if WAYS = 2 generate
    reads          <= active and (1 downto 0 => issue);
    read_residuals <= residual_ways and (1 downto 0 => residual_read);
  end generate two_ways;

  read_scratch <= reads when source = FROM_SCRATCH else (others => '0');
  read_tokens  <= reads when source = FROM_TOKENS else (others => '0');
  read_inputs  <= reads when source = FROM_INPUTS else (others => '0');
  read_pool    <= issue when source = FROM_POOL else '0';

  whole : if SPLIT = 0 generate
    store_address <= address;
  end generate whole;

  in_turn : if SPLIT = 1 generate
    store_address <= '0' & address(ADDRESS_BITS - 1 downto 1);
  end generate in_turn;

  stores : for i in 0 to WAYS - 1 generate

    inputs : entity work.ram
      generic map (
        BLOCK_MEMORY => INPUT_BLOCK,
        WIDTH        => INPUT_BITS,
        DEPTH        => INPUT_WORDS_OF_WAY,
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk           => clk,
        write         => input_write(i),
        write_address => input_address,
        write_data    => input_data,
        enable        => read_inputs(i),
        read_address  => store_address,
        read_data     => inputs_data(i)
      );

    with_scratch : if SCRATCH_WORDS > 0 generate

      scratch : entity work.ram
        generic map (
          BLOCK_MEMORY => SCRATCH_BLOCK,
          WIDTH        => SCRATCH_BITS,
          DEPTH        => maximum(SCRATCH_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => scratch_write(i),
          write_address => write_address,
          write_data    => write_data(i * Y_BITS + SCRATCH_BITS - 1 downto i * Y_BITS),
          enable        => read_scratch(i),
          read_address  => store_address,
          read_data     => scratch_data(i)
        );

    end generate with_scratch;

    without_scratch : if not (SCRATCH_WORDS > 0) generate
      scratch_data(i) <= (others => '0');
    end generate without_scratch;

    with_tokens : if TOKEN_WORDS > 0 generate

      -- Twice the same: one for the broadcast operand, one for the residual operand.
      tokens : entity work.ram
        generic map (
          BLOCK_MEMORY => TOKEN_BLOCK,
          WIDTH        => TOKEN_BITS,
          DEPTH        => maximum(TOKEN_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => token_write(i),
          write_address => write_address,
          write_data    => write_data(i * Y_BITS + TOKEN_BITS - 1 downto i * Y_BITS),
          enable        => read_tokens(i),
          read_address  => store_address,
          read_data     => token_data(i)
        );

      residuals : entity work.ram
        generic map (
          BLOCK_MEMORY => RESIDUAL_BLOCK,
          WIDTH        => TOKEN_BITS,
          DEPTH        => maximum(TOKEN_WORDS, 1),
          ADDRESS_BITS => ADDRESS_BITS
        )
        port map (
          clk           => clk,
          write         => token_write(i),
          write_address => write_address,
          write_data    => write_data(i * Y_BITS + TOKEN_BITS - 1 downto i * Y_BITS),
          enable        => read_residuals(i),
          read_address  => residual_address,
          read_data     => residual_data((i + 1) * TOKEN_BITS - 1 downto i * TOKEN_BITS)
        );

    end generate with_tokens;

    without_tokens : if not (TOKEN_WORDS > 0) generate
      token_data(i)    <= (others => '0');
      residual_data((i + 1) * TOKEN_BITS - 1 downto i * TOKEN_BITS) <= (others => '0');
    end generate without_tokens;

  end generate stores;

  with_pool : if POOL_WORDS > 0 generate

    sum_of_tokens : entity work.pool
      generic map (
        BLOCK_MEMORY => POOL_BLOCK,
        WIDTH        => POOL_BITS,
        DEPTH        => maximum(POOL_WORDS, 1),
        ADDRESS_BITS => ADDRESS_BITS
      )
      port map (
        clk          => clk,
        reset        => reset,
        valid        => into_pool,
        first_row    => pool_first,
        channel      => pool_channel,
        value        => pool_value,
        read         => read_pool,
        read_channel => address,
        read_data    => pool_data
      );

  end generate with_pool;

  without_pool : if not (POOL_WORDS > 0) generate
    pool_data <= (others => '0');
  end generate without_pool;

  own_operands : for i in 0 to WAYS - 1 generate

    signal raw : raw_array; -- by source

  begin

    raw(FROM_SCRATCH) <= resize(signed(scratch_data(i)), X_BITS);
    raw(FROM_TOKENS)  <= resize(signed(token_data(i)), X_BITS);
    raw(FROM_INPUTS)  <= resize(signed(inputs_data(i)), X_BITS);
    raw(FROM_POOL)    <= resize(pool_data, X_BITS);

    chosen(i) <= raw(to_integer(source_2));

  end generate own_operands;

  choose : process (clk) is
    variable x : signed(X_BITS - 1 downto 0);
  begin
    if rising_edge(clk) then
      source_1 <= source;
      source_2 <= source_1;
      ways_1   <= active;
      other_2  <= ways_1(1) and not ways_1(0);
      odd_1    <= address(0);
      odd_2    <= odd_1;
      if take = '1' then
        for i in 0 to WAYS - 1 loop
          x := chosen(i);
          if SPLIT = 1 then
            x := chosen(0);
            if odd_2 = '1' then
              x := chosen(WAYS - 1);
            end if;
          elsif i = 0 and other_2 = '1' then
            x := chosen(WAYS - 1);
          end if;
          operands((i + 1) * X_BITS - 1 downto i * X_BITS) <= x - zero;
        end loop;
      end if;
    end if;
  end process choose;

end architecture rtl;
