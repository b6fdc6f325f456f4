"""Detectors in floating point: what they tell, and how a method is chosen."""

import numpy as np
import pytest
import torch

from detector_sample import ROWS, configuration, readings, windows
from narrowcast.data import Monitored
from narrowcast.errors import UserError
from narrowcast.model import detector, learn
from narrowcast.model.detector import train_detector
from narrowcast.training_records import Detection


@pytest.mark.parametrize("method", ["forecast", "reconstruct"])
def test_the_score_tells_an_offset(method: str) -> None:
    train = {"epochs": 30, "dropout": 0.0}
    config = configuration(detect={"method": method}, train=train)
    dataset, table = windows(config)
    learnt = learn(dataset, table, config)
    found = learnt.scores
    assert isinstance(found, Detection) and found.roc_auc is not None
    assert found.roc_auc > 0.8 and found.events == 3 and found.events_detected
    assert learnt.faults is None and learnt.config.detect.method == method
    assert learnt.config.detect.method == method


def test_usual_scores_are_about_1_and_the_threshold_is_a_quantile_of_them() -> None:
    config = configuration(detect={"quantile": 0.9})
    found = train_detector(windows(config)[0], config)
    monitored, dataset = found.dataset.targets, found.dataset
    assert isinstance(monitored, Monitored)
    usual = detector.predict_part(found.model, dataset.train, dataset)[:, 0]
    assert usual.mean() == pytest.approx(1.0, abs=0.02)
    scores = detector.predict_part(found.model, dataset.validation, dataset)
    assert scores[:, 1].sum() == int(0.1 * len(scores) + 1e-9)
    assert monitored.threshold in scores[:, 0]


def test_the_method_that_tells_faults_better_is_taken() -> None:
    config = configuration(detect={"method": "auto"})
    dataset, _ = windows(config)
    found = train_detector(dataset, config)
    assert found.faults is not None and set(found.faults) == {"forecast", "reconstruct"}
    best = max(found.faults, key=lambda method: found.faults[method])
    assert found.config.detect.method == best
    alone = train_detector(dataset, configuration(detect={"method": best}))
    assert alone.faults is None
    for name, tensor in alone.model.state_dict().items():
        assert torch.equal(tensor, found.model.state_dict()[name]), name


@pytest.mark.parametrize("better", ["forecast", "reconstruct"])
def test_faults_decide_on_the_method(monkeypatch: pytest.MonkeyPatch, better: str) -> None:
    areas = iter([0.9, 0.8] if better == "forecast" else [0.8, 0.9])
    monkeypatch.setattr(detector, "_told_faults", lambda *_: next(areas))
    config = configuration(detect={"method": "auto"}, train={"epochs": 1})
    found = train_detector(windows(config)[0], config)
    assert found.config.detect.method == better
    assert found.model.shape.hidden == (better == "forecast")


def test_labels_change_nothing_but_the_scores() -> None:
    random = np.random.default_rng(1)
    others = random.integers(0, 2, ROWS).astype(np.float64)
    others[random.random(ROWS) < 0.2] = np.nan
    plain = readings()
    found = []
    for frame, target in (
        (plain, "fault"),
        (plain.assign(fault=others), "fault"),
        (plain.assign(fault=0), "fault"),
        (plain.drop(columns="fault"), []),
    ):
        config = configuration(data={"target": target})
        found.append(learn(*windows(config, frame), config))
    state = found[0].model.state_dict()
    for each in found[1:]:
        assert each.dataset.targets.threshold == found[0].dataset.targets.threshold  # type: ignore[union-attr]
        assert each.history == found[0].history and each.faults == found[0].faults
        assert np.array_equal(each.forecasts, found[0].forecasts)
        assert all(torch.equal(each.model.state_dict()[name], state[name]) for name in state)
    assert len({each.scores for each in found}) == 4
    assert found[2].scores.roc_auc is None and found[3].scores.roc_auc is None  # type: ignore[union-attr]


def test_a_threshold_that_cannot_be_met_is_refused_before_the_training() -> None:
    def progress(*_: object) -> None:
        pytest.fail("the model is trained")

    config = configuration(detect={"false_alarms_per_day": 1e-6})
    with pytest.raises(UserError, match="cannot be met"):
        train_detector(windows(config)[0], config, progress)
