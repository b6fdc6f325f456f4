"""Errors of new data beside those of the training, and the command ``evaluate``."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_predict import table, trained
from test_predict_command import complaint

from commands import Run
from narrowcast import Forecaster, load_config
from narrowcast.data import baselines, make_windows, read_table
from narrowcast.forecasting.trained import TrainedModel
from narrowcast.records import read_record, to_json
from narrowcast.training_records import QuantizeResults, TrainResults


@pytest.mark.parametrize("kind", ["window", "stream"])
def test_errors_are_those_of_the_training_on_its_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    settings = (f"model.kind={kind}", "data.outputs=2", "data.calendar=['hour']", "data.seasons=[]")
    out = trained(tmp_path, *settings)
    config = load_config(tmp_path / "run.toml", settings)
    whole = read_table(config.data)
    test = make_windows(whole, config.data, config.stream).test
    forecaster = Forecaster.load(out)
    origins = TrainedModel.load(out).origins(whole, targets=True)
    monkeypatch.setattr(  # only those of the test part
        TrainedModel,
        "origins",
        lambda *_, **__: replace(origins, last=test.row - config.data.lead),
    )
    monkeypatch.setattr("narrowcast.forecasting.trained._BATCH_NUMBERS", 300)
    found = forecaster.evaluate(table()).errors
    simple = read_record(out / "training.json", TrainResults).test
    model = read_record(out / "accuracy.json", QuantizeResults).test
    for name, errors in {**simple, **model}.items():
        if name in found:
            assert errors is not None and found[name] is not None, name
            assert to_json(found[name]) == {
                key: pytest.approx(value, rel=1e-9) for key, value in to_json(errors).items()
            }
    assert set(found) == {"integer", *simple} - {"float"}
    windows = make_windows(whole, config.data)
    again = baselines(windows, whole, config.data)
    assert again == {name: simple[name] for name in again}


def test_the_command(run: Run, model: Path, tmp_path: Path) -> None:
    frame = table().assign(b=lambda frame: frame["b"] + 300)
    frame.to_csv("new.csv")
    code, out, err = run("evaluate", str(model), "--data", "new.csv", "--json", "found.json")
    assert code == 0 and "warning: readings of 'b' lie far outside" in err
    stored = json.loads((tmp_path / "found.json").read_text())
    found = Forecaster.load(model).evaluate(frame)
    assert stored == json.loads(json.dumps(to_json(found)))
    assert json.loads(run("evaluate", str(model), "--data", "new.csv", "--json", "-")[1]) == stored
    lines = out.splitlines()
    assert lines[0].startswith(f"{found.windows} windows; left out: ")
    assert [line.split()[0] for line in lines if line.startswith(("integer", "ridge", "b+"))] == [
        *("integer", "ridge", "ridge_quadratic", "b+2", "b+3")
    ]
    assert found.drift["a"].outside < 0.05 and found.drift["b"].outside == 1
    assert found.drift["b"].far == found.drift["b"].windows == found.windows
    expected = Forecaster.load(model).predict(frame)
    truth = np.stack(
        [frame["b"].reindex(expected.index + pd.Timedelta(step, "h")) for step in (2, 3)], axis=1
    )
    difference = (expected.to_numpy() - truth)[~np.isnan(truth).any(axis=1)]
    assert len(difference) >= found.windows
    assert found.errors["integer"] is not None and found.errors["integer"].by_step is not None
    assert found.errors["integer"].rmse == pytest.approx(np.sqrt(np.mean(difference**2)), rel=0.05)


def test_bad_input(run: Run, model: Path, tmp_path: Path) -> None:
    table(holes=False)[:6].to_csv("new.csv")
    said = complaint(run("evaluate", str(model), "--data", "new.csv"))
    assert "needs 9 in succession" in said
    table(holes=False).drop(columns="b").to_csv("new.csv")
    assert "no column 'b'" in complaint(run("evaluate", str(model), "--data", "new.csv"))
    table(holes=False).to_csv("new.csv")
    shutil.copytree(model, tmp_path / "out")
    simple = tmp_path / "out" / "baselines.safetensors"
    simple.write_bytes(simple.read_bytes()[:-1])
    assert "has been altered" in complaint(run("evaluate", "out", "--data", "new.csv"))
    simple.unlink()
    code, out, err = run("evaluate", "out", "--data", "new.csv")
    assert code == 0 and "only persistence needs no fit" in err
    assert "ridge            -" in out
