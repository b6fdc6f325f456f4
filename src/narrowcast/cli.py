"""The command line: thin commands over ``narrowcast.pipeline``, and one place for errors."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from narrowcast import __version__, pipeline
from narrowcast.config import Config, load_config
from narrowcast.errors import ToolError, UserError
from narrowcast.progress import choose_progress

app = typer.Typer(
    name="narrowcast",
    help="From a table of sensor readings to a verified Transformer accelerator on a small FPGA.",
    epilog="Start with: narrowcast build examples/demo.toml --out out/demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class SynthesisTool(StrEnum):
    """Who counts the resources."""

    YOSYS = "yosys"
    VIVADO = "vivado"


class PlaceTool(StrEnum):
    """Who places and routes."""

    NEXTPNR = "nextpnr"
    NONE = "none"


ConfigFile = Annotated[
    Path,
    typer.Argument(metavar="CONFIG.toml", help="What to make, see examples/.", show_default=False),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The folder for everything that is made.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help="The table of readings, instead of data.path."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the file, such as model.channels=16; several may follow.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Do it again, even if nothing has changed.")]
Synth = Annotated[SynthesisTool, typer.Option("--synth", help="The synthesis tool.")]
Place = Annotated[
    PlaceTool,
    typer.Option(
        "--place",
        help="The place and route tool, for devices that have an open one; 'none' to leave it out.",
    ),
]
Activity = Annotated[
    bool,
    typer.Option(
        "--activity", help="Measure toggle rates in a few windows, and estimate the energy by them."
    ),
]
Yosys = Annotated[
    Path | None,
    typer.Option("--yosys", metavar="PATH", help="Another yosys than the one that comes along."),
]


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn what a user can put right into one line and an exit code."""
    try:
        yield
    except (UserError, ToolError) as error:
        _fail(str(error))
    except MemoryError:
        _fail("not enough memory")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt:
        typer.echo(
            "narrowcast: interrupted; finished stages are kept: the same command continues there, "
            "a search with --resume",
            err=True,
        )
        raise typer.Exit(130) from None


def _fail(message: str) -> NoReturn:
    typer.echo(f"narrowcast: error: {message}", err=True)
    raise typer.Exit(2) from None


def _execute(
    run: Callable[[Config, Path, pipeline.Options], dict[str, Any]],
    config: Path,
    out: Path,
    data: Path | None,
    overrides: list[str] | None,
    **options: Any,
) -> dict[str, Any]:
    with _one_line_errors():
        settings = load_config(config, overrides or (), data)
        return run(settings, out, pipeline.Options(**options, progress=choose_progress()))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def build(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    synth: Synth = SynthesisTool.YOSYS,
    place: Place = PlaceTool.NEXTPNR,
    activity: Activity = False,
    yosys: Yosys = None,
) -> None:
    """Run all stages: train, quantize, compile, verify, synth, place, report.

    A stage that is finished is skipped when nothing it depends on has changed.
    """
    report = _execute(
        pipeline.build,
        config,
        out,
        data,
        set_,
        force=force,
        synth=synth.value,
        place=place.value,
        activity=activity,
        yosys=yosys,
    )
    _summary(report, out)


@app.command()
def train(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
) -> None:
    """Train the forecaster in floating point (stage 1 of 7)."""
    _execute(pipeline.train, config, out, data, set_, force=force)


@app.command()
def quantize(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
) -> None:
    """Turn the trained forecaster into integers of a few bits (stage 2 of 7).

    The forecaster is fine-tuned with rounding in place, then written as integer_model.json.
    """
    _execute(pipeline.quantize, config, out, data, set_, force=force)


@app.command("compile")
def compile_(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
) -> None:
    """Turn the integers into VHDL for the device (stage 3 of 7).

    Writes the sources to DIR/rtl, and to DIR/vectors what goes in and must come out.
    """
    _execute(pipeline.compile, config, out, data, set_, force=force)


