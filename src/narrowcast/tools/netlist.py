"""Reads yosys' netlist: counts resources, and finds the longest path in levels of logic."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from narrowcast.targets.family import DspBlock, Family
from narrowcast.tools.process import reading

Cell = Mapping[str, Any]


_READ_ADDRESS = re.compile(r"ADDR[A-H]?|DPRA\d?|A\d?|RAD\d?")  # of look-up tables as memory


@dataclass(frozen=True)
class LongestPath:
    """The path from register to register with the most levels of logic.

    A look-up table counts as one level. A whole carry chain counts as one level, and so does the
    multiplier of a DSP block on a side without a register.

    Attributes:
        levels: Number of levels.
        source: Start of the path.
        sink: End of the path.
        cells: Primitives on the path, including both ends; a carry chain is one entry.
    """

    levels: int
    source: Annotated[str, Field(alias="from")]
    sink: Annotated[str, Field(alias="to")]
    cells: tuple[str, ...]


def read_netlist(path: Path, top: str, tool: str = "yosys") -> dict[str, Any]:
    """Return the flat module ``top`` of a netlist in yosys' JSON, which a tool has written.

    Raises:
        ToolError: There is no such netlist.
    """
    with reading(tool, "netlist"):
        module: dict[str, Any] = json.loads(path.read_bytes())["modules"][top]
        if not (isinstance(module["cells"], dict) and isinstance(module["netnames"], dict)):
            raise TypeError("it has no cells or nets")
    return module


def count_cells(cells: Mapping[str, int], family: Family) -> dict[str, float]:
    """Count look-up tables (logic and memory), flip-flops, memories and DSP blocks."""
    known = family.primitives
    luts = {**known.logic, **known.memory}
    pattern = re.compile(known.flip_flops)
    blocks = family.dsp_block.primitives if family.dsp_block else {}
    return {
        "lut": sum(count * luts.get(name, 0) for name, count in cells.items()),
        "ff": sum(count for name, count in cells.items() if pattern.fullmatch(name)),
        known.block_key: sum(count * known.block.get(name, 0) for name, count in cells.items()),
        **({"spram": cells.get(known.spram, 0)} if known.spram else {}),
        "dsp": sum(count * blocks.get(name, 0) for name, count in cells.items()),
    }


def cell_types(module: Mapping[str, Any]) -> dict[str, int]:
    """Count the cells of a module by type."""
    return dict(Counter(cell["type"] for cell in module["cells"].values()))


def lone_flip_flops(module: Mapping[str, Any], family: Family, beside: Mapping[str, str]) -> int:
    """Count the flip-flops that no output of ``beside``, by primitive, drives alone."""
    bits = [pin for cell in module["cells"].values() for pin in pins_of(cell)]
    readers = Counter(bit for _, bit in bits)
    driven = {
        bit
        for cell in module["cells"].values()
        for port, bit in pins_of(cell)
        if beside.get(cell["type"]) == port and readers[bit] == 2  # itself and one reader
    }
    flip_flop = re.compile(family.primitives.flip_flops)
    return sum(
        driven.isdisjoint(cell["connections"]["D"])
        for cell in module["cells"].values()
        if flip_flop.fullmatch(cell["type"])
    )


@dataclass
class _Node:
    """A cell in the graph of the netlist.

    Attributes:
        name: Name of the cell.
        type: Primitive.
        ahead: Number of inputs whose level is not known yet.
        level: Level of its outputs.
        earlier: The previous cell on the longest path.
        readers: Cells and ports that it drives.
    """

    name: str
    type: str
    ahead: int
    level: int = 0
    earlier: "_Node | None" = None
    readers: list[tuple["_Node", str]] = field(default_factory=list)


def longest_path(module: Mapping[str, Any], family: Family) -> LongestPath:
    """Find the longest path of a flat module of the family's primitives."""
    known = family.primitives
    cells: Mapping[str, Cell] = module["cells"]
    nodes = {name: _Node(name, cell["type"], 0) for name, cell in cells.items()}
    drivers = {
        bit: nodes[name]
        for name, cell in cells.items()
        for port, bit in pins_of(cell)
        if cell["port_directions"][port] == "output"
    }
    ends: list[tuple[_Node, _Node, int]] = []  # last cell before a register, the register, levels
    for name, cell in cells.items():
        for port, bit in pins_of(cell):
            driver = drivers.get(bit)
            if driver is None or cell["port_directions"][port] != "input":
                continue
            cost = _cost(family, cell, port)
            if cost is None:
                ends.append((driver, nodes[name], _unregistered(family, cell, "input")))
            else:
                driver.readers.append((nodes[name], port))
                nodes[name].ahead += 1
    for name, cell in cells.items():
        nodes[name].level = _unregistered(family, cell, "output") if not nodes[name].ahead else 0
    ready = [node for node in nodes.values() if not node.ahead]
    while ready:
        node = ready.pop()
        for reader, port in node.readers:
            cost = _cost(family, cells[reader.name], port)
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


