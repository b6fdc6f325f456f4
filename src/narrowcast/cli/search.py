"""The commands ``search`` and ``fit``."""

from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import ConfigFile, Data, DeviceName, Most, Out, Set, with_device
from narrowcast.cli.output import command_progress, one_line_errors, print_table
from narrowcast.errors import UserError

if TYPE_CHECKING:
    from narrowcast.config import Config


def search(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    minimise: Annotated[
        str,
        typer.Option("--minimise", metavar="NAME,...", help="The objectives: error and others."),
    ] = "error,energy",
    most: Most = "",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="SIZE=VALUE,...",
            help="Search sizes, too: window, channels, layers, heads or ffn_channels=16,32, or "
            "kind=window,stream.",
        ),
    ] = None,
    budget: Annotated[
        str,
        typer.Option("--budget", metavar="TIME", help="Duration, such as 90s, 10min or 4h."),
    ] = "10min",
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the search in the output folder.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="Train on this Dask cluster."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, max=1024, help="Simultaneous trainings; by default one per core."
        ),
    ] = None,
) -> None:
    """Search for widths and hardware options, and print the Pareto front.

    The front is written to front.json, front.html and, as configurations, to front/.
    """
    with one_line_errors():
        from narrowcast.config import load_config
        from narrowcast.extras import require_extra

        require_extra("search", "a search")
        from narrowcast.search.objectives import Objectives, parse_budget
        from narrowcast.search.space import parse_sizes

        settings = _with_file(load_config(config, with_device(set_, device), data))
        objectives, seconds = Objectives.parse(minimise, most), parse_budget(budget)
        sizes = parse_sizes(vary or ())
        # What was said is checked before torch is imported, which takes long.
        from narrowcast.search.run import search as run

        front = run(
            *(settings, out, objectives),
            seconds=seconds,
            sizes=sizes,
            resume=resume,
            cluster=cluster,
            workers=workers,
            progress=command_progress(),
        )
    if not front.best:
        typer.echo("nothing was trained in full: go on with --resume and a longer --budget")
        return
    print_table(list(front.table()))
    typer.echo(f"front:      {out / 'front.html'}")
    first = out / str(front.best[0].file)
    typer.echo(f"build one:  narrowcast build {first} --out {first.with_suffix('')}")


def _with_file(config: "Config") -> "Config":
    """Return a configuration whose table can be read again later, and by other processes."""
    path = config.data.path
    if path is not None and (str(path) == "-" or path.is_fifo()):
        raise UserError(f"{path}: is a pipe, but the table is read several times: give a file")
    return config


def fit(
    *,
    config: ConfigFile,
    out: Out,
    data: Data = None,
    set_: Set = None,
    device: DeviceName = None,
    most: Most = "",
) -> None:
    """Reduce the widths of a model until it fits the device, where the loss is least.

    Writes the configuration fit.toml for 'narrowcast build', and fit.json. This takes seconds, once
    the model is trained in floating point.
    """
    with one_line_errors():
        from narrowcast.config import load_config
        from narrowcast.extras import require_extra

        require_extra("search", "fitting a model")
        from narrowcast.search.objectives import Objectives

        settings = _with_file(load_config(config, with_device(set_, device), data))
        objectives = Objectives.parse("error", most)
        from narrowcast.search.fit import CONFIG, fit_device

        result = fit_device(settings, out, objectives, command_progress())
    for line in result.reasons():
        typer.echo(line)
    if result.changes:
        rows = [["tensor", "bits", "now", "loss alone"]]
        rows += [
            [change.name, str(change.before), str(change.after), f"{change.loss:.2g}"]
            for change in result.changes
        ]
        print_table(rows)
    typer.echo(f"build it:   narrowcast build {out / CONFIG} --out {out / 'build'}")
