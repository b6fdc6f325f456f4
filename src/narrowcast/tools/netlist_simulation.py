"""Simulates netlists in Verilator: that of synthesis against the integer model, and as a board that
which was routed.

A netlist is written as Verilog, one instance for each cell. The cells are yosys' own models of the
family's primitives, and those in ``rtl/cells`` that yosys lacks, or that are faster.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.config import InterfaceName
from narrowcast.errors import ToolError
from narrowcast.integer.execute import Flags
from narrowcast.integer.identity import word_bytes
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import Array, IntegerModel
from narrowcast.rtl import RTL
from narrowcast.targets.device import Device
from narrowcast.targets.family import Family, PlaceAndRoute
from narrowcast.tools.interface import INTERFACES
from narrowcast.tools.nextpnr import board_of
from narrowcast.tools.process import reading
from narrowcast.tools.simulate import HARNESS, run_engine, verilate
from narrowcast.tools.simulated_board import run_command, verilate_board
from narrowcast.tools.state_script import StateScript
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import share_folder

WINDOWS = 3  # and as many readings before them as the states of a model keep

_CLOCKS = 200_000  # of the simulation of a board, but for its first window
_LINE_BITS = 10  # for a byte
_CELLS = RTL / "cells"
_MODELS = "cells_sim.v"  # in a folder of yosys, which has all the files that it includes
_TOP = "engine"
_MANY = 8  # pins
_MUX = "MUX"  # behind the name of a pin, a parameter of the cells of the ECP5
_SPRAM = re.compile(r"_n(\d+)_column\.\w+\.0\.(\d+)_RAM$")
_NO_CELL = "$scopeinfo"  # yosys' note of a module that was dissolved


def few_windows(model: IntegerModel) -> slice:
    """Return the windows that a netlist is simulated with: the first ones."""
    return slice(WINDOWS + model.kept_rows)


def check_netlist(
    netlist: Mapping[str, Any],
    family: Family,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    restart: Flags | None,
    script: StateScript | None,
    cycles: int,
    work: Path,
    yosys: Path | None = None,
    weights: LoadedWeights | None = None,
) -> Checked:
    """Simulate a flat netlist of ``engine`` with input words [windows, input_words].

    Args:
        netlist: The module in yosys' JSON, as ``read_netlist`` returns it.
        family: Family of its primitives.
        model: The integer model.
        inputs: Input words; of a model with states, those of consecutive inferences.
        expected: What the executor makes of them [windows, output_words].
        restart: Which inferences follow a restart, as for ``execute``.
        script: What a host does with the states, if the engine gives access to them.
        cycles: Clock cycles of an inference, as the compiler predicts them.
        work: Folder for what is made on the way.
        yosys: Path of yosys, instead of the installed package.
        weights: Weights that the host loads before; None if they are part of the design.

    Returns:
        The numbers of windows, and of mismatches: none.

    Raises:
        ToolError: A result or a number of clock cycles differs, the netlist holds what cannot be
            simulated, or a tool failed.
    """
    work.mkdir(parents=True, exist_ok=True)
    verilog = work / f"{_TOP}.v"
    with reading("yosys", "netlist"):
        verilog.write_text(netlist_verilog(netlist, _TOP))
    program = verilate(work, verilog, HARNESS, "-O0", _cell_models(family, work, yosys))
    results, clocks, wrong = run_engine(
        *(program, work, model, inputs, expected, weights, restart, script),
        patience=4 * cycles + 1000 + (0 if weights is None else weights.clocks),
    )
    if wrong.any():
        window = int(np.argmax(wrong))
        raise ToolError(
            f"the netlist differs from the integer model in {wrong.sum()} of {len(wrong)} windows: "
            f"in window {window} expected {expected[window].tolist()}, "
            f"got {results[window].tolist()}"
        )
    if (clocks != cycles).any():
        window = int(np.argmax(clocks != cycles))
        raise ToolError(
            f"the netlist took {clocks[window]} cycles in window {window}, "
            f"but {cycles} were predicted"
        )
    return Checked(len(wrong), 0)


def routed_command(
    netlist: Mapping[str, Any],
    device: Device,
    interface: InterfaceName,
    cycles: int,
    work: Path,
    yosys: Path | None = None,
    weights: LoadedWeights | None = None,
) -> list[str]:
    """Return the command that simulates a board with a routed netlist, for ``SimulatedBoard``.

    Args:
        netlist: The module as nextpnr writes it, as ``routed_netlist`` returns it.
        device: Device on the board.
        interface: How a host speaks to the board.
        cycles: Clock cycles of an inference.
        work: Folder for what is made on the way.
        yosys: Path of yosys, instead of the installed package.
        weights: Weights that a host loads; None if they are part of the design. The memory holds
            them from the beginning, as the line of a real board takes very many clock cycles.

    Raises:
        ToolError: The netlist holds what cannot be simulated, or a tool failed.
    """
    work.mkdir(parents=True, exist_ok=True)
    if weights is not None:
        netlist = _holding(netlist, weights, device.family, work)
    board, flow = board_of(device, interface)
    spoken = INTERFACES[interface]
    verilog = work / f"{spoken.top}.v"
    with reading(flow.placer, "netlist"):
        verilog.write_text(netlist_verilog(netlist, spoken.top, flow))
    models = _cell_models(device.family, work, yosys)
    program = verilate_board(work, verilog, interface, "-O0", models)
    return run_command(program, spoken.clocks_per_bit(board.clock_mhz), cycles, weights)


def _holding(
    netlist: Mapping[str, Any], weights: LoadedWeights, family: Family, work: Path
) -> dict[str, Any]:
    """Return a routed netlist whose single-port memories hold weights and their check.

    A memory's name ends with its column, counted from 1, and with its place among those that make
    the column deeper. Its model reads a file of hexadecimal words.
    """
    found = {name: _SPRAM.search(name) for name in netlist["cells"]}
    places = {name: (int(m[1]) - 1, int(m[2])) for name, m in found.items() if m is not None}
    columns = 1 + max((column for column, _ in places.values()), default=-1)
    if not columns or len(weights.content) % (2 * columns):
        raise ToolError(f"{len(places)} single-port memories of the netlist hold no whole words")
    halves = np.frombuffer(weights.content + weights.check, "<u2")
    cells = dict(netlist["cells"])
    for name, (column, part) in places.items():
        first = part * family.spram_words
        words = halves[column::columns][first : first + family.spram_words]
        path = (work / f"weights_{column}_{part}.hex").resolve()
        path.write_text("".join(f"{word:04x}\n" for word in words))
        parameters = {**cells[name]["parameters"], "CONTENTS": str(path)}
        cells[name] = {**cells[name], "parameters": parameters}
    return {**netlist, "cells": cells}


def routed_windows(
    model: IntegerModel, device: Device, interface: InterfaceName, cycles: int
) -> slice:
    """Return the windows that a routed netlist is simulated with: the first one, and few more.

    The line takes most of the clock cycles.

    Args:
        model: The integer model.
        device: Device on the board.
        interface: How a host speaks to the board.
        cycles: Clock cycles of an inference.
    """
    board, _ = board_of(device, interface)
    spoken = INTERFACES[interface]
    sides = (
        (model.input_words, model.input_tensors),
        (model.output_words, model.output_tensors),
    )
    size = sum(words * word_bytes(tensors) for words, tensors in sides)
    window = size * _LINE_BITS * spoken.clocks_per_bit(board.clock_mhz) + cycles
    return slice(min(few_windows(model).stop, max(1, _CLOCKS // window)))


def _cell_models(family: Family, work: Path, yosys: Path | None) -> tuple[str, ...]:
    """Copy the models of the primitives to ``work``; return Verilator's options for them."""
    folder = share_folder(yosys) / family.cell_models
    if not (folder / _MODELS).is_file():
        raise ToolError(f"{folder / _MODELS}: no such file, which is needed to check the netlist")
    own = [_CELLS / f"{family.name}.v", _CELLS / "block_memory.v"]
    for path in (*own, folder / _MODELS, *folder.glob("*.vh")):
        # yosys reads a comma behind the last parameter, Verilator does not
        (work / path.name).write_text(re.sub(r",(\s*\))", r"\1", path.read_text()))
    names = [path.name for path in own]
    # Verilator warns of style in yosys' models, and of the pins that yosys leaves open. It refuses
    # defaults of ports, which yosys' netlists do not need.
    # More optimisation takes more time than it saves in a few windows.
    options = ("-O1", "-Wno-fatal", "-Wno-lint", "-Wno-MODDUP", "-DNO_ICE40_DEFAULT_ASSIGNMENTS")
    return (*options, *names, "-v", _MODELS)


