"""The command line.

Each command imports the modules that it needs when it runs, so that ``--help`` is fast.
"""

import sys
from typing import Annotated

import typer

from narrowcast import __version__
from narrowcast.cli.estimate import characterise, estimate
from narrowcast.cli.export import app as export
from narrowcast.cli.forecasting import evaluate, predict, run
from narrowcast.cli.init import init
from narrowcast.cli.output import choose_verbosity
from narrowcast.cli.search import fit, search
from narrowcast.cli.stages import build, compile, place, quantize, report, synth, train, verify

app = typer.Typer(
    name="narrowcast",
    help="From a table of sensor readings to a verified Transformer accelerator on a small FPGA.",
    epilog="Start with: narrowcast build examples/demo.toml --out out/demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(init, build, train, quantize, compile, verify, synth, place, report),
    *(predict, run, evaluate, search, fit, estimate, characterise),
):
    app.command()(command)
app.add_typer(export)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[  # noqa: ARG001 (its callback is called)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print warnings and errors only, besides results.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print each step with its time, as in a log.")
    ] = False,
) -> None:
    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude each other")
    choose_verbosity("quiet" if quiet else "verbose" if verbose else "normal")


_COMMON = ("--quiet", "--verbose")


def _spread(arguments: list[str]) -> list[str]:
    """Return arguments as typer takes them.

    ``--set`` is repeated before each KEY=VALUE that follows it. Options of all commands, which may
    also stand behind the command, come first.
    """
    first = [argument for argument in arguments if argument in _COMMON]
    arguments = [argument for argument in arguments if argument not in _COMMON]
    spread: list[str] = []
    setting = False
    for argument in arguments:
        setting = argument == "--set" or (setting and not argument.startswith("-"))
        if setting and argument != "--set" and spread[-1] != "--set" and "=" in argument:
            spread.append("--set")
        spread.append(argument)
    return first + spread


def main() -> None:
    """Run the command line."""
    app(_spread(sys.argv[1:]), prog_name="narrowcast")
