"""Vivado: writes the project of a build, runs it, and reads the reports.

The counts of a build are from after place and route. The counts of the parts of the engine are from
after synthesis, because the random designs need not fit their device. In both cases Vivado
optimises the flat design and then rebuilds the hierarchy. So the result is as small as possible,
and most logic is still in its own instance.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from narrowcast.errors import ToolError, shown
from narrowcast.files import copy, write_whole
from narrowcast.targets.device import Device, check_vivado
from narrowcast.tools.ghdl import SOURCES
from narrowcast.tools.process import LONG_MINUTES, reading, require, run
from narrowcast.tools.yosys import Synthesis, synthesis

_POWER = r"\|\s*Total On-Chip Power \(W\)\s*\|\s*([\d.]+)"
_ROWS = {
    "lut": r"\|\s*Slice LUTs\*?\s*\|\s*(\d+)",
    "ff": r"\|\s*Slice Registers\s*\|\s*(\d+)",
    "bram36": r"\|\s*Block RAM Tile\s*\|\s*([\d.]+)",
    "dsp": r"\|\s*DSPs\s*\|\s*(\d+)",
}
_INSTANCE, _COLUMNS = "Instance", {"lut": "Total LUTs", "ff": "FFs"}  # of the hierarchy's report


@dataclass(frozen=True)
class Instance:
    """The resources of an instance, without those of the instances in it.

    Attributes:
        path: Names of the instances from the top down, separated by "/"; "" is the top.
        lut: Number of look-up tables, including those used as memory.
        ff: Number of flip-flops.
    """

    path: str
    lut: int
    ff: int


def _synthesis_commands(device: Device) -> str:
    sources = " ".join(f"../rtl/{name}" for name in SOURCES)
    return f"""read_vhdl -vhdl2008 [list {sources}]
