-- SPDX-License-Identifier: Apache-2.0
-- A starting point for benches of axis_engine with VUnit and its components for AXI4-Streams.
--
-- VECTORS is the folder of the test vectors, with a slash at its end. The components check both
-- streams: that a word stays as it is until it is taken, and comes with the right tlast.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

library std;
use std.textio.all;

library vunit_lib;
  context vunit_lib.vunit_context;
  context vunit_lib.com_context;
use vunit_lib.axi_stream_pkg.all;
use vunit_lib.sync_pkg.all;

library work;
use work.engine_config.all;

entity tb_axis_engine is
  generic (
    RUNNER_CFG : string;
    VECTORS    : string
  );
end entity tb_axis_engine;

architecture test of tb_axis_engine is

  constant IN_BITS  : positive := (INPUT_BITS + 7) / 8 * 8;
  constant OUT_BITS : positive := (OUTPUT_BITS + 7) / 8 * 8;

  constant STALLS : stall_config_t := new_stall_config(0.3, 1, 5);

  constant SENDER : axi_stream_master_t := new_axi_stream_master(
    data_length      => IN_BITS,
    user_length      => 1,
    stall_config     => STALLS,
    protocol_checker => new_axi_stream_protocol_checker(data_length => IN_BITS, user_length => 1)
  );

  constant RECEIVER : axi_stream_slave_t := new_axi_stream_slave(
    data_length      => OUT_BITS,
    stall_config     => STALLS,
    protocol_checker => new_axi_stream_protocol_checker(data_length => OUT_BITS)
  );

  signal aclk          : std_logic := '0';
  signal aresetn       : std_logic := '0';
  signal s_axis_tvalid : std_logic;
  signal s_axis_tready : std_logic;
  signal s_axis_tdata  : std_logic_vector(IN_BITS - 1 downto 0);
  signal s_axis_tlast  : std_logic;
  signal s_axis_tuser  : std_logic_vector(0 downto 0);
  signal m_axis_tvalid : std_logic;
  signal m_axis_tready : std_logic;
  signal m_axis_tdata  : std_logic_vector(OUT_BITS - 1 downto 0);
  signal m_axis_tlast  : std_logic;
  signal packet_error  : std_logic;
  signal errors        : natural   := 0;

begin

  aclk <= not aclk after 5 ns;

  main : process is

    variable text_in  : line;
    variable word_in  : std_logic_vector((INPUT_BITS + 3) / 4 * 4 - 1 downto 0);
    variable word_out : std_logic_vector((OUTPUT_BITS + 3) / 4 * 4 - 1 downto 0);
    variable flag     : natural;
    file     inputs   : text;
    file     expected : text;
    file     restarts : text;

    function to_last (last : boolean) return std_logic is
    begin
      if last then
        return '1';
      end if;
      return '0';
    end function to_last;

    procedure push (word : std_logic_vector; last : boolean; user : natural) is
    begin
      push_axi_stream(
        net, SENDER,
        tdata => std_logic_vector(resize(signed(word), IN_BITS)),
        tlast => to_last(last),
        tuser => std_logic_vector(to_unsigned(user, 1))
      );
    end procedure push;

  begin
    test_runner_setup(runner, RUNNER_CFG);
    wait for 200 ns;
    wait until rising_edge(aclk);
    aresetn <= '1';
    wait until rising_edge(aclk);

    while test_suite loop
      if run("vectors") then
        file_open(inputs, VECTORS & "inputs.hex", read_mode);
        file_open(expected, VECTORS & "expected.hex", read_mode);
        if KEPT_ROWS > 0 then
          file_open(restarts, VECTORS & "restart.txt", read_mode);
        end if;
        flag := 0;
        while not endfile(inputs) loop
          if KEPT_ROWS > 0 then
            readline(restarts, text_in);
            read(text_in, flag);
          end if;
          for i in 1 to INPUT_WORDS loop
            readline(inputs, text_in);
            hread(text_in, word_in);
            push(word_in(INPUT_BITS - 1 downto 0), i = INPUT_WORDS, flag);
            flag := 0;
          end loop;
        end loop;
        while not endfile(expected) loop
          for i in 1 to OUTPUTS loop
            readline(expected, text_in);
            hread(text_in, word_out);
            check_axi_stream(
              net, RECEIVER,
              expected => std_logic_vector(
                resize(signed(word_out(OUTPUT_BITS - 1 downto 0)), OUT_BITS)),
              tlast    => to_last(i = OUTPUTS)
            );
          end loop;
        end loop;
        check_equal(errors, 0);
      elsif run("packets of wrong lengths") then
        for i in 1 to INPUT_WORDS + 1 loop
          push((INPUT_BITS - 1 downto 0 => '0'), i = INPUT_WORDS + 1, 0);
        end loop;
        wait_until_idle(net, as_sync(SENDER));
        wait for 100 ns;
        check_equal(errors, 1);
        check_equal(m_axis_tvalid, '0');
      end if;
    end loop;

    test_runner_cleanup(runner);
  end process main;

  test_runner_watchdog(runner, 100 ms);

  count_errors : process (aclk) is
  begin
    if rising_edge(aclk) then
      if packet_error = '1' then
        errors <= errors + 1;
      end if;
    end if;
  end process count_errors;

  send : entity vunit_lib.axi_stream_master
    generic map (
      MASTER => SENDER
    )
    port map (
      aclk     => aclk,
      areset_n => aresetn,
      tvalid   => s_axis_tvalid,
      tready   => s_axis_tready,
      tdata    => s_axis_tdata,
      tlast    => s_axis_tlast,
      tuser    => s_axis_tuser
    );

  dut : entity work.axis_engine
    port map (
      aclk          => aclk,
      aresetn       => aresetn,
      s_axis_tvalid => s_axis_tvalid,
      s_axis_tready => s_axis_tready,
      s_axis_tdata  => s_axis_tdata,
      s_axis_tlast  => s_axis_tlast,
      s_axis_tuser  => s_axis_tuser,
      m_axis_tvalid => m_axis_tvalid,
      m_axis_tready => m_axis_tready,
      m_axis_tdata  => m_axis_tdata,
      m_axis_tlast  => m_axis_tlast,
      packet_error  => packet_error
    );

  receive : entity vunit_lib.axi_stream_slave
    generic map (
      SLAVE => RECEIVER
    )
    port map (
      aclk     => aclk,
      areset_n => aresetn,
      tvalid   => m_axis_tvalid,
      tready   => m_axis_tready,
      tdata    => m_axis_tdata,
      tlast    => m_axis_tlast
    );

end architecture test;
