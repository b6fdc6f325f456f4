"""First configurations of detectors, by ``narrowcast init --task detect``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import Run
from narrowcast.config import Config, load_config
from narrowcast.data import Monitored, make_windows, read_table
from narrowcast.data.draft import draft
from narrowcast.errors import UserError


def table(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=rows, freq="1min"),
            "flow": random.normal(size=rows),
            "pump on": random.integers(0, 2, rows),
            "Anomaly": (np.arange(rows) > 0.9 * rows).astype(int),
            "pressure": random.normal(5, 2, rows),
        }
    )


def written(path: Path, target: str | None = None) -> Config:
    text = draft(path, path.parent, target, task="detect").text
    (path.parent / "first.toml").write_text(text, encoding="utf-8")
    return load_config(path.parent / "first.toml")


def test_what_is_written_can_be_trained(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "pump.csv", index=False)
    config = written(tmp_path / "pump.csv")
    assert config.task == "detect" and config.data.target == "Anomaly"
    assert config.data.inputs == ["flow", "pressure"] and config.data.window == 16
    assert config.model.channels == 2 and config.detect.method == "auto"
    read = read_table(config.data, anomalies=True)
    dataset = make_windows(read, config.data, monitors=config.monitors)
    assert isinstance(dataset.targets, Monitored) and dataset.targets.labelled
    assert len(dataset.train) and len(dataset.validation) and len(dataset.test)
    # As high as so few windows can tell.
    assert config.detect.quantile == pytest.approx(1 - 1 / len(dataset.validation), abs=2e-4)
    assert dataset.targets.flags_of(len(dataset.validation), config.detect) == 1


@pytest.mark.parametrize(("begin", "test"), [(300, 0.25), (170, 0.58), (50, 0.2), (390, 0.2)])
def test_the_test_part_begins_before_the_first_anomaly(
    tmp_path: Path, begin: int, test: float
) -> None:
    frame = table().assign(Anomaly=(np.arange(400) >= begin).astype(int))
    frame.to_csv(tmp_path / "pump.csv", index=False)
    assert written(tmp_path / "pump.csv").data.split.test == test


def test_without_a_column_of_anomalies(tmp_path: Path) -> None:
    table().drop(columns="Anomaly").to_csv(tmp_path / "pump.csv", index=False)
    config = written(tmp_path / "pump.csv")
    assert config.data.targets == () and config.data.inputs == ["flow", "pressure"]


def test_a_stated_column_of_anomalies(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "pump.csv", index=False)
    config = written(tmp_path / "pump.csv", "pump on")
    assert config.data.target == "pump on" and config.data.inputs == ["flow", "pressure"]


def test_a_table_that_is_too_short(tmp_path: Path) -> None:
    table(72).drop(columns="Anomaly").to_csv(tmp_path / "pump.csv", index=False)
    assert written(tmp_path / "pump.csv").data.window == 6
    table(71).drop(columns="Anomaly").to_csv(tmp_path / "pump.csv", index=False)
    with pytest.raises(UserError, match="has 71 rows, but a detector needs at least 72"):
        written(tmp_path / "pump.csv")


@pytest.mark.parametrize(
    ("columns", "target", "message"),
    [
        (["time", "flow"], "fault", "no column 'fault'"),
        (["time", "flow"], "time", "column 'time': holds the time stamps"),
        (["time", "flow", "state"], "state", "column 'state', row 1: is 'ok', but the target of "),
        (["time", "pump on"], None, "has no column of numbers to tell anomalies by"),
    ],
)
def test_refused(tmp_path: Path, columns: list[str], target: str | None, message: str) -> None:
    table().assign(state="ok")[columns].to_csv(tmp_path / "pump.csv", index=False)
    with pytest.raises(UserError, match=message):
        written(tmp_path / "pump.csv", target)


def test_labels_that_are_missing_are_no_holes_in_the_readings(tmp_path: Path) -> None:
    table().assign(Anomaly=[None, 0] * 200).to_csv(tmp_path / "pump.csv", index=False)
    config = written(tmp_path / "pump.csv", "Anomaly")
    assert (config.data.target, config.data.missing) == ("Anomaly", "drop")


def test_the_command(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table().to_csv("pump.csv", index=False)
    code, output, _ = run("init", "pump.csv", "--task", "detect")
    assert code == 0 and "labelled in 'Anomaly'" in output and "2 are compared" in output
    assert run("train", "pump.toml", "--out", "out", "--set", "train.epochs=1")[0] == 0
    code, _, errors = run("init", "pump.csv", "--task", "guess", "--to", "x.toml")
    assert code == 2 and "must be 'forecast', 'classify' or 'detect'" in errors
