"""Output of the commands: tables, and errors in one line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer

from narrowcast.errors import ToolError, UserError, exit_code


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error that the user can correct as one line, and exit with a code."""
    try:
        yield
    except (UserError, ToolError) as error:
        _fail(str(error))
    except MemoryError:
        _fail("not enough memory")
    except BrokenPipeError:  # as of '| head', which typer ends without a word
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt as interruption:
        typer.echo(
            "narrowcast: interrupted; finished stages are kept: the same command continues there, "
            "a search with --resume",
            err=True,
        )
        raise typer.Exit(exit_code(interruption)) from None


def _fail(message: str) -> NoReturn:
    typer.echo(f"narrowcast: error: {message}", err=True)
    raise typer.Exit(2) from None


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
