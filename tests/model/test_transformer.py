from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from narrowcast.config import Config, DataConfig, ModelConfig, TrainConfig
from narrowcast.data import Dataset, Table, errors, make_windows
from narrowcast.errors import UserError
from narrowcast.integer.builder import Shape
from narrowcast.model import Transformer, build, load_state, predict, save_state, train_float
from narrowcast.model.transformer import arranged


@pytest.fixture(scope="module")
def config() -> Config:
    return Config(
        data=DataConfig(inputs=["a", "b"], target="y", window=4, lead=0),
        model=ModelConfig(channels=8, heads=2),
        train=TrainConfig(epochs=6, batch=64, learning_rate=1e-2),
    )


@pytest.fixture(scope="module")
def dataset(config: Config) -> Dataset:
    x = np.random.default_rng(0).normal(size=(1200, 2))
    y = 10 * np.sin(x[:, 0]) + 3 * np.roll(x[:, 1], 2)
    return make_windows(
        Table(None, pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}), None), config.data
    )


def test_shapes_and_parameters() -> None:
    n, m, d, layers = 6, 3, 8, 2
    model = Transformer(Shape(n, m, d, layers=layers, heads=4, ffn_channels=20, outputs=2))
    assert model(torch.rand(5, n, m)).shape == (5, 2)
    linears = 4 * (d * d + d) + (20 * d + 20) + (d * 20 + d)
    norms = 2 * 2 * d
    expected = (m * d + d) + n * d + layers * (linears + norms) + (2 * d + 2)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_attention_is_that_of_torch() -> None:
    d, heads = 12, 3
    model = Transformer(Shape(5, 2, d, heads=heads)).eval()
    layer = model.layers[0]
    theirs = torch.nn.MultiheadAttention(d, heads, batch_first=True)
    steps = (layer.query, layer.key, layer.value)
    theirs.in_proj_weight.data = torch.cat([s.weight.data for s in steps])
    theirs.in_proj_bias.data = torch.cat([s.bias.data for s in steps])
    theirs.out_proj.load_state_dict(layer.attention_out.state_dict())
    x = torch.rand(7, 5, d)
    seen = []
    layer.attention_out.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    layer(x)
    torch.testing.assert_close(seen[0], theirs(x, x, x)[0])


def test_training_learns_and_keeps_the_best_epoch(dataset: Dataset, config: Config) -> None:
    told = []
    model, history = train_float(dataset, config, lambda *report: told.append(report))
    assert [t[:2] for t in told] == [(i + 1, 6) for i in range(6)]
    assert tuple(t[2] for t in told) == history.validation_error
    assert history.best == int(np.argmin(history.validation_error))
    part = dataset.validation
    rmse = errors(predict(model, part.inputs, dataset), part.target).rmse
    assert rmse == pytest.approx(min(history.validation_error))
    assert rmse < 0.7 * part.target.std()


def test_a_relative_model_starts_as_persistence(config: Config) -> None:
    data = config.data.model_copy(update={"target": "b", "lead": 2})
    relative = config.model_copy(update={"data": data})
    frame = pd.DataFrame(np.random.default_rng(1).normal((3, 5), 2, (300, 2)), columns=["a", "b"])
    windows = make_windows(Table(None, frame, None), data)
    model = build(relative)
    model.start_from_last(windows.input_scaling, windows.target_scaling)
    forecast = predict(model.eval(), windows.test.inputs, windows)[:, 0]
    np.testing.assert_allclose(forecast, windows.test.last_known[:, 0], rtol=1e-5)
    assert build(config).gain is None


def of_series(**settings: Any) -> tuple[Config, Dataset]:
    """Return three series at different levels, each of which is a token, and their windows."""
    names = ["a", "b", "c"]
    data = DataConfig(inputs=names, target=names, window=4, lead=2, outputs=2, **settings)
    model = ModelConfig(channels=8, heads=2, tokens="series")
    config = Config(data=data, model=model, train=TrainConfig(epochs=3))
    values = np.random.default_rng(1).normal((3, -50, 700), (1, 9, 40), (300, 3)).cumsum(axis=0)
    table = Table(None, pd.DataFrame(values, columns=names), None)
    return config, make_windows(table, config.data, series=True)


