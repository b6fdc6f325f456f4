"""Calendar columns against the definitions in docs/integer-model.md, with Python's datetime."""

import datetime
import math
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.data.calendar import calendar_values
from narrowcast.integer.calendar import FEATURES, Calendar

MOMENTS = st.datetimes(
    datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1), timezones=st.just(datetime.UTC)
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])


def expected(moment: datetime.datetime, name: str) -> list[float]:
    match name:
        case "hour":
            angle = 2 * math.pi * (60 * moment.hour + moment.minute) / 1440
            return [math.sin(angle), math.cos(angle), math.sin(2 * angle), math.cos(2 * angle)]
        case "weekday":
            return [float(moment.isoweekday() == day) for day in range(1, 8)]
        case _:
            angle = 2 * math.pi * (moment.timetuple().tm_yday - 1) / 366
            return [math.sin(angle), math.cos(angle)]


@given(
    st.lists(MOMENTS, min_size=1, max_size=5),
    ZONES,
    st.lists(st.sampled_from([*FEATURES]), min_size=1, unique=True),
)
def test_values(moments: list[datetime.datetime], zone: str, features: list[str]) -> None:
    calendar = Calendar(tuple(features), zone)
    found = calendar_values(calendar, pd.DatetimeIndex(moments))
    local = [each.astimezone(zoneinfo.ZoneInfo(zone)) for each in moments]
    wanted = [[value for name in features for value in expected(each, name)] for each in local]
    assert found.shape == (len(moments), len(calendar.columns))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("moment", "minute"), [("2024-03-31T00:59Z", 119), ("2024-03-31T01:00Z", 180)]
)
def test_a_change_of_clocks(moment: str, minute: int) -> None:
    calendar = Calendar(("hour",), "Europe/Berlin")
    (values,) = calendar_values(calendar, pd.DatetimeIndex([moment]))
    assert values[0] == pytest.approx(math.sin(2 * math.pi * minute / 1440))
