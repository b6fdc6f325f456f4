"""The scores of detectors, against their definitions."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from narrowcast.config import DataConfig, DetectConfig, Monitors
from narrowcast.data import Dataset, Monitored, Part, Table, fit_detectors, make_windows
from narrowcast.data.detectors import Detectors
from narrowcast.data.monitored import average_precision, roc_auc, windows_per_day
from narrowcast.errors import UserError
from narrowcast.training_records import DETECTORS, Detection

PLAIN = Monitored(("a",), (0,), window=2, per_day=None, labelled=True)


@st.composite
def scored(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores, of which many are equal, and labels of both kinds."""
    rows = draw(st.integers(2, 12))
    scores = draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows))
    labels = draw(st.lists(st.booleans(), min_size=rows, max_size=rows).filter(any))
    labels[draw(st.integers(0, rows - 1))] = False
    labels[0] = labels[0] or not any(labels)
    if all(labels):
        labels[-1] = False
    return np.array(scores, dtype=np.float64), np.array(labels)


@given(scored())
def test_the_area_under_the_roc_curve_counts_pairs(
    case: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    score, positive = case
    pairs = score[positive][:, None] - score[~positive]
    assert roc_auc(score, positive) == pytest.approx(float(((np.sign(pairs) + 1) / 2).mean()))


@given(scored())
def test_average_precision_goes_through_all_thresholds(
    case: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    score, positive = case
    recall, area = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        found = score >= threshold
        now = (found & positive).sum() / positive.sum()
        area += (now - recall) * (found & positive).sum() / found.sum()
        recall = now
    assert average_precision(score, positive) == pytest.approx(float(area))


def detection(
    score: list[float], truth: list[float], row: list[int], **changes: object
) -> Detection:
    """The scores of decisions with the threshold 1."""
    monitored = replace(PLAIN, threshold=1.0, **changes)  # type: ignore[arg-type]
    decided = monitored.decided(np.array(score)[:, None])
    return monitored.detection(decided, np.array(truth)[:, None], np.array(row))


def test_events_their_delay_and_the_point_adjusted_score() -> None:
    score = [0, 0, 2, 0, 2, 0, 0, 0, 2, 0]
    truth = [0, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    row = [3, 4, 5, 6, 7, 8, 9, 20, 21, 22]  # a gap ends the second event
    found = detection(score, truth, row, per_day=100.0)
    assert (found.events, found.events_detected) == (3, 2)
    assert found.delay_rows == 1.0  # one row late each
    assert (found.precision, found.recall) == (2 / 3, 2 / 7)
    assert found.f1 == pytest.approx(2 * 2 / (3 + 7))
    # The two events that are detected have 6 windows; there is one false flag.
    assert found.f1_point_adjusted == pytest.approx(2 * 6 / (7 + 7))
    assert found.flags_per_day == 30.0
    assert found.false_alarms_per_day == pytest.approx(100 / 3)


def test_without_a_detected_event_there_is_no_delay() -> None:
    found = detection([2, 0, 0], [0, 1, 1], [0, 1, 2])
    assert (found.events, found.events_detected, found.delay_rows) == (1, 0, None)
    assert found.f1 == found.f1_point_adjusted == found.precision == 0.0


def test_windows_that_begin_several_rows_apart_make_an_event() -> None:
    found = detection([0, 0, 2, 0], [0, 1, 1, 1], [7, 10, 13, 16], window=3)
    assert (found.events, found.events_detected, found.delay_rows) == (1, 1, 3.0)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_of_one_kind_leave_the_flags(label: float) -> None:
    found = detection([0, 2, 2, 0], [label] * 4, [0, 1, 2, 3], per_day=10.0)
    assert (found.flagged, found.flags_per_day, found.roc_auc) == (0.5, 5.0, None)
    assert found.false_alarms_per_day == (None if label else 5.0)
    assert np.isnan(found.error)


def test_windows_without_a_label_count_for_the_flags_only() -> None:
    score, truth, row = [0.0, 3, 2, 5, 0], [0, 1, 0, np.nan, np.nan], [0, 1, 2, 3, 4]
    found = detection(score, truth, row)
    known = detection(score[:3], truth[:3], row[:3])
    assert found == replace(known, flagged=3 / 5)
    none = detection(score, [np.nan] * 5, row)
    assert none == Detection(flagged=3 / 5)


def test_without_labels_there_are_flags_only() -> None:
    decided = np.array([[2.0, 1.0], [0.5, 0.0]])
    monitored = replace(PLAIN, labelled=False, per_day=24.0)
    found = monitored.detection(decided, np.zeros((2, 0)), np.arange(2))
    assert found == Detection(flagged=0.5, flags_per_day=12.0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0.5, 1.0, exclude_max=True))
def test_a_threshold_is_the_least_score_that_leaves_few_enough_flags(
    scores: list[int], quantile: float
) -> None:
    values = np.array(scores, dtype=np.float64)
    quantile = max(quantile, 0.51)
    allowed = (1 - quantile) * len(values) + 1e-9
    assume(allowed >= 1)
    threshold = PLAIN.with_threshold(values, DetectConfig(quantile=quantile)).threshold
    assert threshold in values
    assert (values > threshold).sum() <= allowed
    lower = values[values < threshold]
    assert not len(lower) or (values > lower.max()).sum() > allowed


def test_false_alarms_in_a_day_make_the_threshold() -> None:
    hourly = replace(PLAIN, per_day=24.0)
    scores = np.random.default_rng(0).permutation(240.0 + np.arange(240))
    for stated in (0.1, 1.0, 3.5, 23.9):
        found = hourly.with_threshold(scores, DetectConfig(false_alarms_per_day=stated))
        flags = found.decided(scores[:, None])[:, 1]
        assert flags.mean() * 24 == pytest.approx(stated, abs=0.1) and flags.mean() * 24 <= stated


@pytest.mark.parametrize(
    ("per_day", "stated", "message"),
    [
        (
            24.0,
            {"false_alarms_per_day": 0.09},
            "false_alarms_per_day = 0.09 cannot be met: it needs 267 windows in the validation "
            "part, which has 240: state 0.1 or more, or choose a longer validation part",
        ),
        (
            None,
            {"quantile": 0.99999},
            "quantile = 0.99999 cannot be met: it needs 100000 windows in the validation part, "
            "which has 240: state 0.99583 or less, or choose a longer validation part",
        ),
        (
            24.0,
            {"false_alarms_per_day": 24},
            "false_alarms_per_day = 24 cannot be met: a day has 24 windows: state fewer",
        ),
        (
            None,
            {"false_alarms_per_day": 1},
            "false_alarms_per_day needs the interval of the rows: set data.interval, or state "
            "detect.quantile instead",
        ),
    ],
)
def test_a_threshold_that_cannot_be_met_is_refused(
    per_day: float | None, stated: dict[str, float], message: str
) -> None:
    config = DetectConfig.model_validate(stated)
    with pytest.raises(UserError) as caught:
        replace(PLAIN, per_day=per_day).with_threshold(np.arange(240.0), config)
    assert str(caught.value) == f"detect.{message}"


def refused(monitored: Monitored, windows: int, config: DetectConfig) -> tuple[int, float]:
    """Return how many windows a refusal says are needed, and what may be stated instead."""
    with pytest.raises(UserError, match="cannot be met") as caught:
        monitored.flags_of(windows, config)
    needed, possible = str(caught.value).split("it needs ")[1].split("state ")
    return int(needed.split()[0]), float(possible.split()[0])


@given(st.integers(3, 10**5), st.floats(1, 10**6))
def test_what_a_refusal_names_can_be_met(windows: int, per_day: float) -> None:
    monitored = replace(PLAIN, per_day=per_day)
    for config in (
        DetectConfig(false_alarms_per_day=per_day / windows / 2),
        DetectConfig(quantile=1 - 0.5 / windows),
    ):
        needed, possible = refused(monitored, windows, config)
        assert monitored.flags_of(needed, config) == 1
        assert refused(monitored, needed - 1, config)[0] == needed
        key = "quantile" if config.false_alarms_per_day is None else "false_alarms_per_day"
        named = DetectConfig.model_validate({key: possible})
        assert monitored.flags_of(windows, named) == 1


def test_two_windows_have_no_quantile() -> None:
    with pytest.raises(UserError, match="which has 2: choose a longer validation part"):
        PLAIN.flags_of(2, DetectConfig())


def test_windows_in_a_day() -> None:
    assert windows_per_day(pd.Timedelta("10min"), 1) == 144.0
    assert windows_per_day(pd.Timedelta("1s"), 4) == 21600.0
    assert windows_per_day(None, 1) is None


DATA = {"time": "time", "inputs": ["a", "b"], "target": ["label"], "window": 3, "lead": 0}


def windows(label: NDArray[np.float64] | float, **changes: object) -> Dataset:
    """Windows of random readings, of which ``b`` is compared."""
    rows = 120
    values = np.random.default_rng(0).normal((5, 50), (1, 4), size=(rows, 2))
    frame = pd.DataFrame(values, columns=["a", "b"]).assign(label=label)
    time = pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC")
    config = DataConfig.model_validate(DATA | changes)
    return make_windows(
        Table(time, frame, pd.Timedelta("1h")), config, monitors=Monitors((1,), 2, hidden=False)
    )


def test_no_label_decides_on_a_window() -> None:
    unknown = np.full(120, np.nan)
    normal, none = windows(0.0), windows(unknown)
    for part, other in ((normal.train, none.train), (normal.test, none.test)):
        assert np.array_equal(part.inputs, other.inputs)
    assert none.skipped_missing == 0 and np.isnan(none.test.target).all()
    # The last window ends in the last row: nothing has to follow it.
    assert normal.test.row[-1] == 119
    assert len(windows(0.0, target=[]).train) == len(normal.train)


def test_no_window_lies_in_two_parts() -> None:
    found = windows(0.0)
    rows = [set(part.row) for part in (found.train, found.validation, found.test)]
    assert found.skipped_straddling == 2 * (3 - 1)
    assert sum(map(len, rows)) + found.skipped_straddling == 120 - 2


def test_the_simple_detectors() -> None:
    label = (np.arange(120) % 10 == 0).astype(np.float64)
    data = windows(label)
    monitored = data.targets
    assert isinstance(monitored, Monitored)
    assert (monitored.names, monitored.per_day) == (("b",), 24.0)
    simple = fit_detectors(data, monitored, DetectConfig(quantile=0.8))
    readings = data.train.inputs[..., 1]
    mean, spread = readings.mean(), readings.std()

    def sizes(part: Part) -> dict[str, NDArray[np.float64]]:
        newest, before = part.inputs[:, -1, 1], part.inputs[:, -2, 1]
        return {
            "z_score": abs(newest - mean) / spread,
            "persistence_error": abs(newest - before) / spread,
        }

    allowed = int(0.2 * len(data.validation) + 1e-9)
    decisions, expected = simple.decisions(data.test), sizes(data.test)
    for name in DETECTORS:
        assert np.allclose(decisions[name][:, 0], expected[name])
        threshold = simple.monitored[name].threshold
        assert (sizes(data.validation)[name] > threshold + 1e-9).sum() == allowed
        assert np.array_equal(decisions[name][:, 1] > 0, expected[name] > threshold)
    again = Detectors.of_arrays(simple.arrays(), monitored)
    assert {name: asdict(found) for name, found in again.scores(data.test).items()} == {
        name: asdict(found) for name, found in simple.scores(data.test).items()
    }
