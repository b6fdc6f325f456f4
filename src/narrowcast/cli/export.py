"""The commands ``export``."""

from pathlib import Path
from typing import Annotated

import typer

from narrowcast.cli.options import parse_path
from narrowcast.cli.output import one_line_errors
from narrowcast.errors import UserError

app = typer.Typer(
    name="export",
    help="Export the integer model for other hardware.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _export() -> None:
    pass


@app.command()
def core(
    *,
    out: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            metavar="OUT",
            help="Output folder of a build, or of 'narrowcast compile'.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to", parser=parse_path, metavar="DIR", help="Folder of the core, a new or empty one."
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Name of the core, its VHDL library and its module."
        ),
    ] = "narrowcast_core",
    windows: Annotated[
        int,
        typer.Option(
            "--vectors", metavar="WINDOWS", min=1, help="How many test windows come along."
        ),
    ] = 16,
) -> None:
    """Export the compiled design as an IP core with AXI4-Streams.

    Writes VHDL-2008, one file of Verilog-2005, test vectors, and files for FuseSoC, cocotb and
    VUnit. See docs/ip-core.md.
    """
    with one_line_errors():
        from narrowcast.compile.summary import CompileResults
        from narrowcast.export.core import Core
        from narrowcast.integer import load_model
        from narrowcast.pipeline.outputs import PROGRAM, RTL, VECTORS
        from narrowcast.records import read_record
        from narrowcast.vectors import read_vectors

        if not (out / PROGRAM).is_file():
            raise UserError(f"{out}: has no compiled design: run 'narrowcast compile' first")
        cycles = read_record(out / PROGRAM, CompileResults).cycles
        model = load_model(out)
        inputs, expected, restart = read_vectors(out / VECTORS, model)
        few = slice(model.kept_rows + windows)  # of a stream, some with full states
        flags = None if restart is None else restart[few]
        made = Core(name, out / RTL, model, cycles, inputs[few], expected[few], flags)
        made.write(to)
    typer.echo(f"core:       {to / name}.core, to run with FuseSoC; read {to / 'README.md'} first")
    typer.echo(f"sources:    {to / 'rtl'} (VHDL-2008), {to / 'verilog' / name}.v (Verilog-2005)")
    typer.echo(f"latency:    {cycles} clocks")
