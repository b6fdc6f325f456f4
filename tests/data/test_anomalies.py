"""The column that says which rows have an anomaly."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast.config import DataConfig
from narrowcast.data import new_table, read_new_table, read_table
from narrowcast.errors import UserError

CONFIG = DataConfig(inputs=["a"], target="label", window=2, lead=0)


def written(tmp_path: Path, labels: list[str]) -> DataConfig:
    path = tmp_path / "t.csv"
    rows = [f"{i % 7},{label}" for i, label in enumerate(labels)]
    path.write_text("\n".join(["a,label", *rows]))
    return CONFIG.model_copy(update={"path": path})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["0", "1", "", "0"], [0, 1, np.nan, 0]),
        (["0.0", "1.0", "1", "0"], [0, 1, 1, 0]),
        (["false", "True", "NA", "FALSE"], [0, 1, np.nan, 0]),
        (["0"] * 60, [0] * 60),  # few whole numbers: no remark, as they are not forecast
        ([""] * 4, [np.nan] * 4),
    ],
)
def test_labels(tmp_path: Path, labels: list[str], expected: list[float]) -> None:
    config = written(tmp_path, labels)
    found = read_table(config, anomalies=True)
    assert np.array_equal(found.frame["label"], expected, equal_nan=True)
    assert not found.notes
    assert config.path is not None
    again = read_new_table(config, config.path, target=True, anomalies=True)
    assert again.frame.equals(found.frame)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["normal", "fault", "normal"], "row 1: is 'normal', but the target of task = 'detect' is"),
        (["0", "0", "fault"], "row 3: is 'fault', but the target of task = 'detect' is 1 or true"),
        (["0", "2", "1"], "row 2: is 2, but the target of task = 'detect' is 1 or true in rows"),
        (["0", "0.5", "1"], "row 2: is 0.5, but the target of task = 'detect' is 1 or true in"),
        (["0", "-1", "1"], "row 2: is -1, but the target of task = 'detect' is 1 or true in rows"),
    ],
)
def test_other_labels_are_refused(tmp_path: Path, labels: list[str], message: str) -> None:
    config = written(tmp_path, labels)
    with pytest.raises(UserError) as caught:
        read_table(config, anomalies=True)
    assert f"t.csv, column 'label', {message}" in str(caught.value)


def test_labels_of_a_frame() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3], "label": [True, False, False]})
    found = new_table(frame, CONFIG, target=True, anomalies=True)
    assert found.frame["label"].tolist() == [1, 0, 0]
    frame = frame.assign(label=["ok", "ok", "bad"])
    with pytest.raises(UserError, match=r"^the frame, column 'label', row 1: is 'ok', but "):
        new_table(frame, CONFIG, target=True, anomalies=True)
