"""The first axis of a stream against plain loops."""

import numpy as np
import pandas as pd
import pytest
import torch

from narrowcast.config import Config, DataConfig, ModelConfig, TrainConfig
from narrowcast.data import Dataset, Table, errors, make_windows
from narrowcast.integer.builder import Shape
from narrowcast.model import Transformer, predict, predict_part, train_float
from narrowcast.model.examples import Examples
from narrowcast.model.stream import absent, after_restart, ages, kept, led_up_to, segments
from narrowcast.model.transformer import slopes


@pytest.fixture(scope="module")
def config() -> Config:
    return Config(
        data=DataConfig(inputs=["a", "b"], target="y", window=4, lead=0),
        model=ModelConfig(kind="stream", channels=8, heads=2),
        train=TrainConfig(epochs=6, batch=64, learning_rate=1e-2),
    )


@pytest.fixture(scope="module")
def dataset(config: Config) -> Dataset:
    x = np.random.default_rng(0).normal(size=(1200, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    frame["y"] = 10 * np.sin(x[:, 0]) + 3 * np.roll(x[:, 1], 2)
    frame.loc[[300, 1100], "a"] = np.nan
    return make_windows(Table(None, frame, None), config.data, config.stream)


RESTART = torch.tensor([0, 0, 0, 1, 0, 1, 1, 0, 0], dtype=torch.bool)
AGES = [0, 1, 2, 0, 1, 0, 0, 1, 2]


def test_ages_and_states() -> None:
    assert ages(RESTART).tolist() == AGES
    rows = torch.arange(1.0, 10)[:, None, None] * torch.tensor([1.0, -1.0])
    state, missing = kept(rows, 3), absent(RESTART, 3)
    for i, age in enumerate(AGES):
        assert missing[i].tolist() == [age < 2, age < 1, False]
        assert torch.equal(kept(rows, 3, torch.tensor([i]))[0][~missing[i]], state[i][~missing[i]])
        exist = state[i][~missing[i]]
        assert torch.equal(exist, rows[i + 1 - len(exist) : i + 1, 0])


def test_the_first_reading_stands_in_for_those_before_it() -> None:
    inputs = torch.arange(9)[:, None, None] + torch.arange(-2, 1)[None, :, None]
    found = after_restart(inputs, torch.tensor(AGES))[..., 0]
    first = torch.arange(9) - torch.tensor(AGES)
    assert torch.equal(found, torch.maximum(inputs[..., 0], first[:, None]))


def test_segments_have_all_inferences_and_none_spans_a_restart() -> None:
    restart = torch.zeros(200, dtype=torch.bool)
    restart[[0, 70, 75, 190]] = True
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(20):
        order, begins = segments(restart, 12, generator)
        assert sorted(order.tolist()) == list(range(200))
        seen |= set(order[begins].tolist())
        for piece in torch.tensor_split(order, begins.nonzero()[1:, 0]):
            assert len(piece) <= 12
            assert torch.equal(piece, torch.arange(int(piece[0]), int(piece[0]) + len(piece)))
            assert not restart[piece[1:]].any()
    assert len(seen) > 100  # a segment may begin anywhere
    windows, begins = segments(torch.ones(50, dtype=torch.bool), 1, generator)
    assert begins.all() and sorted(windows.tolist()) == list(range(50))


def test_inferences_are_led_up_to_by_those_of_their_stretch() -> None:
    generator = torch.Generator().manual_seed(0)
    chosen, age = torch.tensor([8, 2, 5, 4]), torch.tensor(AGES)
    rows, begins, since, wanted = led_up_to(chosen, age, 2, 0.0, generator)
    assert rows.tolist() == [6, 7, 8, 0, 1, 2, 5, 3, 4]
    assert torch.equal(since, age[rows])
    assert begins.nonzero()[:, 0].tolist() == [0, 3, 6, 7]
    assert torch.equal(rows[wanted], chosen)
    seen = set()
    for _ in range(50):
        rows, begins, since, wanted = led_up_to(chosen, age, 2, 1.0, generator)
        assert torch.equal(rows[wanted], chosen)
        assert torch.equal(since, ages(begins))
        assert (since <= age[rows]).all()
        seen |= set(zip(rows[wanted].tolist(), since[wanted].tolist(), strict=True))
    assert seen == {(8, 0), (8, 1), (8, 2), (2, 0), (2, 1), (2, 2), (5, 0), (4, 0), (4, 1)}


def test_batches_have_each_target_once_with_what_it_rests_on(dataset: Dataset) -> None:
    """What leads up to a forecast gives that of the whole stretch, or that after a restart."""
    torch.manual_seed(0)
    examples = Examples.of(dataset.train, dataset)
    model = Transformer(Shape(4, 2, 8, heads=2, kernel=2, kind="stream")).double().eval()
    expected = examples.forecasts(model)
    alike = total = 0
    for batch in examples.batches(model, 50, torch.Generator().manual_seed(0)):
        assert batch.wanted is not None and bool(batch.restart[0])
        found = model(*batch.inputs, restart=batch.restart, wanted=batch.wanted)
        for forecast, target in zip(found, batch.target[batch.wanted], strict=True):
            at = (examples.target == target).all(dim=1).nonzero()[0, 0]
            alike += int(torch.allclose(forecast, expected[at]))
        total += len(batch.wanted)
    assert total == len(dataset.train)
    assert 0.8 * total < alike < total


def test_segments_begin_anew_and_have_the_targets_of_their_inferences(dataset: Dataset) -> None:
    examples = Examples.of(dataset.train, dataset)
    model = Transformer(Shape(4, 2, 8, layers=2, heads=2, kernel=2, kind="stream"))
    trained = total = 0
    for batch in examples.batches(model, 50, torch.Generator()):
        assert bool(batch.restart[0])
        first = batch.inputs[0][batch.restart]
        assert torch.equal(first, first[:, -1:].expand_as(first))  # repeated
        wanted = torch.arange(len(batch.target)) if batch.wanted is None else batch.wanted
        trained += len(wanted)
        total += len(batch.target)
    assert (trained, total) == (len(dataset.train), len(dataset.train.inputs))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_network_attends_to_the_last_tokens_of_a_stretch(layers: int) -> None:
    torch.manual_seed(0)
    n, model = 4, Transformer(Shape(4, 3, 8, layers=layers, heads=4, kernel=2, kind="stream"))
    assert model.position is None and model.reach == layers * (n - 1)
    x, restart = torch.randn(40, 2, 3), torch.zeros(40, dtype=torch.bool)
    restart[[11, 13, 30]] = True
    model(x)  # moves the running statistics
    whole = model.eval()(x, restart=restart)
    for i, age in enumerate(ages(restart).tolist()):
        before = min(age, model.reach)
        alone = model(x[i - before : i + 1])[-1]
        torch.testing.assert_close(alone, whole[i])
        if age > model.reach:
            assert not torch.allclose(model(x[i - model.reach + 1 : i + 1])[-1], whole[i])
    wanted = torch.tensor([0, 3, 14, 39])
    some = model(x, restart=restart, wanted=wanted)
    torch.testing.assert_close(some, whole[wanted])
    many = torch.randn(700, 2, 3)
    begins = torch.rand(700) < 0.05
    torch.testing.assert_close(
        model.evaluate(many, restart=begins).float(), model(many, restart=begins)
    )


def test_scores_have_biases_by_age() -> None:
    bias = slopes(heads=2, keys=3)
    assert torch.equal(bias, torch.tensor([[-2 / 16, -1 / 16, 0], [-2 / 256, -1 / 256, 0]]))
    model = Transformer(Shape(3, 1, 4, heads=2, kind="stream"))
    assert torch.equal(model.layers[0].bias, bias)
    with torch.no_grad():  # with such biases, the newest token only
        model.layers[0].bias.copy_(torch.tensor([[-1e4, -1e4, 0.0]] * 2))
    x = torch.randn(30, 1, 1)
    model(x)
    alone = model.eval()(x, restart=torch.ones(30, dtype=torch.bool))
    torch.testing.assert_close(model(x), alone)


def test_training_learns_a_stream(dataset: Dataset, config: Config) -> None:
    model, history = train_float(dataset, config)
    part = dataset.validation
    rmse = errors(predict_part(model, part, dataset), part.target).rmse
    assert rmse == pytest.approx(min(history.validation_error))
    assert rmse < 0.7 * part.target.std()
    readings = predict(model, part.inputs, dataset, restart=part.restart)
    assert readings.shape == (len(part.inputs), 1) and len(part.inputs) > len(part)


def test_all_readings_of_a_segment_are_shifted_alike() -> None:
    data = DataConfig(inputs=["a", "b"], target="b", window=4, lead=1)
    config = Config(data=data, model=ModelConfig(kind="stream", channels=4))
    frame = pd.DataFrame(np.random.default_rng(1).normal((3, 5), 2, (300, 2)), columns=["a", "b"])
    windows = make_windows(Table(None, frame, None), data, config.stream)
    model = Transformer(Shape(4, 2, 4, heads=4, kernel=2, relative=(1,), kind="stream"))
    model.start_from_last(windows.input_scaling, windows.target_scaling)
    forecast = predict_part(model.eval(), windows.test, windows)[:, 0]
    np.testing.assert_allclose(forecast, windows.test.last_known[:, 0], rtol=1e-5)
