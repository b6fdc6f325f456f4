"""The commands ``estimate`` and ``characterise``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from narrowcast.cli.options import ConfigFile, Data, DeviceName, Set, Yosys, with_device
from narrowcast.cli.output import command_progress, one_line_errors
from narrowcast.errors import UserError

if TYPE_CHECKING:
    from narrowcast.config import Config

_MOST = 1e9  # seconds between forecasts, or watt-hours of a cell


def estimate(
    *,
    config: ConfigFile,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    every: Annotated[
        float | None,
        typer.Option(
            "--every", metavar="SECONDS", help="Interval of forecasts; adds the energy of a day."
        ),
    ] = None,
    cell: Annotated[
        float | None,
        typer.Option("--cell", metavar="WH", help="Energy of a battery; adds its life in days."),
    ] = None,
    tool: Annotated[
        Literal["yosys", "vivado"],
        typer.Option("--tool", help="The synthesis tool whose LUT and FF counts to estimate."),
    ] = "yosys",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate the cost of a configuration, without training or synthesis.

    Cycles, DSP and block memory are a range if training decides. LUT and FF are fitted to
    synthesised designs. Power and energy are estimates. See docs/estimate.md.
    """
    with one_line_errors():
        from narrowcast.config import load_config
        from narrowcast.estimate import estimate as run
        from narrowcast.records import to_json
        from narrowcast.targets.device import load_device

        if cell is not None and every is None:
            raise UserError("--cell needs --every: how often is a forecast made?")
        for name, value in (("--every", every), ("--cell", cell)):
            if value is not None and not 0 < value <= _MOST:
                raise UserError(f"{name} must be above 0 and at most {_MOST:g}, not {value:g}")
        settings = load_config(config, with_device(set_, device), data)
        _check_table(settings)
        result = run(settings, tool)
        if every is not None and every < result.energy.seconds:
            raise UserError(
                f"--every {every:g}: a forecast takes {result.energy.seconds:.3g} s: it cannot be "
                "made so often"
            )
    if (warning := load_device(result.device).clock_warning(result.clock_mhz)) is not None:
        typer.echo(f"narrowcast: warning: {warning}", err=True)
    days = None if every is None else result.duty_cycle([every], cell)
    if as_json:
        document = to_json(result) | ({} if days is None else {"duty_cycle": to_json(days)})
        typer.echo(json.dumps(document, indent=1))
        return
    for line in [*result.lines(), *([] if days is None else days.lines())]:
        typer.echo(line)


def _check_table(config: "Config") -> None:
    """Check that the table, if it is there, has the columns; this needs pandas and pyarrow."""
    try:
        from narrowcast.data import check_columns
    except ImportError:
        return
    check_columns(config.data)


def characterise(
    *,
    device: Annotated[
        str, typer.Option("--device", help="The device of the random models.")
    ] = "xc7s15",
    tool: Annotated[
        Literal["yosys", "vivado"], typer.Option("--tool", help="The synthesis tool.")
    ] = "yosys",
    points: Annotated[int, typer.Option("--points", help="The number of samples.")] = 24,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the samples, not the package's."),
    ] = None,
    yosys: Yosys = None,
) -> None:
    """Synthesise random models for a device, and fit the area estimates to them.

    With yosys, each sample takes about half a minute. An interrupted run can be continued.
    """
    with one_line_errors():
        from narrowcast.estimate.area import SAMPLES
        from narrowcast.extras import require_extra
        from narrowcast.targets.device import load_device
        from narrowcast.tools.characterisation import characterise as run
        from narrowcast.tools.scratch import scratch_folder
        from narrowcast.tools.yosys import find_yosys

        chosen, progress = load_device(device), command_progress()
        if tool == "yosys" and yosys is None:
            require_extra("synth", "characterising")
        progress.started("characterise")
        try:
            folder = SAMPLES if out is None else out
            program = find_yosys(yosys)
            with scratch_folder() as scratch:
                work = scratch / "design"
                result = run(chosen, folder, work, points, progress.advanced, tool, program)
        finally:
            progress.ended()
    error = result["fit"]["error"]
    typer.echo(f"points:     {len(result['points'])} of {chosen.family.name}, {result['tool']}")
    typer.echo(f"error:      LUT {error['lut']:.1%}, FF {error['ff']:.1%} at worst, left out")
