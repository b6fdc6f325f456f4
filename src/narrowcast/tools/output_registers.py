"""Flip-flops behind block memories and multipliers of an ECP5 become registers at their outputs.

A DP16KD has a register at each port's outputs (FPGA-TN-02204), a MULT18X18D one at its product
(FPGA-TN-02205), and yosys uses neither. Without them, it takes several nanoseconds from the clock
to the outputs of a memory, and through a multiplier to the next flip-flop. A memory's port of 36
bits, which takes the pins of both ports, is left as it is.

The reset of a register is tied to 0: nextpnr leaves that of a multiplier high if it is open. The
four enables of a multiplier stay open, that is high: nextpnr does not write to the bitstream which
one its register has, so that only flip-flops without an enable become one.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.tools.process import reading


@dataclass(frozen=True)
class _Register:
    """A register of a cell.

    Attributes:
        cell: Type of the cell.
        outputs: How the names of its outputs begin.
        clock: Pin of its clock.
        enable: Pin of its enable; None if it has to be without.
        reset: Pin of its reset, which it shares with what is in front of it.
        settings: Parameters with which the cell has it.
    """

    cell: str
    outputs: str
    clock: str
    enable: str | None
    reset: str
    settings: dict[str, str]


_REGISTERS = (
    _Register("DP16KD", "DOA", "CLKA", "OCEA", "RSTA", {"REGMODE_A": "OUTREG"}),
    _Register("DP16KD", "DOB", "CLKB", "OCEB", "RSTB", {"REGMODE_B": "OUTREG"}),
    _Register(
        *("MULT18X18D", "P", "CLK0", None, "RST0"),
        {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_RST": "RST0"},
    ),
)
_WIDEST = 36  # bits of a memory's port

_Bit = int | str  # number of a net, or a constant
_Readers = dict[_Bit, list[tuple[str, str]]]


def use_output_registers(netlist: Path, top: str) -> None:
    """Move flip-flops into the memories and multipliers in front of them.

    A register is used if each of its outputs has no other reader than one flip-flop, and these have
    one clock, the cell's if that has one, one enable and no reset, and start with 0. Nor has the
    cell a reset.

    Args:
        netlist: File of a netlist of yosys in its JSON format, which is written anew.
        top: Name of its flat module.

    Raises:
        ToolError: The file is no such netlist.
    """
    with reading("yosys", "netlist"):
        design = json.loads(netlist.read_bytes())
        module = design["modules"][top]
        cells, readers = module["cells"], _readers(module)
        for cell in list(cells.values()):
            for register in _REGISTERS:
                if register.cell == cell["type"] and not _is_wide(cell):
                    _use(register, cell, cells, readers)
    netlist.write_text(json.dumps(design))


def _readers(module: dict[str, Any]) -> _Readers:
    """Return the names and pins of the cells that read each bit; those of a port are empty."""
    found: _Readers = defaultdict(list)
    for name, cell in module["cells"].items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] != "output":
                for bit in bits:
                    found[bit].append((name, pin))
    for port in module["ports"].values():
        for bit in port["bits"]:
            found[bit].append(("", ""))
    return found


def _is_wide(cell: dict[str, Any]) -> bool:
    """Return whether a cell is a memory with a port that takes the pins of both."""
    widths = [cell["parameters"].get(f"DATA_WIDTH_{port}", "0") for port in "AB"]
    return max(int(width, 2) for width in widths) == _WIDEST


def _use(register: _Register, cell: dict[str, Any], cells: dict[str, Any], all_: _Readers) -> None:
    """Use a register of a cell if the flip-flops behind it allow that."""
    pins = cell["connections"]
    readers = {
        pin: all_[bits[0]]
        for pin, bits in pins.items()
        if cell["port_directions"][pin] == "output"
        and pin.startswith(register.outputs)
        and all_[bits[0]]
    }
    if any(len(each) > 1 or each[0][1] != "DI" for each in readers.values()):
        return
    behind = {pin: each[0][0] for pin, each in readers.items()}
    modes = {_mode(cells[name]) for name in behind.values()}
    if len(modes) != 1 or (mode := modes.pop()) is None:
        return
    clock, enable = mode
    if pins.get(register.clock, [clock]) != [clock] or pins.get(register.reset, ["0"]) != ["0"]:
        return
    tied = {register.clock: clock, register.reset: "0"}
    if register.enable is not None:
        tied[register.enable] = enable
    elif enable != "1":
        return
    cell["parameters"] |= register.settings
    for pin, bit in tied.items():
        pins[pin], cell["port_directions"][pin] = [bit], "input"
    for pin, name in behind.items():
        pins[pin] = cells.pop(name)["connections"]["Q"]


def _mode(cell: dict[str, Any]) -> tuple[_Bit, _Bit] | None:
    """Return the clock and the enable of a flip-flop; None if it has more to it."""
    if cell["type"] != "TRELLIS_FF":
        return None
    pins, settings = cell["connections"], cell["parameters"]
    enable = {"CE": pins.get("CE", ["1"])[0], "1": "1"}.get(settings["CEMUX"].strip())
    plain = settings["CLKMUX"] == "CLK" and settings["REGSET"] == "RESET" and pins["LSR"] == ["0"]
    return (pins["CLK"][0], enable) if plain and enable is not None else None
