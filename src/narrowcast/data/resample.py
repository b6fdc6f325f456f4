"""Rows grouped to bins of a period, before all else: ``data.resample``.

A bin has the readings after its start and up to its end, and its time stamp is its end. So a row
holds what a node knows at the time of the row, and no more. Bins end at multiples of the period
since 1970, in UTC.

Unlike ``pandas.DataFrame.resample``, no row is made for an empty bin, so that a gap of years does
not take memory.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import Aggregate, DataConfig
from narrowcast.data.interval import readable, tolerance, usual_step
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError


def resampled(
    time: pd.DatetimeIndex, frame: pd.DataFrame, config: DataConfig, place: str
) -> tuple[pd.DatetimeIndex, pd.DataFrame, int]:
    """Group rows to the bins of ``config.resample``.

    Missing readings are passed over. A bin without any row has none in the result, either. Which
    bins there are depends on times only: a reading never moves a split at a fraction of the rows.

    Args:
        time: Time stamps [rows], increasing.
        frame: Readings [rows, columns].
        config: Configuration with the period, and with what a bin has of each column.
        place: The file and the column of time stamps, for messages.

    Returns:
        Time stamps and readings of the bins that are not empty, and the number of all bins from the
        first to the last one.

    Raises:
        UserError: The period is shorter than the interval of the rows, or a bin ends after the
            last time that can be represented.
    """
    assert config.resample is not None
    period = pd.Timedelta(config.resample)
    key = f"data.resample = {config.resample!r}"
    if len(time) > 1:
        interval = usual_step(time)[0]
        if period < interval * (1 - tolerance(config.jitter)):
            raise UserError(
                f"{place}: {key} is shorter than the interval of {readable(interval)}: choose a "
                "longer period, or leave it out"
            )
    try:
        ends = time.as_unit("ns").ceil(period)
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        raise UserError(f"{place}: {key} is too long: the last bin ends after 2262") from None
    first = np.flatnonzero(np.append(True, ends.asi8[1:] != ends.asi8[:-1]))
    grouped = {
        name: _grouped(column.to_numpy(np.float64), first, config.resampling(str(name)))
        for name, column in frame.items()
    }
    found = ends[first]
    every = int((found[-1] - found[0]) / period) + 1
    return found, pd.DataFrame(grouped), every


def _grouped(values: Array, first: NDArray[np.int64], rule: Aggregate) -> Array:
    """Return what each bin has of a column, NaN if it has no reading.

    Each bin is reduced by itself: pandas rounds a mean in other ways where a later bin has NaN.

    Args:
        values: Readings [rows].
        first: First row of each bin.
        rule: What a bin has.
    """
    known = ~np.isnan(values)
    count = np.add.reduceat(known, first, dtype=np.int64)
    match rule:
        case "min":
            found = np.fmin.reduceat(values, first)
        case "max":
            found = np.fmax.reduceat(values, first)
        case "last":
            found = values[np.maximum.reduceat(np.where(known, np.arange(len(values)), 0), first)]
        case "sum" | "mean":
            found = np.add.reduceat(np.where(known, values, 0.0), first)
            found /= np.maximum(count, 1) if rule == "mean" else 1
    return np.where(count > 0, found, np.nan)
