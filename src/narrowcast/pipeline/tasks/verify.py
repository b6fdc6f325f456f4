"""Verification: simulates the VHDL and compares it with the integer model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config
from narrowcast.errors import ToolError, UserError
from narrowcast.integer.execute import Flags
from narrowcast.integer.loaded_weights import WEIGHTS
from narrowcast.integer.model import Array, IntegerModel
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.outputs import INTEGER_MODEL, PROGRAM, RTL, VECTORS, VERIFICATION
from narrowcast.pipeline.stages import Stage, read_state
from narrowcast.progress import Progress
from narrowcast.records import read_record
from narrowcast.tools.verification import Checked, Cycles, MeasuredRates, VerifyResults

NAME = "verify"
_TRACED = 2  # windows, the first and the last of the test part; more give the same toggle rates


def stage(
    config: Config, out: Path, precondition: Callable[[], None], *, activity: bool
) -> Stage[VerifyResults]:
    """Return the stage that simulates and, with ``activity``, measures toggle rates."""
    known = read_state(out, NAME)  # once requested, toggle rates are always measured
    activity = activity or (known is not None and known.options.get("activity") is True)

    def run(work: Path, progress: Progress) -> VerifyResults:  # noqa: ARG001
        from narrowcast.tools.scratch import scratch_folder

        with scratch_folder() as scratch:
            return _verify(config, out, scratch, progress, activity=activity)

    return Stage(
        name=NAME,
        run=run,
        record=VERIFICATION,
        kind=VerifyResults,
        needs=(*INTEGER_MODEL, RTL, VECTORS, PROGRAM),
        settings=config.model_dump(mode="json", include={"verify"}),
        options={"activity": activity, "code": code_digest(__name__)},
        precondition=precondition,
    )


def _verify(
    config: Config, out: Path, work: Path, progress: Progress, *, activity: bool
) -> VerifyResults:
    from narrowcast.integer import load_model
    from narrowcast.tools.simulate import simulate_ghdl, simulate_verilator
    from narrowcast.tools.state_script import host_of_a_build
    from narrowcast.vectors import read_vectors

    if activity and (out / RTL / WEIGHTS).exists():
        raise UserError(
            "--activity: a host loads the weights of this design, and the toggle rates would be "
            "those of loading: leave it out"
        )
    model = load_model(out)
    inputs, expected, restart = read_vectors(out / VECTORS, model)
    program = read_record(out / PROGRAM, CompileResults)
    predicted = program.cycles
    script = host_of_a_build(model, inputs, restart, state_access=program.state_access)
    few = slice(config.verify.ghdl_windows + model.kept_rows)
    checked: dict[str, Checked] = {}
    for tool, simulate, windows in (
        ("ghdl", simulate_ghdl, few),
        ("verilator", simulate_verilator, slice(None)),
    ):
        simulation = simulate(
            *(out / RTL, model, inputs[windows], expected[windows], work / tool),
            progress.advanced,
            None if restart is None else restart[windows],
            script,
        )
        if simulation.mismatches:
            raise ToolError(
                f"{tool}: {simulation.mismatches} of {simulation.windows} windows differ from the "
                f"integer model\n{simulation.first_difference or ''}".rstrip()
            )
        if simulation.cycles != predicted:
            raise ToolError(
                f"{tool}: a window took {simulation.cycles} cycles, but {predicted} were predicted"
            )
        checked[tool] = Checked(simulation.windows, simulation.mismatches)
        cycles = Cycles(predicted, simulation.cycles)
    return VerifyResults(
        verilator=checked["verilator"],
        ghdl=checked["ghdl"],
        cycles=cycles,
        activity=_trace(out, model, inputs, expected, restart, work) if activity else None,
    )


def _trace(
    out: Path,
    model: IntegerModel,
    inputs: Array,
    expected: Array,
    restart: Flags | None,
    work: Path,
) -> MeasuredRates:
    """Measure toggle rates in a few windows, or from the first reading of a stream to full states.

    The rates of a stream are therefore a little lower than with full states.
    """
    from narrowcast.tools import ghdl
    from narrowcast.tools.process import reading
    from narrowcast.tools.simulate import trace_ghdl
    from narrowcast.tools.vcd import read_activity

    if restart is None:
        traced = np.linspace(0, len(inputs) - 1, min(_TRACED, len(inputs))).astype(int)
    else:
        traced = np.arange(min(model.kept_rows + _TRACED, len(inputs)))
    begins = None if restart is None else restart[traced]
    path = trace_ghdl(out / RTL, model, inputs[traced], expected[traced], work / "trace", begins)
    with reading("GHDL", "trace of the signals"):
        rates = read_activity(path)
    return MeasuredRates(ghdl.version(work), len(traced), rates)
