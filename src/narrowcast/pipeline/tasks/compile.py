"""Compilation of the integer model to VHDL."""

from pathlib import Path

import numpy as np

from narrowcast.compile.summary import CompileResults, summarise
from narrowcast.config import Config
from narrowcast.errors import boundary
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.outputs import (
    INTEGER_MODEL,
    PREDICTIONS,
    PROGRAM,
    RTL,
    VECTORS,
    read_predictions,
)
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress


def stage(config: Config, out: Path) -> Stage[CompileResults]:
    """Return the stage that compiles the integer model."""

    def run(work: Path, progress: Progress) -> CompileResults:  # noqa: ARG001
        from narrowcast.compile import HardwareOptions, compile_model
        from narrowcast.estimate.area import area_model
        from narrowcast.integer import load_model, model_sha256
        from narrowcast.targets.device import load_device
        from narrowcast.vectors import write_vectors

        model, hardware = load_model(out), config.hardware
        options = HardwareOptions(**hardware.choices())
        design = compile_model(model, load_device(hardware.device), area_model("yosys"), options)
        design.write_rtl(work / RTL, model_sha256(out))
        arrays = read_predictions(out)
        with boundary(str(out / PREDICTIONS), "run 'narrowcast quantize' again"):
            inputs, results = (arrays[name].astype(np.int64) for name in ("inputs", "results"))
            restart = arrays["restart"] if model.states else None
            write_vectors(work / VECTORS, model, inputs, results, restart)
        return summarise(design, hardware.interface)

    settings = config.model_dump(mode="json", include={"hardware"})
    del settings["hardware"]["clock_mhz"]
    return Stage(
        name="compile",
        run=run,
        record=PROGRAM,
        kind=CompileResults,
        outputs=(RTL, VECTORS),
        needs=(*INTEGER_MODEL, PREDICTIONS),
        settings=settings,
        options={"code": code_digest(__name__)},
    )