@app.command()
def verify(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    activity: Activity = False,
) -> None:
    """Simulate the VHDL and compare each result, bit by bit (stage 4 of 7).

    All test windows run in Verilator, a few in GHDL. Both must be installed.
    """
    _execute(pipeline.verify, config, out, data, set_, force=force, activity=activity)


@app.command()
def synth(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    synth: Synth = SynthesisTool.YOSYS,
    yosys: Yosys = None,
) -> None:
    """Synthesise the VHDL and count what it takes of the device (stage 5 of 7).

    A project script for Vivado is written to DIR/vivado in any case.
    """
    _execute(pipeline.synth, config, out, data, set_, force=force, synth=synth.value, yosys=yosys)


@app.command()
def place(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    yosys: Yosys = None,
) -> None:
    """Place and route the design on a board, and write its bitstream (stage 6 of 7).

    For iCE40 and ECP5. The bitstream is in DIR/board; docs/boards.md says how to talk to it.
    """
    _execute(pipeline.place, config, out, data, set_, force=force, yosys=yosys)


@app.command()
def report(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    force: Force = False,
    place: Place = PlaceTool.NEXTPNR,
) -> None:
    """Gather everything in report.json and report.html (stage 7 of 7)."""
    options = {"force": force, "place": place.value}
    _summary(_execute(pipeline.report, config, out, data, set_, **options), out)


DeviceName = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="The device, instead of hardware.device."),
]
Most = Annotated[
    str,
    typer.Option(
        "--max",
        metavar="NAME=NUMBER,...",
        help="What must not be exceeded: latency_us=200,lut=8000.",
    ),
]


@app.command()
def search(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    minimise: Annotated[
        str, typer.Option("--minimise", metavar="NAME,...", help="rmse, and what to weigh it with.")
    ] = "rmse,energy",
    most: Most = "",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="SIZE=NUMBER,...",
            help="Sizes to choose from: window, channels, layers, heads or ffn_channels=16,32.",
        ),
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="Such as 90s, 10min or 4h.")
    ] = "10min",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search in the folder.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="Train on this Dask cluster."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Trainings at once; by default one for each core."),
    ] = None,
) -> None:
    """Search for bits and hardware choices, and write a configuration for each of the best.

    The front is printed, and written to front.json, front.html and front/.
    """
    from narrowcast.search.objectives import Objectives, parse_budget  # noqa: PLC0415
    from narrowcast.search.run import search as run  # noqa: PLC0415
    from narrowcast.search.space import parse_sizes  # noqa: PLC0415

    with _one_line_errors():
        found = run(
            load_config(config, _with_device(set_, device), data),
            out,
            Objectives.parse(minimise, most),
            seconds=parse_budget(budget),
            sizes=parse_sizes(vary or ()),
            resume=resume,
            cluster=cluster,
            workers=workers,
            progress=choose_progress(),
        )
    if not found.best:
        typer.echo("nothing was trained in full: go on with --resume and a longer --budget")
        return
    _table(list(found.table()))
    typer.echo(f"front:      {out / 'front.html'}")
    first = out / str(found.best[0].file)
    typer.echo(f"build one:  narrowcast build {first} --out {first.with_suffix('')}")


@app.command()
def fit(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    most: Most = "",
) -> None:
    """Make a model that does not fit fit: take bits away where the forecast feels it least.

    Writes fit.toml, which 'narrowcast build' takes, and fit.json. Takes seconds, once the model is
    trained in floating point.
    """
    from narrowcast.search.fit import CONFIG, fit_device  # noqa: PLC0415
    from narrowcast.search.objectives import Objectives  # noqa: PLC0415
    from narrowcast.search.shapes import model_folder  # noqa: PLC0415

    with _one_line_errors():
        settings = load_config(config, _with_device(set_, device), data)
        found = fit_device(settings, out, Objectives.parse("rmse", most), choose_progress())
    for line in found.reasons():
        typer.echo(line)
    if found.changes:
        rows = [["tensor", "bits", "now", "loss alone"]]
        rows += [
            [change.name, str(change.before), str(change.after), f"{change.loss:.2g}"]
            for change in found.changes
        ]
        _table(rows)
    folder = model_folder(out, found.config)  # with the float model in it
    typer.echo(f"build it:   narrowcast build {out / CONFIG} --out {folder}")


