from pathlib import Path

import pytest

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.errors import ToolError
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import SOURCES, TESTBENCH, analyse, mend_verilog, to_verilog
from narrowcast.tools.process import require, run


@pytest.fixture(scope="module")
def rtl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine") / "rtl"
    model = random_model(Shape(3, 2, 8, heads=2), (3, 8), 0)
    options = HardwareOptions(lanes=8, ways=2)
    compile_model(model, load_device("xc7s15"), area, options).write_rtl(folder)
    return folder


def test_signed_products_are_made_signed() -> None:
    text = "  assign n1_o = n2_o * n3_o; // smul\n  assign n4_o = n5_o * n6_o; // umul\n"
    assert mend_verilog(text) == (
        "  assign n1_o = $signed(n2_o) * $signed(n3_o); // smul\n"
        "  assign n4_o = n5_o * n6_o; // umul\n"
    )


def test_other_text_stays() -> None:
    text = "module a;\n  assign b = c >> 31'd2;\n  assign d = $signed(e) < $signed(f);\nendmodule\n"
    assert mend_verilog(text) == text


def test_arithmetic_shifts_are_refused() -> None:
    with pytest.raises(ToolError, match="arithmetic shift"):
        mend_verilog("  assign n7_o = $signed(n8_o) >> 31'b0000000000000000000000000000010;\n")


def test_ghdl_still_writes_what_is_mended(tmp_path: Path) -> None:
    """If another GHDL writes signed products or shifts otherwise, this is where it shows."""
    (tmp_path / "trap.vhd").write_text(
        """library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
entity trap is
  port (a, b : in signed(7 downto 0); p : out signed(15 downto 0); s : out signed(7 downto 0));
end entity trap;
architecture rtl of trap is
begin
  p <= a * b;
  s <= shift_right(a, 2);
end architecture rtl;
"""
    )
    ghdl = require("ghdl")
    run([ghdl, "-a", "--std=08", "trap.vhd"], tmp_path)
    text = run([ghdl, "--synth", "--std=08", "--out=verilog", "trap"], tmp_path)
    assert "// smul" in text
    with pytest.raises(ToolError, match="arithmetic shift"):
        mend_verilog(text)


def test_sources_give_no_warning(rtl: Path, tmp_path: Path) -> None:
    analyse(rtl, tmp_path / "work", TESTBENCH, Path(__file__).with_name("reset_tb.vhd"))


def test_warnings_are_errors(rtl: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.vhd"
    wrong.write_text(
        """entity wrong is
end entity wrong;
architecture rtl of wrong is
  function f (a : natural) return natural is
  begin
    if a > 1 then
      return 1;
    end if;
  end function f;
  signal s : natural := f(2);
begin
  p : process is
  begin
    s <= 1;
  end process p;
end architecture rtl;
"""
    )
    with pytest.raises(ToolError, match=r"(?s)ghdl failed.*wrong\.vhd"):
        analyse(rtl, tmp_path / "work", wrong)


def test_a_missing_source_is_named(rtl: Path, tmp_path: Path) -> None:
    for name in SOURCES[:-1]:
        (tmp_path / name).write_bytes((rtl / name).read_bytes())
    with pytest.raises(ToolError, match=r"engine\.vhd"):
        analyse(tmp_path, tmp_path / "work")


def test_verilog_of_the_engine(rtl: Path, tmp_path: Path) -> None:
    path = to_verilog(rtl, tmp_path / "work")
    text = path.read_text()
    assert path.name == "engine.v" and text.startswith("module ")
    products = [line for line in text.splitlines() if "// smul" in line]
    assert products and all(line.count("$signed(") == 2 for line in products)
    assert ":note:" not in text


def test_a_table_with_numbers_at_its_end_only(rtl: Path, tmp_path: Path) -> None:
    (tmp_path / "table.vhd").write_text(
        """library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
library work;
entity table is
  port (clk, enable : in std_logic; a : in unsigned(5 downto 0);
        y : out std_logic_vector(5 downto 0));
end entity table;
architecture rtl of table is
begin
  inside : entity work.rom
    generic map (BLOCK_MEMORY => 0, WIDTH => 6, ADDRESS_BITS => 6,
                 CONTENTS => (0 to 353 => '0') & (0 to 29 => '1'))
    port map (clk => clk, enable => enable, address => a, data => y);
end architecture rtl;
"""
    )
    ghdl = require("ghdl")
    names = [rtl / "engine_types.vhd", rtl / "rom.vhd", "table.vhd"]
    run([ghdl, "-a", "--std=08", *names], tmp_path)
    text = run([ghdl, "--synth", "--std=08", "--out=verilog", "table"], tmp_path)
    assert "111111" in text
