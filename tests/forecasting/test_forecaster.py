"""A forecaster that is trained on a frame."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_predict import BASE, table, trained

from narrowcast import Forecaster, load_config
from narrowcast.errors import UserError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "run.toml").write_text(BASE)
    return tmp_path / "run.toml"


def test_a_fit_is_the_training_of_the_commands(tmp_path: Path, config: Path) -> None:
    expected = Forecaster.load(trained(tmp_path)).predict(table())
    forecaster = Forecaster(config)
    with pytest.raises(UserError, match="not trained: call fit"):
        forecaster.predict(table())
    assert forecaster.fit(table()) is forecaster
    pd.testing.assert_frame_equal(forecaster.predict(table()), expected)
    assert forecaster.out is not None and forecaster.out.is_dir()
    errors = forecaster.evaluate(table()).errors
    assert errors["ridge"] is not None and errors["integer"] is not None


def test_in_a_folder_of_ones_own(tmp_path: Path, config: Path) -> None:
    frame = table().reset_index()
    forecaster = Forecaster(load_config(config), tmp_path / "mine").fit(frame)
    stamp = (tmp_path / "mine" / "integer_model.json").stat().st_mtime_ns
    again = Forecaster(config, tmp_path / "mine").fit(frame)  # it is up to date
    assert (tmp_path / "mine" / "integer_model.json").stat().st_mtime_ns == stamp
    loaded = Forecaster.load(tmp_path / "mine")
    for each in (again, loaded):
        np.testing.assert_array_equal(each.predict(frame), forecaster.predict(frame))
    with pytest.raises(UserError, match="no configuration to train"):
        loaded.fit(frame)


def test_bad_frames(config: Path, tmp_path: Path) -> None:
    forecaster = Forecaster(config, tmp_path / "mine")
    for frame, said in (
        (table().drop(columns="b"), "no column 'b'"),
        (table().reset_index(drop=True), "its index holds no times"),
        (table().assign(a=1.0), "has the constant value 1"),
        (table().assign(a="x"), "'x' is not a number"),
        (table()[:0], "no"),
    ):
        with pytest.raises(UserError, match=said):
            forecaster.fit(frame)


def test_other_units_are_logged(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="narrowcast")
    Forecaster.load(model).predict(table().assign(b=lambda frame: frame["b"] * 100))
    assert "readings of 'b' lie far outside of the integers' range" in caplog.text
