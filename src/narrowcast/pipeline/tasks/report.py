"""The report on all stages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config, to_toml
from narrowcast.files import write_whole
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.outputs import (
    ACCURACY,
    BOARD,
    INTEGER_MODEL,
    PAGE,
    PLACEMENT,
    PREDICTIONS,
    PROGRAM,
    QUANTIZATION,
    REPORT,
    SYNTHESIS,
    TRAINING,
    VERIFICATION,
    read_predictions,
)
from narrowcast.pipeline.stages import Stage, read_state
from narrowcast.progress import Progress
from narrowcast.records import read_record
from narrowcast.report.schema import Report
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import VerifyResults
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import Quantization, QuantizeResults, TrainResults


def stage(config: Config, out: Path, earlier: Sequence[Stage[Any]]) -> Stage[Report]:
    """Return the stage that collects the results of the earlier ones."""
    placed = any(each.name == "place" for each in earlier)
    states = {each.name: read_state(out, each.name) for each in earlier}
    seconds = {name: state.seconds for name, state in states.items() if state is not None}

    def run(work: Path, progress: Progress) -> Report:  # noqa: ARG001
        from narrowcast.estimate import estimate_model
        from narrowcast.integer import load_model
        from narrowcast.report import build_report
        from narrowcast.report.html import render_html
        from narrowcast.targets.device import load_device

        hardware, model = config.hardware, load_model(out)
        device = load_device(hardware.device)
        source = config.data.path or Path()
        placement = read_record(out / PLACEMENT, Placement) if placed else None
        clock_mhz = placement.usable_mhz if placement else device.clock(hardware.clock_mhz)
        estimate = estimate_model(model, device, clock_mhz, **hardware.choices())
        found = build_report(
            configuration=to_toml(config, source.resolve().parent),
            model=model,
            training=read_record(out / TRAINING, TrainResults),
            accuracy=read_record(out / ACCURACY, QuantizeResults),
            quantization=read_record(out / QUANTIZATION, Quantization),
            program=read_record(out / PROGRAM, CompileResults),
            verification=read_record(out / VERIFICATION, VerifyResults),
            synthesis=read_record(out / SYNTHESIS, Synthesis),
            placement=placement,
            estimate=estimate,
            power=device.power,
            seconds=seconds,
        )
        write_whole(work / PAGE, render_html(found, read_predictions(out)))
        return found

    return Stage(
        name="report",
        run=run,
        record=REPORT,
        kind=Report,
        outputs=(PAGE,),
        needs=(
            *(TRAINING, ACCURACY, *INTEGER_MODEL, PREDICTIONS, QUANTIZATION),
            *(PROGRAM, VERIFICATION, SYNTHESIS),
            *([PLACEMENT, BOARD] if placed else []),
        ),
        settings=config.model_dump(mode="json", exclude={"data": {"path"}}),
        options={"seconds": seconds, "code": code_digest(__name__)},
    )
