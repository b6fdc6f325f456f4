"""Simulates the VHDL, in GHDL and in Verilator, and compares it with the integer model."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from narrowcast.compile import TRACE_ORDER
from narrowcast.compile.program import engine_graph
from narrowcast.errors import ToolError
from narrowcast.files import copy
from narrowcast.integer.analysis import analyse as analyse_graph
from narrowcast.integer.execute import Flags, execute
from narrowcast.integer.loaded_weights import LoadedWeights
from narrowcast.integer.model import Array, IntegerModel, Scores
from narrowcast.tools.ghdl import TESTBENCH, analyse, to_verilog
from narrowcast.tools.process import LONG_MINUTES, ProgressCallback, reading, require, run
from narrowcast.tools.state_script import StateScript

HARNESS = TESTBENCH.with_name("engine_main.cpp")
# Up to so many stored numbers in all windows, a simulation without optimisation takes less time
# than optimising does.
_UNOPTIMISED = 200_000
_STATES = "states.txt"  # what an engine gives out of its states
# Kinds of what a host sends; an input is 0, or 1 with a restart.
_KEEP, _RESET, _BYTE, _LAST_BYTE, _WEIGHT, _WEIGHTS_COME = 2, 4, 5, 6, 7, 8
_PATIENCE = 50_000_000  # clock cycles
FROM_GHDL = ("--language", "1364-2005")  # options for the Verilog that GHDL writes


@dataclass(frozen=True)
class Simulation:
    """Results of a simulation.

    Attributes:
        windows: Number of simulated windows.
        mismatches: Number of windows whose results, or what is given out of the states, differ from
            the integer model's.
        cycles: Clock cycles of each inference.
        first_difference: Tensor, position and both values of the first difference; None if there
            is none.
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
    restart: Flags | None = None,
    script: StateScript | None = None,
) -> Simulation:
    """Simulate input words [windows, input_words] in GHDL; the first few also with random stalls.

    With a script, all of them are simulated with stalls as well.

    Args:
        rtl: Folder of the engine's sources.
        model: The integer model.
        inputs: Input words; of a model with states, those of consecutive inferences.
        expected: What the executor makes of them, with the same restarts.
        work: Folder for what is made on the way.
        progress: Called as the simulation goes on.
        restart: Which inferences follow a restart, as for ``execute``.
        script: What a host does with the states, if the engine gives access to them. What comes
            back has to be as ``script`` has it; a window whose row or verdicts differ is wrong.

    Raises:
        ToolError: GHDL failed, or the number of cycles differs between windows.
    """
    analyse(rtl, work, TESTBENCH)
    weights = LoadedWeights.read(rtl)
    _write_inputs(work, inputs, weights, restart, script)
    smooth, cycles = _run_ghdl(work, model, stalls=False)
    wrong = _differing("GHDL", smooth, expected) | _wrong_answers(work, len(inputs), script)
    if progress is not None:
        progress(1, 2, "simulations in GHDL")
    few = len(inputs)
    if script is None:  # enough for a stall between two windows, and for full states
        few = min(few, model.kept_rows + 2)
    _write_inputs(work, inputs[:few], weights, restart, script)
    stalled, _ = _run_ghdl(work, model, stalls=True)
    if progress is not None:
        progress(2, 2, "simulations in GHDL, with stalls")
    wrong[:few] |= _differing("GHDL", stalled, expected[:few]) | _wrong_answers(work, few, script)
    return _finding(rtl, model, inputs, expected, smooth, wrong, cycles, work, restart, script)


def simulate_verilator(
    rtl: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    work: Path,
    progress: ProgressCallback | None = None,
    restart: Flags | None = None,
    script: StateScript | None = None,
) -> Simulation:
    """Simulate input words [windows, input_words] in Verilator, with Verilog from GHDL.

    The arguments are those of :func:`simulate_ghdl`. With a script, the simulation is repeated with
    random stalls.

    Raises:
        ToolError: A tool failed, or the number of cycles differs between windows.
    """
    short = len(inputs) * len(_trace_order(rtl)) <= _UNOPTIMISED
    program = verilate(work, to_verilog(rtl, work), HARNESS, "-O0" if short else "-O1")
    weights = LoadedWeights.read(rtl)
    ends = (program, work, model, inputs, expected, weights, restart, script)
    results, cycles, wrong = run_engine(*ends, progress=progress)
    if script is not None:
        wrong |= run_engine(*ends, stalls=True, progress=progress)[-1]
    return _finding(rtl, model, inputs, expected, results, wrong, cycles, work, restart, script)


