"""Values that are known ahead at the times that are forecast, such as set points and prices."""

import numpy as np
from numpy.typing import NDArray

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
    if not config.known:
        return
    last = np.max([last_rows(table, name) for name in config.targets], axis=0)
    for name in config.known:
        ends = last_rows(table, name)
        if (wrong := first(ends < last)) is not None:
            end = int(ends[wrong])
            known = "has no value" if end < 0 else f"ends in {place(table, end)}"
            raise UserError(
                f"data.known: column {shown(name)} {known}, but a value is forecast for "
                f"{place(table, int(last[wrong]))}: continue the column, leave it out, or end the "
                "table there"
            )


def last_rows(table: Table, column: str) -> NDArray[np.int64]:
    """Return the last row of each recording in which a column has a value [recordings], or -1."""
    begins = np.flatnonzero(table.first_rows == np.arange(len(table.frame)))
    known = ~np.isnan(table.frame[column].to_numpy(np.float64))
    return np.maximum.reduceat(np.where(known, np.arange(len(known)), -1), begins)


def place(table: Table, row: int) -> str:
    """Return the number of a row with its time."""
    time = "" if table.time is None else f" ({table.time[row].isoformat()})"
    return f"row {table.place(row)}{time}"


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