def test_a_token_has_the_window_of_its_series_and_what_all_share() -> None:
    shape = Shape(3, 2 * 2 + 1, 4, targets=2, series=True, shared=1)
    window = torch.arange(15.0).reshape(1, 3, 5)
    expected = [[0, 5, 10, 2, 7, 12, 14], [1, 6, 11, 3, 8, 13, 14]]
    assert arranged(window, shape)[0].tolist() == expected
    model = Transformer(shape)
    assert model(torch.rand(6, 3, 5)).shape == (6, 2)
    d, c = 4, 7
    layer = 4 * (d * d + d) + 2 * 4 * d * d + 4 * d + d + 2 * 2 * d
    expected_size = (c * d + d) + 2 * d + layer + (d + 1) + (c + 1)
    assert sum(p.numel() for p in model.parameters()) == expected_size


def test_each_series_starts_as_persistence() -> None:
    config, windows = of_series()
    model = build(config)
    model.start_from_last(windows.input_scaling, windows.target_scaling)
    found = predict(model.eval(), windows.test.inputs, windows)
    expected = windows.test.last_known.repeat(2, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("drifts", [False, True])
def test_targets_have_the_scaling_of_their_series(drifts: bool) -> None:
    config, windows = of_series(relative_inputs=["a", "b", "c"] if drifts else [])
    assert config.relative_columns == (() if drifts else (0, 1, 2))
    for name in ("offset", "scale"):
        expected = getattr(windows.input_scaling, name).repeat(2)
        np.testing.assert_array_equal(getattr(windows.target_scaling, name), expected)
    scaled = windows.scaled_target(windows.train)
    np.testing.assert_allclose(windows.decoded(scaled, windows.train.inputs), windows.train.target)


def test_other_series_change_a_forecast() -> None:
    config, _ = of_series()
    model = build(config).eval()
    window = torch.rand(9, 4, 3)
    changed = window.clone()
    changed[:, :, 1] += 1.0
    difference = (model(changed) - model(window)).view(9, 3, 2).abs()
    assert (difference > 1e-4).all()


def test_a_seed_gives_the_same_model(dataset: Dataset, config: Config, tmp_path: Path) -> None:
    for name in ("a", "b"):
        model, _ = train_float(dataset, config)
        save_state(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_patience_ends_training(dataset: Dataset, config: Config) -> None:
    train = config.train.model_copy(update={"epochs": 50, "patience": 1, "learning_rate": 0.1})
    _, history = train_float(dataset, config.model_copy(update={"train": train}))
    assert len(history.loss) == history.best + 2 < 50


def test_a_chosen_epoch_is_the_last_one_of_the_same_schedule(
    dataset: Dataset, config: Config
) -> None:
    model, history = train_float(dataset, config)
    for chosen in (history.best, 1):
        again, shorter = train_float(dataset, config, chosen=chosen)
        assert shorter.best == chosen and shorter.loss == history.loss[: chosen + 1]
        equal = [
            torch.equal(*pair) for pair in zip(model.parameters(), again.parameters(), strict=True)
        ]
        assert all(equal) == (chosen == history.best)
    train = config.train.model_copy(update={"patience": 1, "learning_rate": 0.1})
    _, long = train_float(dataset, config.model_copy(update={"train": train}), chosen=5)
    assert len(long.loss) == 6


def test_state_survives_a_file_and_a_wrong_file_is_refused(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model, other = build(config).eval(), build(config)
    save_state(model, path)
    load_state(other, path)
    x = torch.rand(3, 4, 2)
    assert torch.equal(model(x), other(x))
    with pytest.raises(UserError, match="does not hold this model's weights"):
        load_state(Transformer(Shape(9, 2, 8)), path)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="does not hold"):
        load_state(model, path)
    with pytest.raises(UserError, match="cannot be read"):
        load_state(model, tmp_path / "missing")


def test_the_loss_decides_between_mean_and_median(config: Config) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    table["y"] = np.where(rng.random(1500) < 0.3, 10.0, 0.0)  # mean 3, median 0
    data = make_windows(Table(None, table, None), config.data)
    forecasts = {}
    for loss in ("mse", "huber", "mae"):
        train = config.train.model_copy(update={"loss": loss})
        model, _ = train_float(data, config.model_copy(update={"train": train}))
        forecasts[loss] = predict(model, data.test.inputs, data).mean()
    assert forecasts["mse"] == pytest.approx(3, abs=0.6)
    assert forecasts["mae"] == pytest.approx(0, abs=0.6)
    assert forecasts["mae"] < forecasts["huber"] < forecasts["mse"]
