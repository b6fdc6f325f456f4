"""A table of sensor readings in order of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.data.interval import gaps
from narrowcast.data.row_names import RowNames
from narrowcast.errors import shown

if TYPE_CHECKING:
    from narrowcast.data.panel import Panel


_PARTS = 16  # bits: how finely instants divide an interval


@dataclass(frozen=True, eq=False)
class Table:
    """Readings in order of time.

    Attributes:
        time: Time stamps [rows], UTC, strictly increasing; None if the file has none. The rows are
            then assumed to be equidistant.
        frame: Readings [rows, columns], float64: every input, the target and what is known ahead,
            each once. NaN is a missing value.
        interval: Time from one row to the next; None if unknown.
        jitter: Part of the interval by which a time stamp may be off.
        notes: Remarks on how the file was read and on doubtful columns, each in one line.
        recording: Number of each row's recording [rows], ascending; None if all rows are of one.
            Time stamps increase within each recording.
        names: Names of the values of each column of groups; its values in ``frame`` are their
            indices.
        rows: The numbers of rows in messages.
        source: Index of each row in the files [rows], that of the row before for one that was
            added, and that of the last row of a bin; None if the rows are those of the files.
        series: Names of the series of a panel, each of which is a recording; none if it is none.
        panel: How the target of each series was scaled; None if it was not.
    """

    time: pd.DatetimeIndex | None
    frame: pd.DataFrame
    interval: pd.Timedelta | None
    jitter: float = 0.1
    notes: tuple[str, ...] = ()
    recording: NDArray[np.int64] | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: RowNames = field(default_factory=RowNames)
    source: NDArray[np.int64] | None = None
    series: tuple[str, ...] = ()
    panel: "Panel | None" = None

    def row(self, index: int) -> str:
        """Return the number of a row in messages, that in its file."""
        return self.rows[index if self.source is None else int(self.source[index])]

    def place(self, index: int) -> str:
        """Return the number of a row in messages, with its series if it is of a panel."""
        number = self.row(index)
        if not self.series:
            return number
        return f"{number} of series {shown(self.series[int(self.series_of_rows[index])])}"

    @cached_property
    def gaps(self) -> NDArray[np.bool_]:
        """Flags [rows]: whether a row is not one interval after the previous row.

        Both time stamps may be off by ``jitter`` intervals. The first row of each recording but the
        first follows a gap.
        """
        if self.time is None or self.interval is None:
            return self.begins
        return gaps(self.time, self.interval, self.jitter) | self.begins

    @cached_property
    def begins(self) -> NDArray[np.bool_]:
        """Flags [rows]: whether a row is the first of a recording, but not of the first one."""
        if self.recording is None:
            return np.zeros(len(self.frame), dtype=np.bool_)
        return np.append(False, np.diff(self.recording) > 0)

    @cached_property
    def first_rows(self) -> NDArray[np.int64]:
        """Row with which the recording of each row begins [rows]."""
        rows = np.arange(len(self.frame))
        return np.maximum.accumulate(np.where(self.begins, rows, 0))

    @property
    def series_of_rows(self) -> NDArray[np.int64]:
        """Index of the series, or of the recording, of each row [rows]."""
        if self.recording is None:
            return np.zeros(len(self.frame), dtype=np.int64)
        return self.recording

    @cached_property
    def instants(self) -> NDArray[np.int64]:
        """Time of each row [rows] in parts of an interval, ascending over all recordings.

        Differences within a recording are those of its times, in units of ``unit`` nanoseconds.
        """
        assert self.time is not None
        time = self.time.asi8
        since = (time - time[self.first_rows]) // self.unit
        ends = np.flatnonzero(np.append(self.begins[1:], True))
        spans = np.cumsum(since[ends] + 1)
        return since + np.concatenate(([0], spans[:-1]))[np.cumsum(self.begins)]

    @property
    def unit(self) -> int:
        """Unit of ``instants``, in nanoseconds: a small part of the interval."""
        assert self.interval is not None
        return max(1, self.interval.as_unit("ns").value >> _PARTS)

    @cached_property
    def moments(self) -> NDArray[np.int64]:
        """Number of each row's time among all times [rows]; without times, in its series."""
        if self.time is None:
            return np.arange(len(self.frame)) - self.first_rows
        return np.unique(self.time.asi8, return_inverse=True)[1].astype(np.int64)

    @property
    def missing(self) -> dict[str, int]:
        """The number of missing values in each column."""
        counts = self.frame.isna().sum()
        return {str(name): int(n) for name, n in counts.items() if name not in self.names}
