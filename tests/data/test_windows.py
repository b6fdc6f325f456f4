from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Part, Table, make_windows, read_table
from narrowcast.errors import UserError
from narrowcast.integer import Calendar

AIRU = ["PM1", "PM2_5", "PM10", "Temperature", "Humidity", "RED", "NOX"]


def config(**changes: object) -> DataConfig:
    defaults = {"time": "time", "inputs": ["a", "b"], "target": "y", "window": 3, "lead": 0}
    return DataConfig.model_validate({**defaults, **changes})


def table(steps: np.ndarray, values: np.ndarray) -> Table:
    time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.cumsum(steps), unit="h")
    frame = pd.DataFrame(values, columns=["a", "b", "y"])
    return Table(pd.DatetimeIndex(time), frame, pd.Timedelta("1h"))


def regular(rows: int) -> Table:
    values = np.arange(rows * 3.0).reshape(rows, 3)
    return table(np.ones(rows, dtype=int), values)


def parts(dataset: Dataset) -> list[Part]:
    return [dataset.train, dataset.validation, dataset.test]


@st.composite
def tables(draw: st.DrawFn, least: int = 20, most: int = 60) -> Table:
    count = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 5], count)
    values = rng.normal(size=(count, 3))
    values[rng.random((count, 3)) < draw(st.sampled_from([0, 0.02, 0.1]))] = np.nan
    return table(steps, values)


@settings(max_examples=150, deadline=None)
@given(
    tables(),
    st.integers(2, 5),
    st.integers(0, 3),
    st.integers(1, 3),
    st.floats(0.1, 0.6),
    st.floats(0.1, 0.6),
)
def test_agrees_with_a_plain_loop(
    table: Table, n: int, lead: int, outputs: int, validation: float, test: float
) -> None:
    split = {"validation": validation, "test": test}
    settings = config(window=n, lead=lead, outputs=outputs, scaling="min-max", split=split)
    try:
        dataset = make_windows(table, settings)
    except UserError:
        assume(False)
    assert table.time is not None
    values, rows, span = table.frame.to_numpy(), len(table.frame), n + lead + outputs - 1
    test_row = rows - round(test * rows)
    validation_row = test_row - round(validation * test_row)
    expected: list[list[int]] = [[], [], []]
    gaps = missing = straddling = 0
    for first in range(rows - max(span, n + 1) + 1):
        last, targets = first + n - 1, slice(first + n + lead - 1, first + span)
        if table.time[first + span - 1] - table.time[first] != (span - 1) * pd.Timedelta("1h"):
            gaps += 1
        elif np.isnan(values[first : last + 1, :2]).any() or np.isnan(values[targets, 2]).any():
            missing += 1
        else:
            part, last_part = (
                (row >= validation_row) + (row >= test_row) for row in (first, first + outputs - 1)
            )
            straddling += part != last_part
            if part == last_part:
                expected[part].append(first)
    assert (dataset.skipped_gaps, dataset.skipped_missing) == (gaps, missing)
    assert dataset.skipped_straddling == straddling
    for part, starts in zip(parts(dataset), expected, strict=True):
        assert part.inputs.shape == (len(starts), n, 2) and len(part) == len(starts)
        for i, first in enumerate(starts):
            np.testing.assert_array_equal(part.inputs[i], values[first : first + n, :2])
            assert part.row[i] == first + n + lead - 1
            np.testing.assert_array_equal(part.target[i], values[part.row[i] :, 2][:outputs])
            assert part.time is not None and part.time[i] == table.time[part.row[i]]
            if lead:
                assert part.last_known is not None
                np.testing.assert_equal(part.last_known[i], values[first + n - 1, 2])
        assert (part.last_known is None) == (lead == 0)
    used = sorted({row for first in expected[0] for row in range(first, first + n)})
    np.testing.assert_allclose(dataset.input_scaling.offset, values[used, :2].min(axis=0))
    np.testing.assert_allclose(dataset.target_scaling.offset, dataset.train.target.min(axis=0))
    assert np.isfinite(dataset.train.inputs).all()


def test_calendar_columns_follow_the_readings_and_are_not_scaled() -> None:
    chosen = config(window=4, lead=1, calendar=["weekday", "hour"], timezone="Asia/Tokyo")
    source = regular(60)  # a Monday and a Tuesday, and half a Wednesday
    assert source.time is not None
    dataset = make_windows(source, chosen)
    assert dataset.columns == ("a", "b", *Calendar(("weekday", "hour")).columns)
    scaled = dataset.scaled_inputs(dataset.test.inputs)
    np.testing.assert_array_equal(scaled[:, :, 2:], dataset.test.inputs[:, :, 2:])
    for i, row in enumerate(dataset.test.row):
        local = source.time[row - 4 : row].tz_convert("Asia/Tokyo")
        days = dataset.test.inputs[i, :, 2:9]
        np.testing.assert_array_equal(days.argmax(axis=1), local.day_of_week)
        np.testing.assert_array_equal(days.sum(axis=1), 1.0)
        sine = np.sin(2 * np.pi * np.asarray(local.hour) / 24)
        np.testing.assert_allclose(dataset.test.inputs[i, :, 9], sine, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, 2, 8])
