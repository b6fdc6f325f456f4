"""The order of the rows in time, the interval between them, and gaps."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.data.row_names import RowNames
from narrowcast.data.values import first
from narrowcast.errors import UserError

_COMMON = 0.1  # of all steps: a step that makes up less does not tell the interval
_MOST_IRREGULAR = 0.01  # of all steps
_GAP = 1.75  # intervals
_HOUR = 3600 * 10**9
_CHANGES = (3, 4, 9, 10, 11)  # months in which clocks are set back somewhere


def steps(times: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the steps in time [rows - 1] in nanoseconds."""
    return np.diff(times.as_unit("ns").asi8)


def gaps(times: pd.DatetimeIndex, interval: pd.Timedelta, jitter: float) -> NDArray[np.bool_]:
    """Return flags [rows]: whether a row is not one interval after the previous row.

    Each of the two time stamps may be off by ``jitter`` intervals.
    """
    off = np.abs(steps(times) / interval.as_unit("ns").value - 1)
    return np.concatenate(([False], off > tolerance(jitter)))


def tolerance(jitter: float) -> float:
    """Return by how much of the interval a step may be off, if either end is off by ``jitter``."""
    return 2 * jitter + 1e-9  # steps of whole nanoseconds


def check_unique(
    times: pd.DatetimeIndex, source: NDArray[np.int64], rows: RowNames, place: str, advice: str
) -> None:
    """Reject time stamps that occur more than once.

    Args:
        times: Time stamps in the order of the rows.
        source: Index of each row in the files.
        rows: The numbers of rows in messages.
        place: The file and the column, for messages.
        advice: What to do about it.

    Raises:
        UserError: A time stamp occurs more than once. The message says so if it is in an hour that
            a change of clocks repeats.
    """
    again = np.asarray(times.duplicated())
    if (bad := first(again)) is None:
        return
    where = f"{place}, row {rows[int(source[bad])]}: {times[bad]} stands there for the second time"
    if _changes_clocks(times, bad):
        raise UserError(
            f"{where}: this is the hour that a change of clocks repeats: set data.timezone, such "
            "as 'Europe/Berlin', if these are local times"
        )
    raise UserError(f"{where} ({int(again.sum())} duplicates in all): {advice}")


def _changes_clocks(times: pd.DatetimeIndex, bad: int) -> bool:
    """Return whether the step to this row is a usual one less an hour, in the early morning."""
    taken = steps(times)
    usual = int(np.median(np.abs(taken)))
    back = np.isin(taken[bad - 1], (usual - _HOUR, _HOUR - usual))
    return bool(back) and usual <= _HOUR and times[bad].hour <= 3 and times[bad].month in _CHANGES


def usual_step(times: pd.DatetimeIndex) -> tuple[pd.Timedelta, bool]:
    """Return the most frequent step if it is common, else the median of all, and if it is common.

    Args:
        times: Time stamps in order, at least two.
    """
    taken = steps(times)
    lengths, counts = np.unique(taken, return_counts=True)
    common = bool(counts.max() > max(1, _COMMON * len(taken)) or len(lengths) == 1)
    usual = int(lengths[counts.argmax()]) if common else int(np.sort(taken)[len(taken) // 2])
    return pd.Timedelta(usual, unit="ns"), common


def find_interval(
    times: pd.DatetimeIndex, stated: pd.Timedelta | None, jitter: float, place: str
) -> tuple[pd.Timedelta | None, str | None]:
    """Return the interval between rows, and a remark if it is no step that is common.

    It is the stated interval, or else the most frequent step, or else the median of the steps.

    Args:
        times: Time stamps in order.
        stated: The interval that the configuration states.
        jitter: Part of the interval by which a time stamp may be off.
        place: The file and the column, for messages.

    Raises:
        UserError: No step is as long as stated, or the steps are irregular.
    """
    if len(times) < 2:
        return stated, None
    usual, common = usual_step(times)
    interval = usual if stated is None else stated
    check_interval(times, interval, jitter, place)
    relative = steps(times) / interval.as_unit("ns").value
    # Longer steps are gaps, after which a logger may start at any time.
    irregular = (np.abs(relative - 1) > tolerance(jitter)) & (relative < _GAP)
    if irregular.sum() > max(2, _MOST_IRREGULAR * len(relative)):
        raise UserError(
            f"{place}: {irregular.mean():.0%} of the rows are not on time, where the interval is "
            f"{readable(interval)}: group them to equal steps with data.resample, or allow more "
            f"with data.jitter, now {jitter:g} of the interval, or data.interval"
        )
    if common or stated is not None:
        return interval, None
    return interval, f"the interval is taken to be {readable(interval)}, the median of all steps"


def check_interval(
    times: pd.DatetimeIndex, interval: pd.Timedelta, jitter: float, place: str
) -> None:
    """Refuse time stamps no two of which are an interval apart; the arguments are as above.

    Raises:
        UserError: No step is as long as the interval.
    """
    relative = steps(times) / interval.as_unit("ns").value
    if (np.abs(relative - 1) > tolerance(jitter)).all():
        usual, _ = usual_step(times)
        longer = "; data.resample makes longer steps" if interval > usual else ""
        raise UserError(
            f"{place}: no two rows are {readable(interval)} apart, as data.interval says: most are "
            f"{readable(usual)} apart{longer}"
        )


def check_same_interval(
    times: pd.DatetimeIndex, interval: pd.Timedelta, jitter: float, place: str, advice: str
) -> None:
    """Refuse a recording whose rows are not as far apart as those of most recordings.

    Args:
        times: Time stamps of the recording, at least one.
        interval: The interval of most recordings, or the stated one.
        jitter: Part of the interval by which a time stamp may be off.
        place: The file and the recording, for messages.
        advice: What else to do about it.

    Raises:
        UserError: The rows are further apart, or nearer.
    """
    if len(times) < 2:
        return
    usual, _ = usual_step(times.sort_values())
    if abs(usual / interval - 1) > tolerance(jitter):
        raise UserError(
            f"{place}: most of its rows are {readable(usual)} apart, but those of others "
            f"{readable(interval)}: bring all to equal steps with data.resample, or {advice}"
        )


def readable(step: pd.Timedelta) -> str:
    """Return a step in time as a text, such as 00:10:00."""
    return str(step).removeprefix("0 days ")
