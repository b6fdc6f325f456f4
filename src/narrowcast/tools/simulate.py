"""Simulates the VHDL against the integer model: GHDL (a few windows), Verilator (all of them)."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from narrowcast.compile import TRACE_ORDER
from narrowcast.compile.program import engine_graph
from narrowcast.errors import ToolError
from narrowcast.integer.analysis import analyse as analyse_graph
from narrowcast.integer.execute import execute
from narrowcast.integer.model import Array, IntegerModel
from narrowcast.tools.ghdl import TESTBENCH, analyse, to_verilog
from narrowcast.tools.process import require, run

HARNESS = TESTBENCH.with_name("engine_main.cpp")

ProgressCallback = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Simulation:
    """What a simulation found.

    Attributes:
        windows: simulated. mismatches: windows whose results differ from the integer model's.
        cycles: of an inference, all alike.
        first_difference: tensor, position and both values of the first difference, or None.
    """

    windows: int
    mismatches: int
    cycles: int
    first_difference: str | None


def simulate_ghdl(
    rtl: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    work: Path,
    progress: ProgressCallback | None = None,
) -> Simulation:
    """Run words of windows [w, input_words] through GHDL, the first two again with random stalls.

    Raises:
        ToolError: GHDL failed, or the cycles differ from window to window.
    """
    analyse(rtl, work, TESTBENCH)
    _write_inputs(work, inputs)
    smooth, cycles = _run_ghdl(work, model, stalls=False)
    if progress is not None:
        progress(1, 2, "GHDL")
    few = min(len(inputs), 2)  # enough for a stall between two windows
    _write_inputs(work, inputs[:few])
    stalled, _ = _run_ghdl(work, model, stalls=True)
    if progress is not None:
        progress(2, 2, "GHDL with stalls")
    wrong = _differing(smooth, expected)
    wrong[:few] |= _differing(stalled, expected[:few])
    return _finding(rtl, model, inputs, expected, smooth, wrong, cycles, work)


def simulate_verilator(
    rtl: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    work: Path,
    progress: ProgressCallback | None = None,
) -> Simulation:
    """Run the words of windows [w, input_words] through Verilator, on Verilog made by GHDL.

    Raises:
        ToolError: a tool failed, or the cycles differ from window to window.
    """
    verilog = to_verilog(rtl, work)
    run(
        [
            require("verilator"),
            *("--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
            *("-Wno-COMBDLY", "-Wno-UNSIGNED", "--noassert"),
            *("-MAKEFLAGS", "OPT_FAST=-O1"),  # what runs once only is not worth optimising
            *(
                "-j",
                str(os.cpu_count() or 1),
                "--top-module",
                "engine",
                "--language",
                "1364-2005",
                "--Mdir",
                "verilated",
            ),
            *(verilog.name, HARNESS.resolve()),
        ],
        work,
    )
    _write_inputs(work, inputs)

    def on_line(line: str) -> None:
        if progress is not None and line.startswith("done "):
            progress(int(line.split()[1]), len(inputs), "Verilator")

    bits = max(tensor.bits for tensor in model.output_tensors)
    run(
        [
            (work / "verilated" / "Vengine").resolve(),
            *("inputs.txt", "verilator.txt"),
            *map(str, (model.input_words, model.output_words, bits)),
        ],
        work,
        on_line,
    )
    table = np.loadtxt(work / "verilator.txt", dtype=np.int64, ndmin=2)
    results, cycles = table[:, :-1], table[:, -1]
    wrong = _differing(results, expected)
    return _finding(rtl, model, inputs, expected, results, wrong, cycles, work)


def trace_ghdl(rtl: Path, model: IntegerModel, inputs: Array, expected: Array, work: Path) -> Path:
    """Run words [w, input_words] through GHDL with all signals traced; return the VCD file.

    Raises:
        ToolError: GHDL failed, or a result is not the expected one.
    """
    analyse(rtl, work, TESTBENCH)
    _write_inputs(work, inputs)
    results, _ = _run_ghdl(work, model, stalls=False, vcd="activity.vcd.gz")
    if _differing(results, expected).any():
        raise ToolError("the traced windows differ from the integer model")
    return work / "activity.vcd.gz"


def _write_inputs(work: Path, inputs: Array) -> None:
    (work / "inputs.txt").write_text("\n".join(map(str, inputs.ravel().tolist())) + "\n")


def _run_ghdl(
    work: Path, model: IntegerModel, *, stalls: bool, trace: str = "", vcd: str = ""
) -> tuple[Array, Array]:
    """Return results [windows, outputs] and cycles [windows]."""
    run(
        [
            *(require("ghdl"), "-r", "--std=08", "engine_tb", "-gINPUT_FILE=inputs.txt"),
            *("-gOUTPUT_FILE=ghdl.txt", f"-gSTALLS={str(stalls).lower()}"),
            *([f"-gTRACE_FILE={trace}"] if trace else []),
            *("--ieee-asserts=disable", "--max-stack-alloc=0"),
            *([f"--vcdgz={vcd}"] if vcd else []),
        ],
        work,
    )
    lines = (work / "ghdl.txt").read_text().split("\n")
    words = [int(line) for line in lines if line and not line.startswith("cycles")]
    cycles = [int(line.split()[1]) for line in lines if line.startswith("cycles")]
    return np.array(words, np.int64).reshape(-1, model.output_words), np.array(cycles, np.int64)


def _differing(results: Array, expected: Array) -> Array:
    """Return a truth value for each window."""
    if results.shape != expected.shape:
        raise ToolError(
            f"the simulation gave {len(results)} results of {results.shape[-1]} outputs,"
            f" not {len(expected)} of {expected.shape[-1]}"
        )
    return np.asarray((results != expected).any(axis=1))


def _finding(
    rtl: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    results: Array,
    wrong: Array,
    cycles: Array,
    work: Path,
) -> Simulation:
    if len(set(cycles.tolist())) != 1:
        raise ToolError(f"inferences took from {cycles.min()} to {cycles.max()} cycles, not alike")
    first = None
    if wrong.any():
        window = int(np.argmax(wrong))
        where = first_difference(rtl, model, inputs[window], work / "trace")
        first = (
            f"window {window}: expected {expected[window].tolist()}, "
            f"got {results[window].tolist()}; {where}"
        )
    return Simulation(len(inputs), int(wrong.sum()), int(cycles[0]), first)


def expected_trace(
    rtl: Path, model: IntegerModel, window: Array
) -> list[tuple[str, tuple[int, int], int]]:
    """Return every number that the engine stores for a window [input_words], in its order.

    Each as (tensor, (row, column), integer); the order is the compiler's, beside the sources.
    """
    graph = engine_graph(analyse_graph(model)).model
    tensors: dict[str, Array] = {}
    execute(graph, graph.unpack_inputs(window[None]), tensors.__setitem__)
    order = json.loads((rtl / TRACE_ORDER).read_text())
    return [
        (name, (row, column), int(tensors[name][0, row, column])) for name, row, column in order
    ]


def first_difference(rtl: Path, model: IntegerModel, window: Array, work: Path) -> str:
    """Simulate one window in GHDL with all tensors dumped, and say where it first differs.

    Both dumps are left in ``work``: ``trace.txt`` of the engine, ``expected.json`` of the model.
    """
    analyse(rtl, work, TESTBENCH)
    _write_inputs(work, window)
    _run_ghdl(work, model, stalls=False, trace="trace.txt")
    expected = expected_trace(rtl, model, window)
    (work / "expected.json").write_text(json.dumps(expected))
    dumped = [int(line) for line in (work / "trace.txt").read_text().split()]
    for (name, position, value), found in zip(expected, dumped, strict=False):
        if value != found:
            return f"first in tensor {name} at {position}: expected {value}, got {found}"
    if len(dumped) != len(expected):
        return f"the engine stored {len(dumped)} numbers, not {len(expected)}"
    return "all stored tensors agree in GHDL"
