"""The commands that use a trained model: ``predict``, ``run`` and ``evaluate``."""

from functools import partial
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from narrowcast.cli.options import parse_path
from narrowcast.cli.output import command_progress, one_line_errors, print_table
from narrowcast.errors import UserError
from narrowcast.training_records import Errors, intervals_line, left_out

Trained = Annotated[
    Path,
    typer.Argument(
        parser=parse_path,
        metavar="OUT",
        help="The output folder of 'build' or 'quantize'.",
        show_default=False,
    ),
]
NewData = Annotated[
    Path,
    typer.Option(
        "--data", parser=parse_path, metavar="FILE", help="The new readings; - is standard input."
    ),
]


Forecasts = Annotated[
    Path,
    typer.Option(
        "--to", parser=parse_path, metavar="FILE", help="A .csv or .parquet file; - prints CSV."
    ),
]


def predict(*, out: Trained, data: NewData, to: Forecasts = Path("-")) -> None:
    """Forecast, classify or score new readings with a trained model.

    There is one row for each window, with the time of its last row. See docs/use.md.
    """
    with one_line_errors():
        from narrowcast.extras import require_extra

        require_extra("tables", "a forecast")
        from narrowcast.forecasting.forecaster import predict_file
        from narrowcast.forecasting.output import write_frames

        _check_target(to, data)
        predict_file(out, data, partial(write_frames, to), command_progress())


def run(
    *,
    out: Trained,
    port: Annotated[
        str,
        typer.Option(
            "--port",
            metavar="PORT",
            help="The board's serial port, such as /dev/ttyUSB1, or spi:BUS.DEVICE; sim:OUT "
            "simulates a board.",
        ),
    ],
    data: NewData,
    to: Forecasts = Path("-"),
) -> None:
    """Do what 'predict' does with a board, or with a simulated one.

    The results are those of 'predict', and appear as the board makes them. See docs/host.md.
    """
    with one_line_errors():
        from narrowcast.extras import require_extra

        require_extra("tables", "a forecast")
        from narrowcast.forecasting.forecaster import run_file
        from narrowcast.forecasting.output import write_frames

        _check_target(to, data)
        run_file(out, data, port, partial(write_frames, to), command_progress())


def _check_target(to: Path, data: Path) -> None:
    """Refuse a file of forecasts that has no format, or holds the readings."""
    from narrowcast.forecasting.output import check_name

    check_name(to)
    if to.exists() and data.exists() and to.samefile(data):
        raise UserError(f"{to}: is the file of readings: give another one with --to")


def evaluate(
    *,
    out: Trained,
    data: NewData,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            parser=parse_path,
            metavar="FILE",
            help="A file for JSON; - prints it.",
        ),
    ] = None,
) -> None:
    """Print the errors of a trained model on new readings, beside those of simple methods.

    Then the share of readings outside of the integers' range, by input. See docs/use.md.
    """
    with one_line_errors():
        from narrowcast.extras import require_extra
        from narrowcast.records import to_json, write_record

        require_extra("tables", "an evaluation")
        from narrowcast.forecasting.forecaster import evaluate_file

        result = evaluate_file(out, data)
        if json is not None and str(json) != "-":
            write_record(json, result)
        from narrowcast.forecasting.drift import far_outside

        progress = command_progress()
    for note in result.notes:
        progress.remarked("evaluate", note)
    for warning in far_outside(result.drift):
        progress.warned("evaluate", warning)
    if str(json) == "-":
        typer.echo(dumps(to_json(result), indent=1))
        return
    found = left_out(result.skipped_gaps, result.skipped_missing, mixed=result.skipped_mixed)
    typer.echo(f"{result.windows} windows; left out: {found}")
    integer = result.errors["integer"]
    if isinstance(integer, Errors) and integer.intervals is not None:
        typer.echo(f"intervals: {intervals_line(integer.intervals)}")
    for table in (result.overall(), result.by_step(), result.confusion(), result.drifts()):
        if len(table) > 1:
            typer.echo()
            print_table(table)
