"""Holes in a table, against plain loops."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig
from narrowcast.data import Table, make_windows, read_table
from narrowcast.data.holes import held, held_rows, with_missing_rows
from narrowcast.errors import UserError
from narrowcast.model.training import Outage

HOUR = pd.Timedelta("1h")


def config(**changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["a", "y"], "target": "y", "window": 3, "lead": 1}
    return DataConfig.model_validate({**defaults, **changes})


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 5))
def test_the_last_value_is_held(seed: int, rows: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((rows, 2)) < 0.4, np.nan, rng.normal(size=(rows, 2)))
    gaps = rng.random(rows) < 0.1
    expected = values.copy()
    for column in range(2):
        age, last = 0, np.nan
        for row in range(rows):
            if gaps[row]:
                last = np.nan
            if np.isnan(values[row, column]):
                age += 1
                expected[row, column] = last if age <= most else np.nan
            else:
                age, last = 0, values[row, column]
    np.testing.assert_array_equal(held(values, gaps, most), expected)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from([1, 1, 1, 2, 3, 6, 2.5]), min_size=1, max_size=30), st.integers(1, 4)
)
def test_missing_rows_are_inserted(steps: list[float], most: int) -> None:
    hours = np.concatenate(([0], np.cumsum(steps)))
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    time = pd.DatetimeIndex(time).as_unit("ns")
    frame = pd.DataFrame({"y": np.arange(len(time), dtype=float)})
    found_time, found = with_missing_rows(time, frame, HOUR, 0.1, most)
    expected: dict[pd.Timestamp, float] = {}
    for i, moment in enumerate(time):
        expected[moment] = float(i)
        step = steps[i] if i < len(steps) else 1
        if step % 1 == 0 and step - 1 <= most:
            expected |= {moment + j * HOUR: np.nan for j in range(1, int(step))}
    assert list(found_time) == list(expected)
    np.testing.assert_array_equal(found["y"], list(expected.values()))
    assert (np.diff(found_time.asi8) > 0).all()


@pytest.mark.parametrize("most", [10**6, 10**6 + 1])
def test_rows_are_not_inserted_without_end(most: int) -> None:
    hours = np.cumsum([0, 1, 1, most + 1])
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    time = pd.DatetimeIndex(time).as_unit("ns")
    frame = pd.DataFrame({"y": np.arange(len(time), dtype=float)})
    if most == 10**6:
        assert len(with_missing_rows(time, frame, HOUR, 0.1, most)[1]) == 4 + most
        return
    with pytest.raises(UserError, match=r"longest_hole: 1000001 rows are missing .* has only 4"):
        with_missing_rows(time, frame, HOUR, 0.1, most)


def test_a_table_with_holes(tmp_path: Path) -> None:
    rows = [f"2024-01-01 {hour:02}:00,{hour},{10 * hour}" for hour in range(24)]
    rows[5] = "2024-01-01 05:00,,50"
    rows[6] = "2024-01-01 06:00,,"
    del rows[9:11], rows[12:17]  # two hours and five hours
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["time,a,y", *rows]))
    strict = read_table(config(path=path, time="time"))
    assert len(strict.frame) == 17
    table = read_table(config(path=path, missing="hold", longest_hole="3h"))
    assert len(table.frame) == 19 and table.gaps.sum() == 1
    assert any("2 rows are missing in gaps of at most 3 rows: added" in x for x in table.notes)
    masked = read_table(config(path=path, missing="mask", longest_hole=5))
    assert len(masked.frame) == 24 and masked.gaps.sum() == 0


def bridge(values: np.ndarray, gaps: np.ndarray, most: int) -> np.ndarray:
    """All values [rows] that are known by the last row, with their holes filled one by one."""
    filled = values.copy()
    for row in np.flatnonzero(np.isnan(values)):
        before = row - 1
        while before >= 0 and np.isnan(values[before]):
            before -= 1
        after = row + 1
        while after < len(values) and np.isnan(values[after]):
            after += 1
        if before < 0 or gaps[before + 1 : row + 1].any():
            continue
        if after < len(values) and not gaps[row + 1 : after + 1].any():
            if after - before - 1 <= most:
                step = (values[after] - values[before]) / (after - before)
                filled[row] = values[before] + step * (row - before)
        elif row - before <= most:
            filled[row] = values[before]
    return filled


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3), st.integers(2, 6))
def test_holes_are_bridged_once_they_have_ended(seed: int, most: int, lead: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((120, 2)) < 0.35, np.nan, rng.normal(size=(120, 2)))
    steps = rng.choice([1, 1, 1, 1, 1, 1, 1, 1, 9.5], 120)
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.cumsum(steps), unit="h")
    frame = pd.DataFrame(values, columns=["a", "y"])
    table = Table(pd.DatetimeIndex(time).as_unit("ns"), frame, HOUR)
    chosen = config(inputs=["a"], missing="hold", longest_hole=most, window=n, lead=lead)
    try:
        dataset, plain = (
            make_windows(table, chosen.model_copy(update={"missing": each}))
            for each in ("interpolate", "hold")
        )
    except UserError:
        assume(False)
    assert dataset.skipped_missing == plain.skipped_missing
    for part, other in zip(
        (dataset.train, dataset.validation, dataset.test),
        (plain.train, plain.validation, plain.test),
        strict=True,
    ):
        np.testing.assert_array_equal(part.row, other.row)
        np.testing.assert_array_equal(part.target, other.target)
        for i, row in enumerate(part.row):
            end = row - lead + 1
            known = bridge(values[:end, 0], table.gaps[:end], most)[-n:]
            np.testing.assert_allclose(part.inputs[i, :, 0], known, rtol=1e-12, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 80))
def test_no_window_knows_what_follows_it(seed: int, changed_from: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((100, 2)) < 0.3, np.nan, rng.normal(size=(100, 2)))
    later = values.copy()
    later[changed_from:, 0] = rng.normal(size=100 - changed_from)
    chosen = config(time=None, inputs=["a"], missing="interpolate", longest_hole=3)
    first, second = (
        make_windows(Table(None, pd.DataFrame(each, columns=["a", "y"]), None), chosen)
        for each in (values, later)
    )
    for ours, theirs in ((first.train, second.train), (first.validation, second.validation)):
        same = ours.row <= changed_from, theirs.row <= changed_from
        np.testing.assert_array_equal(ours.row[same[0]], theirs.row[same[1]])
        np.testing.assert_array_equal(ours.inputs[same[0]], theirs.inputs[same[1]])


@pytest.mark.parametrize("missing", ["hold", "mask"])
def test_windows_hold_the_last_reading_and_no_target(missing: str) -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random((400, 2)) < 0.1, np.nan, rng.normal(size=(400, 2)))
    time = pd.date_range("2024-01-01", periods=400, freq="h", tz="UTC").as_unit("ns")
    table = Table(time, pd.DataFrame(values, columns=["a", "y"]), HOUR)
    chosen = config(missing=missing, longest_hole=4, calendar=["month"], seasons=[24])
    dataset = make_windows(table, chosen)
    filled = held(values, table.gaps, 4)
    masks = 2 if missing == "mask" else 0
    assert dataset.columns[2 : 2 + masks] == ("a missing", "y missing")[:masks]
    assert dataset.held == 4
    for part in (dataset.train, dataset.validation, dataset.test):
        assert not np.isnan(values[part.row, 1]).any()
        np.testing.assert_array_equal(part.target[:, 0], values[part.row, 1])
        assert part.last_known is not None
        np.testing.assert_array_equal(part.last_known, filled[part.row - 1, 1:])
        for i, row in enumerate(part.row):
            window = slice(row - 3, row)
            np.testing.assert_array_equal(part.inputs[i, :, :2], filled[window])
            if masks:
                np.testing.assert_array_equal(part.inputs[i, :, 2:4], np.isnan(values[window]))
    known = sum(map(len, (dataset.train, dataset.validation, dataset.test)))
    assert known > 0.95 * (~np.isnan(values[3:, 1])).sum()
    with pytest.raises(UserError, match="'2h' is shorter"):
        held_rows(config(missing="hold", longest_hole="2h"), pd.Timedelta("3h"))


def test_what_follows_a_window_does_not_change_it() -> None:
    values = np.random.default_rng(1).normal(size=(100, 2))
    values[50:53] = np.nan
    table = Table(None, pd.DataFrame(values, columns=["a", "y"]), None)
    changed = dataclasses.replace(table, frame=table.frame.copy())
    changed.frame.iloc[53:] = 7.0
    chosen = config(time=None, missing="hold")
    first, second = (make_windows(each, chosen) for each in (table, changed))
    before = first.train.row <= 53
    np.testing.assert_array_equal(first.train.inputs[before], second.train.inputs[before])


def test_outages_in_training() -> None:
    torch.manual_seed(0)
    window = torch.randn(2000, 5, 7)
    window[..., 2:4] = 0
    target = torch.randn(2000, 1)
    (changed, further), unchanged = Outage(0.3, 2)(
        (window, target), target, torch.ones(2000, dtype=torch.bool)
    )
    assert torch.equal(unchanged, target) and torch.equal(further, target)
    assert torch.equal(changed[..., 4:], window[..., 4:])
    missing = changed[..., 2:4] == 1
    assert not missing[:, 0].any()
    assert 0.27 < float(missing[:, -1].float().mean()) < 0.33
    assert torch.equal(missing, missing.cummax(dim=1).values)  # up to the end
    assert torch.equal(changed[..., :2][~missing], window[..., :2][~missing])
    for row in range(1, 5):
        at = missing[:, row]
        assert torch.equal(changed[:, row, :2][at], changed[:, row - 1, :2][at])
