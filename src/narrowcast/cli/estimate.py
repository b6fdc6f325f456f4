"""The commands that say what a model costs: ``estimate`` and ``characterise``."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from narrowcast.cli.options import ConfigFile, Data, DeviceName, Set, Yosys, with_device
from narrowcast.cli.output import one_line_errors
from narrowcast.errors import UserError


def estimate(
    *,
    config: ConfigFile,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    every: Annotated[
        float | None,
        typer.Option("--every", metavar="SECONDS", help="Forecast so often: the energy of a day."),
    ] = None,
    cell: Annotated[
        float | None,
        typer.Option("--cell", metavar="WH", help="Watt hours of a cell: how long it lasts."),
    ] = None,
    tool: Annotated[
        Literal["yosys", "vivado"],
        typer.Option("--tool", help="Whose count of LUT and FF to estimate."),
    ] = "yosys",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a configuration costs, without training or synthesis.

    Cycles, DSP and block memory are exact; LUT and FF are fitted to synthesised designs; power and
    energy are estimates. docs/estimate.md says how each comes about.
    """
    with one_line_errors():
        from narrowcast.config import load_config
        from narrowcast.estimate import estimate as find

        if cell is not None and every is None:
            raise UserError("--cell needs --every: how often is a forecast made?")
        for name, value in (("--every", every), ("--cell", cell)):
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"{name} must be above 0, not {value:g}")
        found = find(load_config(config, with_device(set_, device), data), tool)
        if every is not None and every < found.energy.seconds:
            raise UserError(
                f"--every {every:g}: a forecast takes {found.energy.seconds:.3g} s: it cannot be "
                "made so often"
            )
    if as_json:
        typer.echo(json.dumps(found.to_json(every, cell), indent=1))
        return
    for line in found.lines(every, cell):
        typer.echo(line)


def characterise(
    *,
    device: Annotated[
        str, typer.Option("--device", help="The device for which models are drawn.")
    ] = "xc7s15",
    tool: Annotated[
        Literal["yosys", "vivado"], typer.Option("--tool", help="The synthesis tool.")
    ] = "yosys",
    points: Annotated[int, typer.Option("--points", help="Synthesise so many models.")] = 24,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the points, not the package's own."),
    ] = None,
    yosys: Yosys = None,
) -> None:
    """Synthesise random models of a device, and fit the estimates to them.

    About half a minute for each with yosys; a run that is cut off goes on where it stopped.
    """
    with one_line_errors(), tempfile.TemporaryDirectory() as work:
        from narrowcast.estimate.area import POINTS
        from narrowcast.extras import require_extra
        from narrowcast.progress import choose_progress
        from narrowcast.targets.device import load_device
        from narrowcast.tools.characterisation import characterise as run

        chosen, progress = load_device(device), choose_progress()
        if tool == "yosys" and yosys is None:
            require_extra("synth", "characterising")
        progress.started("characterise")
        try:
            folder = POINTS if out is None else out
            found = run(chosen, folder, Path(work), points, progress.advanced, tool, yosys)
        finally:
            progress.ended()
    error = found["fit"]["error"]
    typer.echo(f"points:     {len(found['points'])} of {chosen.family.name}, {found['tool']}")
    typer.echo(f"error:      LUT {error['lut']:.1%}, FF {error['ff']:.1%} at worst, left out")
