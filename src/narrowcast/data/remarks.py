"""Remarks on columns that can be trained on, but perhaps should not be as they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.data.scaling import Array
from narrowcast.errors import shown

_LABELS = 10  # at most so many whole numbers are perhaps labels
_RECURS = 3  # times
_FAR = 2.0  # spreads between a stand-in and the nearest reading
_FEWEST = 10  # different readings beside it
_MOST_STAND_INS = 4  # of a column
_CYCLES = {"hour": (1, "days"), "weekday": (7, "weeks"), "month": (365, "years")}  # in days


def remark_labels(target: str, values: Array) -> str | None:
    """Return a remark on a target that has few whole numbers, as labels of classes have."""
    if not are_labels(values):
        return None
    several = len(np.unique(values[~np.isnan(values)]))
    return (
        f"the target {shown(target)} has only {several} different values, all whole: if they "
        "are labels of classes, a forecast of their size means little"
    )


def are_labels(values: Array) -> bool:
    """Return whether values are few whole numbers that repeat, as labels of classes do."""
    known = values[~np.isnan(values)]
    several = np.unique(known)
    few = len(several) <= _LABELS and len(known) >= 5 * len(several)
    return few and not (several % 1).any()


def remark_calendar(features: Sequence[str], times: pd.DatetimeIndex) -> list[str]:
    """Return a remark on each calendar feature of which there are less than two cycles.

    What a model then learns of a weekday, say, is what happened on a single one.

    Args:
        features: The features of ``data.calendar``.
        times: Times of the rows outside of the test part.
    """
    days = (times.max() - times.min()) / pd.Timedelta(days=1)
    short = {name: words for name in features for long, words in [_CYCLES[name]] if days < 2 * long}
    return [
        f"the readings outside of the test part span {days:.1f} days, less than two {words}: leave "
        f"{shown(name)} out of data.calendar, or train on more"
        for name, words in short.items()
    ]


def remark_stand_ins(frame: pd.DataFrame) -> list[str]:
    """Return a remark on each value that recurs far outside of the rest of a column.

    Such a value often stands for a missing one: -200, -999, 9.97e36. A value counts as far if
    nothing lies within twice the spread of the other readings, so that the end of a sensor's range
    and the zeros of a count do not.
    """
    found = find_stand_ins(frame)
    return [_remark(value, counts, list(found)) for value, counts in found.items()]


def find_stand_ins(frame: pd.DataFrame) -> dict[float, dict[str, int]]:
    """Return the values that recur far outside of the rest of a column, with counts by column."""
    found: dict[float, dict[str, int]] = {}
    for name in frame:
        for value, count in _stand_ins(frame[name].to_numpy()).items():
            found.setdefault(value, {})[str(name)] = count
    return found


def _remark(value: float, counts: Mapping[str, int], every: list[float]) -> str:
    columns = ", ".join(f"{shown(name)} ({count} times)" for name, count in counts.items())
    keys = ", ".join(f"{each:g}" if float(f"{each:g}") == each else repr(each) for each in every)
    return (
        f"the value {value:g} recurs far outside of the other readings of {columns}: if it stands "
        f"for a missing value, set data.missing_values = [{keys}]"
    )


def _stand_ins(values: Array) -> dict[float, int]:
    """Return the values of a column that recur far outside of the rest, with their counts."""
    several, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    found: dict[float, int] = {}
    while len(several) > _FEWEST and len(found) < _MOST_STAND_INS:
        ends = {
            0: (slice(1, None), several[1] - several[0]),
            -1: (slice(-1), several[-1] - several[-2]),
        }
        for end, (rest, distance) in ends.items():
            value, count = float(several[end]), int(counts[end])
            recurs = count >= _RECURS and value != 0 and value % 1 == 0
            if recurs and distance > _FAR * _spread(several[rest], counts[rest]):
                found[value] = count
                several, counts = several[rest], counts[rest]
                break
        else:
            break
    return found


def _spread(several: Array, counts: NDArray[np.int64]) -> float:
    """Return the range of the middle half of the readings, or of all if that is 0."""
    share = np.cumsum(counts) / counts.sum()
    quarters = several[np.searchsorted(share, (0.25, 0.75))]
    return float(quarters[1] - quarters[0]) or float(several[-1] - several[0])
