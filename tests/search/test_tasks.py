"""Searches and fits of models that make no forecasts."""

import json
import re
from pathlib import Path

import pytest
from test_run import finished, no_trial_twice

import detector_sample
import recognition_sample
from commands import Run
from narrowcast import load_config, pipeline
from narrowcast.config import Config
from narrowcast.search import run as searching
from narrowcast.search.fit import fit_device
from narrowcast.search.jobs import train
from narrowcast.search.objectives import Objectives
from narrowcast.search.run import search
from narrowcast.search.shapes import prepare
from narrowcast.search.space import changed
from pages import parse

GOALS = Objectives.parse("error,energy", "")
NAMES = {"classify": "1 - macro F1", "detect": "RMS residual"}
SENTENCES = {
    "classify": "1 less the macro F1 score of label",
    "detect": "RMS residual of a, b, scaled, their mean",
}


@pytest.fixture(params=["classify", "detect"])
def config_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The configuration of a small classifier or detector, with its readings."""
    samples = {"classify": recognition_sample, "detect": detector_sample}
    written: Path = samples[request.param].written(tmp_path)
    return written


@pytest.fixture
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_PROBES", 3)


def measured(config: Config, out: Path) -> float:
    """Return the error of a point on the validation part, as a build finds it."""
    alone = changed(config, train={"refit": False})
    pipeline.train(alone, out)
    return pipeline.quantize(alone, out).history.error


@pytest.mark.long
@pytest.mark.parametrize("config_file", [*NAMES], indirect=True)
@pytest.mark.usefixtures("few_probes")
def test_a_search_minimises_what_training_reports(config_file: Path, tmp_path: Path) -> None:
    config, out = load_config(config_file), tmp_path / "out"
    front = search(config, out, GOALS, seconds=0.1, workers=2)
    assert len(front.points) >= 7  # the uniform models at least
    first, last = front.best[0], front.best[-1]
    for point in {first.file: first, last.file: last}.values():
        assert point.costs["error"] == measured(point.config, tmp_path / "build")
    errors = [point.costs["error"] for point in front.best]
    every = [point.costs["error"] for point in front.points]
    assert errors == sorted(errors) and 0 <= errors[0] == min(every)
    # After one epoch, classifiers of all widths name the same class.
    assert errors[0] < max(every) or config.task == "classify"

    name, sentence = NAMES[config.task], SENTENCES[config.task]
    assert next(front.table())[1] == f"validation {name}"
    document = json.loads((out / "front.json").read_text())
    assert document["error"] == f"{sentence}, validation part"
    page = (out / "front.html").read_text()
    assert sentence in page and "RMSE" not in page
    assert parse(page).at("front").rows()[0][2] == name

    before = finished(out)
    search(config, out, GOALS, seconds=0.1, workers=2, resume=True)
    assert no_trial_twice(finished(out)) and finished(out) == before


def test_the_test_part_changes_nothing(config_file: Path, tmp_path: Path) -> None:
    """Nor do labels of anomalies, wherever they are."""
    config, found = load_config(config_file), []
    path = config.data.path
    assert path is not None
    head, *rows = path.read_text().splitlines()
    if config.task == "detect":
        others = [f"{row[:-1]}{1 - int(row[-1])}" for row in rows]
    else:  # the last quarter of the persons are those of the test part
        tested = len(rows) * 3 // 4
        others = rows[:tested] + [re.sub(r"^[^,]*", "0.125", row) for row in rows[tested:]]
    for name, lines in (("one", rows), ("other", others)):
        path.write_text("\n".join([head, *lines]) + "\n")
        prepared = prepare(config, tmp_path / name)
        trained = train(prepared.state, prepared.dataset, config, GOALS)
        found.append((trained.error, trained.distance, trained.assessment))
    assert found[0] == found[1] and found[0][0] > 0


@pytest.mark.parametrize(
    "config_file", ["classify", pytest.param("detect", marks=pytest.mark.long)], indirect=True
)
def test_a_model_is_made_to_fit(config_file: Path, tmp_path: Path) -> None:
    config, out = load_config(config_file), tmp_path / "out"
    as_it_is = fit_device(config, out, GOALS)
    assert not as_it_is.changes
    latency = as_it_is.before.costs["latency_us"]
    found = fit_device(config, out, Objectives.parse("error", f"latency_us={0.97 * latency}"))
    assert found.changes and not found.after.violations and found.validation is not None
    assert found.validation.after >= 0 and found.validation.exact >= 0
    said = rf"validation {re.escape(NAMES[config.task])} before fine-tuning: [\d.]+, as configured"
    assert any(re.match(said, line) for line in found.reasons())
    assert load_config(out / "fit.toml").task == config.task


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        (
            "auto",
            ("search",),
            "detect.method = 'auto': search and fit compare models of one method",
        ),
        ("auto", ("fit",), "detect.method = 'auto': search and fit compare models of one method"),
        (
            "reconstruct",
            ("search", "--vary", "channels=2,4"),
            "--vary 'channels': sizes do not compare with detect.method = 'reconstruct'",
        ),
    ],
)
def test_detectors_that_do_not_compare_are_refused(
    tmp_path: Path, run: Run, method: str, arguments: tuple[str, ...], message: str
) -> None:
    command, *more = arguments
    given = str(detector_sample.written(tmp_path)), "--set", f"detect.method={method}"
    code, _, errors = run(command, *given, "--out", str(tmp_path / "out"), *more)
    assert code == 2 and message in errors and errors.count("\n") == 1
    assert not (tmp_path / "out").exists()
