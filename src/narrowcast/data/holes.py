"""Holes: readings that are missing, and rows that are.

A model of a table with holes receives the last reading in place of a missing one, for a limited
time. Targets are never replaced.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.interval import tolerance
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError


def held_rows(config: DataConfig, interval: pd.Timedelta | None) -> int:
    """Return for how many rows in succession the last reading may stand in; a window's by default.

    Raises:
        UserError: ``data.longest_hole`` is shorter than the interval, or the interval is unknown.
    """
    if config.missing == "drop":
        return 0
    if config.longest_hole is None:
        return config.window
    if isinstance(config.longest_hole, int):
        return config.longest_hole
    place = f"data.longest_hole = {config.longest_hole!r}"
    if interval is None:
        raise UserError(f"{place} needs the interval of the rows: set data.interval, or give rows")
    rows = int(pd.Timedelta(config.longest_hole) / interval + 1e-9)
    if not rows:
        raise UserError(f"{place} is shorter than the interval of {interval}")
    return rows


def with_missing_rows(
    time: pd.DatetimeIndex, frame: pd.DataFrame, interval: pd.Timedelta, jitter: float, most: int
) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Insert rows without readings where rows are missing.

    Args:
        time: Time stamps [rows], increasing.
        frame: Readings [rows, columns].
        interval: Time from one row to the next.
        jitter: Part of the interval by which a time stamp may be off.
        most: Most rows that are inserted between two rows; longer gaps are left.

    Returns:
        Time stamps and readings of the old and the new rows.
    """
    steps = np.diff(time.asi8) / interval.as_unit("ns").value
    whole = np.rint(steps).astype(np.int64)
    inside = (whole >= 2) & (whole - 1 <= most) & (np.abs(steps - whole) <= tolerance(jitter))
    count = np.append(np.where(inside, whole, 1), 1)  # of each row and the new ones after it
    source = np.repeat(np.arange(len(time)), count)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    filled = frame.iloc[source].reset_index(drop=True)
    filled[offset > 0] = np.nan
    return time[source] + offset * interval, filled


def held(values: Array, gaps: NDArray[np.bool_], most: int) -> Array:
    """Return values [rows, columns] with the last one of a column in place of missing ones.

    Args:
        values: Values, NaN where missing.
        gaps: Flags [rows]: whether a gap in time precedes the row. No value is held across a gap.
        most: For how many rows in succession a value may stand in.
    """
    rows = np.arange(len(values))[:, None]
    start = np.maximum.accumulate(np.where(gaps[:, None], rows, 0))
    known = np.maximum.accumulate(np.where(np.isnan(values), -1, rows))
    usable = (known >= start) & (rows - known <= most)
    found = np.take_along_axis(values, np.maximum(known, 0), axis=0)
    return np.where(usable, found, np.nan)
