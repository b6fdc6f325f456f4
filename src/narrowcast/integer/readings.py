"""Readings before they become integers, and forecasts after they were.

Checks of readings, columns relative to their last row, the readings of each series, ages, and the
order of quantiles.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from narrowcast.integer.arithmetic import Reals

Number = TypeVar("Number", np.int64, np.float64)


def check_readings(readings: object, rows: int, columns: Sequence[str]) -> Reals:
    """Return readings as an array of float64, if they are whole windows of finite numbers.

    Args:
        readings: Readings [windows, rows, columns].
        rows: Rows of a window.
        columns: Names of the columns of a window, in order.

    Raises:
        ValueError: They are no array of numbers, of another shape, or not all finite.
    """
    names = ", ".join(repr(name) for name in columns[:8]) + (", ..." if columns[8:] else "")
    wanted = f"[windows, {rows}, {len(columns)}] with the columns {names}"
    if not isinstance(readings, np.ndarray):
        raise ValueError(
            f"readings are a {type(readings).__name__}, not a NumPy array {wanted}: select these "
            "columns, convert them to an array, and cut windows from it"
        )
    if readings.dtype.kind not in "fiub":
        raise ValueError(f"readings are of {readings.dtype}, not numbers")
    if readings.ndim != 3 or readings.shape[1:] != (rows, len(columns)):
        hint = ": one window is an array [1, rows, columns]" if readings.ndim == 2 else ""
        raise ValueError(f"readings have shape {list(readings.shape)}, not {wanted}{hint}")
    real: Reals = readings.astype(np.float64, copy=False)
    if (bad := np.argwhere(~np.isfinite(real))).size:
        window, row, column = bad[0].tolist()
        raise ValueError(
            f"{columns[column]!r} is {real[window, row, column]} in row {row} of window {window}: "
            "leave out windows with missing values"
        )
    return real


def ordered(forecasts: NDArray[Number], quantiles: int) -> NDArray[Number]:
    """Return forecasts [..., columns] with the quantiles of each step in ascending order.

    Args:
        forecasts: Forecasts, or integers that grow with them.
        quantiles: Number of successive columns that forecast one step.
    """
    steps = forecasts.reshape(*forecasts.shape[:-1], -1, quantiles)
    return np.sort(steps, axis=-1).reshape(forecasts.shape)


def relative_to_last(readings: Reals, columns: Sequence[int]) -> Reals:
    """Return windows in which some columns are differences from their last row.

    Args:
        readings: Readings [windows, rows, columns].
        columns: Indices of these columns; without any, ``readings`` is returned itself.
    """
    if not columns:
        return readings
    chosen = list(columns)
    relative = readings.copy()
    relative[..., chosen] -= readings[:, -1:, chosen]
    return relative


def positions_of_series(rows: int, columns: int, series: int, shared: int) -> NDArray[np.int64]:
    """Return where the numbers of each series are in a window that is flattened row by row.

    Series i has column i of all rows, the oldest first, then column series + i of all rows, and so
    on, and at last the last ``shared`` columns of the last row.

    Args:
        rows: Rows of a window.
        columns: Columns of a window: as many for each series, and those that are shared.
        series: Number of series.
        shared: Number of columns that all series share.

    Returns:
        Positions [series, rows * columns of each series + shared].
    """
    at = np.arange(rows * columns).reshape(rows, columns)
    own = at[:, : columns - shared].T.reshape(-1, series, rows).swapaxes(0, 1)
    last = np.broadcast_to(at[-1, columns - shared :], (series, shared))
    return np.concatenate((own.reshape(series, -1), last), axis=1)


def ages(restart: NDArray[np.bool_], before: int = 0) -> NDArray[np.int64]:
    """Return how many inferences before each one its stretch began [inferences].

    Args:
        restart: Whether an inference is the first of a stretch [inferences].
        before: How many inferences before the first one of these its stretch began, unless it is
            the first of one itself.
    """
    at = np.arange(len(restart))
    found: NDArray[np.int64] = at - np.maximum.accumulate(np.where(restart, at, -before))
    return found
