"""The integer model of a detector is the quantised network, whose score and flag it computes."""

import numpy as np
import pytest
import torch

from detector_sample import configuration, readings, windows
from narrowcast.config import Config
from narrowcast.data import Dataset, Monitored
from narrowcast.integer import L1Norm, Linear, analyse, execute
from narrowcast.model import build, predict_part, train_float, with_threshold
from narrowcast.quantize import (
    QuantisedTransformer,
    cut_off,
    finetune,
    summarise,
    to_integer_model,
)
from narrowcast.quantize.steps import QuantisedLinear
from narrowcast.quantize.training import calibrated


def untrained(config: Config, dataset: Dataset) -> QuantisedTransformer:
    """A quantised detector with random weights."""
    torch.manual_seed(0)
    source = build(config).eval()
    source.scale_results(torch.linspace(0.1, 0.4, source.shape.forecasts))
    return calibrated(source, dataset, config)


def assert_same(network: QuantisedTransformer, dataset: Dataset, config: Config) -> None:
    """Score and flag of every window are the same from the network and the integer model."""
    dataset = with_threshold(network, dataset, config.detect)
    monitored = dataset.targets
    assert isinstance(monitored, Monitored)
    model = to_integer_model(network, dataset, config.data)
    analyse(model)
    decision = model.operations[-1]
    assert isinstance(decision, L1Norm)
    for part in (dataset.train, dataset.validation, dataset.test):
        given = {model.inputs[0].tensor: part.inputs}
        found = model.forecasts(execute(model, model.quantise(given)), given)
        expected = predict_part(network, part, dataset)
        assert not dataset.differing(expected, found).any()
        assert np.array_equal(expected[:, 1], found[:, 1])
    assert cut_off(model, dataset.test).target == 0.0


@pytest.mark.parametrize("method", ["forecast", "reconstruct"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quantization": {"bits": 2}},
        {"quantization": {"bits": 4}, "model": {"fold": False, "pooling": "mean"}},
        {"detect": {"columns": ["b"]}},
        {"detect": {"columns": ["b", "a"], "rows": 1}},
        {"data": {"calendar": ["hour"]}, "model": {"layers": 2, "heads": 2}},
        {"data": {"missing": "mask"}, "detect": {"columns": ["b"], "rows": 3}},
        {"data": {"missing": "interpolate"}},
        {
            "data": {"stride": 3},  # leaves 26 windows for validation
            "model": {"kernel": 4, "stride": 1},
            "detect": {"rows": 1, "quantile": 0.95},
        },
        {"model": {"kernel": 2, "stride": 2}, "detect": {"rows": 4}},
        {"data": {"window": 3}, "detect": {"rows": 1}},
    ],
    ids=str,
)
def test_score_and_flag_of_every_window(method: str, changes: dict[str, dict[str, object]]) -> None:
    detect = {**changes.get("detect", {}), "method": method}
    config = configuration(**{**changes, "detect": detect})
    frame = readings()
    if "missing" in changes.get("data", {}):
        frame.loc[frame.index[::37], "b"] = np.nan
    dataset, _ = windows(config, frame)
    assert_same(untrained(config, dataset), dataset, config)


def test_a_window_of_two_rows() -> None:
    detect = {"method": "reconstruct", "rows": 1}
    config = configuration(data={"window": 2}, detect=detect)
    dataset, _ = windows(config)
    assert_same(untrained(config, dataset), dataset, config)


def test_what_is_subtracted_stays_what_it_was() -> None:
    config = configuration()
    dataset, _ = windows(config)
    source, _ = train_float(dataset, config)
    source.scale_results(torch.linspace(0.2, 0.3, 4))

    def weights(network: QuantisedTransformer) -> torch.Tensor:
        (actual,) = (step for step in network.steps() if step.spec.name == "actual")
        assert isinstance(actual, QuantisedLinear)
        return actual.weight.scale.detach()[:, None] * actual.weight.integers

    before = calibrated(source, dataset, config)
    after, history = finetune(source, dataset, config)
    assert torch.equal(weights(before), weights(after))
    # Each row of them takes one reading.
    assert ((weights(after) != 0).sum(dim=1) == 1).all()
    first, last = (
        next(step for step in network.steps() if step.spec.name == "head")
        for network in (before, after)
    )
    assert isinstance(first, QuantisedLinear) and isinstance(last, QuantisedLinear)
    assert torch.equal(first.weight.integers, last.weight.integers)
    assert not torch.equal(first.weight.scale, last.weight.scale)
    assert not torch.equal(first.bias, last.bias)
    assert len(history.loss) == 2
    assert_same(after, dataset, config)
    names = {each.name for each in summarise(after, dataset, config)}
    assert "actual.output" in names


def test_the_threshold_is_the_nearest_integer() -> None:
    config = configuration()
    dataset, _ = windows(config)
    network = untrained(config, dataset)
    dataset = with_threshold(network, dataset, config.detect)
    assert isinstance(dataset.targets, Monitored)
    model = to_integer_model(network, dataset, config.data)
    last = model.operations[-1]
    assert isinstance(last, L1Norm)
    # It is a score of the validation part, and so a whole number of units.
    units = dataset.targets.threshold / model.tensors[last.operand].scale
    assert last.threshold == round(units) == pytest.approx(units, abs=1e-3)


def test_a_threshold_beyond_all_integers_has_no_flag() -> None:
    config = configuration()
    dataset, _ = windows(config)
    network = untrained(config, dataset)
    model = to_integer_model(network, dataset, config.data)  # its threshold is infinite
    analyse(model)
    given = {model.inputs[0].tensor: dataset.test.inputs * 100}
    found = model.forecasts(execute(model, model.quantise(given)), given)
    assert not found[:, 1].any()
    actual = next(each for each in model.operations if each.name == "actual")
    assert isinstance(actual, Linear) and actual.kernel == 2
