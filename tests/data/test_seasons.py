"""Readings of earlier seasons against a plain search by time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig
from narrowcast.data import Table, make_windows
from narrowcast.data.seasons import earlier_rows, seasonal_readings
from narrowcast.errors import UserError


def config(**changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["y"], "target": "y", "window": 2, "lead": 1}
    return DataConfig.model_validate({**defaults, **changes})


def table(steps: np.ndarray, values: np.ndarray, jitter: np.ndarray | float = 0.0) -> Table:
    hours = np.cumsum(steps) + jitter
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    return Table(
        pd.DatetimeIndex(time).as_unit("ns"), pd.DataFrame({"y": values}), pd.Timedelta("1h")
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 60), st.lists(st.integers(0, 70), min_size=1))
def test_each_reading_is_the_one_of_its_time(seed: int, rows: int, earlier: list[int]) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.choice([1, 1, 1, 1, 2, 5], rows)
    values = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows))
    source = table(steps, values, rng.uniform(-0.1, 0.1, rows))
    last = np.flatnonzero(~np.isnan(values))
    found = seasonal_readings(source, values, values, last, tuple(earlier))
    assert found.shape == (len(last), 1, len(earlier))
    hours = np.cumsum(steps)
    known = dict(zip(hours.tolist(), values, strict=True))
    for i, row in enumerate(last):
        for j, rows_back in enumerate(earlier):
            value = known.get(int(hours[row]) - rows_back, np.nan)
            expected = 0.0 if np.isnan(value) else value - values[row]
            assert found[i, 0, j] == expected


def test_without_time_stamps_rows_count() -> None:
    source = Table(None, pd.DataFrame({"y": np.arange(30.0)}), None)
    found = seasonal_readings(
        source, np.arange(30.0), np.arange(30.0), np.array([5, 20]), (7, 0, 20)
    )
    np.testing.assert_array_equal(found[:, 0], [[0, 0, 0], [-7, 0, -20]])


@pytest.mark.parametrize(
    ("settings", "earlier"),
    [
        ({}, ()),
        ({"calendar": ["hour"]}, (23,)),
        ({"calendar": ["month", "weekday"]}, (167,)),
        ({"calendar": ["hour", "weekday"], "seasons": []}, ()),
        ({"seasons": ["1D"], "outputs": 24}, tuple(range(23, -1, -1))),
        ({"seasons": ["1D"], "outputs": 25}, tuple(range(47, 22, -1))),
        ({"seasons": [5, "90min"], "lead": 3, "outputs": 2}, (2, 1, 1, 0)),
        ({"calendar": ["hour"], "inputs": ["x"]}, ()),
    ],
)
def test_how_much_earlier(settings: dict[str, object], earlier: tuple[int, ...]) -> None:
    source = table(np.ones(200, dtype=int), np.zeros(200))
    assert earlier_rows(source, config(**settings)) == earlier


@pytest.mark.parametrize(
    ("season", "reason"),
    [
        ("24h", "'24h' is 24 rows long, as another one is: leave it out"),
        ("30min", "'30min' is shorter than the interval of 0 days 01:00:00: leave it out"),
        ("30D", "'30D' is 720 rows long, but the table has only 200: leave it out"),
        (200, "200 is 200 rows long, but the table has only 200: leave it out"),
    ],
)
def test_impossible_seasons(season: str | int, reason: str) -> None:
    source = table(np.ones(200, dtype=int), np.zeros(200))
    with pytest.raises(UserError) as caught:
        earlier_rows(source, config(seasons=[24, season]))
    assert str(caught.value) == f"data.seasons: {reason}"


def test_a_season_in_time_needs_the_interval() -> None:
    source = Table(None, pd.DataFrame({"y": np.zeros(99)}), None)
    with pytest.raises(UserError, match=r"data.seasons: '1D' needs the interval of the rows"):
        earlier_rows(source, config(time=None, seasons=["1D"]))


def test_windows_have_the_readings_in_units_of_the_target() -> None:
    values = np.random.default_rng(0).normal(3, 5, 300)
    dataset = make_windows(
        table(np.ones(300, dtype=int), values), config(seasons=["1D"], outputs=2)
    )
    for part in (dataset.train, dataset.validation, dataset.test):
        (seasons,) = part.further
        row = part.row[part.row >= 24]
        expected = np.stack([values[row - 24 + i] - values[row - 1] for i in range(2)], axis=1)
        np.testing.assert_array_equal(seasons[part.row >= 24, 0], expected)
        (scaled,) = dataset.scaled_further(part.further)
        np.testing.assert_allclose(scaled * dataset.input_scaling.scale[0], seasons)
