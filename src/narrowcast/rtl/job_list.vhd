-- SPDX-License-Identifier: Apache-2.0
-- The list of jobs, as one of its readers sees it: the word of the job to come.
--
-- After "advance" the next word is fetched, in three clocks: "arrived" is high in the clock in
-- which it first stands at the output, "fetched" from the clock after that on. At the end of the
-- list comes its beginning. The memory is read once for each word.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library work;
use work.engine_config.all;

entity job_list is
  generic (
    BLOCK_MEMORY : natural; -- 1: block memory, 0: look-up tables
    WIDTH        : positive;
    CONTENTS     : std_logic_vector
  );
  port (
    clk     : in    std_logic;
    reset   : in    std_logic;
    advance : in    std_logic;
    word    : out   std_logic_vector(WIDTH - 1 downto 0);
    arrived : out   std_logic;
    fetched : out   std_logic
  );
end entity job_list;

architecture rtl of job_list is

  signal pointer : unsigned(JOB_INDEX_BITS - 1 downto 0);
  signal begins  : std_logic;
  signal waiting : std_logic;

begin

  memory : entity work.rom
    generic map (
      BLOCK_MEMORY => BLOCK_MEMORY,
      WIDTH        => WIDTH,
      ADDRESS_BITS => JOB_INDEX_BITS,
      CONTENTS     => CONTENTS
    )
    port map (
      clk     => clk,
      enable  => begins,
      address => pointer,
      data    => word
    );

  fetch : process (clk) is
  begin
    if rising_edge(clk) then
      begins  <= advance;
      waiting <= begins;
      arrived <= waiting;
      fetched <= (fetched or arrived) and not advance;
      if advance = '1' then
        if pointer = JOBS - 1 then
          pointer <= (others => '0');
        else
          pointer <= pointer + 1;
        end if;
      end if;
      if reset = '1' then
        pointer <= (others => '0');
        begins  <= '1';
        waiting <= '0';
        arrived <= '0';
        fetched <= '0';
      end if;
    end if;
  end process fetch;

end architecture rtl;