def netlist_verilog(netlist: Mapping[str, Any], top: str, flow: PlaceAndRoute | None = None) -> str:
    """Return a flat module in yosys' JSON as Verilog, with the name ``top``.

    Many pins of a cell that differ in their number alone are one port of its model.

    Args:
        netlist: The module.
        top: Its name.
        flow: What has placed it; None after synthesis.
    """
    return "\n".join(_lines(netlist, top, flow)) + "\n"


def _lines(netlist: Mapping[str, Any], top: str, flow: PlaceAndRoute | None) -> Iterator[str]:
    ports = netlist["ports"]
    cells = [cell for cell in netlist["cells"].values() if cell["type"] != _NO_CELL]
    used = [bits for cell in cells for bits in cell["connections"].values()]
    used += [port["bits"] for port in ports.values()]
    nets = sorted({bit for bits in used for bit in bits if isinstance(bit, int)})
    heads = [f"{p['direction']} [{len(p['bits']) - 1}:0] {name}" for name, p in ports.items()]
    unread: list[str] = []
    instances = [_instance(cell, f"c{i}", flow, unread) for i, cell in enumerate(cells)]
    yield f"module {top}({', '.join(heads)});"
    yield from (f"wire {name};" for name in (*map(_bit, nets), *unread))  # no long lines: Verilator
    for name, port in ports.items():
        sides = (_vector(map(_bit, port["bits"])), name)
        target, source = sides if port["direction"] == "input" else reversed(sides)
        yield f"assign {target} = {source};"
    yield from instances
    yield "endmodule"


