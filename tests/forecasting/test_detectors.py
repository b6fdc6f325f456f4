"""Use of a trained detector: scores and flags of new data, and how good they are."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from commands import Run
from detector_sample import readings, written
from narrowcast import Forecaster, load_config, pipeline
from narrowcast.pipeline.outputs import PREDICTIONS
from narrowcast.training_records import Detection


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="module")
def labelled(config_file: Path) -> Path:
    """The output folder of a detector."""
    config, out = load_config(config_file), config_file.parent / "labelled"
    pipeline.train(config, out)
    pipeline.quantize(config, out)
    return out


def test_predictions_are_scores_and_flags(labelled: Path) -> None:
    stored, frame = load_file(labelled / PREDICTIONS), readings()
    found = Forecaster.load(labelled).predict(frame.drop(columns="fault"))
    assert list(found) == ["score", "flag"] and len(found) == len(frame) - 7
    assert found.index[-1] == frame.index[-1] and set(found["flag"]) == {0, 1}
    tested = found.iloc[-len(stored["integer"]) :].to_numpy()
    assert np.array_equal(tested, stored["integer"])
    assert np.array_equal(frame["fault"].to_numpy()[stored["row"]], stored["truth"])


def test_new_data_are_scored(labelled: Path) -> None:
    trained = Forecaster.load(labelled)
    frame = readings()
    whole = trained.evaluate(frame)
    assert whole.windows == len(frame) - 7 and set(whole.errors) == {
        "integer",
        "z_score",
        "persistence_error",
    }
    found = whole.errors["integer"]
    assert isinstance(found, Detection) and found.events == 3 and found.roc_auc is not None
    # Each method of the table of the training has the same scores for the windows of the test part.
    rows = len(load_file(labelled / PREDICTIONS)["row"]) + 7
    again = trained.evaluate(frame[-rows:]).errors
    config = load_config(labelled.parent / "run.toml")
    of_training = pipeline.train(config, labelled).test
    for name in ("z_score", "persistence_error"):
        assert again[name] == of_training[name]
    assert again["integer"] == pipeline.quantize(config, labelled).test["integer"]
    # Labels that are all unknown leave the flags.
    unknown = trained.evaluate(frame.assign(fault=np.nan)).errors["integer"]
    assert isinstance(unknown, Detection)
    assert (unknown.flagged, unknown.roc_auc, unknown.events) == (found.flagged, None, None)
    assert unknown.false_alarms_per_day is None


def test_evaluation_of_a_file(labelled: Path, run: Run, tmp_path: Path) -> None:
    frame = readings()
    frame.to_csv(tmp_path / "new.csv")
    code, printed, _ = run("evaluate", str(labelled), "--data", str(tmp_path / "new.csv"))
    assert code == 0
    heads = (
        "ROC AUC  PR AUC  F1  precision  recall  flagged  flags a day  false alarms a day  "
        "events  found  rows late"
    )
    assert heads.replace(" ", "") in printed.replace(" ", "")
    texts = frame.assign(fault=np.where(frame["fault"] == 1, "fault", "normal"))
    texts.to_csv(tmp_path / "texts.csv")
    code, _, errors = run("evaluate", str(labelled), "--data", str(tmp_path / "texts.csv"))
    assert code == 2 and errors.count("\n") == 1
    assert "column 'fault', row 1: is 'normal', but the target of task = 'detect' is 1" in errors


def test_messages_call_results_scores(labelled: Path, run: Run, tmp_path: Path) -> None:
    for rows, code, said in (
        (20, 0, "predict:  13 scores; windows left out: none\n"),
        (4, 2, "no score is possible: the table has 4 rows with readings, and a score needs 8 in"),
    ):
        readings()[:rows].to_csv(tmp_path / "new.csv")
        found = run("predict", str(labelled), "--data", str(tmp_path / "new.csv"))
        assert found[0] == code and said in found[2]


def test_without_labels_there_are_flags(config_file: Path, run: Run) -> None:
    config = load_config(config_file, ["data.target=[]"])
    out = config_file.parent / "unlabelled"
    trained = pipeline.train(config, out)
    quantised = pipeline.quantize(config, out)
    for found in (*trained.test.values(), *quantised.test.values()):
        assert isinstance(found, Detection) and found.flags_per_day is not None
        assert (found.roc_auc, found.false_alarms_per_day) == (None, None)
    forecaster = Forecaster.load(out)
    evaluated = forecaster.evaluate(readings().drop(columns="fault"))
    assert evaluated.overall()[0] == ["method", "flagged", "flags a day"]
    code, printed, _ = run("evaluate", str(out), "--data", str(config_file.parent / "readings.csv"))
    assert code == 0 and "method             flagged  flags a day" in printed


@pytest.mark.parametrize("method", ["forecast", "reconstruct"])
def test_a_stream_has_a_score_with_every_reading(config_file: Path, method: str) -> None:
    settings = ["model.kind=stream", "model.kernel=3", f"detect.method={method}"]
    config, out = load_config(config_file, settings), config_file.parent / f"stream_{method}"
    of_training = pipeline.train(config, out).test
    quantised = pipeline.quantize(config, out)
    frame, forecaster = readings(), Forecaster.load(out)
    found = forecaster.predict(frame)
    assert len(found) == len(frame)
    stored = load_file(out / PREDICTIONS)
    assert np.array_equal(found.iloc[stored["row"]].to_numpy(), stored["integer"])
    # The first readings have a score, but no error counts them.
    whole = forecaster.evaluate(frame)
    assert whole.windows == len(frame) - 7
    rows = len(stored["row"]) + 7
    again = forecaster.evaluate(frame[-rows:]).errors
    for name in ("z_score", "persistence_error"):
        assert again[name] == of_training[name]
    assert isinstance(quantised.test["integer"], Detection)
