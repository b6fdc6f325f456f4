"""A detector through the stages up to the simulation."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from commands import Run
from detector_sample import readings, written
from narrowcast import load_config, pipeline
from narrowcast.forecasting import Forecaster
from narrowcast.integer import Detection as Decoder
from narrowcast.integer import L1Norm, execute_words, load_model
from narrowcast.pipeline.outputs import PREDICTIONS
from narrowcast.pipeline.stages import STATE_FOLDER
from narrowcast.training_records import Detection
from narrowcast.vectors import read_vectors


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("detector"))


def test_a_detector_is_trained_quantised_compiled_and_simulated(config_file: Path) -> None:
    config, out = load_config(config_file, ["detect.method=auto"]), config_file.parent / "out"
    trained = pipeline.train(config, out)
    assert trained.faults is not None and set(trained.faults) == {"forecast", "reconstruct"}
    assert trained.method == max(trained.faults, key=trained.faults.__getitem__)
    assert set(trained.test) == {"float", "z_score", "persistence_error"}
    assert trained.data.target == ["a", "b"] and trained.data.notes == ()
    quantised = pipeline.quantize(config, out)
    assert quantised.test["qat"] == quantised.test["integer"]
    assert isinstance(quantised.test["integer"], Detection)
    pipeline.compile(config, out)
    model = load_model(out)
    assert isinstance(model.operations[-1], L1Norm)
    assert model.outputs[0].decoder == Decoder(("a", "b"))
    # The method that training has chosen is the one that is quantised.
    (embed,) = (each for each in model.operations if each.name == "embed")
    tokens = model.tensors[embed.output].rows
    assert tokens in (1, 2 if trained.method == "forecast" else 3)
    inputs, expected, _ = read_vectors(out / "vectors", model)
    assert np.array_equal(execute_words(model, inputs), expected)
    verified = pipeline.verify(config, out)
    assert verified.verilator.mismatches == verified.ghdl.mismatches == 0
    assert verified.cycles.predicted == verified.cycles.simulated


@pytest.mark.parametrize("method", ["forecast", "reconstruct"])
def test_the_chosen_method_is_quantised(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    areas = iter([0.9, 0.8] if method == "forecast" else [0.8, 0.9])
    monkeypatch.setattr("narrowcast.model.detector._told_faults", lambda *_: next(areas))
    short = ["detect.method=auto", "train.epochs=1", "train.finetune_epochs=1"]
    config, out = load_config(config_file, [*short, "model.layers=2"]), config_file.parent / method
    assert pipeline.train(config, out).method == method
    pipeline.quantize(config, out)
    model = load_model(out)
    # A kernel of 3 and a stride of 2: 2 tokens of the 6 rows before, 3 of the whole window.
    embedded = model.tensors["embed.output"].rows
    assert embedded == (2 if method == "forecast" else 3)


def test_finished_stages_are_not_repeated(config_file: Path) -> None:
    config, out = load_config(config_file), config_file.parent / "again"
    first = pipeline.train(config, out), pipeline.quantize(config, out)
    files = [path for path in out.rglob("*") if path.is_file() and STATE_FOLDER not in path.parts]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert (pipeline.train(config, out), pipeline.quantize(config, out)) == first
    assert {path: path.stat().st_mtime_ns for path in files} == before
    changed = load_config(config_file, ["detect.quantile=0.9"])
    second = pipeline.train(changed, out), pipeline.quantize(changed, out)
    assert second[0].history == first[0].history
    found, earlier = (each[1].test["integer"] for each in (second, first))
    assert isinstance(found, Detection) and isinstance(earlier, Detection)
    assert found.flagged > earlier.flagged and found.roc_auc == earlier.roc_auc


def test_training_says_what_there_is_to_say(config_file: Path, run: Run) -> None:
    given = ("train", str(config_file), "--out", "out", "--set", "train.epochs=1")
    split = ("--set", "data.split.validation=0.3", "--set", "data.split.test=0.1")
    code, _, errors = run(*given, *split)
    assert code == 0
    assert "windows of the training part are labelled as anomalies" not in errors
    assert "25 windows of the validation part are labelled as anomalies: they count as n" in errors
    assert "labels of classes" not in errors
    assert "detect.method = 'forecast': ROC AUC of faults put in: 0." in errors
    assert ": above it are the scores of 5 of 182 windows for validation" in errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["detect.false_alarms_per_day=0.5"], "detect.false_alarms_per_day = 0.5 cannot be met: "),
        (["data.time=none"], "none"),
        (["data.reference=700"], "readings.csv: has 700 rows, and data.reference = 700 leaves no"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    config_file: Path, run: Run, settings: list[str], message: str
) -> None:
    given = [word for each in settings for word in ("--set", each)]
    code, _, errors = run("train", str(config_file), "--out", "out", "--quiet", *given)
    assert code == 2 and message in errors and errors.count("\n") == 1


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
    heads = "ROC AUC  PR AUC  F1     precision  recall  flagged  false alarms a day"
    assert printed.startswith("method") and heads.replace(" ", "") in printed.replace(" ", "")
    texts = frame.assign(fault=np.where(frame["fault"] == 1, "fault", "normal"))
    texts.to_csv(tmp_path / "texts.csv")
    code, _, errors = run("evaluate", str(labelled), "--data", str(tmp_path / "texts.csv"))
    assert code == 2 and errors.count("\n") == 1
    assert "column 'fault', row 1: is 'normal', but the target of task = 'detect' is 1" in errors


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
    assert len(evaluated.overall()) == 4
    code, printed, _ = run("evaluate", str(out), "--data", str(config_file.parent / "readings.csv"))
    assert code == 0 and "persistence_error  -" in printed
