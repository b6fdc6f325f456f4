"""Errors of new data beside those of the training, and the command ``evaluate``."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_predict import table, trained
from test_predict_command import complaint

import recognition_sample
from commands import Run
from narrowcast import Forecaster, load_config, pipeline
from narrowcast.data import baseline_errors, fit_baselines, make_windows, read_table
from narrowcast.forecasting.trained import TrainedModel
from narrowcast.records import read_record, to_json
from narrowcast.training_records import QuantizeResults, TrainResults


def flat(values: Any, name: str = "") -> dict[str, float]:
    """Return the numbers of nested JSON values by their place."""
    if not isinstance(values, dict | list):
        return {name: values}
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return {key: x for at, each in items for key, x in flat(each, f"{name}.{at}").items()}


@pytest.mark.parametrize(("kind", "target"), [("window", '"b"'), ("stream", '["a","b"]')])
def test_errors_are_those_of_the_training_on_its_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, target: str
) -> None:
    settings = (f"model.kind={kind}", f"data.target={target}", "data.outputs=2")
    settings += ("data.calendar=['hour']", "data.seasons=[]")
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
            assert flat(to_json(found[name])) == pytest.approx(flat(to_json(errors)), rel=1e-9)
    assert set(found) == {"integer", *simple} - {"float"}
    windows = make_windows(whole, config.data)
    units = make_windows(whole, config.data, config.stream, refit=True).targets
    again = baseline_errors(fit_baselines(windows, whole, config.data, units), windows.test, whole)
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
    own = Forecaster.load(model).evaluate(table()).drift
    deviation = table()["b"].std()
    for name, moved in (("a", 0), ("b", 300 / deviation)):
        before, after = own[name].moved, found.drift[name].moved
        assert before is not None and abs(before) < 0.5
        assert after is not None and after - before == pytest.approx(moved, rel=0.05)
    assert lines[-1].startswith("b ") and lines[-1].endswith(f" {after:+.2f} SD")
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


def test_tables_of_several_targets(tmp_path: Path) -> None:
    settings = ('data.target=["b","a"]', "data.outputs=2", "model.quantiles=[0.1,0.5,0.9]")
    out = trained(tmp_path, *settings, "train.epochs=1")
    found = Forecaster.load(out).evaluate(table())
    heads, first = found.overall()[:2]
    assert heads[1:] == [f"{of}, {kind}" for of in ("b", "a", "all") for kind in ("RMSE", "MAE")]
    result = found.errors["integer"]
    assert result is not None and result.by_target is not None
    errors = [*result.by_target.values(), result]
    assert first[1:] == [f"{x:.4g}" for each in errors for x in (each.rmse, each.mae)]
    assert [row[0] for row in found.by_step()[1:]] == ["b+1", "b+2", "a+1", "a+2"]
    assert result.intervals is not None and 0 < result.intervals.coverage[0] <= 1
    constant = read_record(out / "training.json", TrainResults).constant_width
    assert constant is not None and constant.intervals is not None
    assert 0 < constant.intervals.coverage[0] <= 1
    (out / "baselines.safetensors").unlink()
    without = Forecaster.load(out).evaluate(table()).errors
    assert without["integer"] == result and without["ridge"] is None


def test_windows_of_several_labels_are_counted_apart(run: Run, tmp_path: Path) -> None:
    config = recognition_sample.written(tmp_path)
    settings = ('data.recording=["who"]', "data.mixed=drop", "train.epochs=1")
    loaded, out = load_config(config, settings), tmp_path / "out"
    pipeline.train(loaded, out)
    pipeline.quantize(loaded, out)
    code, printed, _ = run("evaluate", str(out), "--data", "recordings.csv", "--json", "found.json")
    each, persons = recognition_sample.ROWS, recognition_sample.RECORDINGS
    assert code == 0 and f"; left out: {7 * persons} with several labels\n" in printed
    found = json.loads(Path("found.json").read_text())
    assert (found["skipped_mixed"], found["skipped_missing"]) == (7 * persons, 0)
    assert found["windows"] == persons * (2 * each - 7 - 7)
    code, printed, said = run("predict", str(out), "--data", "recordings.csv")
    assert code == 0 and printed.startswith("row,who,label,label margin\n8,p0,")
    assert said.endswith(f" {len(printed.splitlines()) - 1} labels; windows left out: none\n")
