"""Output of the commands: tables, and errors in one line."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import typer

from narrowcast.errors import ToolError, UserError, exit_code, interruption_behind

if TYPE_CHECKING:
    from narrowcast.progress import Progress, Verbosity


_LOG = logging.getLogger("narrowcast")
_VERBOSITY: ContextVar["Verbosity"] = ContextVar("verbosity", default="normal")


def choose_verbosity(verbosity: "Verbosity") -> None:
    """Choose what the command prints.

    What is logged goes to stderr if ``verbose``; else the display of the progress is enough.
    """
    _VERBOSITY.set(verbosity)
    verbose = verbosity == "verbose"
    handler: logging.Handler = logging.NullHandler()
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    _LOG.handlers = [handler]
    _LOG.setLevel(logging.DEBUG if verbose else logging.NOTSET)


def command_progress() -> "Progress":
    """Return what displays the progress of a command, as ``--quiet`` and ``--verbose`` say."""
    from narrowcast.progress import choose_progress

    return choose_progress(_VERBOSITY.get())


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error that the user can correct as one line, and exit with a code."""
    try:
        yield
    except BaseException as error:
        if interruption := interruption_behind(error):
            typer.echo(
                "narrowcast: interrupted; finished stages are kept: the same command continues "
                "there, a search with --resume",
                err=True,
            )
            raise typer.Exit(exit_code(interruption)) from None
        if (line := _line(error)) is None:
            raise
        typer.echo(f"narrowcast: error: {line}", err=True)
        raise typer.Exit(2) from None


def _line(error: BaseException) -> str | None:
    """Return what is to be printed about an error; None for what the user cannot correct."""
    match error:
        case UserError() | ToolError():
            return str(error)
        case MemoryError():
            return "not enough memory"
        case OSError() if not isinstance(error, BrokenPipeError):  # of '| head': typer ends it
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or error}"
    return None


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