def pins_of(cell: Cell) -> Iterator[tuple[str, int]]:
    """Yield every port and net of a cell, without constants."""
    for port, bits in cell["connections"].items():
        if port in cell.get("port_directions", {}):
            yield from ((port, bit) for bit in bits if isinstance(bit, int))


def _cost(family: Family, cell: Cell, port: str) -> int | None:
    """Return the levels from an input of a cell to its outputs; None if there is a register."""
    kind, known, block = cell["type"], family.primitives, family.dsp_block
    if block is not None and kind in block.primitives:
        return None if any(_dsp_registers(block, cell)) else 1
    if kind in known.memory:
        return 1 if _READ_ADDRESS.fullmatch(port) and not kind.startswith("SRL") else None
    if re.fullmatch(known.flip_flops, kind) or kind in (*known.block, known.spram):
        return None
    return 1 if kind in known.logic or kind == known.carry else 0


def _unregistered(family: Family, cell: Cell, side: str) -> int:
    """Return 1 for a DSP block that has registers, but none on this side, else 0."""
    block = family.dsp_block
    if block is None or cell["type"] not in block.primitives:
        return 0
    at_input, within, at_output = _dsp_registers(block, cell)
    on_side = at_input if side == "input" else at_output
    return int((at_input or within or at_output) and not on_side)


def _dsp_registers(block: DspBlock, cell: Cell) -> tuple[bool, bool, bool]:
    """Return whether a DSP block has registers at its inputs, inside, and at its outputs."""
    values = cell["parameters"]

    def used(name: str) -> bool:
        value = str(values.get(name, ""))
        return value.startswith("CLK") or (value.strip("01") == "" and "1" in value)

    at_input, within, at_output = (tuple(map(used, group)) for group in block.registers)
    selected = [str(values.get(name, "")) for name in block.output_selects]
    registered = any(value.strip("01") == "" and value.endswith("01") for value in selected)
    return all(at_input), any(within), any(at_output) or registered


def net_names(module: Mapping[str, Any]) -> dict[int, str]:
    """Return the most readable name of each net: from the source if possible, and short."""
    names: dict[int, tuple[tuple[bool, bool, int], str]] = {}
    for name, net in module["netnames"].items():
        generated = bool(re.search(r"(^|\.)n\d+_[oq]|\$", name))
        rank = (bool(net.get("hide_name")), generated, len(name))
        for i, bit in enumerate(net["bits"]):
            if isinstance(bit, int) and (bit not in names or rank < names[bit][0]):
                text = f"{name}[{i}]" if len(net["bits"]) > 1 else name
                names[bit] = (rank, text)
    return {bit: text for bit, (_, text) in names.items()}


def _where(node: _Node, cells: Mapping[str, Cell], names: Mapping[int, str]) -> str:
    """Return the net that a register drives; for larger cells also the primitive."""
    cell = cells[node.name]
    outputs = [b for port, b in pins_of(cell) if cell["port_directions"][port] == "output"]
    net = names.get(outputs[0], node.name) if outputs else node.name
    return net if len(outputs) == 1 else f"{node.type} of {net}"
