"""Attributes look-up tables and flip-flops to the parts of the engine.

Vivado reports the resources of each instance. yosys writes a flat netlist, in which a register
keeps its hierarchical name, but logic does not. Logic is attributed to the part of most of the
cells that it drives. The registers of the lanes' operands belong to the part "engine", even if they
have the name that they have in a lane.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from narrowcast.targets.family import Family
from narrowcast.tools.netlist import net_names
from narrowcast.tools.vivado import Instance

_PLACES = (
    (
        "memories",
        r"^rows\.stores|(^|\W|_)(keys|values|biases|multipliers|positions|exponentials)\."
        r"|\.segments_of_bank|\.list_of_jobs\.",
    ),
    ("control", r"^(control|collect)\."),
    ("epilogue", r"unit\.finish\."),
    ("softmax", r"unit\.\w*reciprocal\."),
    ("lanes", r"^ways_of_array\w*unit\."),
)
_PATTERNS = tuple((part, re.compile(pattern)) for part, pattern in _PLACES)
_KEPT = re.compile(r"\$flatten\\(.*?)\.\$")  # a cell of a module that kept its hierarchy


def part_of(name: str) -> str:
    """Return the part of the engine for a hierarchical name."""
    return next((part for part, pattern in _PATTERNS if pattern.search(name)), "engine")


def counts(module: Mapping[str, Any], family: Family) -> dict[str, dict[str, int]]:
    """Return the look-up tables (``lut``) and flip-flops (``ff``) of each part.

    Args:
        module: The flat netlist, as yosys writes it.
        family: Family of the device.
    """
    known = family.primitives
    tables = {**known.logic, **known.memory}
    flip_flop = re.compile(known.flip_flops)
    result: dict[str, Counter[str]] = {"lut": Counter(), "ff": Counter()}
    owners = _owners(module, family)
    for name, cell in module["cells"].items():
        if cell["type"] in tables:
            result["lut"][owners[name]] += tables[cell["type"]]
        elif flip_flop.fullmatch(cell["type"]):
            result["ff"][owners[name]] += 1
    return {key: dict(count) for key, count in result.items()}


def counts_of_instances(instances: Iterable[Instance]) -> dict[str, dict[str, int]]:
    """Return the same as :func:`counts`, from the resources of all instances."""
    result: dict[str, Counter[str]] = {"lut": Counter(), "ff": Counter()}
    for each in instances:
        # "stores[0].inputs" of Vivado is "stores_n1_inputs" in a netlist of GHDL and yosys
        names = [re.sub(r"\W+", "_", name) for name in each.path.split("/")]
        part = part_of("".join(f"{name}." for name in names))
        result["lut"][part] += each.lut
        result["ff"][part] += each.ff
    return {key: dict(count) for key, count in result.items()}


def _owners(module: Mapping[str, Any], family: Family) -> dict[str, str]:
    """Return the part of every cell."""
    known = family.primitives
    combinational = {*known.logic, *known.muxes, known.carry}
    cells: Mapping[str, Any] = module["cells"]
    names = net_names(module)
    owners: dict[str, str] = {}
    readers: dict[int, list[str]] = {}
    for name, cell in cells.items():
        for bit in _bits(cell, "input"):
            readers.setdefault(bit, []).append(name)
        kept = _KEPT.match(name)
        if kept is not None:
            owners[name] = part_of(kept[1].replace("\\", "") + ".")
        elif cell["type"] not in combinational:
            outputs = [names[bit] for bit in _bits(cell, "output") if bit in names]
            own = not name.startswith("$") and not re.fullmatch(known.flip_flops, cell["type"])
            owners[name] = part_of(name if own or not outputs else outputs[0])
    owners |= _operands(cells, owners, family)
    pending = [name for name in cells if name not in owners]
    whole = True  # only what has no reader whose part is open
    while pending:
        found = {}
        for name in pending:
            following = [r for bit in _bits(cells[name], "output") for r in readers.get(bit, ())]
            parts = Counter(owners[reader] for reader in following if reader in owners)
            if parts.total() == len(following) or (parts and not whole):
                found[name] = parts.most_common(1)[0][0] if parts else "engine"
        if not found and not whole:
            found = dict.fromkeys(pending, "engine")
        whole = bool(found)
        owners |= found
        pending = [name for name in pending if name not in found]
    return owners


def _operands(
    cells: Mapping[str, Any], owners: Mapping[str, str], family: Family
) -> dict[str, str]:
    """Return the registers of the lanes' operands, in front of those that a DSP block contains."""
    if family.dsp_block is None:
        return {}
    flip_flop = re.compile(family.primitives.flip_flops)
    registers = {
        bit: name
        for name, cell in cells.items()
        if flip_flop.fullmatch(cell["type"])
        for bit in _bits(cell, "output")
    }
    result = {}
    for name, cell in cells.items():
        if cell["type"] in family.dsp_block.primitives and owners[name] == "lanes":
            for bit in _bits(cell, "input"):
                register = registers.get(bit)
                if register is not None and owners[register] == "lanes":
                    earlier = [registers[b] for b in _data(cells[register]) if b in registers]
                    result[earlier[0] if earlier else register] = "engine"
    return result


def _data(cell: Mapping[str, Any]) -> list[int]:
    """Return the data input of a flip-flop."""
    ports = cell["connections"]
    return [bit for bit in ports.get("D", ports.get("DI", ())) if isinstance(bit, int)]


def _bits(cell: Mapping[str, Any], direction: str) -> Iterable[int]:
    directions = cell.get("port_directions", {})
    for port, bits in cell["connections"].items():
        if directions.get(port) == direction:
            yield from (bit for bit in bits if isinstance(bit, int))
