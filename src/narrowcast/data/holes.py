"""Holes: readings that are missing, and rows that are.

A model of a table with holes receives the last reading in place of a missing one, for a limited
time. With ``data.missing = "interpolate"``, a hole that ends within a window is bridged by a
straight line instead: the reading after it is then known. Targets are never replaced.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.interval import tolerance
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError

_MOST_ADDED = 10**6  # rows
_MOST_ADDED_TO_EACH = 10  # rows, in longer tables
_CHUNK = 1024  # windows: the numbers for all of them would take several times their memory


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

    Raises:
        UserError: So many rows are missing that the others would be lost among them.
    """
    steps = np.diff(time.asi8) / interval.as_unit("ns").value
    whole = np.rint(steps).astype(np.int64)
    inside = (whole >= 2) & (whole - 1 <= most) & (np.abs(steps - whole) <= tolerance(jitter))
    if not inside.any():
        return time, frame
    count = np.append(np.where(inside, whole, 1), 1)  # of each row and the new ones after it
    if (added := int(count.sum()) - len(time)) > max(_MOST_ADDED, _MOST_ADDED_TO_EACH * len(time)):
        raise UserError(
            f"data.longest_hole: {added} rows are missing in gaps of at most {most} rows, but the "
            f"table has only {len(time)}: state a shorter one"
        )
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
    before = _last_known(values, gaps)
    usable = (before >= 0) & (_rows(values) - before <= most)
    return np.where(usable, _at(values, before), np.nan)


@dataclass(frozen=True, eq=False)
class Bridges:
    """Straight lines across the holes of a table.

    In row i of a hole between readings ``before`` and ``after`` in rows b and a, this is
    ``before + (after - before) * (i - b) / (a - b)``.

    Attributes:
        line: Values on the lines [rows, columns].
        usable: Whether a value is on a line [rows, columns].
        after: Row of the reading that ends the hole [rows, columns].
    """

    line: Array
    usable: NDArray[np.bool_]
    after: NDArray[np.int64]

    @classmethod
    def of(cls, values: Array, gaps: NDArray[np.bool_], most: int) -> "Bridges":
        """Return the lines across the holes of a table.

        Args:
            values: Values [rows, columns], NaN where missing.
            gaps: Flags [rows]: whether a gap in time precedes the row. No hole is bridged across a
                gap.
            most: Most rows of a hole that is bridged.
        """
        before, rows = _last_known(values, gaps), _rows(values)
        # Seen from the end of the table, a gap precedes the row that it follows seen from the
        # start.
        reverse = _last_known(values[::-1], np.append(gaps[1:], False)[::-1])[::-1]
        after = len(values) - 1 - reverse
        usable = (before >= 0) & (reverse >= 0) & np.isnan(values) & (after - before - 1 <= most)
        first, last = _at(values, before), _at(values, np.where(usable, after, 0))
        with np.errstate(invalid="ignore"):
            line = first + (last - first) * (rows - before) / np.where(usable, after - before, 1)
        return cls(line, usable, after)

    def fill(self, windows: Array, inside: NDArray[np.int64]) -> None:
        """Interpolate the holes that end within their window, in place.

        A hole that reaches the end of its window stays as it is: what follows is not known yet.

        Args:
            windows: Windows [windows, n, columns] of what :func:`held` returns.
            inside: Rows of each window [windows, n].
        """
        for begin in range(0, len(inside), _CHUNK):
            some, row = windows[begin : begin + _CHUNK], inside[begin : begin + _CHUNK]
            ended = self.usable[row] & (self.after[row] <= row[:, -1, None, None])
            np.copyto(some, self.line[row], where=ended)


def _rows(values: Array) -> NDArray[np.int64]:
    """Return the number of each row [rows, 1]."""
    return np.arange(len(values))[:, None]


def _last_known(values: Array, gaps: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the row of the last value at each place [rows, columns]; -1: none since a gap."""
    rows = _rows(values)
    start = np.maximum.accumulate(np.where(gaps[:, None], rows, 0))
    known = np.maximum.accumulate(np.where(np.isnan(values), -1, rows))
    return np.where(known >= start, known, -1)


def _at(values: Array, rows: NDArray[np.int64]) -> Array:
    """Return the value of each place's column in rows [rows, columns]; any for a row of -1."""
    return np.take_along_axis(values, np.maximum(rows, 0), axis=0)
