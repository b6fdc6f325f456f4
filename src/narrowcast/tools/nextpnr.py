"""Place and route with nextpnr, and the bitstream for a board.

The placed design is the top entity of an interface, ``serial_top`` or ``spi_top``. The board's
constraints assign its pins. Fmax, resources and bitstream are from the same run.
"""

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from narrowcast.config import InterfaceName
from narrowcast.errors import UserError
from narrowcast.records import IF_KNOWN
from narrowcast.targets.device import Board, Device, boards, device_names, load_device
from narrowcast.targets.family import PlaceAndRoute
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.netlist import lone_flip_flops, read_netlist
from narrowcast.tools.output_registers import use_output_registers
from narrowcast.tools.process import ProgressCallback, reading, run
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import run_yosys
from narrowcast.tools.yowasp import yowasp

_WRITTEN = "written.json"  # by nextpnr, the netlist of its cells


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path from register to register.

    Attributes:
        ns: Delay in ns.
        logic_ns: Delay without routing, in ns.
        levels: Number of look-up tables, DSP blocks and carry chain segments on it.
        source: Cell or net at its start.
        sink: Cell at its end.
    """

    ns: float
    logic_ns: float
    levels: int
    source: Annotated[str, Field(alias="from")]
    sink: Annotated[str, Field(alias="to")]


@dataclass(frozen=True)
class Placement:
    """Results of place and route.

    Attributes:
        tool: Name and version of the tool.
        device: Name of the device.
        board: Name of the board.
        clock_mhz: Clock frequency of the board, in MHz.
        fmax_mhz: Highest clock frequency of the routed design, in MHz: nextpnr's, times the
            family's derating.
        lut: Look-up tables in use; for an iCE40 or Gowin, logic cells.
        ff: Flip-flops in use.
        bram: Block memories in use.
        spram: Single-port memories in use; None for devices that have none.
        dsp: DSP blocks in use.
        critical_path: The path that limits ``fmax_mhz``.
        bitstream: Path of the bitstream; in the record of a build relative to the output folder.
        netlist: Comparison of the simulated netlist of the routed design with the integer model;
            None if it was not simulated.
    """

    tool: str
    device: str
    board: str
    clock_mhz: float
    fmax_mhz: float
    lut: int
    ff: int
    bram: int
    dsp: int
    critical_path: CriticalPath
    bitstream: Path
    spram: Annotated[int | None, IF_KNOWN] = None
    netlist: Annotated[Checked | None, IF_KNOWN] = None

    @property
    def usable_mhz(self) -> float:
        """Clock frequency at which the design works: the board's, or Fmax if that is lower."""
        return min(self.clock_mhz, self.fmax_mhz)


def board_of(device: Device, interface: InterfaceName) -> tuple[Board, PlaceAndRoute]:
    """Return the board of a device, and the tools for place and route.

    Raises:
        UserError: There is no board, there are no open tools for the family, or the board has no
            pins for the interface.
    """
    tools = device.family.place_and_route
    if device.board is None or tools is None:
        known = [name for name in device_names() if load_device(name).board is not None]
        raise UserError(
            f"{device.name} has no {'board' if tools else 'open place and route'}: "
            f"place works for {', '.join(known)}"
        )
    if interface not in device.board.constraints:
        having = ", ".join(each.name for each in boards() if interface in each.constraints)
        raise UserError(
            f"hardware.interface = {interface!r}: no pins of the {device.board.name} are known for "
            f"it: take 'uart', or the device of another board: {having}"
        )
    return device.board, tools


def place(
    rtl: Path,
    device: Device,
    work: Path,
    yosys: Path | None = None,
    progress: ProgressCallback | None = None,
    interface: InterfaceName = "uart",
) -> Placement:
    """Synthesise, place, route and pack a design with its interface for the device's board.

    ``routed_netlist`` reads the netlist of what was packed.

    Args:
        rtl: Folder of the sources.
        device: Target device.
        work: Folder for all outputs, including the bitstream.
        yosys: Path of yosys, instead of the installed package.
        progress: Called when each tool starts.
        interface: How a host speaks to the board.

    Raises:
        UserError: There is no board with this device, or it has no pins for the interface.
        ToolError: A tool failed, or its report cannot be read.
    """
    board, flow = board_of(device, interface)
    spoken = INTERFACES[interface]
    top, constraints = spoken.top, board.constraints[interface]

    def begin(step: int, tool: str) -> None:
        if progress is not None:
            progress(step, 4, f"steps, now {tool}")

    begin(0, "GHDL")
    generics = spoken.generics(spoken.clocks_per_bit(board.clock_mhz))
    verilog = to_verilog(rtl, work, top, spoken.sources, generics)
    begin(1, "yosys")
    run_yosys(verilog, top, device, yosys, pads=True)
    if flow.output_registers:
        use_output_registers(work / f"{top}.json", top)
    begin(2, flow.placer)
    placer = yowasp(flow.package, flow.placer)
    (work / constraints).write_text(board.constraints_text(interface))
    routed = f"{top}.{'routed' if flow.routed else _WRITTEN}"
    log = run(
        [
            *(*placer, *device.place_options, "--json", f"{top}.json"),
            *(option.format(constraints) for option in flow.constraints),
            *("--write", f"{top}.{_WRITTEN}"),
            *((flow.routed, routed) if flow.routed else ()),
            *("--freq", f"{board.clock_mhz:g}", "--timing-allow-fail"),
            *("--seed", "1", "--report", "timing.json"),
        ],
        work,
        name=flow.placer,
    )
    (work / "place.log").write_text(log)
    begin(3, flow.packer)
    bitstream = f"{top}.{flow.bitstream}"
    packed = [option.format(bitstream) for option in flow.packed]
    packer = [*_packer(flow), *device.pack_options, routed, *packed]
    run(packer, work, name=flow.packer)
    version = run([*placer, "--version"], work, name=flow.placer)
    number = re.search(r"Version nextpnr-([\w.-]+)", version)
    begin(4, flow.packer)
    absent = {key for key, count in (("dsp", device.dsp), ("spram", device.spram)) if not count}
    cells = {key: cell for key, cell in flow.cells.items() if key not in absent}
    fmax, used, path = read_report(work / "timing.json", flow.placer, cells)
    if flow.flip_flops is not None:
        used["ff"] = sum(map(int, re.findall(flow.flip_flops, log)))
    with reading(flow.packer, "bitstream"):
        if not (work / bitstream).stat().st_size:
            raise ValueError("it is empty")
    return Placement(
        tool=f"{flow.placer} {number[1]}" if number else flow.placer,
        device=device.name,
        board=board.name,
        clock_mhz=board.clock_mhz,
        fmax_mhz=round(fmax * flow.derating, 2),
        lut=used["lut"],
        ff=used["ff"],
        bram=used["bram"],
        dsp=used.get("dsp", 0),
        spram=used.get("spram"),
        critical_path=path,
        bitstream=work / bitstream,
    )