def _instance(
    cell: Mapping[str, Any], name: str, flow: PlaceAndRoute | None, unread: list[str]
) -> str:
    """Return a cell as Verilog; add to ``unread`` the names of nets that nothing reads."""
    parameters = dict(cell["parameters"])
    pins = {pin: [_bit(bit) for bit in bits] for pin, bits in cell["connections"].items()}
    if flow is not None:
        ways = cell["port_directions"]
        for pin in [pin for pin, ends in pins.items() if not ends and ways[pin] == "input"]:
            pins[pin] = [_bit("1" if re.fullmatch(flow.open_high, pin) else "0")]
        parameters |= {f"USES_{pin}": "1" for pin in flow.told if cell["connections"].get(pin)}
    for key in [key for key in parameters if key.endswith(_MUX)]:  # between a net and a pin
        pin, source = key.removesuffix(_MUX), parameters.pop(key).strip()
        if source in ("0", "1"):
            pins[pin] = [_bit(source)]
        elif source == "INV":
            pins[pin] = [f"~{bit}" for bit in pins.get(pin, [])]
    values = [f".{key}({_value(value)})" for key, value in parameters.items()]
    ports = _joined(pins, cell.get("port_directions", {}), unread)
    ends = [f".{port}({_vector(bits)})" for port, bits in ports.items() if bits]
    return f"{cell['type']} #({', '.join(values)}) {name} ({', '.join(ends)});"


def _joined(
    pins: Mapping[str, list[str]], ways: Mapping[str, str], unread: list[str]
) -> dict[str, list[str]]:
    """Return pins with those that are numbered as one port, if they are many."""
    numbered: dict[str, dict[int, str]] = {}
    for pin, ends in pins.items():
        split = re.fullmatch(r"(.*?)_?(\d+)", pin)
        if split is not None and len(ends) < 2:
            numbered.setdefault(split[1], {})[int(split[2])] = pin
    ports = dict(pins)
    for port, members in numbered.items():
        if (width := max(members) + 1) < _MANY:
            continue
        ports[port] = []
        for i in range(width):
            ends = ports.pop(members.get(i, ""), [])
            if not ends and ways.get(members[width - 1]) == "output":
                unread.append(f"unread{len(unread)}")
                ends = unread[-1:]
            ports[port] += ends or [_bit("0")]
    return ports


def _bit(bit: int | str) -> str:
    """Return a net by its number, or a constant."""
    return f"n{bit}" if isinstance(bit, int) else f"1'b{bit}"


def _vector(bits: Iterable[str]) -> str:
    """Return expressions of single bits, the lowest first, as one."""
    return f"{{{', '.join(reversed(list(bits)))}}}"


def _value(value: str) -> str:
    """Return a parameter: bits, or text, which yosys ends with a space if it looks like bits."""
    if value and set(value) <= set("01xz"):
        return f"{len(value)}'b{value}"
    return f'"{value.removesuffix(" ")}"'
