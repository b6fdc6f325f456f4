"""The commands that use a trained model: ``predict``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from narrowcast.cli.options import path_of
from narrowcast.cli.output import one_line_errors
from narrowcast.errors import UserError

Trained = Annotated[
    Path,
    typer.Argument(
        parser=path_of,
        metavar="OUT",
        help="The output folder of 'build' or 'quantize'.",
        show_default=False,
    ),
]
NewData = Annotated[
    Path,
    typer.Option(
        "--data", parser=path_of, metavar="FILE", help="The new readings; - is standard input."
    ),
]


def predict(
    *,
    out: Trained,
    data: NewData,
    to: Annotated[
        Path,
        typer.Option(
            "--to", parser=path_of, metavar="FILE", help="A .csv or .parquet file; - prints CSV."
        ),
    ] = Path("-"),
) -> None:
    """Forecast from new readings with a trained model.

    There is one row for each window, with the time of its last row. See docs/use.md.
    """
    with one_line_errors():
        from narrowcast.extras import require_extra
        from narrowcast.progress import choose_progress

        require_extra("tables", "a forecast")
        from narrowcast.forecasting.forecaster import predict_file
        from narrowcast.forecasting.output import check_name, write_frames

        check_name(to)
        if to.exists() and data.exists() and to.samefile(data):
            raise UserError(f"{to}: is the file of readings: give another one with --to")
        say = partial(choose_progress().remarked, "predict")
        predict_file(out, data, partial(write_frames, to), say)
