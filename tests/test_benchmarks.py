"""The tables that benchmarks make, and the simple methods that models are compared with."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast import Config, load_config
from narrowcast.data import make_windows, read_table

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import boosting
import recordings
import series
import simple_decisions

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


def test_subjects_and_blocks_of_windows_lie_in_one_part(tmp_path: Path) -> None:
    path = tmp_path / recordings.WISDM
    path.parent.mkdir()
    subjects = [1600, 1604, 1606, 1607, 1609, 1611, 1612, 1615, 1617, 1618, 1622, 1624]
    rows = pd.MultiIndex.from_product(
        (subjects, ["A", "B"], range(125)), names=("subject", "activity", "t")
    )
    rows.to_frame(index=False).to_csv(path, index=False)
    frame = recordings.wisdm(tmp_path)
    tested = []
    for number in range(3):
        by_subject = frame.groupby("subject")[f"fold_{number}"].unique()
        assert (by_subject.map(len) == 1).all()
        assert by_subject.map(lambda parts: parts[0]).value_counts().to_dict() == {
            "train": 7,
            "test": 3,
            "validation": 2,
        }
        tested += list(by_subject.index[by_subject.map(lambda parts: parts[0]) == "test"])
    assert len(set(tested)) == 9
    block = frame.groupby([frame["subject"], frame["activity"], frame["t"] // recordings.WINDOW])
    assert len(block) == 72 and (block["random"].nunique() == 1).all()
    share = block["random"].first().value_counts(normalize=True)
    assert share["train"] == pytest.approx(0.7, abs=0.02)
    assert share["test"] == pytest.approx(share["validation"], abs=0.02)


def test_runs_train_before_they_are_tested(tmp_path: Path) -> None:
    for run, name in (("valve1", "0"), ("other", "1"), ("other", "2")):
        path = tmp_path / "skab" / run / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"row": range(500), "changepoint": 0}).to_csv(path, index=False, sep=";")
    frame = recordings.skab(tmp_path)
    rows = {
        run: table.groupby("part")["row"].agg(["min", "max"]) for run, table in frame.groupby("run")
    }
    assert list(rows) == ["other-1", "other-2", "valve1-0"] and "changepoint" not in frame
    for run in ("other-1", "valve1-0"):
        assert rows[run].loc["train"].tolist() == [0, 319]
        assert rows[run].loc["validation"].tolist() == [320, 399]
        assert rows[run].loc["test"].tolist() == [400, 499]
    assert rows["other-2"].loc["train"].tolist() == [0, recordings.REFERENCE - 1]
    assert rows["other-2"].loc["test"].tolist() == [400, 499]
    assert "validation" not in rows["other-2"].index


def test_a_linear_map_of_low_rank_tells_what_does_not_follow_two_causes(tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / "table.csv"
    causes = random.normal(size=(1000, 2))
    frame = pd.DataFrame(causes @ random.normal(size=(2, 4)), columns=list("abcd"))
    frame += random.normal(0, 0.01, frame.shape)
    frame["anomaly"] = np.arange(1000) % 20 > 15
    frame.loc[(frame.index >= 800) & frame["anomaly"], "c"] += 0.5
    frame.astype(float).to_csv(path, index=False)
    given = {
        "task": "detect",
        "data": {"path": path, "inputs": list("abcd"), "target": "anomaly", "window": 4},
        "model": {"channels": 2, "heads": 1},
        "detect": {"rows": 1, "method": "reconstruct", "quantile": 0.99},
    }
    found = {}
    for channels in (2, 4):
        config = Config.model_validate({**given, "model": {"channels": channels, "heads": 1}})
        table = read_table(config.data)
        dataset = make_windows(table, config.data, monitors=config.monitors)
        found[channels] = simple_decisions.linear_reconstruction(dataset, config)
    assert found[2].roc_auc is not None and found[2].roc_auc > 0.99
    # With as many directions as columns, it copies what it reads.
    assert found[4].roc_auc is not None and found[4].roc_auc < found[2].roc_auc
