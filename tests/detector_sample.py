"""Two coupled sines with noise, and detectors of their faults."""

from pathlib import Path

import numpy as np
import pandas as pd

from narrowcast.config import Config
from narrowcast.data import Dataset, Table, make_windows

ROWS, FAULTS = 700, ((580, 595), (620, 630), (660, 675))

CONFIG = """
task = "detect"
[data]
path = "readings.csv"
time = "time"
inputs = ["a", "b"]
target = "fault"
window = 8
[model]
channels = 4
[detect]
rows = 2
method = "forecast"
quantile = 0.97
[train]
epochs = 4
finetune_epochs = 2
learning_rate = 0.02
"""


def readings() -> pd.DataFrame:
    """Readings by the minute; at the end ``b`` is off at times."""
    random, t = np.random.default_rng(0), np.arange(ROWS)
    angle = 2 * np.pi * t / 20
    fault = np.zeros(ROWS, dtype=np.int64)
    for begin, end in FAULTS:
        fault[begin:end] = 1
    values = {
        "a": np.sin(angle) + 0.1 * random.normal(size=ROWS),
        "b": 5 + 2 * np.cos(angle) + 0.2 * random.normal(size=ROWS) + 2.5 * fault,
        "fault": fault,
    }
    time = pd.date_range("2024-01-01", periods=ROWS, freq="min", tz="UTC", name="time")
    return pd.DataFrame(values, index=time)


def configuration(**sections: dict[str, object]) -> Config:
    """The configuration of a small detector, with changes by section."""
    plain = {
        "data": {"inputs": ["a", "b"], "target": "fault", "window": 8, "time": "time"},
        "model": {"channels": 4},
        "detect": {"rows": 2, "method": "forecast", "quantile": 0.97},
        "train": {"epochs": 4, "finetune_epochs": 2, "learning_rate": 0.02},
    }
    names = plain.keys() | sections.keys()
    changed = {name: plain.get(name, {}) | sections.get(name, {}) for name in names}
    return Config.model_validate({"task": "detect", **changed})


def windows(config: Config, frame: pd.DataFrame | None = None) -> tuple[Dataset, Table]:
    """The windows of the readings, and the table that they are cut from."""
    frame = readings() if frame is None else frame
    assert isinstance(frame.index, pd.DatetimeIndex)
    table = Table(
        frame.index, frame.reset_index(drop=True).astype(np.float64), pd.Timedelta("1min")
    )
    return make_windows(table, config.data, monitors=config.monitors), table


def written(folder: Path) -> Path:
    """Write ``readings.csv`` and ``run.toml`` to a folder; return the configuration."""
    readings().to_csv(folder / "readings.csv")
    (folder / "run.toml").write_text(CONFIG)
    return folder / "run.toml"
