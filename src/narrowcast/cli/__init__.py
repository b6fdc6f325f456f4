"""The command line.

Each command imports the modules that it needs when it runs, so that ``--help`` is fast.
"""

import sys
from typing import Annotated

import typer

from narrowcast import __version__
from narrowcast.cli.estimate import characterise, estimate
from narrowcast.cli.export import app as export
from narrowcast.cli.search import fit, search
from narrowcast.cli.stages import build, compile, place, quantize, report, synth, train, verify

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
for command in (
    *(build, train, quantize, compile, verify, synth, place, report),
    *(search, fit, estimate, characterise),
):
    app.command()(command)
app.add_typer(export)


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


def _spread(arguments: list[str]) -> list[str]:
    """Repeat ``--set`` before each KEY=VALUE that follows it, as typer takes one value only."""
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
