"""Reads yosys' netlist: what it takes of the device, and its longest path in levels of logic."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from narrowcast.errors import ToolError

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Primitives:
    """The primitives of a family of devices.

    Attributes:
        logic: look-up tables in one primitive, used as logic. memory: the same, used as memory.
        muxes: what joins look-up tables without being one.
        flip_flops: pattern of their names.
        carry, carry_in: primitive of a carry chain, and the port by which the chain goes on.
        block: block memory, in the unit of ``block_key``. block_key: its name in reports.
        dsp: the DSP block.
    """

    logic: Mapping[str, int]
    memory: Mapping[str, int]
    muxes: frozenset[str]
    flip_flops: str
    carry: str
    carry_in: str
    block: Mapping[str, float]
    block_key: str
    dsp: str


# xc7: tables of distributed RAM in UG474. ecp5: a TRELLIS_DPR16X4 takes four tables and the two
# that drive its write port; a CCU2C is two tables with their carry.
PRIMITIVES = {
    "xc7": Primitives(
        logic={f"LUT{n}": 1 for n in range(1, 7)},
        memory={
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
        },
        muxes=frozenset({"MUXF7", "MUXF8", "INV"}),
        flip_flops=r"FD[RSCP]E(_1)?",
        carry="CARRY4",
        carry_in="CI",
        block={"RAMB36E1": 1, "RAMB18E1": 0.5},
        block_key="bram36",
        dsp="DSP48E1",
    ),
    "ice40": Primitives(
        logic={"SB_LUT4": 1},
        memory={},
        muxes=frozenset(),
        flip_flops=r"SB_DFF\w*",
        carry="SB_CARRY",
        carry_in="CI",
        block={f"SB_RAM40_4K{edges}": 1 for edges in ("", "NR", "NW", "NRNW")},
        block_key="bram",
        dsp="SB_MAC16",
    ),
    "ecp5": Primitives(
        logic={"LUT4": 1, "CCU2C": 2},
        memory={"TRELLIS_DPR16X4": 6},
        muxes=frozenset({"PFUMX", "L6MUX21"}),
        flip_flops="TRELLIS_FF",
        carry="CCU2C",
        carry_in="CIN",
        block={"DP16KD": 1, "PDPW16KD": 1},
        block_key="bram",
        dsp="MULT18X18D",
    ),
}
_READ_ADDRESS = re.compile(r"ADDR[A-H]?|DPRA\d?|A\d?|RAD\d?")  # of a table used as memory


@dataclass(frozen=True)
class LongestPath:
    """The path from register to register with the most levels of logic.

    A look-up table is a level, and so are a whole carry chain and a DSP block's multiplier where
    no register of its own stands in front of or behind it.

    Attributes:
        levels: how many. source, sink: where it starts and ends.
        cells: the primitives on it, both ends included, a carry chain once.
    """

    levels: int
    source: Annotated[str, Field(alias="from")]
    sink: Annotated[str, Field(alias="to")]
    cells: tuple[str, ...]


def read_netlist(path: Path, top: str) -> dict[str, Any]:
    """Return the flat module ``top`` of a netlist in yosys' JSON.

    Raises:
        ToolError: there is none.
    """
    try:
        module: dict[str, Any] = json.loads(path.read_bytes())["modules"][top]
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"yosys left no netlist that can be read: {error!r}") from None
    return module


def count_cells(cells: Mapping[str, int], family: str = "xc7") -> dict[str, float]:
    """Count look-up tables (logic and memory), flip-flops, block memory and DSP."""
    known = PRIMITIVES[family]
    luts = {**known.logic, **known.memory}
    pattern = re.compile(known.flip_flops)
    return {
        "lut": sum(count * luts.get(name, 0) for name, count in cells.items()),
        "ff": sum(count for name, count in cells.items() if pattern.fullmatch(name)),
        known.block_key: sum(count * known.block.get(name, 0) for name, count in cells.items()),
        "dsp": cells.get(known.dsp, 0),
    }


def cell_types(module: Mapping[str, Any]) -> dict[str, int]:
    """Count the cells of a module by type."""
    return dict(Counter(cell["type"] for cell in module["cells"].values()))


@dataclass
class _Node:
    """A cell on the way: ``level`` of its outputs, and the cell before it on the longest path."""

    name: str
    type: str
    ahead: int  # inputs whose level is not yet known
    level: int = 0
    earlier: "_Node | None" = None
    readers: list[tuple["_Node", str]] = field(default_factory=list)


def longest_path(module: Mapping[str, Any], family: str) -> LongestPath:
    """Find the longest path of a flat module of the family's primitives."""
    known = PRIMITIVES[family]
    cells: Mapping[str, Cell] = module["cells"]
    nodes = {name: _Node(name, cell["type"], 0) for name, cell in cells.items()}
    drivers = {
        bit: nodes[name]
        for name, cell in cells.items()
        for port, bit in _bits(cell)
        if cell["port_directions"][port] == "output"
    }
    ends: list[tuple[_Node, _Node, int]] = []  # last cell before a register, the register, levels
    for name, cell in cells.items():
        for port, bit in _bits(cell):
            driver = drivers.get(bit)
            if driver is None or cell["port_directions"][port] != "input":
                continue
            cost = _cost(known, cell, port)
            if cost is None:
                ends.append((driver, nodes[name], _unregistered(known, cell, "input")))
            else:
                driver.readers.append((nodes[name], port))
                nodes[name].ahead += 1
    for name, cell in cells.items():
        nodes[name].level = _unregistered(known, cell, "output") if not nodes[name].ahead else 0
    ready = [node for node in nodes.values() if not node.ahead]
    while ready:
        node = ready.pop()
        for reader, port in node.readers:
            cost = _cost(known, cells[reader.name], port)
            if node.type == reader.type == known.carry and port == known.carry_in:
                cost = 0
            if node.level + (cost or 0) >= reader.level:
                reader.level, reader.earlier = node.level + (cost or 0), node
            reader.ahead -= 1
            if not reader.ahead:
                ready.append(reader)
    if not ends:
        return LongestPath(0, "", "", ())
    last, end, more = max(ends, key=lambda each: each[0].level + each[2])
    chain = [end, last]
    while (earlier := chain[-1].earlier) is not None:
        chain.append(earlier)
    chain.reverse()
    names = net_names(module)
    types = [node.type for node in chain]
    return LongestPath(
        last.level + more,
        _where(chain[0], cells, names),
        _where(end, cells, names),
        tuple(t for i, t in enumerate(types) if not (i and t == known.carry == types[i - 1])),
    )


