"""A detector through the stages up to the simulation."""

from pathlib import Path

import numpy as np
import pytest

from commands import Run
from detector_sample import written
from narrowcast import load_config, pipeline
from narrowcast.integer import Detection as Decoder
from narrowcast.integer import L1Norm, execute_words, load_model
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
    assert model.outputs[0].decoders == (Decoder(("a", "b")),)
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
    assert ": 5 of 182 scores of the validation part are above it" in errors
    assert "faults put in" not in errors  # the method is stated
    code, _, errors = run(*given, "--set", "detect.method=auto")
    assert code == 0 and errors.count(": ROC AUC of faults put in: 0.") == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["detect.false_alarms_per_day=0.5"], "detect.false_alarms_per_day = 0.5 cannot be met: "),
        (["data.reference=700"], "has 700 rows, and data.reference = 700 leaves none of them"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    config_file: Path, run: Run, settings: list[str], message: str
) -> None:
    given = [word for each in settings for word in ("--set", each)]
    code, _, errors = run("train", str(config_file), "--out", "out", "--quiet", *given)
    assert code == 2 and message in errors and errors.count("\n") == 1
