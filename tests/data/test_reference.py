"""Readings relative to the first rows of their recording."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.config import DataConfig, Monitors
from narrowcast.data import make_windows, new_table, read_table
from narrowcast.data.reference import relative_to_reference
from narrowcast.errors import UserError

FIRST = 4


def config(**changes: object) -> DataConfig:
    plain = {"inputs": ["a", "b"], "target": "y", "window": 2, "lead": 0, "reference": FIRST}
    return DataConfig.model_validate(plain | changes)


@st.composite
def recordings(draw: st.DrawFn) -> pd.DataFrame:
    """Readings with holes, and with columns that do not change; the reference has some reading."""
    rows = draw(st.integers(FIRST + 1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(draw(st.sampled_from([0, 0.1, 1e6])), 3.0, size=(rows, 2))
    if draw(st.booleans()):
        values[:, 0] = draw(st.sampled_from([0.1, 0.0, 1e9 / 3, -7.7]))
    values[random.random((rows, 2)) < draw(st.sampled_from([0, 0.3]))] = np.nan
    values[draw(st.integers(0, FIRST - 1))] = values[-1] = (0.1, 5.0)
    return pd.DataFrame(values, columns=["a", "b"]).assign(y=np.arange(rows) % 2.0)


@given(recordings(), st.booleans())
def test_readings_are_relative_to_the_first_rows(frame: pd.DataFrame, scaled: bool) -> None:
    found = relative_to_reference(frame, config(reference_scale=scaled), "t.csv")
    assert found["y"].equals(frame["y"]) and found[["a", "b"]][:FIRST].isna().all(axis=None)
    for name in ("a", "b"):
        first = frame[name][:FIRST].dropna().to_numpy()
        spread = first.std() if scaled and len(set(first)) > 1 else 1.0
        expected = (frame[name] - first.mean()) / spread
        later = slice(FIRST, None)
        assert np.allclose(found[name][later], expected[later], equal_nan=True, atol=1e-6)


@given(recordings(), st.integers(1, 11))
def test_nothing_later_changes_earlier_rows(frame: pd.DataFrame, row: int) -> None:
    row = max(FIRST + 1, min(row, len(frame)))
    whole = relative_to_reference(frame, config(), "t.csv")
    assert relative_to_reference(frame[:row], config(), "t.csv").equals(whole[:row])


def test_a_constant_reference_keeps_its_unit() -> None:
    # The standard deviation of so many equal numbers is not 0 in floating point.
    constant = pd.DataFrame({"a": [0.1] * 9 + [0.3], "b": np.arange(10.0), "y": 0.0})
    found = relative_to_reference(constant, config(reference=9), "t.csv")
    assert found["a"][9] == pytest.approx(0.2)


def table(tmp_path: Path, lengths: tuple[int, ...] = (30, 40, 35)) -> Path:
    random, pieces = np.random.default_rng(0), []
    for number, rows in enumerate(lengths):
        values = random.normal(10.0 * number, 1.0 + number, size=(rows, 2)).round(3)
        pieces.append(pd.DataFrame(values, columns=["a", "b"]).assign(run=number, y=0))
    path = tmp_path / "t.csv"
    pd.concat(pieces).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("missing", ["drop", "hold", "mask", "interpolate"])
def test_no_window_has_rows_of_the_reference(tmp_path: Path, missing: str) -> None:
    settings = config(
        path=table(tmp_path), recording=["run"], reference=10, missing=missing, window=4
    )
    read = read_table(settings, anomalies=True)
    data = make_windows(read, settings, monitors=Monitors((0, 1), 1, hidden=False))
    last = np.concatenate([part.row for part in (data.train, data.validation, data.test)])
    begins = [0, *np.flatnonzero(read.begins)]
    for begin, end in pairwise([*begins, len(read.frame)]):
        own = last[(last >= begin) & (last < end)]
        assert own.min() == begin + 10 + 3
    levels = [read.frame["a"][begin : begin + 30].mean() for begin in begins]
    assert np.abs(levels).max() < 1  # those of the file differ by 10


def test_new_data_have_a_reference_of_their_own() -> None:
    settings = config(reference=10)
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
    found = [new_table(frame * 3 + level, settings, target=False).frame for level in (0, 70)]
    assert np.allclose(found[0][["a", "b"]], found[1][["a", "b"]], equal_nan=True)


def test_holidays_are_as_they_are() -> None:
    time = pd.date_range("2024-05-01", periods=20, freq="12h", tz="UTC")
    frame = pd.DataFrame({"a": np.arange(20.0) ** 2, "b": np.arange(20.0) % 7, "time": time})
    settings = config(time="time", holidays="DE", known=[], inputs=["a", "b"])
    found = new_table(frame, settings, target=False).frame
    assert found["holiday"].isin([0, 1]).all() and found["holiday"][:2].all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": 30}, "recording 1 (which begins in row 1): has 30 rows, and data.reference"),
        ({"reference": 35}, "has 30 rows, and data.reference = 35 leaves none of them: choose few"),
    ],
)
def test_a_recording_without_further_rows_is_refused(
    tmp_path: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        read_table(config(path=table(tmp_path), recording=["run"], **settings), anomalies=True)
    assert message in str(caught.value)


def test_a_reference_without_a_reading_is_refused() -> None:
    frame = pd.DataFrame({"a": [np.nan] * FIRST + [1.0, 2.0], "b": 1.0, "y": 0.0})
    with pytest.raises(UserError, match=r"^t\.csv: column 'a' has no reading in the first 4 rows"):
        relative_to_reference(frame, config(), "t.csv")
