"""The clock times of rows, from which calendar columns are computed."""

import numpy as np
import pandas as pd

from narrowcast.data.scaling import Array
from narrowcast.integer.calendar import Calendar


def calendar_values(calendar: Calendar, time: pd.DatetimeIndex) -> Array:
    """Return the calendar columns [rows, columns] of time stamps [rows], which have a zone."""
    local = time.tz_convert(calendar.timezone)
    minute, weekday, day = (
        np.asarray(each, dtype=np.int64)
        for each in (60 * local.hour + local.minute, local.day_of_week + 1, local.day_of_year)
    )
    return calendar.values(minute, weekday, day)
