"""The series that benchmarks make, and what LightGBM sees of them."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast import load_config
from narrowcast.data import make_windows, read_table

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import boosting
import series

SETTINGS = Path(series.__file__).with_name("series.toml")


def correlation(values: np.ndarray, lag: int) -> float:
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


def test_cyclic_series_repeats_by_week_more_than_by_day(tmp_path: Path) -> None:
    frame = series.cyclic(tmp_path)
    pd.testing.assert_frame_equal(frame, series.cyclic(tmp_path))
    assert len(frame) == 12_000 and (frame["value"] >= 0).all()
    assert (frame["time"].diff()[1:] == pd.Timedelta("1h")).all()
    counts = frame["value"].to_numpy(np.float64)
    assert correlation(counts, 12) < correlation(counts, 24) < correlation(counts, 7 * 24)
    by_hour = counts.reshape(-1, 24)
    working = by_hour[np.arange(len(by_hour)) % 7 < 5].mean(axis=0)
    assert working[8] > 2 * working[[6, 10]].max()  # a sharp peak, which the weekend lacks
    assert working[8] > 3 * by_hour[np.arange(len(by_hour)) % 7 >= 5].mean(axis=0)[8]


def test_pulses_come_once_a_second_but_not_exactly(tmp_path: Path) -> None:
    values = series.pulses(tmp_path)["value"].to_numpy()
    assert (values == series.pulses(tmp_path)["value"]).all()
    beats = np.flatnonzero((values[1:-1] > 600) & (values[1:-1] >= values[2:]))
    between = np.diff(beats[np.diff(beats, prepend=-100) > 30]) / series.PULSE_HZ
    assert abs(len(between) - 12_000 / 90 / 0.95) < 5
    assert 0.93 < between.mean() < 0.97 and 0.03 < between.std() < 0.08


def test_ecg_is_averaged_over_parts_of_samples(tmp_path: Path) -> None:
    (tmp_path / series.ECG.parent).mkdir()
    raw = np.random.default_rng(0).normal(size=250)
    np.savetxt(tmp_path / series.ECG, raw / 1000)  # in mV
    rows = series.ecg(tmp_path)["value"].to_numpy()
    assert len(rows) == 90
    # 25 samples are 9 rows: the second one has parts of three samples
    assert rows[0] == pytest.approx((raw[0] + raw[1] + raw[2] * 7 / 9) * 9 / 25)
    assert rows[1] == pytest.approx((raw[2] * 2 / 9 + raw[3] + raw[4] + raw[5] * 5 / 9) * 9 / 25)
    assert rows.reshape(-1, 9).mean(axis=1) == pytest.approx(raw.reshape(-1, 25).mean(axis=1))


def test_the_beat_of_the_real_ecg_has_the_stated_rate(real_data: Path) -> None:
    values = series.ecg(real_data)["value"].to_numpy()
    lags = range(45, 135)
    period = max(lags, key=lambda lag: correlation(values, lag)) / series.PULSE_HZ
    assert len(values) == 10_800 and 0.95 < period < 1.05


def test_beijing_has_every_hour_once(real_data: Path) -> None:
    time = series.beijing(real_data)["time"]
    assert str(time[0]) == "2013-03-01 00:00:00" and len(time) == 35_064
    assert (time.diff()[1:] == pd.Timedelta("1h")).all()


def test_trees_see_readings_the_last_calendar_and_seasons(tmp_path: Path) -> None:
    path = tmp_path / "cyclic.csv"
    series.cyclic(tmp_path)[:2000].to_csv(path, index=False)
    more = ("data.time=time", 'data.calendar=["hour", "weekday"]', "data.outputs=2")
    config = load_config(SETTINGS, more, path).data
    dataset = make_windows(read_table(config), config)
    part = dataset.validation
    found = boosting.features(dataset, part, config)
    assert found.shape == (len(part), 24 + 4 + 7 + 2 * 2)
    assert (found[:, :24] == part.inputs[:, :, 0]).all()
    assert (found[:, 24:35] == part.inputs[:, -1, 1:]).all()
    assert (found[:, 35:] == part.further[0][:, 0]).all()


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    reason = boosting.why_not()
    assert reason is not None and reason.startswith("LightGBM is not installed, so its column")
    assert reason.endswith("pip install -e .[benchmarks]")
