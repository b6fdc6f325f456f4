"""The commands ``export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import parse_path
from narrowcast.cli.output import one_line_errors
from narrowcast.errors import UserError, shown

if TYPE_CHECKING:
    from narrowcast.export.fixed_point import FractionBits
    from narrowcast.integer import IntegerModel

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
def c(
    *,
    out: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            metavar="OUT",
            help="Output folder of a build, or a folder with an integer model.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", parser=parse_path, metavar="DIR", help="Folder of the C code.")
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Prefix of the files and functions.")
    ] = "narrowcast_model",
    fraction_bits: Annotated[
        list[str] | None,
        typer.Option(
            "--fraction-bits",
            metavar="[COLUMN=]BITS",
            help="Fractional bits of the readings of a column, or of all others; 0 for counts of "
            "an ADC. May be repeated.",
        ),
    ] = None,
    bench: Annotated[
        int | None,
        typer.Option(
            "--bench",
            metavar="WINDOWS",
            help="Also write main_test.c, which compares the results of so many test windows.",
        ),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="NAME",
            help="The series of a panel whose readings the code takes, in their own unit.",
        ),
    ] = None,
    driver: Annotated[
        bool,
        typer.Option(
            "--driver",
            help="Also write NAME_link.h and .c, which infer on a board over UART or SPI.",
        ),
    ] = False,
) -> None:
    """Export the integer model as C99 for a microcontroller, without heap and floating point.

    Writes DIR/NAME.h and DIR/NAME.c. See docs/c-export.md.
    """
    with one_line_errors():
        from narrowcast.export import bench_words, c_code
        from narrowcast.integer import load_model, model_sha256
        from narrowcast.integer.loaded_weights import LoadedWeights
        from narrowcast.outputs import RTL

        model = _model_of_series(out, load_model(out), series)
        sha256 = model_sha256(out)
        weights = LoadedWeights.read(out / RTL, sha256) if driver else None
        code = c_code(model, sha256, name, _fraction_bits(fraction_bits or []))
        words = None if bench is None else bench_words(model, out / "vectors", bench)
        code.write(to)
        if driver:
            code.write_driver(to, weights)
        if words is not None:
            code.write_test(to, *words)
    typer.echo(f"constants:  {code.constant_bytes} bytes of flash memory, without the code")
    typer.echo(f"variables:  {code.static_bytes} bytes of RAM, without the stack")
    typer.echo(f"words:      {code.word_bytes} bytes of RAM, of the caller")
    typer.echo(f"code:       {to / name}.h, {to / name}.c")
    if driver:
        typer.echo(f"driver:     {to / name}_link.h, {to / name}_link.c")
    if words is not None:
        typer.echo(f"compare:    cc {to / 'main_test.c'} {to / name}.c")


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


def _model_of_series(out: Path, model: "IntegerModel", name: str | None) -> "IntegerModel":
    """Return a model with readings and forecasts in their own unit, of a panel those of a series.

    Raises:
        UserError: The model is of a panel, and no series is named, or one that it does not know; or
            a series is named, and it is of none.
    """
    import json

    from narrowcast.config import did_you_mean
    from narrowcast.errors import boundary
    from narrowcast.integer import of_series
    from narrowcast.pipeline.outputs import SOURCE

    path = out / SOURCE
    with boundary(str(path), "it is damaged"):
        panel = path.is_file() and bool(json.loads(path.read_bytes()).get("series"))
    if not panel:
        if name is not None:
            raise UserError(f"--series {shown(name)}: the model is of no panel: leave it out")
        return model
    from narrowcast.data.rules import load_rules

    known = load_rules(out).series or {}
    if name is None:
        some = ", ".join(map(shown, list(known)[:5]))
        raise UserError(
            f"{out}: the model is of {len(known)} series: choose one with --series, such as {some}"
        )
    if name not in known:
        raise UserError(
            f"--series {shown(name)}: the training has not seen it{did_you_mean(name, known)}"
        )
    return of_series(model, known[name].level, known[name].spread)


def _fraction_bits(texts: list[str]) -> "FractionBits":
    found: dict[str | None, int] = {}
    for text in texts:
        column, sign, bits = text.rpartition("=")
        name = column if sign else None
        try:
            number = int(bits)
        except ValueError:
            raise UserError(
                f"--fraction-bits: {shown(text)} is no whole number, and no COLUMN=NUMBER"
            ) from None
        if name in found:
            raise UserError(f"--fraction-bits: {shown(text)} is the second one of its kind")
        found[name] = number
    return found
