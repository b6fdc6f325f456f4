"""Values that are known ahead at the times that are forecast, such as set points and prices."""

import numpy as np

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array, Scaling, fit_scaling
from narrowcast.data.table import Table
from narrowcast.data.values import first
from narrowcast.errors import UserError, shown


def values_ahead(table: Table, config: DataConfig) -> Array:
    """Return the columns of ``data.known`` [rows, columns]; NaN where a value is missing.

    Raises:
        UserError: A column ends before the last target.
    """
    values = table.frame[config.known].to_numpy(np.float64)
    last = _last_row(table.frame[config.target].to_numpy(np.float64))
    for name, column in zip(config.known, values.T, strict=True):
        if (end := _last_row(column)) < last:
            raise UserError(
                f"data.known: column {shown(name)} ends in {_place(table, end)}, but a value is "
                f"forecast for {_place(table, last)}: continue the column, leave it out, or end "
                "the table there"
            )
    return values


def _last_row(values: Array) -> int:
    """Return the last row [rows] with a value, -1 if there is none."""
    row = first(~np.isnan(values[::-1]))
    return -1 if row is None else len(values) - 1 - row


def _place(table: Table, row: int) -> str:
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
