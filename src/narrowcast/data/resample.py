"""Rows grouped to bins of a period, before all else: ``data.resample``.

A bin has the readings after its start and up to its end, and its time stamp is its end. So a row
holds what a node knows at the time of the row, and no more. Bins end at multiples of the period
since 1970, in UTC.

Unlike ``pandas.DataFrame.resample``, no row is made for an empty bin, so that a gap of years does
not take memory.
"""

import pandas as pd

from narrowcast.config import DataConfig
from narrowcast.data.interval import readable, tolerance, usual_step
from narrowcast.errors import UserError


def resampled(
    time: pd.DatetimeIndex, frame: pd.DataFrame, config: DataConfig, place: str
) -> tuple[pd.DatetimeIndex, pd.DataFrame, str]:
    """Group rows to the bins of ``config.resample``.

    Missing readings are passed over. A bin without any reading has no row.

    Args:
        time: Time stamps [rows], increasing.
        frame: Readings [rows, columns].
        config: Configuration with the period, and with what a bin has of each column.
        place: The file and the column of time stamps, for messages.

    Returns:
        Time stamps and readings of the bins, and a remark that counts rows and bins.

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
    bins = frame.groupby(ends)
    rules = {name: config.resampling(str(name)) for name in frame}
    # The sum of no readings is not 0, but missing.
    grouped = bins.agg(rules).where(bins.count() > 0).dropna(how="all")
    found = pd.DatetimeIndex(grouped.index)
    every = int((found[-1] - found[0]) / period) + 1
    remark = (
        f"{len(frame)} rows became {every} bins of {config.resample}, "
        f"of which {every - len(grouped)} are empty"
    )
    return found.rename(None), grouped.reset_index(drop=True), remark
