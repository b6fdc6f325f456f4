"""Public holidays, by the library ``holidays``, which is an optional dependency."""

import importlib

import numpy as np
import pandas as pd

from narrowcast.data.scaling import Array
from narrowcast.errors import UserError, shown
from narrowcast.extras import require_extra


def holiday_values(region: str, timezone: str, time: pd.DatetimeIndex) -> Array:
    """Return 1 for each time stamp on a public holiday, else 0 [rows].

    Args:
        region: ISO 3166 code of a country such as ``DE``, or of a part of one such as ``AU-VIC``.
        timezone: IANA name of the zone in which days begin.
        time: Time stamps [rows], which have a zone.

    Raises:
        UserError: The library is not installed, or knows no such region.
    """
    require_extra("holidays", "data.holidays")
    library = importlib.import_module("holidays")
    country, _, part = region.partition("-")
    parts = library.list_supported_countries().get(country)
    if parts is None or (part and part not in parts):
        known = f": its parts are {', '.join(parts)}" if parts else ""
        raise UserError(f"data.holidays: no holidays are known of {shown(region)}{known}")
    local = time.tz_convert(timezone)
    years = range(int(local.year.min()), int(local.year.max()) + 1)
    days = library.country_holidays(country, subdiv=part or None, years=years)
    return np.isin(local.date, list(days)).astype(np.float64)
