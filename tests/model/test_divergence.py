"""Training that leaves the finite numbers is an error of the user's settings or readings."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast import cli
from narrowcast.config import Config, DataConfig, ModelConfig, TrainConfig
from narrowcast.data import Dataset, Table, make_windows
from narrowcast.errors import ToolError, UserError
from narrowcast.model import predict, train_float
from narrowcast.quantize import finetune
from narrowcast.records import write_record
from narrowcast.training_records import Errors


def configuration(**train: float) -> Config:
    return Config(
        data=DataConfig(inputs=["a", "y"], target="y", window=4, lead=1),
        model=ModelConfig(channels=4),
        train=TrainConfig.model_validate({"epochs": 3, "finetune_epochs": 2, **train}),
    )


def windows(values: np.ndarray) -> Dataset:
    frame = pd.DataFrame(values, columns=["a", "y"])
    return make_windows(Table(None, frame, None), configuration().data)


@pytest.fixture(scope="module")
def readings() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(400, 2)).cumsum(axis=0)


@pytest.mark.parametrize("rate", [1e4, 1e20, 1e38])
def test_a_learning_rate_that_diverges_is_named(readings: np.ndarray, rate: float) -> None:
    with pytest.raises(UserError, match=re.escape(f"train.learning_rate = {rate:g}")):
        train_float(windows(readings), configuration(learning_rate=rate, dropout=0.0))


def test_the_setting_beyond_its_default_is_named(readings: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"choose a smaller train.weight_decay = 1e\+30$"):
        train_float(windows(readings), configuration(weight_decay=1e30))


def test_finetuning_that_diverges_is_named(readings: np.ndarray) -> None:
    dataset = windows(readings)
    source, _ = train_float(dataset, configuration())
    with pytest.raises(UserError, match=r"diverged.*train.learning_rate = 1e\+36"):
        finetune(source, dataset, configuration(learning_rate=1e36))


def test_a_hopeless_series_does_not_diverge() -> None:
    noise = np.random.default_rng(1).normal(size=(400, 2))
    source, _ = train_float(windows(noise), configuration())
    _, history = finetune(source, windows(noise), configuration())
    assert len(history.loss) == 2


def test_nothing_is_left_behind(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["narrowcast", "train", str(folder / "run.toml"), "--out", str(folder / "out")]
    monkeypatch.setattr(sys, "argv", [*command, "--set", "train.learning_rate=1e30"])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert re.search(r"error: the training diverged in epoch 1: .*\n$", capsys.readouterr().err)
    assert not (folder / "out").exists()


@pytest.mark.parametrize(("column", "name"), [(0, "a"), (1, "y")])
@pytest.mark.parametrize(
    ("row", "value"), [(10, 1e300), (300, -1e200), (300, 9.97e36), (399, -9.97e36)]
)
def test_a_reading_that_cannot_be_scaled_is_named(
    readings: np.ndarray, row: int, column: int, name: str, value: float
) -> None:
    spoilt = readings.copy()
    spoilt[row, column] = value
    expected = f"column '{name}' has {value:g} in row {row + 1}, too far"
    with pytest.raises(UserError, match=re.escape(expected)):
        windows(spoilt)


def test_forecasts_stay_finite_up_to_the_limit(readings: np.ndarray) -> None:
    spoilt = readings.copy()
    spoilt[330:] *= 1e10
    dataset = windows(spoilt)
    model, _ = train_float(dataset, configuration())
    assert np.isfinite(predict(model, dataset.test.inputs, dataset)).all()


def test_predict_refuses_what_is_no_array_of_windows(readings: np.ndarray) -> None:
    dataset = windows(readings)
    model, _ = train_float(dataset, configuration())
    with pytest.raises(ValueError, match=r"shape \[4, 2\], not \[windows, 4, 2\]"):
        predict(model, dataset.test.inputs[0], dataset)
    gap = dataset.test.inputs[:3].copy()
    gap[2, 1, 0] = np.nan
    with pytest.raises(ValueError, match="'a' is nan in row 1 of window 2"):
        predict(model, gap, dataset)
    with pytest.raises(ValueError, match="1 further inputs are given, but the model has 0"):
        predict(model, dataset.test.inputs, dataset, gap)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_record_holds_a_number_that_is_not_finite(tmp_path: Path, number: float) -> None:
    with pytest.raises(ToolError, match=r"errors.json: a number is not finite"):
        write_record(tmp_path / "errors.json", Errors(1.0, number))
    assert not list(tmp_path.iterdir())
