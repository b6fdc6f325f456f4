"""Flip-flops behind block memories of an ECP5 become the registers at their outputs.

A DP16KD has a register at each port's outputs (FPGA-TN-02204), which yosys leaves unused. Without
it, it takes several nanoseconds from the clock to the outputs. A port of 36 bits, which takes the
pins of both ports, is left as it is.

So are multipliers, which have a register at their product, too (FPGA-TN-02205): of which enable and
which reset it is, the bitstreams that nextpnr writes do not say for every multiplier of a block.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from narrowcast.tools.netlist import pins_of
from narrowcast.tools.process import reading

_WIDEST = 36  # bits of a memory's port

_Bit = int | str  # number of a net, or a constant
_Readers = dict[_Bit, list[tuple[str, str]]]


def use_output_registers(netlist: Path, top: str) -> None:
    """Move flip-flops into the memories in front of them.

    A port's register is used if each of its outputs has no other reader than one flip-flop, and
    these have the port's clock, one enable and no reset, and start with 0. The port has no reset
    either.

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
        for memory in [each for each in cells.values() if each["type"] == "DP16KD"]:
            widths = [int(memory["parameters"][f"DATA_WIDTH_{port}"], 2) for port in "AB"]
            for port in "AB":
                if max(widths) < _WIDEST:
                    _use_register(memory, port, cells, readers)
    netlist.write_text(json.dumps(design))


def _readers(module: dict[str, Any]) -> _Readers:
    """Return the names and pins of the cells that read each bit; those of a port are empty."""
    found: _Readers = defaultdict(list)
    for name, cell in module["cells"].items():
        for pin, bit in pins_of(cell):
            if cell["port_directions"][pin] != "output":
                found[bit].append((name, pin))
    for port in module["ports"].values():
        for bit in port["bits"]:
            found[bit].append(("", ""))
    return found


def _use_register(
    memory: dict[str, Any], port: str, cells: dict[str, Any], readers: _Readers
) -> None:
    """Use the register of a port if the flip-flops behind it allow that."""
    pins = memory["connections"]
    outputs = [pin for pin in pins if pin.startswith(f"DO{port}") and readers[pins[pin][0]]]
    behind = {pin: readers[pins[pin][0]] for pin in outputs}
    if any(len(each) > 1 or each[0][1] != "DI" for each in behind.values()):
        return
    names = {pin: each[0][0] for pin, each in behind.items()}
    modes = {_mode(cells[name]) for name in names.values()}
    if len(modes) != 1 or (mode := modes.pop()) is None:
        return
    clock, enable = mode
    if pins[f"CLK{port}"] != [clock] or pins.get(f"RST{port}", ["0"]) != ["0"]:
        return
    memory["parameters"][f"REGMODE_{port}"] = "OUTREG"
    pins[f"OCE{port}"] = [enable]
    for pin, name in names.items():
        pins[pin] = cells.pop(name)["connections"]["Q"]


def _mode(cell: dict[str, Any]) -> tuple[_Bit, _Bit] | None:
    """Return the clock and the enable of a flip-flop; None if it has more to it."""
    if cell["type"] != "TRELLIS_FF":
        return None
    pins, settings = cell["connections"], cell["parameters"]
    enable = {"CE": pins.get("CE", ["1"])[0], "1": "1"}.get(settings["CEMUX"].strip())
    plain = settings["CLKMUX"] == "CLK" and settings["REGSET"] == "RESET" and pins["LSR"] == ["0"]
    return (pins["CLK"][0], enable) if plain and enable is not None else None