@pytest.mark.parametrize("lead", [0, 1, 4])
def test_no_target_was_seen_in_an_earlier_part(lead: int, outputs: int) -> None:
    dataset = make_windows(regular(100), config(window=5, lead=lead, outputs=outputs))
    for earlier, later in [(dataset.train, dataset.validation), (dataset.validation, dataset.test)]:
        assert earlier.row.max() + outputs - 1 == later.row.min() - 1
    assert dataset.test.row.min() == 80 + 5 + lead - 1
    assert dataset.skipped_straddling == 2 * (outputs - 1)


@pytest.mark.parametrize("outputs", [1, 4])
def test_a_refit_has_all_windows_before_the_test_part(outputs: int) -> None:
    chosen = config(window=5, lead=1, outputs=outputs, scaling="min-max")
    selecting, refit = (make_windows(regular(100), chosen, refit=each) for each in (False, True))
    np.testing.assert_array_equal(refit.train.row, np.arange(5, refit.test.row[0] - outputs + 1))
    assert len(refit.train) == len(selecting.train) + len(selecting.validation) + outputs - 1
    assert refit.skipped_straddling == outputs - 1
    for name in ("validation", "test"):
        one, other = getattr(selecting, name), getattr(refit, name)
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.target, other.target)
    highest = refit.input_scaling.offset + refit.input_scaling.scale
    np.testing.assert_allclose(highest, refit.train.inputs.max(axis=(0, 1)))
    assert not np.allclose(refit.input_scaling.scale, selecting.input_scaling.scale)


def test_split_at_time_stamps() -> None:
    split = {"validation": "2024-01-02T13:00+01:00", "test": "2024-01-03"}
    dataset = make_windows(regular(100), config(split=split))
    assert [int(part.row[0]) for part in parts(dataset)] == [2, 35 + 2, 47 + 2]


def test_table_without_time_stamps() -> None:
    frame = regular(50).frame
    dataset = make_windows(Table(None, frame, None), config(time=None))
    assert dataset.test.time is None
    assert sum(map(len, parts(dataset))) == 47


@pytest.mark.parametrize(
    ("rows", "changes", "expected"),
    [
        (4, {"lead": 2}, "the table has 4 rows, but a window of 3 with lead 2 needs 5"),
        (100, {"window": 25}, "no complete window of 25 rows lies in the 20 rows of the test"),
        (
            100,
            {"split": {"validation": "2024-01-04", "test": "2024-01-03"}},
            "in the 0 rows of the validation part",
        ),
    ],
)
def test_too_few_rows(rows: int, changes: dict[str, object], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        make_windows(regular(rows), config(**changes))
    assert expected in str(caught.value)
    assert "choose a shorter window" in str(caught.value)


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("stamp", ["2023-01-01", "2025-01-01"])
def test_a_split_outside_of_the_readings(part: str, stamp: str) -> None:
    expected = f"data.split.{part}: {stamp} is not within the readings, which are from 2024-01-01T"
    with pytest.raises(UserError, match=expected):
        make_windows(regular(100), config(split={part: stamp}))


def test_constant_in_the_training_part_only() -> None:
    still = regular(100)
    still.frame.loc[:75, "b"] = 2.0
    with pytest.raises(UserError, match="column 'b' has the constant value 2 throughout the train"):
        make_windows(still, config())


@pytest.mark.parametrize(
    ("n", "training", "test"), [(6, 17221, 893), (12, 16111, 869), (24, 14427, 831)]
)
def test_airu_counts_as_published(real_data: Path, n: int, training: int, test: int) -> None:
    airu = config(
        path=real_data / "airu" / "airu.csv",
        time="",
        inputs=AIRU,
        target="OZONE",
        window=n,
        split={"test": "2022-01-01"},
    )
    whole = read_table(airu)
    assert whole.time is not None and not any(whole.missing.values())
    dataset = make_windows(whole, airu)
    assert len(dataset.train) + len(dataset.validation) == training
    assert len(dataset.test) == test


def test_pems(real_data: Path) -> None:
    pems = config(
        path=real_data / "pems_d11_speed" / "speed_pems4w_layout_observed83.csv",
        layout="rows",
        time=None,
        inputs=["0"],
        target="0",
        window=24,
        lead=1,
        split={"test": 0.2857},
    )
    dataset = make_windows(read_table(pems), pems)
    assert sum(map(len, parts(dataset))) == 4032 - 24
    assert dataset.test.row[0] == 10 * 288 + 24
    assert dataset.test.last_known is not None
    np.testing.assert_array_equal(dataset.test.last_known, dataset.test.inputs[:, -1])
