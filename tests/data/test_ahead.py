"""Values known ahead at the times that are forecast, against a plain loop."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig
from narrowcast.data import Table, baselines, check_columns, make_windows, read_table
from narrowcast.errors import UserError

HOUR = pd.Timedelta("1h")


def config(**changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["y", "p"], "target": "y", "window": 3, "lead": 1}
    return DataConfig.model_validate({**defaults, "known": ["p", "q"], **changes})


def table(values: np.ndarray, steps: np.ndarray | None = None) -> Table:
    hours = np.arange(len(values)) if steps is None else np.cumsum(steps)
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    frame = pd.DataFrame(values, columns=["y", "p", "q"])
    return Table(pd.DatetimeIndex(time).as_unit("ns"), frame, HOUR)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 4),
    st.integers(0, 3),
    st.integers(1, 4),
    st.sampled_from([["p"], ["q"], ["q", "p"]]),
)
def test_each_window_has_the_values_of_its_targets(
    seed: int, n: int, lead: int, outputs: int, known: list[str]
) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((120, 3)) < 0.05, np.nan, rng.normal(size=(120, 3)))
    values[-1] = 1.0
    source = table(values, rng.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 3], 120))
    inputs = ["y", "p"] if lead else ["p"]
    chosen = config(window=n, lead=lead, outputs=outputs, known=known, inputs=inputs)
    try:
        dataset = make_windows(source, chosen)
    except UserError:
        assume(False)
    columns = source.frame[known].to_numpy()
    expected, missing = [], 0
    span = n + lead + outputs - 1
    for start in range(120 - max(span, n + 1) + 1):
        if source.gaps[start + 1 : start + span].any():
            continue
        at = slice(start + n + lead - 1, start + span)
        read = source.frame[inputs].to_numpy()[start : start + n], values[at, 0], columns[at]
        if any(np.isnan(each).any() for each in read):
            missing += 1
        else:
            expected.append((at.start, columns[at]))
    assert dataset.skipped_missing == missing
    rows = dict(expected)
    parts = dataset.train, dataset.validation, dataset.test
    assert sum(map(len, parts)) + dataset.skipped_straddling == len(expected)
    for part in parts:
        (ahead,) = part.further
        assert ahead.shape == (len(part), 1, len(known) * outputs)
        for row, found in zip(part.row.tolist(), ahead, strict=True):
            np.testing.assert_array_equal(found[0], rows[row].T.reshape(-1))
    of_training = dataset.train.further[0].reshape(-1, len(known), outputs)
    (scaling,) = dataset.further_scaling
    for i in range(len(known)):
        at = slice(i * outputs, (i + 1) * outputs)
        np.testing.assert_allclose(scaling.offset[at], of_training[:, i].mean())
        np.testing.assert_allclose(scaling.scale[at], of_training[:, i].std())


def test_they_come_after_the_seasons_and_into_ridge() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(600, 3))
    values[:, 0] = 3 * values[:, 2] + np.tile(rng.normal(size=24), 25)
    chosen = config(seasons=["1D"], outputs=2)
    dataset = make_windows(table(values), chosen)
    seasons, ahead = dataset.test.further
    assert (seasons.shape[2], ahead.shape[2]) == (2, 4)
    scaled = dataset.scaled_further(dataset.train.further)
    assert abs(scaled[1].mean()) < 1e-12 and scaled[1].std() == pytest.approx(1)
    simple = baselines(dataset, table(values), chosen)
    assert simple["ridge"] is not None and simple["persistence"] is not None
    assert simple["ridge"].rmse < 0.9 * simple["persistence"].rmse


def test_a_column_that_ends_before_the_time_of_a_forecast() -> None:
    values = np.random.default_rng(0).normal(size=(200, 3))
    values[190:, 2] = np.nan
    with pytest.raises(UserError) as caught:
        make_windows(table(values), config())
    assert str(caught.value) == (
        "data.known: column 'q' ends in row 190 (2024-01-08T21:00:00+00:00), but a value is "
        "forecast for row 200 (2024-01-09T07:00:00+00:00): continue the column, leave it out, or "
        "end the table there"
    )
    values[190:, 0] = np.nan  # as in a table that ends with forecasts of the weather
    make_windows(table(values), config())
    without = Table(None, table(np.ones((9, 3)) * np.nan).frame.assign(y=1.0), None)
    with pytest.raises(UserError, match="column 'p' has no value, but a value is forecast for "):
        make_windows(without, config(time=None))


def test_a_hole_is_not_filled() -> None:
    values = np.random.default_rng(0).normal(size=(200, 3))
    values[100, 2] = np.nan
    for missing in ("drop", "hold", "interpolate"):
        dataset = make_windows(table(values), config(missing=missing, outputs=2))
        assert dataset.skipped_missing == 2  # those that forecast row 100


def test_values_that_cannot_be_scaled() -> None:
    values = np.random.default_rng(0).normal(size=(200, 3))
    constant = values.copy()
    constant[:150, 2] = 7
    with pytest.raises(UserError, match="column 'q' has the constant value 7 throughout the train"):
        make_windows(table(constant), config())
    values[190, 2] = 1e20
    with pytest.raises(UserError, match="column 'q' has 1e\\+20 in row 191, too far from"):
        make_windows(table(values), config(outputs=3))


def test_the_columns_are_read(tmp_path: Path) -> None:
    frame = table(np.random.default_rng(0).normal(size=(50, 3))).frame
    frame.insert(0, "time", pd.date_range("2024-01-01", periods=50, freq="h"))
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.pq")
    for name in ("t.csv", "t.pq"):
        found = read_table(config(path=tmp_path / name))
        np.testing.assert_allclose(found.frame[["y", "p", "q"]], frame[["y", "p", "q"]])
        wrong = config(path=tmp_path / name, known=["r"])
        for refuse in (check_columns, read_table):
            with pytest.raises(UserError, match="no column 'r'"):
                refuse(wrong)
    resampled = config(path=tmp_path / "t.csv", resample="2h", resample_by={"q": "last"})
    assert read_table(resampled).frame["q"][1] == frame["q"][2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"known": ["y"]}, "known names the target 'y', which is what is forecast: leave it out"),
        (
            {"known": ["time"]},
            "the time column 'time' can be neither an input nor target nor known",
        ),
        ({"relative_inputs": ["p"]}, "known names 'p', which is among relative_inputs"),
        ({"known": ["q", "q"]}, "known"),
    ],
)
def test_impossible_columns(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        config(**changes)