read_xdc engine.xdc
synth_design -top engine -part {device.part} -mode out_of_context -flatten_hierarchy rebuilt
"""


def _write_clock(folder: Path, clock_mhz: float) -> None:
    period = 1000 / clock_mhz
    text = f"create_clock -name clk -period {period:.3f} [get_ports clk]\n"
    write_whole(folder / "engine.xdc", text)


def write_vivado_project(folder: Path, device: Device, clock_mhz: float) -> None:
    """Write ``build.tcl`` and ``engine.xdc``: a Vivado run on the sources in ``../rtl``.

    Run it in ``folder``: ``vivado -mode batch -source build.tcl``.
    """
    _write_clock(folder, clock_mhz)
    write_whole(
        folder / "build.tcl",
        f"""# Synthesis, placement and routing of the engine, out of context (no pins are placed).
{_synthesis_commands(device)}opt_design
place_design
phys_opt_design
route_design
report_utilization -file utilization.rpt
report_timing_summary -file timing.rpt
report_power -file power.rpt
write_checkpoint -force engine.dcp
""",
    )


def synthesise_vivado(
    rtl: Path, device: Device, clock_mhz: float, work: Path, yosys: Path | None = None
) -> Synthesis:
    """Run the Vivado project and read its reports of utilisation and power.

    Raises:
        UserError: Vivado does not know the device.
        ToolError: Vivado is not on the PATH, failed, or its reports cannot be read.
    """
    del yosys
    check_vivado(device)
    write_vivado_project(work / "vivado", device, clock_mhz)
    _run(rtl, work, "build.tcl")
    text = _report(work, "utilization")
    used = {key: _number(text, pattern, key) for key, pattern in _ROWS.items()}
    return synthesis(
        _version(text),
        device,
        used,
        power_mw=1000 * _number(_report(work, "power"), _POWER, "power"),
    )


def synthesise_instances(
    rtl: Path, device: Device, clock_mhz: float, work: Path
) -> tuple[str, list[Instance]]:
    """Synthesise without place and route; return the tool and the resources of all instances.

    Raises:
        UserError: As :func:`synthesise_vivado`.
        ToolError: As :func:`synthesise_vivado`.
    """
    check_vivado(device)
    _write_clock(work / "vivado", clock_mhz)
    commands = (
        f"{_synthesis_commands(device)}report_utilization -hierarchical -file hierarchy.rpt\n"
    )
    write_whole(work / "vivado" / "instances.tcl", commands)
    _run(rtl, work, "instances.tcl")
    text = _report(work, "hierarchy")
    return _version(text), read_instances(text)


def read_instances(report: str) -> list[Instance]:
    """Read a hierarchical report. The resources of all instances sum up to those of the top.

    A look-up table that two instances share is counted for both, but only once for the top. So the
    look-up tables of all instances are scaled to the sum of the top.

    Raises:
        ToolError: The report has no table of the hierarchy, or its numbers are inconsistent.
    """
    rows = _hierarchy(report)
    path: list[tuple[int, str]] = []  # indentation and name from the top down
    own: list[Instance] = []
    for index, (indent, name, lut, ff) in enumerate(rows):
        while path and path[-1][0] >= indent:
            path.pop()
        within = [each for _, each in path[1:]]
        path.append((indent, name))
        if index + 1 < len(rows) and rows[index + 1][0] > indent:
            continue  # the sum of what follows
        if index and not name.startswith("("):  # in brackets: the resources of the parent itself
            within.append(name)
        own.append(Instance("/".join(within), lut, ff))
    _, _, lut, ff = rows[0]
    luts, ffs = sum(each.lut for each in own), sum(each.ff for each in own)
    if luts < lut or ffs != ff:
        raise ToolError(
            f"Vivado's report of the hierarchy does not add up: its instances take {luts} LUT and "
            f"{ffs} FF, the whole {lut} and {ff}"
        )
    with reading("Vivado", "report of the hierarchy"):
        share = lut / luts if luts else 1.0
        return [Instance(each.path, round(each.lut * share), each.ff) for each in own]


def _hierarchy(report: str) -> list[tuple[int, str, int, int]]:
    """Return the rows as (indentation, name, look-up tables, flip-flops)."""
    at: dict[str, int] = {}
    rows = []
    for line in report.splitlines():
        cells = line.rstrip().split("|")[1:-1]
        if not at:
            head = [cell.strip(" *") for cell in cells]
            if _INSTANCE in head:
                at = {
                    name: head.index(name)
                    for name in (_INSTANCE, *_COLUMNS.values())
                    if name in head
                }
                missing = [name for name in _COLUMNS.values() if name not in at]
                if missing:
                    raise ToolError(
                        f"Vivado's report of the hierarchy has no column {missing[0]!r}, but "
                        f"{shown(', '.join(head), 100)}"
                    )
        elif cells:
            try:
                name = cells[at[_INSTANCE]]
                lut, ff = (int(cells[at[column]]) for column in _COLUMNS.values())
            except (IndexError, ValueError):
                raise ToolError(
                    "a row of Vivado's report of the hierarchy cannot be read: "
                    f"{shown(line.strip(), 100)}"
                ) from None
            rows.append((len(name) - len(name.lstrip()), name.strip(" \\"), lut, ff))
        elif rows and not line.startswith("+"):
            break
    if not rows:
        raise ToolError("Vivado's report has no table of the hierarchy")
    return rows


def _run(rtl: Path, work: Path, script: str) -> None:
    vivado = require("vivado")
    shutil.copytree(rtl, work / "rtl", copy_function=copy, dirs_exist_ok=True)
    command = [vivado, "-mode", "batch", "-nojournal", "-source", script]
    run(command, work / "vivado", minutes=LONG_MINUTES)


def _version(report: str) -> str:
    version = re.search(r"Tool Version\s*:\s*(Vivado v\.\S+)", report)
    return version[1] if version else "Vivado"


def _report(work: Path, name: str) -> str:
    with reading("Vivado", f"report of {name}"):
        return (work / "vivado" / f"{name}.rpt").read_text(errors="replace")


def _number(report: str, pattern: str, name: str) -> float:
    match = re.search(pattern, report)
    if match is None:
        raise ToolError(f"Vivado's report has no row that gives {name}")
    with reading("Vivado", f"report that gives {name}"):
        return float(match[1])
