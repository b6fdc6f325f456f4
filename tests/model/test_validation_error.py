"""The error on the validation part, and the difference of two models' results, of every task."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector_sample import configuration, windows
from narrowcast.config import Config
from narrowcast.data import Dataset, Table, make_windows
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference, validation_error
from narrowcast.model.training import predict_part, train_float
from narrowcast.training_records import error_name


def forecasts(target: str | list[str], **model: object) -> tuple[Config, Dataset]:
    """A data set of two series of very different sizes."""
    random = np.random.default_rng(0)
    values = pd.DataFrame({"a": random.normal(size=90), "b": 1000 * random.normal(size=90)})
    config = Config.model_validate(
        {
            "data": {"inputs": ["a", "b"], "target": target, "window": 4, "outputs": 2, "lead": 1},
            "model": {"channels": 4, **model},
            "train": {"epochs": 2},
        }
    )
    quantiles = config.model.quantiles
    return config, make_windows(Table(None, values, None), config.data, None, quantiles)


@pytest.mark.parametrize("target", ["b", ["a", "b"]])
@pytest.mark.parametrize("quantiles", [[], [0.1, 0.5, 0.9]])
def test_the_error_of_forecasts_is_that_of_their_scores(
    target: str | list[str], quantiles: list[float]
) -> None:
    config, dataset = forecasts(target, quantiles=quantiles)
    model, history = train_float(dataset, config)
    part = dataset.validation
    found = dataset.scores(predict_part(model, part, dataset), part).error
    assert history.error == pytest.approx(found, rel=1e-5)
    assert history.error == min(history.validation_error) or quantiles or len(target) > 1


@given(weights=st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=4))
def test_weights_of_a_detector_do_not_change_its_error(weights: list[float]) -> None:
    config = configuration(train={"epochs": 1})
    dataset, _ = windows(config)
    model, history = train_float(dataset, config)
    validation = Examples.of(dataset.validation, dataset)
    model.scale_results(torch.tensor(weights))
    error = validation_error(dataset, validation, model)(validation.forecasts(model))
    assert error == pytest.approx(history.error, rel=1e-4)


def test_a_share_of_any_difference_counts_the_same() -> None:
    config = configuration()
    dataset, _ = windows(config)
    error = validation_error(dataset, Examples.of(dataset.validation, dataset))
    results = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)) * [1, 10, 100, 1000])
    found = error(results)
    rms = results.square().mean(dim=0).sqrt()
    assert found == pytest.approx(float(torch.prod(rms)) ** 0.25)
    for column in range(4):
        changed = results.clone()
        changed[:, column] *= 2
        assert error(changed) == pytest.approx(2**0.25 * found)
    assert 0 < error(torch.zeros(50, 4)) < 1e-5


def test_the_difference_of_forecasts_is_in_their_unit() -> None:
    _, dataset = forecasts("b")
    one, other = torch.zeros(5, 2), torch.ones(5, 2)
    scale = dataset.target_scaling.scale
    assert mean_square_difference(one, other, dataset) == pytest.approx(np.mean(scale**2))
    _, dataset = forecasts("b", quantiles=[0.1, 0.5, 0.9])
    one, other = torch.zeros(5, 6), torch.ones(5, 6)
    assert mean_square_difference(one, other, dataset) == pytest.approx(np.mean(scale**2))
    config = configuration()
    dataset, _ = windows(config)
    assert mean_square_difference(torch.zeros(5, 4), torch.full((5, 4), 2.0), dataset) == 4


def test_errors_have_names() -> None:
    assert error_name("forecast", "t").full == "RMSE of t"
    assert error_name("forecast", ["t", "u"]).full == (
        "RMSE of t, u, each in units of its scale in the training part"
    )
    names = {error_name(task, "t").short for task in ("forecast", "classify", "detect")}
    assert len(names) == 3
