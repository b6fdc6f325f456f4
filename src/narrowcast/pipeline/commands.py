"""The public commands. Each runs its stage, unless that is up to date, and returns the results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config
from narrowcast.errors import UserError
from narrowcast.files import locked
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.plan import Plan, plan
from narrowcast.pipeline.stages import (
    Results,
    Stage,
    check_ready,
    is_done,
    refuse_foreign,
    remove_unfinished,
    run_stage,
)
from narrowcast.report.schema import Report
from narrowcast.targets.device import load_device
from narrowcast.tools.nextpnr import Placement, board_of
from narrowcast.tools.verification import VerifyResults
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import QuantizeResults, TrainResults

_DEFAULT = Options()


def train(config: Config, out: Path | str, options: Options = _DEFAULT) -> TrainResults:
    """Train the float model; writes ``float.safetensors`` and ``training.json``.

    Raises:
        UserError: The readings cannot be used for training, the model cannot fit the device, or a
            package is missing.
    """
    with _planned(config, out, options) as planned:
        return _run(planned, planned.train, out, options)


def quantize(config: Config, out: Path | str, options: Options = _DEFAULT) -> QuantizeResults:
    """Fine-tune with fake quantisation; writes ``integer_model.*`` and the test forecasts.

    Raises:
        UserError: As :func:`train`, or the float model does not exist yet.
    """
    with _planned(config, out, options) as planned:
        return _run(planned, planned.quantize, out, options)


def compile(config: Config, out: Path | str, options: Options = _DEFAULT) -> CompileResults:
    """Compile the integer model to VHDL; writes ``rtl/``, ``vectors/`` and ``program.json``.

    Raises:
        UserError: The model does not fit the device, or does not exist yet.
    """
    with _planned(config, out, options) as planned:
        return _run(planned, planned.compile, out, options)


def verify(config: Config, out: Path | str, options: Options = _DEFAULT) -> VerifyResults:
    """Simulate the VHDL on the test windows; writes ``verification.json``.

    With ``options.activity`` the results include toggle rates.

    Raises:
        UserError: The VHDL does not exist yet.
        ToolError: A result or the number of cycles differs from the prediction.
    """
    with _planned(config, out, options) as planned:
        return _run(planned, planned.verify, out, options)


def synth(config: Config, out: Path | str, options: Options = _DEFAULT) -> Synthesis:
    """Synthesise the VHDL; writes ``synthesis.json``.

    Raises:
        UserError: The design does not fit the device (the results are written nevertheless).
        ToolError: A tool failed.
    """
    with _planned(config, out, options) as planned:
        results = _run(planned, planned.synth, out, options)
    _check_fit(results)
    return results


def place(config: Config, out: Path | str, options: Options = _DEFAULT) -> Placement:
    """Place and route the engine on a board; writes ``place_and_route.json`` and ``board/``.

    Raises:
        UserError: There is no open place and route for the device, its board has no pins for the
            interface, or the routed design is slower than the board's clock (the results are
            written nevertheless).
        ToolError: The design cannot be placed, or a tool failed.
    """
    board_of(load_device(config.hardware.device), config.hardware.interface)
    with _planned(config, out, replace(options, place="nextpnr")) as planned:
        assert planned.place is not None  # as the device has a board
        results = _run(planned, planned.place, out, options)
    _check_clock(results)
    return results


def report(config: Config, out: Path | str, options: Options = _DEFAULT) -> Report:
    """Collect the results of all stages; writes ``report.json`` and ``report.html``.

    Raises:
        UserError: The outputs of a stage are missing or outdated.
    """
    with _planned(config, out, options) as planned:
        return _run(planned, planned.report, out, options)


def build(config: Config, out: Path | str, options: Options = _DEFAULT) -> Report:
    """Run all stages and return the report.

    A design that does not fit the device is not placed.

    Raises:
        UserError: As in each stage. All preconditions are checked before training.
        ToolError: As in :func:`verify`, or a tool failed.
    """
    with _planned(config, out, options) as planned:
        device = load_device(config.hardware.device)
        warning = device.clock_warning(device.clock(config.hardware.clock_mhz))
        if warning is not None:
            options.progress.warned("build", warning)
        done = not options.force
        for stage in planned.stages:
            done = done and is_done(Path(out), stage)  # all after an unfinished one run, too
            if not done:
                stage.precondition()
        refuse_foreign(Path(out), planned.stages)
        _run(planned, planned.train, out, options)
        _run(planned, planned.quantize, out, options)
        _run(planned, planned.compile, out, options)
        _run(planned, planned.verify, out, options)
        synthesis = _run(planned, planned.synth, out, options)
        placement = None
        if not synthesis.fits:
            options = replace(options, place="none")
        elif planned.place is not None:
            placement = _run(planned, planned.place, out, options)
        again = plan(config, Path(out), options)  # which has the durations of the stages
        result = _run(again, again.report, out, options)
    _check_fit(synthesis)
    if placement is not None:
        _check_clock(placement)
    return result


@contextmanager
def _planned(config: Config, out: Path | str, options: Options) -> Iterator[Plan]:
    """Hold the output folder, and yield the stages of a run in it."""
    with locked(Path(out)):
        remove_unfinished(Path(out))
        yield plan(config, Path(out), options)


def _run(planned: Plan, stage: Stage[Results], out: Path | str, options: Options) -> Results:
    stages = planned.stages
    check_ready(Path(out), stage, stages[: stages.index(stage)])
    return run_stage(Path(out), stage, options.progress, force=options.force)


def _check_fit(synthesis: Synthesis) -> None:
    used = synthesis.used
    over = [
        f"{used[key]:g} {key.upper()} of {budget:g}, {used[key] - budget:g} too many"
        for key, budget in synthesis.budget.items()
        if used[key] > budget
    ]
    if over:
        raise UserError(
            f"the design does not fit {synthesis.device}: it takes {'; '.join(over)}: "
            "choose fewer hardware.lanes, channels or bits, another hardware.storage, or a larger "
            "hardware.device"
        )


def _check_clock(placement: Placement) -> None:
    if placement.fmax_mhz < placement.clock_mhz:
        raise UserError(
            f"the routed design reaches {placement.fmax_mhz:g} MHz, but the clock of the "
            f"{placement.board} is {placement.clock_mhz:g} MHz: the bitstream will not work; "
            "choose fewer hardware.lanes, or a smaller model"
        )
