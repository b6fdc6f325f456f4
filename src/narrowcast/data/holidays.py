"""Public holidays, by the library ``holidays``, which is an optional dependency."""

import importlib

import numpy as np
import pandas as pd

from narrowcast.data.scaling import Array
from narrowcast.extras import require_extra


def holiday_values(region: str, timezone: str, time: pd.DatetimeIndex) -> Array:
    """Return 1 for each time stamp on a public holiday, else 0 [rows].

    Args:
        region: A country or a part of one, as in ``data.holidays``.
        timezone: IANA name of the zone in which days begin.
        time: Time stamps [rows], which have a zone.

    Raises:
        UserError: The library is not installed.
    """
    require_extra("holidays", "data.holidays")
    library = importlib.import_module("holidays")
    country, _, part = region.partition("-")
    local = time.tz_convert(timezone)
    years = range(int(local.year.min()), int(local.year.max()) + 1)
    days = library.country_holidays(country, subdiv=part or None, years=years)
    return np.isin(local.date, list(days)).astype(np.float64)