def _with_device(overrides: list[str] | None, device: str | None) -> list[str]:
    return [*(overrides or ()), *([f"hardware.device={device}"] if device else ())]


def _table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a head, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
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
        SynthesisTool, typer.Option("--tool", help="Whose count of LUT and FF to estimate.")
    ] = SynthesisTool.YOSYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a configuration costs, without training or synthesis.

    Cycles, DSP and block memory are exact; LUT and FF are fitted to synthesised designs; power and
    energy are estimates. docs/estimate.md says how each comes about.
    """
    from narrowcast.estimate import estimate as find  # noqa: PLC0415

    with _one_line_errors():
        if cell is not None and every is None:
            raise UserError("--cell needs --every: how often is a forecast made?")
        for name, value in (("--every", every), ("--cell", cell)):
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"{name} must be above 0, not {value:g}")
        found = find(load_config(config, _with_device(set_, device), data), tool.value)
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


@app.command()
def characterise(
    *,
    device: Annotated[
        str, typer.Option("--device", help="The device for which models are drawn.")
    ] = "xc7s15",
    tool: Annotated[
        SynthesisTool, typer.Option("--tool", help="The synthesis tool.")
    ] = SynthesisTool.YOSYS,
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
    from narrowcast.estimate.area import POINTS  # noqa: PLC0415
    from narrowcast.estimate.characterisation import characterise as run  # noqa: PLC0415
    from narrowcast.targets.device import load_device  # noqa: PLC0415

    progress = choose_progress()
    with _one_line_errors(), tempfile.TemporaryDirectory() as work:
        chosen = load_device(device)
        progress.started("characterise")
        try:
            folder = POINTS if out is None else out
            found = run(chosen, folder, Path(work), points, progress.advanced, tool.value, yosys)
        finally:
            progress.ended()
    error = found["fit"]["error"]
    typer.echo(f"points:     {len(found['points'])} of {chosen.family.name}, {found['tool']}")
    typer.echo(f"error:      LUT {error['lut']:.1%}, FF {error['ff']:.1%} at worst, left out")


def _summary(report: dict[str, Any], out: Path) -> None:
    test, synthesis = report["accuracy"]["test"], report["synthesis"]
    checked, cycles = report["verification"]["verilator"], report["cycles"]["simulated"]
    exact, rounded = test["float"]["rmse"], test["integer"]["rmse"]
    used = ", ".join(f"{synthesis[key]:g} {key.upper()}" for key in synthesis["budget"])
    typer.echo(f"test RMSE:  {rounded:.4g} in integers, {exact:.4g} in floating point")
    typer.echo(f"verified:   {checked['windows']} windows, {checked['mismatches']} mismatches")
    typer.echo(f"latency:    {report['latency_us']:.1f} us ({cycles} cycles)")
    typer.echo(f"resources:  {used} of {synthesis['device']}")
    if (placed := report["place_and_route"]) is not None:
        typer.echo(f"routed:     {placed['fmax_mhz']:.1f} MHz at most, {out / placed['bitstream']}")
    if (measured := report["activity"]) is not None:
        nominal = report["estimate"]["energy_uj"]
        typer.echo(
            f"energy:     {measured['energy_uj']:.3g} uJ estimated with measured toggle rates, "
            f"{nominal:.3g} uJ without"
        )
    typer.echo(f"report:     {out / 'report.html'}")


def _spread(arguments: Sequence[str]) -> list[str]:
    """Let several KEY=VALUE follow one ``--set``, which typer cannot."""
    spread: list[str] = []
    setting = False
    for argument in arguments:
        setting = argument == "--set" or (setting and not argument.startswith("-"))
        if setting and argument != "--set" and spread[-1] != "--set" and "=" in argument:
            spread.append("--set")
        spread.append(argument)
    return spread


def main() -> None:
    """Run the command line."""
    app(_spread(sys.argv[1:]), prog_name="narrowcast")
