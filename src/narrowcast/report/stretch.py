"""The first stretch of the test part along an axis, as charts show it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.report import axes
from narrowcast.report.axes import Axis
from narrowcast.report.charts import Point

STRETCH = 240  # windows of the test part that are drawn; with more, single ones are invisible

# Least share of an axis that windows fill; the rest lies between recordings that are far apart.
_FILLED = 1 / 3

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Stretch:
    """The first windows of the test part along an axis.

    The axis is that of time; that of the table's rows if there are no time stamps; or that of the
    windows themselves. Recordings may be in any order of time and far apart: an axis on which
    windows go back, or that would be mostly empty, is not used.

    Attributes:
        place: Position of each window on the axis [windows]: time in nanoseconds since 1970, row of
            the table, or number of the window.
        interval: Distance of two rows of the table on the axis.
        pieces: Numbers of the windows between one gap and the next.
        label: Quantity of the axis.
        over: What the axis is of, in a sentence.
        timed: Whether it is the axis of time.
    """

    place: Places
    interval: int
    pieces: Sequence[NDArray[np.intp]]
    label: str
    over: str
    timed: bool

    @classmethod
    def of(cls, predictions: Mapping[str, NDArray[Any]]) -> "Stretch":
        """Return the first windows of the arrays of :func:`narrowcast.report.html.render_html`."""
        row = predictions["row"][:STRETCH]
        apart = np.diff(row)
        gaps = apart != apart[apart > 0].min(initial=row.max() + 1)
        pieces = np.split(np.arange(len(row)), np.flatnonzero(gaps) + 1)
        place, label, over = np.arange(1, len(row) + 1), "Window of the test part", "windows"
        if _is_clear(row):
            place, label, over = row, "Row of the table", "rows of the table"
        timed = "time" in predictions and _is_clear(predictions["time"][:STRETCH])
        if timed:
            place = predictions["time"][:STRETCH]
            label, over = f"Time (UTC), {_years(place)}", "time"
        interval = int(np.median(np.diff(place) // apart)) if len(row) > 1 else 0
        return cls(place, interval, pieces, label, over, timed)

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.place)

    @property
    def spacing(self) -> int:
        """The largest distance of which all distances of windows are multiples."""
        return int(np.gcd.reduce(np.diff(self.place))) if len(self) > 1 else 1

    def axis(self, ahead: int = 0) -> Axis:
        """Return the axis, shifted by so many rows."""
        axis: Callable[[int, int], Axis] = axes.time if self.timed else axes.whole
        shift = ahead * self.interval
        return axis(int(self.place[0]) + shift, int(self.place[-1]) + shift)

    def line(self, values: NDArray[Any], ahead: int = 0) -> list[list[Point]]:
        """Return the points of each piece, of values [windows] so many rows later."""
        x = self.place + ahead * self.interval
        return [
            list(zip(x[each].tolist(), values[each].tolist(), strict=True)) for each in self.pieces
        ]


def _is_clear(place: Places) -> bool:
    """Return whether windows go on along an axis and fill enough of it."""
    steps = np.diff(place)
    if not len(steps):
        return True
    return bool(steps.min() > 0 and np.median(steps) * len(steps) >= _FILLED * steps.sum())


def _years(times: Places) -> str:
    first, last = times[[0, -1]].astype("datetime64[ns]").astype("datetime64[Y]").astype(str)
    return str(first) if first == last else f"{first} to {last}"
