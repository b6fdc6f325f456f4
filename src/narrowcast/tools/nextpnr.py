"""Place and route with nextpnr, and the bitstream: the engine on a board, on its serial line.

What is placed is ``serial_top``; the board's file of constraints says which pins it has. Fmax,
resources and bitstream are those of one and the same run.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from narrowcast.errors import ToolError, UserError
from narrowcast.targets.device import Board, Device, device_names, load_device
from narrowcast.targets.family import PlaceAndRoute
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.process import run, yowasp
from narrowcast.tools.yosys import run_yosys

SERIAL_SOURCES = ("uart_receiver.vhd", "uart_transmitter.vhd", "serial_top.vhd")
TOP = "serial_top"
BAUD = 115200  # bits per second on the serial line

ProgressCallback = Callable[[int, int, str], None]


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path from register to register.

    Attributes:
        ns: its delay. logic_ns: what of it is not routing. source, sink: cells at its ends.
        levels: look-up tables, DSP and pieces of carry chain between its ends.
    """

    ns: float
    logic_ns: float
    levels: int
    source: Annotated[str, Field(alias="from")]
    sink: Annotated[str, Field(alias="to")]


@dataclass(frozen=True)
class Placement:
    """What place and route found.

    Attributes:
        tool: name and version. device, board: names.
        clock_mhz: of the board. fmax_mhz: what the routed design reaches.
        lut, ff, bram, dsp: resources in use; for an iCE40, ``lut`` counts logic cells.
        critical_path: what limits ``fmax_mhz``.
        bitstream: file; in the record of a build, below its output folder.
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


def board_of(device: Device) -> tuple[Board, PlaceAndRoute]:
    """Return the board that a device's bitstream is for, and the tools that make it.

    Raises:
        UserError: there is no board, or no open place and route for the family.
    """
    tools = device.family.place_and_route
    if device.board is None or tools is None:
        known = [name for name in device_names() if load_device(name).board is not None]
        raise UserError(
            f"{device.name} has no {'board' if tools else 'open place and route'}: "
            f"place works for {', '.join(known)}"
        )
    return device.board, tools


def place(
    rtl: Path,
    device: Device,
    work: Path,
    yosys: Path | None = None,
    progress: ProgressCallback | None = None,
) -> Placement:
    """Synthesise, place, route and pack the serial top for the device's board.

    Args:
        rtl: folder of the sources.
        device: what to place on.
        work: folder for all that is made, the bitstream among it.
        yosys: another yosys than the one that comes along.
        progress: told which tool runs.

    Raises:
        UserError: there is no board with this device.
        ToolError: a tool failed, or left no report that can be read.
    """
    board, flow = board_of(device)

    def begin(step: int, tool: str) -> None:
        if progress is not None:
            progress(step, 4, tool)

    begin(0, "GHDL")
    generics = {"CLOCKS_PER_BIT": round(board.clock_mhz * 1e6 / BAUD)}
    verilog = to_verilog(rtl, work, TOP, SERIAL_SOURCES, generics)
    begin(1, "yosys")
    run_yosys(verilog, TOP, device, yosys)
    begin(2, flow.placer)
    placer = yowasp(flow.package, flow.placer)
    (work / board.constraints).write_text(board.constraints_text)
    log = run(
        [
            *(*placer, *device.place_options, "--json", f"{TOP}.json"),
            *(flow.constraints, board.constraints, flow.routed, f"{TOP}.routed"),
            *("--freq", f"{board.clock_mhz:g}", "--timing-allow-fail"),
            *("--seed", "1", "--report", "timing.json"),
        ],
        work,
        name=flow.placer,
    )
    (work / "place.log").write_text(log)
    begin(3, flow.packer)
    packer = yowasp(flow.package, flow.packer)
    bitstream = f"{TOP}.{flow.bitstream}"
    run([*packer, f"{TOP}.routed", bitstream], work, name=flow.packer)
    version = run([*placer, "--version"], work, name=flow.placer)
    number = re.search(r"Version nextpnr-([\w.-]+)", version)
    begin(4, flow.packer)
    try:
        report = json.loads((work / "timing.json").read_text())
        fmax = min(clock["achieved"] for clock in report["fmax"].values())
        used = {
            key: report["utilization"][cell]["used"]
            for key, cell in flow.cells.items()
            if key != "dsp" or device.dsp
        }
        path = _critical_path(report)
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"{flow.placer} left no report that can be read: {error!r}") from None
    if flow.flip_flops is not None:
        used["ff"] = sum(map(int, re.findall(flow.flip_flops, log)))
    return Placement(
        tool=f"{flow.placer} {number[1]}" if number else flow.placer,
        device=device.name,
        board=board.name,
        clock_mhz=board.clock_mhz,
        fmax_mhz=round(fmax, 2),
        **{"dsp": 0, **used},
        critical_path=path,
        bitstream=work / bitstream,
    )


def _critical_path(report: dict[str, Any]) -> CriticalPath:
    """Return the slowest path from a clock to a clock."""
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