def _bits(cell: Cell) -> Iterator[tuple[str, int]]:
    """Yield every port and net of a cell; constants are no nets."""
    for port, bits in cell["connections"].items():
        if port in cell.get("port_directions", {}):
            yield from ((port, bit) for bit in bits if isinstance(bit, int))


def _cost(known: Primitives, cell: Cell, port: str) -> int | None:
    """Return the levels from an input of a cell to its outputs; None if a register is between."""
    kind = cell["type"]
    if kind == known.dsp:
        return None if any(_dsp_registers(cell)) else 1
    if kind in known.memory:
        return 1 if _READ_ADDRESS.fullmatch(port) and not kind.startswith("SRL") else None
    if re.fullmatch(known.flip_flops, kind) or kind in known.block:
        return None
    return 1 if kind in known.logic or kind == known.carry else 0


def _unregistered(known: Primitives, cell: Cell, side: str) -> int:
    """Return 1 for a DSP that has registers, but none on this side."""
    if cell["type"] != known.dsp:
        return 0
    at_input, within, at_output = _dsp_registers(cell)
    on_side = at_input if side == "input" else at_output
    return int((at_input or within or at_output) and not on_side)


def _dsp_registers(cell: Cell) -> tuple[bool, bool, bool]:
    """Return whether a DSP has registers at its inputs, within, and at its outputs."""
    names = {
        "DSP48E1": (("AREG", "BREG"), ("MREG",), ("PREG",)),
        "SB_MAC16": (
            ("A_REG", "B_REG"),
            ("PIPELINE_16x16_MULT_REG1", "PIPELINE_16x16_MULT_REG2"),
            (),
        ),
        "MULT18X18D": (
            ("REG_INPUTA_CLK", "REG_INPUTB_CLK"),
            ("REG_PIPELINE_CLK",),
            ("REG_OUTPUT_CLK",),
        ),
    }[cell["type"]]
    values = cell["parameters"]

    def used(name: str) -> bool:
        value = str(values.get(name, ""))
        return value.startswith("CLK") or (value.strip("01") == "" and "1" in value)

    at_input, within, at_output = (tuple(map(used, group)) for group in names)
    adder = [str(values.get(f"{half}OUTPUT_SELECT", "")) for half in ("TOP", "BOT")]
    registered = any(value.strip("01") == "" and value.endswith("01") for value in adder)
    return all(at_input), any(within), any(at_output) or registered


def net_names(module: Mapping[str, Any]) -> dict[int, str]:
    """Return the name of each net that says most: given by a person, and short."""
    names: dict[int, tuple[tuple[bool, bool, int], str]] = {}
    for name, net in module["netnames"].items():
        made_up = bool(re.search(r"(^|\.)n\d+_[oq]|\$", name))
        rank = (bool(net.get("hide_name")), made_up, len(name))
        for i, bit in enumerate(net["bits"]):
            if isinstance(bit, int) and (bit not in names or rank < names[bit][0]):
                text = f"{name}[{i}]" if len(net["bits"]) > 1 else name
                names[bit] = (rank, text)
    return {bit: text for bit, (_, text) in names.items()}


def _where(node: _Node, cells: Mapping[str, Cell], names: Mapping[int, str]) -> str:
    """Name a register by the net that it drives; anything larger by its own name too."""
    cell = cells[node.name]
    outputs = [b for port, b in _bits(cell) if cell["port_directions"][port] == "output"]
    net = names.get(outputs[0], node.name) if outputs else node.name
    return net if len(outputs) == 1 else f"{node.type} of {net}"
