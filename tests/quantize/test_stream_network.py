"""A stream: fake quantisation, the integer model and the executor are one and the same network."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from narrowcast.config import Config, DataConfig, ModelConfig, QuantizationConfig, TrainConfig
from narrowcast.data import Dataset, Table, make_windows
from narrowcast.integer import Append, Scores, analyse, execute, forecast, reset_state
from narrowcast.model import build, predict, predict_part
from narrowcast.quantize import QuantisedTransformer, cut_off, finetune, summarise, to_integer_model
from narrowcast.quantize.training import calibrated, sample


def configuration(
    *,
    bits: int = 8,
    layers: int = 1,
    kernel: int = 2,
    fold: bool = True,
    relative: bool = False,
    outputs: int = 1,
    seasons: Sequence[int] = (),
    known: Sequence[str] = (),
) -> Config:
    return Config(
        data=DataConfig(
            inputs=["a", "b"],
            target="b" if relative else "y",
            window=5,
            lead=int(relative),
            outputs=outputs,
            seasons=[*seasons],
            known=[*known],
        ),
        model=ModelConfig(
            kind="stream", channels=8, heads=2, layers=layers, kernel=kernel, fold=fold
        ),
        quantization=QuantizationConfig(bits=bits),
        train=TrainConfig(epochs=2, finetune_epochs=2, batch=64, learning_rate=1e-2),
    )


def stretches(config: Config) -> Dataset:
    x = np.random.default_rng(0).normal((0, 3), size=(900, 2))
    y = 10 * np.sin(x[:, 0]) + 3 * np.roll(x[:, 1], 2)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y, "k": np.arange(900.0)})
    frame.loc[[100, 103, 500, 800, 803], "a"] = np.nan
    return make_windows(Table(None, frame, None), config.data, config.stream)


def trained(dataset: Dataset, config: Config) -> QuantisedTransformer:
    """A quantised model that has seen a little training, from a seed."""
    torch.manual_seed(config.model.layers)
    source = build(config)
    inputs, restart = sample(dataset, config, 200)
    for _ in range(5):  # moves the running statistics
        source(*inputs, restart=restart)
    for norm in (m for m in source.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    model = calibrated(source.eval(), dataset, config).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        model(*inputs, restart=restart).square().mean().backward()
        optimiser.step()
    return model.eval()


CASES = [
    configuration(bits=2, fold=False),
    configuration(bits=4, layers=2, kernel=1),
    configuration(bits=8, layers=3, relative=True),
    configuration(bits=5, relative=True, outputs=3, seasons=[4], known=["k"]),
]


@pytest.mark.parametrize("config", CASES)
def test_eval_mode_is_the_executor(config: Config) -> None:
    dataset = stretches(config)
    model = trained(dataset, config)
    integer = to_integer_model(model, dataset, config.data)
    analyse(integer)
    test = dataset.test
    expected = test.of_targets(forecast(integer, test.inputs, *test.further, restart=test.restart))
    np.testing.assert_array_equal(predict_part(model, test, dataset), expected)
    appended = [each for each in integer.operations if isinstance(each, Append)]
    assert len(appended) == 2 * config.model.layers
    assert all(integer.tensors[each.output].rows == config.data.window for each in appended)
    biased = [each for each in integer.operations if isinstance(each, Scores)]
    assert all(each.bias is not None and integer.arrays[each.bias].any() for each in biased)
    assert integer.metadata["kind"] == "stream"


@pytest.mark.parametrize("config", CASES[1:])  # at 2 bits, one integer more is a lot
def test_fake_quantisation_is_close_to_the_integers(config: Config) -> None:
    dataset = stretches(config)
    model = trained(dataset, config)
    test = dataset.test
    scaled = dataset.scaled_inputs(test.inputs), *dataset.scaled_further(test.further)
    inputs = tuple(map(torch.from_numpy, scaled))
    restart = torch.from_numpy(test.restart)
    integers = model.evaluate(*inputs, restart=restart)
    real = model.train()(*inputs, restart=restart).detach().double()
    # Some numbers are rounded to the next integer, as floating point has other last digits.
    assert float((real - integers).abs().quantile(0.75)) < 0.15 * float(integers.std())


@pytest.mark.parametrize("config", CASES)
def test_forecasts_that_are_wanted_are_those_of_the_whole_stretch(config: Config) -> None:
    dataset = stretches(config)
    model = trained(dataset, config).train()
    inputs, restart = sample(dataset, config, 200)
    wanted = torch.tensor([0, 7, 8, 120, 199])
    whole = model(*inputs, restart=restart)
    some = model(*inputs, restart=restart, wanted=wanted)
    torch.testing.assert_close(some, whole[wanted])
    some.square().sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_reading_by_reading_is_stretch_by_stretch() -> None:
    config = CASES[2]
    dataset = stretches(config)
    integer = to_integer_model(trained(dataset, config), dataset, config.data)
    part = dataset.test
    quantised = integer.quantise({"input": part.inputs})
    whole = execute(integer, quantised, restart=part.restart)["head.output"]
    state = reset_state(integer)
    for i, restart in enumerate(part.restart):
        one = {"input": quantised["input"][i : i + 1]}
        found = execute(integer, one, restart=np.array([restart]), state=state)["head.output"]
        assert np.array_equal(found[0], whole[i])
    state = reset_state(integer)
    forecasts = [
        forecast(integer, x[None], restart=np.array([restart]), state=state)
        for x, restart in zip(part.inputs, part.restart, strict=True)
    ]
    at_once = forecast(integer, part.inputs, restart=part.restart)
    np.testing.assert_array_equal(np.concatenate(forecasts), at_once)
    begins = np.append(np.flatnonzero(part.restart), len(part.restart))
    for first, end in pairwise(begins):
        alone = execute(integer, {"input": quantised["input"][first:end]})["head.output"]
        assert np.array_equal(alone, whole[first:end])


def test_what_lies_before_a_part_does_not_count_beyond_its_reach() -> None:
    """The first forecast of a part is that of the whole stretch."""
    config = CASES[1]
    dataset = stretches(config)
    model = trained(dataset, config)
    frame = np.concatenate([dataset.train.inputs, dataset.validation.inputs])
    first = dataset.validation.at[0]
    before = predict(model, dataset.validation.inputs[: first + 1], dataset)[-1]
    same = np.flatnonzero((frame == dataset.validation.inputs[first]).all(axis=(1, 2)))[0]
    longer = predict(model, frame[same - 60 : same + 1], dataset)[-1]
    np.testing.assert_array_equal(before, longer)


def test_fine_tuning_a_stream() -> None:
    config = configuration(bits=4)
    dataset = stretches(config)
    source = build(config).eval()
    model, history = finetune(source, dataset, config)
    part = dataset.validation
    difference = predict_part(model, part, dataset) - part.target
    assert np.sqrt(np.mean(difference**2)) == pytest.approx(history.validation_error[history.best])
    names = [each.name for each in summarise(model, dataset, config)]
    assert "layers.0.key.output" in names and "layers.0.keys.output" not in names
    integer = to_integer_model(model, dataset, config.data)
    assert set(cut_off(integer, dataset.test).inputs) == {"a", "b"}
