-- SPDX-License-Identifier: Apache-2.0
-- What the epilogues need beside sums: biases, M, R and residual operands, two clocks after their
-- addresses.
--
-- M of a difference from a row's maximum, which comes out of turn, is that of its step. So that its
-- address is chosen in front of a register, both addresses of M come a clock before all others.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_types.all;
use work.engine_config.all;

entity epilogue_operands is
  port (
    clk              : in    std_logic;
    -- what a column needs, and of which step and ways it is
    shared_bias      : in    std_logic;
    own_bias         : in    std_logic;
    shared_m         : in    std_logic;
    read_r           : in    std_logic;
    step             : in    unsigned(STEP_BITS - 1 downto 0);
    active           : in    std_logic_vector(1 downto 0);
    bias_address     : in    unsigned(ADDRESS_BITS - 1 downto 0);
    position_address : in    unsigned(ADDRESS_BITS - 1 downto 0);
    r_address        : in    unsigned(ADDRESS_BITS - 1 downto 0);
    -- a clock before these
    m_address        : in    unsigned(ADDRESS_BITS - 1 downto 0);
    below_valid      : in    std_logic; -- a difference from a row's maximum, of this step
    below_step       : in    unsigned(STEP_BITS - 1 downto 0);
    -- two clocks later
    residual_data    : in    std_logic_vector(WAYS * TOKEN_BITS - 1 downto 0);
    elements         : in    std_logic_vector(maximum(ELEMENT_COUNT, 1) * INPUT_BITS - 1 downto 0);
    bias             : out   signed(WAYS * BIAS_BITS - 1 downto 0);
    m                : out   signed((1 + SPLIT) * M_BITS - 1 downto 0);
    r                : out   signed((1 + SPLIT) * M_BITS - 1 downto 0);
    residual         : out   signed(WAYS * RESIDUAL_BITS - 1 downto 0)
  );
end entity epilogue_operands;

architecture rtl of epilogue_operands is

  signal below        : std_logic;
  signal any_m        : std_logic;
  signal chosen_m_address : unsigned(ADDRESS_BITS - 1 downto 0);
  signal step_1       : unsigned(STEP_BITS - 1 downto 0);
  signal ways_1, ways_2 : std_logic_vector(1 downto 0);
  constant COPIES     : positive := 1 + SPLIT; -- of biases, M and R: of each way, or of both
  type   bias_data_array is array (COPIES - 1 downto 0) of std_logic_vector(BIAS_BITS - 1 downto 0);
  signal bias_data    : bias_data_array;
  subtype position_t is std_logic_vector(POSITION_BITS - 1 downto 0);
  type   position_array is array (WAYS - 1 downto 0) of position_t;
  signal position_data : position_array;
  type   bias_array is array (WAYS - 1 downto 0) of signed(BIAS_BITS - 1 downto 0);
  signal own_biases   : bias_array;
  type   residual_array is array (WAYS - 1 downto 0) of signed(RESIDUAL_BITS - 1 downto 0);
  signal own_residual : residual_array;
  signal per_row      : std_logic;
  signal element      : signed(INPUT_BITS - 1 downto 0);
  signal element_used : std_logic;
  signal element_at   : natural range 0 to maximum(ELEMENT_COUNT, 1);

