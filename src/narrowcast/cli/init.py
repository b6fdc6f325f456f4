"""The command ``init``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from narrowcast.cli.options import parse_path
from narrowcast.cli.output import one_line_errors
from narrowcast.errors import UserError, shown


def init(
    *,
    data: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            metavar="DATA",
            help="A table of readings, or a pattern of files in quotes, such as 'runs/*.csv'.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            parser=parse_path,
            metavar="FILE",
            help="The configuration; by default named as the table, in the working directory.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="NAME", help="The column to forecast, or of labels."),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            "--task",
            metavar="TASK",
            help="'forecast', 'classify' to tell labels of windows, or 'detect' for anomalies.",
        ),
    ] = "forecast",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="How the table is written, such as data.timezone=Europe/Berlin; may be repeated.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Look at a table, and write a first configuration for it.

    The configuration says in comments what was found, and what to choose.
    """
    with one_line_errors():
        from narrowcast.extras import require_extra
        from narrowcast.files import write_whole

        require_extra("tables", "init")
        from narrowcast.data.draft import draft

        name = data.name.split(".")[0]
        name = "readings" if set("*?[") & set(name) else name
        path = Path(f"{name}.toml") if to is None else to
        if str(data) == "-":
            raise UserError("-: init needs a file, which the configuration names")
        if path.exists() and not force:
            raise UserError(f"{path}: exists: choose another name with --to, or --force")
        if task not in ("forecast", "classify", "detect"):
            raise UserError(f"--task {shown(task)}: must be 'forecast', 'classify' or 'detect'")
        result = draft(data, path.parent, target, _keys(set_ or ()), task)
        write_whole(path, result.text)
    for line in result.lines:
        typer.echo(line)
    typer.echo(f"written:   {path}")
    typer.echo(f"next:      narrowcast build {path} --out out/{path.stem}")


def _keys(overrides: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return the keys of ``[data]`` that overrides state."""
    from narrowcast.config.load import apply_override

    values: dict[str, Any] = {}
    for override in overrides:
        if not apply_override(values, override).startswith("data."):
            raise UserError(
                f"--set {override}: init takes keys of data only: set others in the configuration, "
                "once that is there"
            )
    found: dict[str, Any] = values.get("data", {})
    return found