def verilate(
    work: Path, verilog: Path, harness: Path, fast: str, options: Sequence[str] = FROM_GHDL
) -> Path:
    """Make a program of a design in Verilog and a harness in C++, with Verilator.

    Args:
        work: Folder for what is made on the way.
        verilog: The design, in ``work``, named as its top module is.
        harness: Source of the main function.
        fast: Optimisation by the C++ compiler, such as ``-O1``.
        options: Further options of Verilator, and further files; by default, those for Verilog
            that GHDL has written.

    Returns:
        The program.

    Raises:
        ToolError: Verilator or the compiler failed.
    """
    copy(harness, work / harness.name)
    run(
        [
            require("verilator"),
            *("--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
            *("-Wno-COMBDLY", "-Wno-UNSIGNED", "--noassert"),
            # Verilator's own library is not worth optimising. The rest is compiled at once: with a
            # file at a time, the same headers would be read ten times.
            *("-MAKEFLAGS", f"OPT_FAST={fast} OPT_GLOBAL=-O0 VM_PARALLEL_BUILDS=0"),
            *("-j", str(os.cpu_count() or 1), "--top-module", verilog.stem),
            *("--Mdir", "verilated", *options, verilog.name, harness.name),
        ],
        work,
    )
    return work / "verilated" / f"V{verilog.stem}"


def run_engine(
    program: Path,
    work: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    weights: LoadedWeights | None,
    restart: Flags | None,
    script: StateScript | None,
    *,
    stalls: bool = False,
    patience: int = _PATIENCE,
    progress: ProgressCallback | None = None,
) -> tuple[Array, Array, Array]:
    """Run input words [windows, input_words] through a verilated ``engine``.

    Args:
        program: What ``verilate`` made with ``HARNESS``.
        work: Folder for what is made on the way.
        model: The integer model.
        inputs: Input words; of a model with states, those of consecutive inferences.
        expected: What the executor makes of them, with the same restarts.
        weights: Weights that the host loads before; None if they are part of the design.
        restart: Which inferences follow a restart, as for ``execute``.
        script: What a host does with the states.
        stalls: Whether all streams are held up at random.
        patience: Clock cycles without a transfer after which the simulation fails.
        progress: Called as the simulation goes on.

    Returns:
        Output words [windows, output_words], clock cycles [windows], and whether the words or what
        is given out of the states differ from what is expected [windows].

    Raises:
        ToolError: The engine does not answer, or what it wrote is not whole.
    """
    _write_inputs(work, inputs, weights, restart, script)

    def on_line(line: str) -> None:
        if progress is not None and (done := re.fullmatch(r"done (\d{1,9})", line)):
            progress(int(done[1]), len(inputs), "windows in Verilator")

    bits = max(tensor.bits for tensor in model.output_tensors)
    run(
        [
            program.resolve(),
            *("inputs.txt", "verilator.txt", _STATES),
            *map(str, (model.input_words, model.output_words, bits, int(stalls), patience)),
        ],
        work,
        on_line,
        name="the simulation in Verilator",
        minutes=LONG_MINUTES,
    )
    results, cycles = read_verilator(work / "verilator.txt", model.output_words)
    wrong = _differing("Verilator", results, expected)
    return results, cycles, wrong | _wrong_answers(work, len(inputs), script)


def trace_ghdl(
    rtl: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    work: Path,
    restart: Flags | None = None,
) -> Path:
    """Simulate input words [windows, input_words] in GHDL, trace all signals, return the VCD file.

    Raises:
        ToolError: GHDL failed, or a result differs from the expected one.
    """
    analyse(rtl, work, TESTBENCH)
    _write_inputs(work, inputs, LoadedWeights.read(rtl), restart)
    results, _ = _run_ghdl(work, model, stalls=False, vcd="activity.vcd.gz")
    if _differing("GHDL", results, expected).any():
        raise ToolError("the traced windows differ from the integer model")
    return work / "activity.vcd.gz"


def _write_inputs(
    work: Path,
    inputs: Array,
    weights: LoadedWeights | None,
    restart: Flags | None,
    script: StateScript | None = None,
) -> None:
    """Write what a host sends, a number and its kind a line, as the test benches read it."""
    lines = []
    if weights is not None:
        lines = [(0, _WEIGHTS_COME), *((byte, _WEIGHT) for byte in weights.content + weights.check)]
    for window, words in enumerate(inputs.tolist()):
        kind = int(restart is not None and restart[window])
        if script is not None:
            turn = script.turns[window]
            kind += _KEEP * turn.keep
            for action in turn.before:
                lines += [(0, _RESET)] if action is None else [(byte, _BYTE) for byte in action]
                if action is not None:
                    lines[-1] = action[-1], _LAST_BYTE
        lines += [(words[0], kind), *((word, 0) for word in words[1:])]
    text = "".join(f"{number} {kind}\n" for number, kind in lines)
    (work / "inputs.txt").write_text(text)


def _wrong_answers(work: Path, windows: int, script: StateScript | None) -> Array:
    """Return for each window whether verdicts on states, or its row, differ from the script."""
    wrong = np.zeros(windows, bool)
    if script is None:
        return np.asarray(wrong)
    with reading("the simulation", "states"):
        lines = _whole_lines(work / _STATES) if (work / _STATES).stat().st_size else []
    at = 0
    for window, turn in enumerate(script.turns[:windows]):
        found = [line.strip() for line in lines[at : at + len(turn.answers)]]
        wrong[window] = found != list(turn.answers)
        at += len(turn.answers)
    wrong[-1] |= len(lines) > at
    return np.asarray(wrong)


def _run_ghdl(
    work: Path, model: IntegerModel, *, stalls: bool, trace: str = "", vcd: str = ""
) -> tuple[Array, Array]:
    """Return results [windows, outputs] and cycles [windows]."""
    path = work / "ghdl.txt"
    path.unlink(missing_ok=True)  # of an earlier run
    run(
        [
            *(require("ghdl"), "-r", "--std=08", "engine_tb", "-gINPUT_FILE=inputs.txt"),
            *(f"-gOUTPUT_FILE={path.name}", f"-gSTATE_FILE={_STATES}"),
            f"-gSTALLS={str(stalls).lower()}",
            *([f"-gTRACE_FILE={trace}"] if trace else []),
            *("--ieee-asserts=disable", "--max-stack-alloc=0"),
            *([f"--vcdgz={vcd}"] if vcd else []),
        ],
        work,
    )
    return read_ghdl(path, model.output_words)


def read_ghdl(path: Path, outputs: int) -> tuple[Array, Array]:
    """Return results [windows, outputs] and cycles [windows] of the testbench's file.

    Raises:
        ToolError: The file is missing or not whole.
    """
    with reading("GHDL", "results"):
        lines = _whole_lines(path)
        cycles = [line.removeprefix("cycles ") for line in lines[outputs :: outputs + 1]]
        words = [line for i, line in enumerate(lines) if i % (outputs + 1) < outputs]
        results = np.array(list(map(int, words)), np.int64).reshape(-1, outputs)
        return _matched(results, np.array(list(map(int, cycles)), np.int64))


def read_verilator(path: Path, outputs: int) -> tuple[Array, Array]:
    """Return results [windows, outputs] and cycles [windows] of ``engine_main``'s file.

    Raises:
        ToolError: The file is missing or not whole.
    """
    with reading("Verilator", "results"):
        rows = [list(map(int, line.split())) for line in _whole_lines(path)]
        table = np.array(rows, np.int64).reshape(-1, outputs + 1)
        return _matched(table[:, :-1], table[:, -1])


def _whole_lines(path: Path) -> list[str]:
    text = path.read_text(encoding="ascii")
    if not text.endswith("\n"):
        raise ValueError("the end is missing")
    return text.splitlines()


def _matched(results: Array, cycles: Array) -> tuple[Array, Array]:
    if len(results) != len(cycles):
        raise ValueError(f"{len(results)} windows, but cycles of {len(cycles)}")
    if (cycles < 1).any():
        raise ValueError("a window without cycles")
    return results, cycles


def _differing(tool: str, results: Array, expected: Array) -> Array:
    """Return for each window whether its results differ."""
    if results.shape != expected.shape:
        raise ToolError(
            f"{tool} gave {len(results)} results of {results.shape[-1]} outputs,"
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
    restart: Flags | None,
    script: StateScript | None,
) -> Simulation:
    if len(set(cycles.tolist())) != 1:
        raise ToolError(f"inferences took from {cycles.min()} to {cycles.max()} cycles, not alike")
    first = None
    if wrong.any():
        window = int(np.argmax(wrong))
        first_one = 0 if model.states else window  # what it rests on
        some = slice(first_one, window + 1)
        flags = None if restart is None else restart[some]
        where = "after states were put back"
        if script is None:
            where = first_difference(rtl, model, inputs[some], work / "trace", flags)
        first = (
            f"window {window}: expected {expected[window].tolist()}, "
            f"got {results[window].tolist()}; {where}"
        )
    return Simulation(len(inputs), int(wrong.sum()), int(cycles[0]), first)


def _trace_order(rtl: Path) -> list[tuple[str, int, int]]:
    """Return tensor, row and column of each number that the engine stores in an inference."""
    order: list[tuple[str, int, int]] = json.loads((rtl / TRACE_ORDER).read_text())
    return order


def expected_trace(
    rtl: Path, model: IntegerModel, inputs: Array, restart: Flags | None = None
) -> list[tuple[str, tuple[int, int], int]]:
    """Return all numbers that the engine stores for inputs [windows, input_words], in order.

    Each entry is (tensor, (row, column), integer). The order is the compiler's, from the file next
    to the sources. There, exponentials of keys that are kept come in the order of their ring.
    """
    graph = engine_graph(analyse_graph(model)).model
    parts: dict[str, list[Array]] = {step.output: [] for step in graph.operations}

    def observe(name: str, integers: Array) -> None:
        parts[name].append(integers)

    execute(graph, graph.unpack_inputs(inputs), observe, restart)
    tensors = {name: np.concatenate(batches) for name, batches in parts.items()}
    order = _trace_order(rtl)
    rows = max(1, graph.kept_rows)
    rings = {
        step.output
        for step in graph.operations
        if isinstance(step, Scores) and graph.tensors[step.key].state
    }
    trace, newest = [], -1
    for window in range(len(inputs)):
        newest = 0 if restart is not None and restart[window] else (newest + 1) % rows
        for name, row, stored in order:
            column = (stored - newest - 1) % rows if name in rings else stored
            value = int(tensors[name][window, row, column])
            if stored == graph.tensors[name].columns:  # one more, so that both ways have as many
                value = graph.tensors[name].zero_point
            trace.append((name, (row, column), value))
    return trace


def first_difference(
    rtl: Path, model: IntegerModel, inputs: Array, work: Path, restart: Flags | None = None
) -> str:
    """Simulate inputs [windows, input_words] in GHDL, dump all tensors, return what differs first.

    ``work`` then has both dumps: ``trace.txt`` of the engine and ``expected.json`` of the model.
    """
    analyse(rtl, work, TESTBENCH)
    _write_inputs(work, inputs, LoadedWeights.read(rtl), restart)
    _run_ghdl(work, model, stalls=False, trace="trace.txt")
    expected = expected_trace(rtl, model, inputs, restart)
    (work / "expected.json").write_text(json.dumps(expected))
    with reading("GHDL", "trace"):
        dumped = list(map(int, _whole_lines(work / "trace.txt")))
    for (name, position, value), stored in zip(expected, dumped, strict=False):
        if value != stored:
            return f"first in tensor {name} at {position}: expected {value}, got {stored}"
    if len(dumped) != len(expected):
        return f"the engine stored {len(dumped)} numbers, not {len(expected)}"
    return "all stored tensors agree in GHDL"