begin

  any_m <= shared_m or below;

  choose_m : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      s                := PROGRAM(to_integer(below_step));
      below            <= below_valid;
      chosen_m_address <= m_address;
      if below_valid = '1' then
        chosen_m_address <= to_unsigned(s.m_base, ADDRESS_BITS);
      end if;
    end if;
  end process choose_m;

  of_columns : for i in 0 to COPIES - 1 generate

    signal m_data, r_data : std_logic_vector(M_BITS - 1 downto 0);

  begin

    m((i + 1) * M_BITS - 1 downto i * M_BITS) <= signed(m_data);
    r((i + 1) * M_BITS - 1 downto i * M_BITS) <= signed(r_data);

    with_biases : if BIAS_WORDS > 0 generate

      constant SIZE : positive := maximum(BIAS_WORDS, 1) * BIAS_BITS;

    begin

      biases : entity work.rom
        generic map (
          BLOCK_MEMORY => BIAS_BLOCK,
          WIDTH        => BIAS_BITS,
          ADDRESS_BITS => ADDRESS_BITS,
          CONTENTS     => BIASES_IMAGE(i * SIZE to (i + 1) * SIZE - 1)
        )
        port map (
          clk     => clk,
          enable  => shared_bias,
          address => bias_address,
          data    => bias_data(i)
        );

    end generate with_biases;

    without_biases : if not (BIAS_WORDS > 0) generate
      bias_data(i) <= (others => '0');
    end generate without_biases;

    multipliers : entity work.rom
      generic map (
        BLOCK_MEMORY => MULTIPLIER_BLOCK,
        WIDTH        => M_BITS,
        ADDRESS_BITS => ADDRESS_BITS,
        CONTENTS     => MULTIPLIERS_IMAGE(i * (MULTIPLIERS_IMAGE'length / COPIES)
                                          to (i + 1) * (MULTIPLIERS_IMAGE'length / COPIES) - 1)
      )
      port map (
        clk     => clk,
        enable  => any_m,
        address => chosen_m_address,
        data    => m_data
      );

    with_residual_multipliers : if R_WORDS > 0 generate

      constant SIZE : positive := maximum(R_WORDS, 1) * M_BITS;

    begin

      residual_multipliers : entity work.rom
        generic map (
          BLOCK_MEMORY => R_BLOCK,
          WIDTH        => M_BITS,
          ADDRESS_BITS => ADDRESS_BITS,
          CONTENTS     => RESIDUALS_IMAGE(i * SIZE to (i + 1) * SIZE - 1)
        )
        port map (
          clk     => clk,
          enable  => read_r,
          address => r_address,
          data    => r_data
        );

    end generate with_residual_multipliers;

    without_residual_multipliers : if not (R_WORDS > 0) generate
      r_data <= (others => '0');
    end generate without_residual_multipliers;

  end generate of_columns;

  positions_of_ways : for i in 0 to WAYS - 1 generate

    with_positions : if POSITION_WORDS > 0 generate

      constant SIZE : positive := maximum(POSITION_WORDS, 1) * POSITION_BITS;

    begin

      positions : entity work.rom
        generic map (
          BLOCK_MEMORY => POSITION_BLOCK,
          WIDTH        => POSITION_BITS,
          ADDRESS_BITS => ADDRESS_BITS,
          CONTENTS     => POSITIONS_IMAGE(i * SIZE to (i + 1) * SIZE - 1)
        )
        port map (
          clk     => clk,
          enable  => own_bias,
          address => position_address,
          data    => position_data(i)
        );

    end generate with_positions;

    without_positions : if POSITION_WORDS = 0 generate
      position_data(i) <= (others => '0');
    end generate without_positions;

  end generate positions_of_ways;

  follow : process (clk) is
    variable s : step_t;
  begin
    if rising_edge(clk) then
      step_1   <= step;
      ways_1   <= active;
      ways_2   <= ways_1;
      s        := PROGRAM(to_integer(step_1));
      per_row  <= to_unsigned(s.bias_per_row, 1)(0);
      element_at   <= s.residual_element;
      element_used <= '0';
      if s.residual_element /= 0 then
        element_used <= '1';
      end if;
    end if;
  end process follow;

  choose_element : process (all) is
  begin
    element <= signed(elements(INPUT_BITS - 1 downto 0));
    for i in 2 to ELEMENT_COUNT loop
      if element_at = i then
        element <= signed(elements(i * INPUT_BITS - 1 downto (i - 1) * INPUT_BITS));
      end if;
    end loop;
  end process choose_element;

  parameters : process (all) is
  begin
    for i in 0 to WAYS - 1 loop
      own_residual(i) <= resize(
        signed(residual_data((i + 1) * TOKEN_BITS - 1 downto i * TOKEN_BITS)), RESIDUAL_BITS);
      own_biases(i)   <= signed(bias_data(i * SPLIT));
      if per_row = '1' then
        own_biases(i) <= resize(signed(position_data(i)), BIAS_BITS);
      end if;
    end loop;
    if ways_2 = "10" then
      own_residual(0) <= resize(
        signed(residual_data(WAYS * TOKEN_BITS - 1 downto (WAYS - 1) * TOKEN_BITS)), RESIDUAL_BITS);
      if per_row = '1' then
        own_biases(0) <= resize(signed(position_data(WAYS - 1)), BIAS_BITS);
      end if;
    end if;
  end process parameters;

  of_ways : for i in 0 to WAYS - 1 generate
    bias((i + 1) * BIAS_BITS - 1 downto i * BIAS_BITS)                 <= own_biases(i);
    -- Way by way: Verilator 5.006 takes a concatenation of one value with itself for another one.
    residual((i + 1) * RESIDUAL_BITS - 1 downto i * RESIDUAL_BITS) <=
      resize(element, RESIDUAL_BITS) when element_used = '1' else
      own_residual(i);
  end generate of_ways;

end architecture rtl;
