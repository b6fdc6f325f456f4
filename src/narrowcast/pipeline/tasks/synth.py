"""Synthesis, and the project for Vivado."""

from collections.abc import Callable
from pathlib import Path

from narrowcast.config import Config
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.outputs import RTL, SYNTHESIS, VIVADO
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress
from narrowcast.targets.device import load_device
from narrowcast.tools.yosys import Synthesis


def stage(
    config: Config, out: Path, options: Options, precondition: Callable[[], None]
) -> Stage[Synthesis]:
    """Return the stage that synthesises the VHDL and writes a project for Vivado."""
    device = load_device(config.hardware.device)
    clock = device.clock(config.hardware.clock_mhz)

    def run(work: Path, progress: Progress) -> Synthesis:  # noqa: ARG001
        from narrowcast.tools.scratch import scratch_folder
        from narrowcast.tools.vivado import synthesise_vivado, write_vivado_project
        from narrowcast.tools.yosys import find_yosys, synthesise_yosys

        synthesise = synthesise_vivado if options.synth == "vivado" else synthesise_yosys
        with scratch_folder() as scratch:
            results = synthesise(out / RTL, device, clock, scratch, find_yosys(options.yosys))
        write_vivado_project(work / VIVADO, device, clock)
        return results

    return Stage(
        name="synth",
        run=run,
        record=SYNTHESIS,
        kind=Synthesis,
        outputs=(VIVADO,),
        needs=(RTL,),
        settings={"hardware": {"device": device.name, "clock_mhz": clock}},
        options={
            "synth": options.synth,
            "yosys": None if options.yosys is None else str(options.yosys),
            "code": code_digest(__name__),
        },
        precondition=precondition,
    )
