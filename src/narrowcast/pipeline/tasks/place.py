"""Place and route for a board, and the bitstream."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from narrowcast.config import Config
from narrowcast.files import write_whole
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.outputs import BOARD, PLACEMENT, RTL
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress
from narrowcast.tools.nextpnr import Placement


def stage(
    config: Config, out: Path, options: Options, precondition: Callable[[], None]
) -> Stage[Placement]:
    """Return the stage that places and routes."""

    def run(work: Path, progress: Progress) -> Placement:
        from narrowcast.targets.device import load_device
        from narrowcast.tools.nextpnr import place
        from narrowcast.tools.scratch import scratch_folder
        from narrowcast.tools.yosys import find_yosys

        device, yosys = load_device(config.hardware.device), find_yosys(options.yosys)
        with scratch_folder() as scratch:
            placement = place(
                out / RTL, device, scratch, yosys, progress.advanced, config.hardware.interface
            )
            bitstream = Path(BOARD) / placement.bitstream.name
            write_whole(work / bitstream, placement.bitstream.read_bytes())
        return replace(placement, bitstream=bitstream)

    return Stage(
        name="place",
        run=run,
        record=PLACEMENT,
        kind=Placement,
        outputs=(BOARD,),
        needs=(RTL,),
        settings=config.model_dump(mode="json", include={"hardware": {"device", "interface"}}),
        options={
            "yosys": None if options.yosys is None else str(options.yosys),
            "code": code_digest(__name__),
        },
        precondition=precondition,
    )
