"""Readings of the target in earlier seasons, such as those of the day before the forecast."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array
from narrowcast.data.table import Table
from narrowcast.errors import UserError


def earlier_rows(table: Table, config: DataConfig) -> tuple[int, ...]:
    """Return how many rows before the window's last row each reading is, season by season.

    A season is rounded to whole rows.

    Raises:
        UserError: A stated season is shorter than the interval, longer than the table, or as long
            as another one.
    """
    lengths = [_rows(table, season) for season in config.season_lengths]
    for i, season in enumerate(config.seasons or ()):
        _check(table, season, lengths[i])
        if lengths[i] in lengths[:i]:
            raise UserError(
                f"data.seasons: {season!r} is {lengths[i]} rows long, as another one is: leave it "
                "out"
            )
    return tuple(before for rows in lengths for before in season_before(rows, config))


def season_before(season: int, config: DataConfig) -> list[int]:
    """Return how many rows before the window's last row the reading a season before each target is.

    Args:
        season: Length of the season in rows, which is multiplied until all these rows are known.
        config: Configuration with the steps ahead.
    """
    ahead = range(config.lead, config.lead + config.outputs)
    multiple = season * max(1, math.ceil(ahead[-1] / season))
    return [multiple - each for each in ahead]


def _rows(table: Table, season: str | int) -> int:
    """Return the length of a season in rows, at least 1."""
    if isinstance(season, int):
        return season
    if table.interval is None:
        raise UserError(
            f"data.seasons: {season!r} needs the interval of the rows: set data.interval"
        )
    return max(1, round(pd.Timedelta(season) / table.interval))


def _check(table: Table, season: str | int, rows: int) -> None:
    if isinstance(season, str) and table.interval and pd.Timedelta(season) < table.interval:
        raise UserError(
            f"data.seasons: {season!r} is shorter than the interval of {table.interval}: leave it "
            "out"
        )
    longest = int(np.bincount(table.series_of_rows).max())
    if rows >= longest:
        what = "the table has only" if table.recording is None else "its longest series has only"
        raise UserError(
            f"data.seasons: {season!r} is {rows} rows long, but {what} {longest}: leave it out"
        )


def seasonal_readings(
    table: Table,
    target: Array,
    known: Array,
    last: NDArray[np.int64],
    earlier: tuple[int, ...],
) -> Array:
    """Return readings in earlier rows, relative to the last one, 0 where there is none.

    Args:
        table: The table, whose interval is that of the rows.
        target: The column [rows].
        known: The column [rows] with the last reading in place of missing ones.
        last: Last row of each window [windows], ascending.
        earlier: Number of rows before it of each reading.

    Returns:
        Differences [windows, 1, readings].
    """
    differences = np.empty((len(last), 1, len(earlier)))
    for i, rows in enumerate(earlier):
        difference = reading_before(table, target, last, rows) - known[last]
        differences[:, 0, i] = np.nan_to_num(difference, nan=0.0)
    return differences


def reading_before(table: Table, values: Array, last: NDArray[np.int64], earlier: int) -> Array:
    """Return the readings [windows] of a column ``earlier`` intervals before rows ``last``.

    NaN stands for a reading that is missing.
    """
    found = _row(table, last, earlier)
    return np.where(found < 0, np.nan, values[found])


def _row(table: Table, last: NDArray[np.int64], earlier: int) -> NDArray[np.int64]:
    """Return the row [windows] ``earlier`` intervals before each window's last; -1: none.

    It is of the same recording.
    """
    begin = table.first_rows[last]
    if table.time is None or table.interval is None:
        return np.where(last - earlier >= begin, last - earlier, -1)
    time, interval = table.time.asi8, table.interval.as_unit("ns").value
    off = interval // 2
    wanted = time[last] - earlier * interval
    instant = table.instants[last] - (earlier * interval + off) // table.unit
    row = np.clip(np.searchsorted(table.instants, instant), begin, last)
    near = np.abs(time[row] - wanted) <= off
    return np.where(near, row, -1)