def routed_netlist(work: Path, interface: InterfaceName) -> dict[str, Any]:
    """Return the module that nextpnr has written in the folder given to ``place``.

    Its cells are those that the bitstream configures, with their contents, and the nets between.

    Raises:
        ToolError: There is none, or it is damaged.
    """
    return read_netlist(work / f"{INTERFACES[interface].top}.{_WRITTEN}", "top", "nextpnr")


def _packer(flow: PlaceAndRoute) -> list[str]:
    """Return the command that makes a bitstream."""
    if flow.packer_module is not None:
        return [sys.executable, "-P", "-m", flow.packer_module]
    return yowasp(flow.package, flow.packer)


def packed_cells(netlist: Path, device: Device) -> int:
    """Return the cells that nextpnr packs look-up tables into, without placing them.

    If flip-flops take cells of their own, they are counted as if all that can share one do.

    Args:
        netlist: Netlist of yosys, in its JSON format; without pads, if ``Family.pads`` adds them.
        device: Target device, of a family with ``logic_cells``.

    Raises:
        ToolError: nextpnr failed, or its log does not contain the number.
    """
    flow = device.family.place_and_route
    assert flow is not None  # as the family has logic_cells
    placer = [*yowasp(flow.package, flow.placer), *device.place_options]
    packed = netlist if device.family.pads is None else _without_ports(netlist)
    log = run([*placer, "--json", packed.name, "--pack-only"], netlist.parent, name=flow.placer)
    with reading(flow.placer, "log"):
        cell = next(iter(flow.cells["lut"]))
        found = re.search(rf"{cell}:\s*(\d+)/", log)
        if found is None:
            raise ValueError(f"no number of {cell}")
    if not flow.beside:
        return int(found[1])
    lone = lone_flip_flops(read_netlist(netlist, netlist.stem), device.family, flow.beside)
    return int(found[1]) + lone


def _without_ports(netlist: Path) -> Path:
    """Write a netlist that has no pads without its ports, which nextpnr refuses then."""
    with reading("yosys", "netlist"):
        design = json.loads(netlist.read_bytes())
        design["modules"][netlist.stem]["ports"] = {}
    path = netlist.with_suffix(".inner.json")
    path.write_text(json.dumps(design))
    return path


def read_report(
    path: Path, placer: str, cells: Mapping[str, Mapping[str, int]]
) -> tuple[float, dict[str, int], CriticalPath]:
    """Read nextpnr's report.

    Args:
        path: The report.
        placer: Name of the program.
        cells: Types of cells by resource, and how much each counts.

    Returns:
        Fmax in MHz, the number of cells by resource, and the slowest path.

    Raises:
        ToolError: The report is missing or not whole.
    """
    with reading(placer, "report"):
        report = json.loads(path.read_bytes())
        fmax = min(clock["achieved"] for clock in report["fmax"].values())
        used = {
            key: sum(each * report["utilization"][cell]["used"] for cell, each in counted.items())
            for key, counted in cells.items()
        }
        if not 0 < fmax < math.inf:
            raise ValueError(f"Fmax is {fmax} MHz")
        if not all(isinstance(count, int) and count >= 0 for count in used.values()):
            raise ValueError(f"{used} is used")
        return fmax, used, _critical_path(report)


def _critical_path(report: dict[str, Any]) -> CriticalPath:
    """Return the slowest path between clocked cells."""
    paths = [
        each["path"]
        for each in report["critical_paths"]
        if "<async>" not in (each["from"], each["to"])
    ]
    worst = max(paths, key=lambda path: sum(part["delay"] for part in path))
    logic = [part for part in worst if part["type"] != "routing"]
    return CriticalPath(
        ns=round(sum(part["delay"] for part in worst), 2),
        logic_ns=round(sum(part["delay"] for part in logic), 2),
        levels=sum(part["type"] == "logic" for part in logic),
        source=_net(worst) or worst[0]["from"]["cell"],
        sink=worst[-1]["to"]["cell"],
    )


def _net(path: list[dict[str, Any]]) -> str | None:
    return next((str(part["net"]) for part in path if "net" in part), None)
