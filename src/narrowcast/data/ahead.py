"""Values that are known ahead at the times that are forecast, such as set points and prices."""

import numpy as np

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array, Scaling, fit_scaling
from narrowcast.data.table import Table
from narrowcast.data.values import first
from narrowcast.errors import UserError, shown


def check_ahead(table: Table, config: DataConfig) -> None:
    """Refuse a column of ``data.known`` that ends before the last target.

    Raises:
        UserError: The message names the column and both rows.
    """
    last = max(last_row(table, name) for name in config.targets)
    for name in config.known:
        if (end := last_row(table, name)) < last:
            raise UserError(
                f"data.known: column {shown(name)} ends in {place(table, end)}, but a value is "
                f"forecast for {place(table, last)}: continue the column, leave it out, or end "
                "the table there"
            )


def last_row(table: Table, column: str) -> int:
    """Return the last row in which a column has a value, -1 if there is none."""
    values = table.frame[column].to_numpy(np.float64)
    row = first(~np.isnan(values[::-1]))
    return -1 if row is None else len(values) - 1 - row


def place(table: Table, row: int) -> str:
    """Return a row, counted from 1, with its time."""
    time = "" if table.time is None else f" ({table.time[row].isoformat()})"
    return f"row {row + 1}{time}"


def ahead_scaling(values: Array, config: DataConfig) -> Scaling:
    """Fit the scaling of values ahead [windows, 1, columns * outputs] of the training windows.

    The values of a column have one scaling at all times that are forecast.

    Raises:
        UserError: A column is constant in ``values``.
    """
    columns = values.reshape(len(values), len(config.known), config.outputs)
    rows = columns.swapaxes(1, 2).reshape(-1, len(config.known))
    fitted = fit_scaling(rows, config.scaling, config.known)
    return Scaling(*(np.repeat(each, config.outputs) for each in (fitted.offset, fitted.scale)))
