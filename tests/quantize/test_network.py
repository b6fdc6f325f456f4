"""Training in eval mode, the integer model and the executor are one and the same network."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from narrowcast.config import (
    Config,
    DataConfig,
    ModelConfig,
    QuantizationConfig,
    Scheme,
    TrainConfig,
)
from narrowcast.data import Dataset, Part, Table, errors, make_windows, read_table
from narrowcast.integer import (
    Affine,
    EarlierReadings,
    Forecast,
    IntegerModel,
    Linear,
    Operation,
    Output,
    RowSum,
    ValuesAhead,
    analyse,
    execute,
    forecast,
    load_model,
    save_model,
)
from narrowcast.integer.builder import Kind, Pooling, Shape, transformer
from narrowcast.integer.random_model import random_model
from narrowcast.model import (
    Unseen,
    build,
    constant_widths,
    load_state,
    predict,
    predict_part,
    save_state,
    scale_quantiles,
    spreads,
    train_float,
)
from narrowcast.model.transformer import convolved
from narrowcast.quantize import (
    Precision,
    QuantisedTransformer,
    cut_off,
    finetune,
    summarise,
    to_integer_model,
)
from narrowcast.quantize.fold import folded
from narrowcast.quantize.input_range import Reader, balance
from narrowcast.quantize.steps import QuantisedLinear, QuantisedRowSum, QuantisedScores, Step
from narrowcast.quantize.training import CALIBRATION_WINDOWS, calibrated, sample


def configuration(
    *,
    bits: int = 8,
    scheme: Scheme = "adaptive",
    heads: int = 1,
    layers: int = 1,
    pooling: Pooling = "mean",
    kernel: int = 1,
    fold: bool = False,
    output_bits: int = 16,
    relative: bool = False,
    outputs: int = 1,
    seasons: Sequence[int] = (),
    window: int = 5,
) -> Config:
    return Config(
        data=DataConfig(
            inputs=["a", "b"],
            target="b" if relative else "y",
            window=window,
            lead=int(relative),
            outputs=outputs,
            seasons=[*seasons],
        ),
        model=ModelConfig(
            channels=8, heads=heads, layers=layers, pooling=pooling, kernel=kernel, fold=fold
        ),
        quantization=QuantizationConfig(
            bits=bits, activation_bits=bits, scheme=scheme, output_bits=output_bits
        ),
        train=TrainConfig(epochs=8, finetune_epochs=3, batch=64, learning_rate=1e-2),
    )


def windows_of(config: Config) -> Dataset:
    x = np.random.default_rng(0).normal((0, 3), size=(1500, 2))
    y = 10 * np.sin(x[:, 0]) + 3 * np.roll(x[:, 1], 2)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    return make_windows(Table(None, frame, None), config.data)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return windows_of(configuration())


def trained(dataset: Dataset, config: Config, rounds: int = 5) -> QuantisedTransformer:
    """A quantised model that has seen a little training, from a seed."""
    torch.manual_seed(config.model.heads)
    source = build(config)
    for _ in range(rounds):  # moves the running statistics
        source(torch.rand(64, config.data.window, 2) * 3 - 1)
    for norm in (m for m in source.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    model = calibrated(source.eval(), dataset, config).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        model(torch.rand(64, config.data.window, 2)).square().mean().backward()
        optimiser.step()
    return model.eval()


def step(model: QuantisedTransformer, name: str) -> Step:
    return next(each for each in model.steps() if each.spec.name == name)


def linear(model: QuantisedTransformer, name: str) -> QuantisedLinear:
    found = step(model, name)
    assert isinstance(found, QuantisedLinear)
    return found


def operation(model: IntegerModel, name: str) -> Operation:
    return next(each for each in model.operations if each.name == name)


def assert_same(model: QuantisedTransformer, dataset: Dataset, config: Config) -> IntegerModel:
    """Eval mode gives what the integer model gives, which is valid."""
    integer = to_integer_model(model, dataset, config.data)
    analyse(integer)
    test = dataset.test
    forecasts = forecast(integer, test.inputs, *test.further)
    assert np.array_equal(predict(model, test.inputs, dataset, *test.further), forecasts)
    return integer


@pytest.mark.parametrize(
    ("bits", "heads", "layers"),
    [(2, 1, 1), (3, 2, 1), (4, 4, 2), (5, 1, 2), (6, 4, 1), (7, 2, 2), (8, 1, 1)],
)
def test_eval_mode_is_the_executor(dataset: Dataset, bits: int, heads: int, layers: int) -> None:
    config = configuration(bits=bits, heads=heads, layers=layers)
    assert_same(trained(dataset, config), dataset, config)


@pytest.mark.parametrize(("bits", "layers"), [(2, 1), (4, 2), (8, 1)])
def test_eval_mode_of_the_last_token_is_the_executor(
    dataset: Dataset, bits: int, layers: int
) -> None:
    config = configuration(
        bits=bits, heads=2, layers=layers, pooling="last", kernel=3, relative=True
    )
    integer = assert_same(trained(dataset, config), dataset, config)
    assert integer.tensors[f"layers.{layers - 1}.ffn_up.output"].rows == 1
    assert not any(isinstance(each, RowSum) for each in integer.operations)


@pytest.mark.parametrize(
    ("bits", "layers", "pooling"), [(8, 1, "mean"), (3, 2, "mean"), (2, 1, "last"), (5, 2, "last")]
)
def test_eval_mode_of_a_folded_model_is_the_executor(
    bits: int, layers: int, pooling: Pooling
) -> None:
    config = configuration(
        bits=bits,
        heads=2,
        layers=layers,
        pooling=pooling,
        kernel=2,
        relative=True,
        fold=True,
        window=8 if pooling == "mean" else 5,  # the copies of two sums do not pay off before
    )
    windows = windows_of(config)
    integer = assert_same(trained(windows, config), windows, config)
    names = {each.name: each for each in integer.operations}
    assert f"layers.{layers - 1}.ffn_down" not in names and "skip" in names
    key = names["layers.0.key"]
    assert isinstance(key, Linear) and key.operand == "input"


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_eval_mode_of_a_relative_model_is_the_executor(dataset: Dataset, bits: int) -> None:
    config = configuration(bits=bits, relative=True)
    integer = assert_same(trained(dataset, config), dataset, config)
    head = operation(integer, "head")
    assert isinstance(head, Linear)
    assert (head.residual, head.residual_element) == ("input", (4, 1))


@pytest.mark.parametrize("scheme", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_forced_scheme_is_the_executor(dataset: Dataset, bits: int, scheme: Scheme) -> None:
    config = configuration(bits=bits, scheme=scheme, heads=2, layers=2)
    model = trained(dataset, config)
    integer = assert_same(model, dataset, config)
    fixed = {"head.output", "layers.0.scores.output", "layers.1.scores.output"}
    shifted = {n for n, t in integer.tensors.items() if n not in fixed and not t.symmetric}
    assert ("pool.output" in shifted) == ("layers.1.ffn_down.output" in shifted)
    if scheme == "symmetric":
        assert not shifted
    else:
        assert {f"layers.{i}.ffn_up.output" for i in range(2)} <= shifted
        assert not any("key" in name or "value" in name for name in shifted)


def test_several_outputs_are_the_executor() -> None:
    config = configuration(relative=True, outputs=3, bits=4)
    x = np.random.default_rng(0).normal((0, 3), size=(600, 2))
    windows = make_windows(Table(None, pd.DataFrame(x, columns=["a", "b"]), None), config.data)
    integer = assert_same(trained(windows, config), windows, config)
    assert forecast(integer, windows.test.inputs).shape == windows.test.target.shape
    (output,) = integer.outputs
    (decoder,) = output.decoders
    assert isinstance(decoder, Forecast)
    assert integer.output_words == len(decoder.scaling.scale) == 3


def test_columns_with_peaks_leave_integers_to_the_others() -> None:
    config = configuration(bits=8)
    x = np.random.default_rng(0).normal((0, 3), size=(900, 2))
    x[::90, 0] *= 60
    y = x[:, 1] + np.roll(x[:, 1], 1)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    peaks = make_windows(Table(None, frame, None), config.data)
    model = trained(peaks, config)
    factors = model.factors.tolist()
    assert factors[0] > factors[1] and all(np.log2(factors) % 1 == 0)
    integer = assert_same(model, peaks, config)
    scale = np.array(integer.inputs[0].scaling.scale)
    np.testing.assert_array_equal(scale, peaks.input_scaling.scale * factors)
    # The real network is the same with and without.
    source = build(config).eval()
    precision = Precision.of(QuantizationConfig(bits=8), Shape(1, 1, 1))
    plain = QuantisedTransformer(source, precision)
    balanced = QuantisedTransformer(source, precision, torch.tensor([4.0, 0.5]))
    torch.testing.assert_close(
        functional.linear(torch.ones(2) / balanced.factors, linear(balanced, "embed").exact.weight),
        functional.linear(torch.ones(2), linear(plain, "embed").exact.weight),
    )


def test_a_change_is_forecast_from_all_the_integers_of_its_column() -> None:
    """Other columns are divided until they fit in the range of the target's; it is covered."""
    x = torch.from_numpy(np.random.default_rng(0).normal((1, 0, 0), (1, 5, 0.2), (400, 5, 3)))
    levels = (-4.0, 6.0)
    reader = Reader(torch.tensor([[1.0, 1.0, 1.0]]), 8, torch.arange(3))
    factors = balance(x, 8, [reader], (0,), [levels])
    lowest, highest = (level / float(factors[0]) for level in levels)
    assert float(factors[1]) >= 2 and float(factors[2]) <= 1
    assert bool((torch.log2(factors) % 1 == 0).all())
    inside = (x / factors >= lowest) & (x / factors <= highest)
    assert float(inside.double().mean()) > 0.99
    config = configuration(bits=4, relative=True)
    config = config.model_copy(update={"data": config.data.model_copy(update={"target": "a"})})
    model = QuantisedTransformer(
        build(config).eval(), Precision.of(config.quantization, Shape(1, 1, 1)), factors[:2].float()
    )
    model.calibrate((x[..., :2],), torch.rand(400, 1), [levels])
    quantiser = next(model.activations())
    reach = quantiser.tensor().dequantise(np.array([quantiser.low, quantiser.high]))
    step = float(quantiser.scale.detach())
    assert float(reach[0]) <= lowest + step and float(reach[1]) >= highest - step
    assert step == pytest.approx((highest - lowest) / 1023, rel=0.01)


def test_the_summary_tells_what_was_done_to_every_tensor(dataset: Dataset) -> None:
    config = configuration(bits=4, heads=2, layers=2)
    model = trained(dataset, config)
    summaries = {each.name: each for each in summarise(model, dataset, config)}
    integer = to_integer_model(model, dataset, config.data)
    weights = {each.weights for each in integer.operations if isinstance(each, Linear)}
    rounded = {name: each for name, each in integer.tensors.items() if name != "pool.output"}
    assert set(summaries) == set(rounded) | weights
    for name, tensor in rounded.items():
        each = summaries[name]
        assert (each.bits, each.scale, each.zero_point) == (
            *(tensor.bits, tensor.scale, tensor.zero_point),
        )
        assert (each.scheme == "symmetric") == tensor.symmetric
        assert each.edges[0] <= each.edges[1] and sum(each.counts) > 0
        assert (each.error_symmetric is None) == (
            "scores" in name or name.startswith("head") or tensor.restricted
        )
    up = summaries["layers.0.ffn_up.output"]
    assert up.error_asymmetric is not None and up.error_symmetric is not None
    assert up.error_asymmetric < up.error_symmetric and up.lowest == 0
    assert 0.01 < summaries["embed.weights"].error < 0.3


def test_a_table_of_bits_settles_every_width(dataset: Dataset) -> None:
    table = {"embed.weight": 8, "layers.*.ffn_up.activation": 3, "layers.1.*": 5, "default": 4}
    config = configuration(heads=2, layers=2)
    config = config.model_copy(update={"quantization": QuantizationConfig(bits=table)})
    integer = assert_same(trained(dataset, config), dataset, config)
    tensors = {name: tensor.bits for name, tensor in integer.tensors.items()}
    weights = {s.name: s.weight_bits for s in integer.operations if isinstance(s, Linear)}
    assert (tensors["input"], tensors["head.output"]) == (10, 16)
    assert tensors["pool.output"] == 8  # five rows of 5 bits
    for name, bits in tensors.items():
        if name not in {"input", "pool.output", "head.output"}:
            up = name.endswith("ffn_up.output")
            other = 6 if name.endswith(("key.output", "value.output")) else 8
            assert bits == (3 if up else 5 if name.startswith("layers.1") else other), name
    for name, bits in weights.items():
        assert bits == {"embed": 8, "layers.1": 5}.get(name.rpartition(".")[0] or name, 4), name


def test_mixed_precision_is_the_executor(dataset: Dataset) -> None:
    config = configuration(heads=2, layers=2)
    graph = transformer(Shape(5, 2, 8, layers=2, heads=2))
    names = [*graph.tensors, *(f"{each.name}.weights" for each in graph.operations)]
    drawn = np.random.default_rng(0).integers(2, 9, len(names)).tolist()
    precision = Precision(dict(zip(names, drawn, strict=True)))
    torch.manual_seed(0)
    model = QuantisedTransformer(build(config).eval(), precision)
    model.calibrate((torch.rand(200, 5, 2),), torch.rand(200, 1))
    integer = assert_same(model.eval(), dataset, config)
    for name, tensor in integer.tensors.items():
        assert name == "pool.output" or tensor.bits == precision.bits[name], name


def units_of_sums(model: IntegerModel, output: str) -> NDArray[np.float64]:
    """Return the units of the sums of products, in those of the result they are rounded to."""
    (product,) = (each for each in model.operations if each.output == output)
    assert isinstance(product, Linear)
    units: NDArray[np.float64] = model.arrays[product.multiplier] * 2.0**-product.shift
    return units


@pytest.mark.parametrize("bits", [4, 8])
def test_train_mode_is_close_to_eval_mode_everywhere(dataset: Dataset, bits: int) -> None:
    """Step by step: on the integer network's own operands, train mode differs by the odd LSB."""
    config = configuration(bits=bits, heads=2, layers=2, relative=True)
    model = trained(dataset, config)
    integer = to_integer_model(model, dataset, config.data)
    inputs = integer.quantise({"input": dataset.test.inputs[:100]})
    state = dict(inputs)
    execute(integer, inputs, state.__setitem__)
    reals = {
        name: torch.from_numpy(integer.tensors[name].dequantise(each)).float()
        for name, each in state.items()
    }
    full = 2**bits - 1
    for each in model.train().steps():
        name = each.spec.output
        got, expected = each(reals).detach(), state[name]
        if isinstance(each, QuantisedRowSum):
            torch.testing.assert_close(got, reals[name])
            continue
        if isinstance(each, QuantisedScores):
            zero = integer.tensors[name].zero_point
            difference = (got.flatten(1, 2) * full).numpy() - (expected - zero)
            reals[name] = got  # by head, as the context takes it
        else:
            difference = integer.tensors[name].quantise(got.numpy()) - expected
        limit = 40 if name == "head.output" else 1  # M has 18 bits, the output 16
        assert np.abs(np.rint(difference)).max() <= limit, name
        if limit == 1:
            share = 0.01
            if isinstance(each, QuantisedLinear):  # the bias is rounded to units of the sum
                share += 0.4 * float(units_of_sums(integer, name).mean())
            assert (np.abs(difference) > 0.5).mean() < share, name


def test_an_evaluation_exports_once_and_follows_the_parameters(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration()
    model = trained(dataset, config)
    exports = []
    original = QuantisedTransformer.export

    def counted(network: QuantisedTransformer) -> IntegerModel:
        exports.append(network)
        return original(network)

    monkeypatch.setattr(QuantisedTransformer, "export", counted)
    readings = dataset.train.inputs
    assert len(readings) > 500
    before = predict(model, readings, dataset)
    assert exports == [model]
    with torch.no_grad():
        linear(model, "head").bias.add_(0.1)
    after = predict(model, readings, dataset)
    assert (after != before).mean() > 0.9
    scaled = torch.from_numpy(dataset.input_scaling.apply(readings))
    assert torch.equal(model(scaled), model.train().evaluate(scaled)) and model.training
    assert not model.evaluate(scaled).requires_grad and model(scaled).requires_grad


def test_the_integer_model_has_the_structure_of_the_architecture(
    dataset: Dataset, tmp_path: Path
) -> None:
    config = configuration(heads=2, layers=2, relative=True)
    integer = to_integer_model(trained(dataset, config), dataset, config.data)
    other = random_model(Shape(5, 2, 8, layers=2, heads=2, relative=(1,)))
    assert list(integer.tensors) == list(other.tensors)
    for name, tensor in integer.tensors.items():
        wanted = other.tensors[name]
        assert (tensor.rows, tensor.columns) == (wanted.rows, wanted.columns)
        assert tensor.restricted == wanted.restricted
        if name.endswith("ffn_up.output"):
            assert tensor.zero_point == tensor.low
    assert {k: v.shape for k, v in integer.arrays.items()} == {
        k: v.shape for k, v in other.arrays.items()
    }
    numbers = {"weight_bits", "shift", "residual_shift", "multiplier", "numerator"}
    for found, like in zip(integer.operations, other.operations, strict=True):
        assert type(found) is type(like)
        for field in fields(found):
            if field.name not in numbers or isinstance(getattr(like, field.name), str):
                assert getattr(found, field.name) == getattr(like, field.name), found.name
    assert integer.metadata == {
        "architecture": "transformer",
        "kind": "window",
        "window": 5,
        "inputs": 2,
        "channels": 8,
        "layers": 2,
        "heads": 2,
        "pooling": "mean",
        "tokens": "rows",
        "kernel": 1,
        "stride": 1,
        "fold": False,
        "ffn_channels": 32,
        "outputs": 1,
        "target": "b",
    }
    (source,), (result,) = integer.inputs, integer.outputs
    assert (source.tensor, source.columns) == ("input", ("a", "b"))
    scaling = dataset.target_scaling
    assert result == Output(
        "head.output",
        (Forecast("b", Affine(tuple(scaling.offset.tolist()), tuple(scaling.scale.tolist()))),),
    )
    save_model(integer, tmp_path)
    loaded = load_model(tmp_path)
    assert (loaded.tensors, loaded.operations) == (integer.tensors, integer.operations)


def test_dead_channels_and_extreme_scales_export(dataset: Dataset) -> None:
    config = configuration()
    model = trained(dataset, config)
    down = linear(model, "layers.0.ffn_down")
    assert down.gain is not None
    with torch.no_grad():
        down.weight.integers[3] = 0
        down.weight.log_scale[3] = -40
        down.gain[2] = 0
        linear(model, "layers.0.ffn_up").bias[0] = 1e12
        linear(model, "layers.0.value").output.log_scale.fill_(20)
        linear(model, "layers.0.query").output.log_scale.fill_(-30)
    integer = assert_same(model, dataset, config)
    assert np.abs(integer.arrays["layers.0.ffn_up.bias"]).max() <= 2**27


def test_calibration_keeps_the_mean_of_every_product(dataset: Dataset) -> None:
    config = configuration(bits=3, heads=2, layers=2)
    source, _ = train_float(dataset, config)
    model = calibrated(source, dataset, config)
    exact = folded(source, model.factors)
    inputs, _ = sample(dataset, config, CALIBRATION_WINDOWS)
    compared = []

    def compare(step: QuantisedLinear, given: tuple[dict[str, torch.Tensor], object]) -> None:
        read = convolved(given[0][step.spec.operand], step.spec, step.rows)
        products = exact[step.spec.name]
        expected = functional.linear(read, products.weight) + products.bias
        change = (step.weight(read) + step.bias - expected).flatten(0, 1)
        assert bool((change.mean(dim=0).abs() < 1e-3 * expected.std()).all()), step.spec.name
        compared.append(change.std() / expected.std())

    for each in model.steps():
        if isinstance(each, QuantisedLinear):
            each.register_forward_pre_hook(compare)
    with torch.no_grad():
        model.train()(*inputs)
    assert len(compared) == 14 and 0 < max(compared) < 0.2


def test_a_model_that_is_calibrated_twice_is_the_same(dataset: Dataset) -> None:
    config = configuration(bits=3)
    model = calibrated(build(config), dataset, config)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    inputs, _ = sample(dataset, config, CALIBRATION_WINDOWS)
    model.calibrate(inputs, torch.from_numpy(dataset.scaled_target(dataset.train)))
    for name, each in model.state_dict().items():
        torch.testing.assert_close(each, before[name], msg=name)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_finetuning_restores_accuracy_and_is_reproducible(
    dataset: Dataset, tmp_path: Path, bits: int
) -> None:
    config = configuration(bits=bits)
    source, _ = train_float(dataset, config)
    part = dataset.validation
    exact = predict(source, part.inputs, dataset)

    def distance(model: QuantisedTransformer) -> float:
        return errors(predict(model, part.inputs, dataset), exact).rmse

    model, history = finetune(source, dataset, config)
    rmse = errors(predict(model, part.inputs, dataset), part.target).rmse
    assert rmse == pytest.approx(history.validation_error[history.best])
    assert distance(model) < distance(calibrated(source, dataset, config))
    assert_same(model, dataset, config)
    again, _ = finetune(source, dataset, config)
    for name, each in (("a", model), ("b", again)):
        save_state(each, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = QuantisedTransformer(build(config), Precision.of(config.quantization, Shape(1, 1, 1)))
    load_state(loaded, tmp_path / "a")
    assert np.array_equal(
        predict(loaded, part.inputs, dataset), predict(model, part.inputs, dataset)
    )


def test_the_result_has_room_beyond_the_targets(dataset: Dataset) -> None:
    config = configuration(output_bits=8)
    head = trained(dataset, config).export().tensors["head.output"]
    assert head.bits == 8
    span = head.dequantise(np.array([head.low, head.high]))
    assert span[0] <= -0.49 and span[1] >= 1.49  # targets are scaled to [0, 1]


def drifting_series(rows: int = 900) -> pd.DataFrame:
    """Two series whose level and amplitude more than double after the training part."""
    random = np.random.default_rng(3)
    growth = np.exp(2.5 * np.arange(rows) / rows)
    wave = np.sin(np.arange(rows) * 2 * np.pi / 24) + 0.1 * random.normal(size=rows)
    b = growth * (10 + 3 * wave)
    return pd.DataFrame({"a": np.roll(b, 2) + random.normal(size=rows), "b": b})


@pytest.mark.parametrize(("relative", "outputs"), [(["b"], 1), (["a", "b"], 3)])
def test_a_series_that_doubles_is_followed(
    relative: list[str], outputs: int, tmp_path: Path
) -> None:
    base = configuration(relative=True, outputs=outputs)
    data = base.data.model_copy(update={"relative_inputs": relative})
    config = base.model_copy(update={"data": data})
    assert base.relative_columns == (1,) and config.relative_columns == ()
    windows = make_windows(Table(None, drifting_series(), None), data)
    train, test = windows.train.target, windows.test
    assert test.target.max() > 2 * train.max()
    source, _ = train_float(windows, config)
    model, _ = finetune(source, windows, config)
    integer = assert_same(model, windows, config)
    exact = errors(predict(source, test.inputs, windows), test.target)
    rounded = errors(forecast(integer, test.inputs), test.target)
    assert rounded.rmse < 1.05 * exact.rmse
    shares = cut_off(integer, test)
    assert shares.inputs["b"] < 0.01 and shares.target < 0.01
    save_model(integer, tmp_path)
    loaded = load_model(tmp_path)
    assert (loaded.inputs, loaded.outputs) == (integer.inputs, integer.outputs)
    assert np.array_equal(forecast(loaded, test.inputs), forecast(integer, test.inputs))


def learned(frame: pd.DataFrame, config: Config) -> tuple[Part, IntegerModel, float]:
    """Train on a table; return the test part, and the integer model with its RMSE, below 0.66."""
    windows = make_windows(Table(None, frame, None), config.data)
    source, _ = train_float(windows, config)
    model, _ = finetune(source, windows, config)
    integer = assert_same(model, windows, config)
    test = windows.test
    exact = errors(predict(source, test.inputs, windows, *test.further), test.target)
    rounded = errors(forecast(integer, test.inputs, *test.further), test.target)
    assert exact.rmse < 0.6 and rounded.rmse < 1.1 * exact.rmse
    return test, integer, rounded.rmse


@pytest.mark.parametrize("kind", ["window", "stream"])
@pytest.mark.parametrize("drifts", [False, True])
def test_several_targets_are_forecast_by_one_model(
    kind: Kind, drifts: bool, tmp_path: Path
) -> None:
    """Both columns repeat, one of them a hundred times as large as the other."""
    random = np.random.default_rng(1)
    noise = np.tile(random.normal(size=(40, 2)), (40, 1)) * (1, 100) + (5, -300)
    frame = pd.DataFrame(noise, columns=["a", "b"])
    base = configuration(relative=True, outputs=2, seasons=[40], kernel=2)
    data = base.data.model_copy(
        update={"target": ["b", "a"], "relative_inputs": ["a", "b"] if drifts else []}
    )
    config = base.model_copy(
        update={"data": data, "model": base.model.model_copy(update={"kind": kind})}
    )
    assert config.relative_columns == (() if drifts else (1, 0))
    windows = make_windows(Table(None, frame, None), data, config.stream)
    test = windows.test
    first = test.row[0]
    expected = noise[first : first + 2].T[::-1].ravel()
    np.testing.assert_array_equal(test.target[0], expected)
    source, _ = train_float(windows, config)
    model, _ = finetune(source, windows, config)
    integer = to_integer_model(model, windows, data)
    assert [decoder.target for each in integer.outputs for decoder in each.decoders] == ["b", "a"]
    assert [each.earlier and each.earlier.column for each in integer.inputs[1:]] == [1, 0]
    save_model(integer, tmp_path)
    loaded = load_model(tmp_path)
    found = test.of_targets(forecast(loaded, test.inputs, *test.further, restart=test.restart))
    np.testing.assert_array_equal(found, predict_part(model, test, windows))
    result = errors(found, test.target, windows.targets)
    assert result.by_target is not None and list(result.by_target) == ["b", "a"]
    assert result.by_target["b"].rmse < 60 and result.by_target["a"].rmse < 0.6
    assert result.rmse < 0.6 and cut_off(integer, test).target == 0


@pytest.mark.parametrize(
    ("drifts", "outputs", "fold"), [(False, 1, True), (False, 2, False), (True, 2, True)]
)
def test_series_are_forecast_by_the_same_weights(
    drifts: bool, outputs: int, fold: bool, tmp_path: Path
) -> None:
    """Each series repeats the one before it, at a level of its own, a hundred times as large."""
    random = np.random.default_rng(1)
    first = random.normal(size=1500)
    names = ["a", "b", "c"]
    values = np.stack([np.roll(first, shift) for shift in (0, 1, 2)], axis=1)
    frame = pd.DataFrame(values * (1, 100, 10_000) + (5, -300, 70_000), columns=names)
    config = Config(
        data=DataConfig(
            inputs=names,
            target=names,
            relative_inputs=names if drifts else [],
            window=5,
            lead=1,
            outputs=outputs,
        ),
        model=ModelConfig(channels=16, heads=4, tokens="series", fold=fold),
        quantization=QuantizationConfig(bits=6),
        train=TrainConfig(epochs=60, finetune_epochs=3, batch=64, patience=60),
    )
    windows = make_windows(Table(None, frame, None), config.data, series=True)
    source, _ = train_float(windows, config)
    model, _ = finetune(source, windows, config)
    integer = assert_same(model, windows, config)
    save_model(integer, tmp_path)
    assert load_model(tmp_path).inputs == integer.inputs
    (window,), (result,) = integer.inputs, integer.outputs
    assert (window.shared, window.window(integer.input_tensors[0])) == (0, 5)
    assert [each.target for each in result.decoders] == names
    assert integer.output_tensors[0].rows == 3
    test = windows.test
    found = errors(predict_part(model, test, windows), test.target, windows.targets)
    assert found.by_target is not None
    # The first series is noise. What follows it is known, and the last one two steps ahead as well.
    rmse = [found.by_target[name].by_step or (found.by_target[name].rmse,) for name in names]
    assert rmse[1][0] < 25 and rmse[2][0] < 2500 and rmse[2][-1] < 2500
    assert min(rmse[0]) > 0.9


@pytest.mark.parametrize("length", [3, 30, 1000])
def test_many_long_names_are_left_out_of_the_description(length: int, tmp_path: Path) -> None:
    names = [f"{'x' * (length - 2)}{i:02}" for i in range(40)]
    values = np.random.default_rng(0).normal(size=(200, 40))
    config = Config(
        data=DataConfig(inputs=names, target=names, window=2, lead=1),
        model=ModelConfig(channels=2, tokens="series"),
    )
    windows = make_windows(Table(None, pd.DataFrame(values, columns=names), None), config.data)
    model = calibrated(build(config).eval(), windows, config)
    save_model(to_integer_model(model, windows, config.data), tmp_path)
    text = load_model(tmp_path).metadata["target"]
    assert isinstance(text, str) and len(text) <= 1000
    assert text.endswith({3: names[-1], 30: "9 more", 1000: "40 more"}[length])


@pytest.mark.parametrize("drifts", [False, True])
def test_quantiles_are_forecast(drifts: bool, tmp_path: Path) -> None:
    """The spread of the target depends on another column: intervals have to follow it."""
    random = np.random.default_rng(1)
    spread = np.repeat(random.choice([0.2, 3.0], 300), 10)
    frame = pd.DataFrame({"a": spread, "b": 7 + spread * random.normal(size=3000)})
    base = configuration(relative=True, outputs=2)
    data = base.data.model_copy(update={"relative_inputs": ["b"] if drifts else []})
    model = base.model.model_copy(update={"quantiles": [0.1, 0.5, 0.9]})
    train = base.train.model_copy(update={"epochs": 30})
    config = base.model_copy(update={"data": data, "model": model, "train": train})
    windows = make_windows(Table(None, frame, None), data, None, model.quantiles)
    test = windows.test
    source, _ = train_float(windows, config)
    unseen = Unseen.of(source, windows)
    widths = constant_widths(unseen, model.quantiles)
    factors = spreads(unseen, model.quantiles)
    medians = windows.targets.middle(predict(source, test.inputs, windows))
    scale_quantiles(source, windows.targets, factors)
    now = windows.targets.middle(predict(source, test.inputs, windows))
    np.testing.assert_allclose(now, medians, rtol=1e-5)
    again = spreads(Unseen.of(source, windows), model.quantiles)
    np.testing.assert_allclose(again, 1, rtol=1e-4)
    checked = windows.validation
    tuned = errors(predict(source, checked.inputs, windows), checked.target, windows.targets)
    assert tuned.intervals is not None
    assert tuned.intervals.coverage[0] == pytest.approx(0.8, abs=0.01)
    quantised, _ = finetune(source, windows, config)
    integer = to_integer_model(quantised, windows, data)
    save_model(integer, tmp_path)
    found = forecast(load_model(tmp_path), test.inputs)
    np.testing.assert_array_equal(found, predict(quantised, test.inputs, windows))
    steps = found.reshape(-1, 2, 3)
    assert (np.diff(steps, axis=2) >= 0).all()
    result = errors(found, test.target, windows.targets).intervals
    middle = np.repeat(windows.targets.middle(found), 3, axis=1)
    constant = middle + widths * windows.target_scaling.repeated(3).scale
    simple = errors(constant, test.target, windows.targets).intervals
    assert result is not None and simple is not None
    assert result.coverage[0] == pytest.approx(0.8, abs=0.08)
    assert result.pinball < 0.9 * simple.pinball
    width = (steps[:, 0, 2] - steps[:, 0, 0])[1:]
    few, many = (width[frame["a"].to_numpy()[test.row[1:]] == each] for each in (0.2, 3.0))
    assert np.median(many) > 3 * np.median(few)


@pytest.mark.parametrize("drifts", [False, True])
def test_a_season_that_repeats_is_learned(drifts: bool) -> None:
    """Of noise that repeats every 40 rows, a window of 5 says nothing, but the season all."""
    noise = np.tile(np.random.default_rng(1).normal(size=40), 40)
    frame = pd.DataFrame({"a": np.random.default_rng(2).normal(size=1600), "b": noise})
    chosen = configuration(relative=True, outputs=3, seasons=[40, 7])
    if drifts:
        data = chosen.data.model_copy(update={"relative_inputs": ["b"]})
        chosen = chosen.model_copy(update={"data": data})
    test, integer, rmse = learned(frame, chosen)
    without = forecast(integer, test.inputs, np.zeros_like(test.further[0]))
    assert errors(without, test.target).rmse > 2 * rmse
    earlier = integer.inputs[1].earlier
    assert earlier == EarlierReadings("input", 1, (39, 38, 37, 6, 5, 4))


@pytest.mark.parametrize("drifts", [False, True])
@pytest.mark.parametrize("seasons", [[], [40]])
def test_values_known_ahead_are_learned(drifts: bool, seasons: list[int]) -> None:
    """Of a set point that is followed at once, a window says nothing, but its values ahead all."""
    rng = np.random.default_rng(3)
    noise, plan = rng.normal(size=(2, 1600))
    frame = pd.DataFrame({"a": noise, "b": plan, "plan": 5 + plan, "price": noise[::-1]})
    chosen = configuration(relative=True, outputs=2, seasons=seasons)
    data = chosen.data.model_copy(
        update={"known": ["price", "plan"], "relative_inputs": ["b"] if drifts else []}
    )
    chosen = chosen.model_copy(update={"data": data})
    test, integer, rmse = learned(frame, chosen)
    *others, ahead = test.further
    without = forecast(integer, test.inputs, *others, np.roll(ahead, 100, axis=0))
    assert errors(without, test.target).rmse > 2 * rmse
    found = integer.inputs[-1]
    assert found.ahead == ValuesAhead("input", ("price", "price", "plan", "plan"), (1, 2, 1, 2))
    assert found.columns == tuple(
        f"{name}, {step} rows ahead" for name in ("price", "plan") for step in (1, 2)
    )


def test_values_known_ahead_may_act_in_a_curve() -> None:
    """Heating and cooling: a linear map of the temperature ahead says nothing of the target."""
    temperature = np.random.default_rng(3).normal(size=1600)
    frame = pd.DataFrame({"a": np.abs(temperature), "b": temperature})
    chosen = configuration(pooling="last")
    data = {"inputs": ["a"], "target": ["a"], "known": ["b"], "lead": 1}
    chosen = chosen.model_copy(update={"data": chosen.data.model_copy(update=data)})
    test, _, rmse = learned(frame, chosen)
    assert rmse < 0.4 * test.target.std()


@pytest.mark.parametrize(
    ("missing", "interpolated"), [("drop", False), ("hold", False), ("interpolate", True)]
)
def test_the_model_says_what_a_host_does_about_holes(
    dataset: Dataset, missing: str, interpolated: bool
) -> None:
    config = configuration()
    data = config.data.model_copy(update={"missing": missing})
    windows = replace(dataset, held=0 if missing == "drop" else 5)
    model = to_integer_model(calibrated(build(config), dataset, config), windows, data)
    assert (model.inputs[0].held, model.inputs[0].interpolated) == (windows.held, interpolated)


def test_relative_inputs_do_not_depend_on_the_level() -> None:
    data = configuration(relative=True).data.model_copy(update={"relative_inputs": ["b"]})
    config = configuration(relative=True).model_copy(update={"data": data})
    frame = pd.DataFrame(np.random.default_rng(5).integers(0, 64, (400, 2)), columns=["a", "b"])
    windows = make_windows(Table(None, frame.astype(float), None), data)
    source, _ = train_float(windows, config)
    model = to_integer_model(calibrated(source, windows, config), windows, data)
    readings = windows.test.inputs
    moved = readings + np.array([0.0, 2.0**20])
    words = model.quantise({"input": readings})["input"]
    assert np.array_equal(model.quantise({"input": moved})["input"], words)
    difference = forecast(model, moved) - forecast(model, readings)
    np.testing.assert_allclose(difference, 2.0**20, rtol=1e-12)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"relative_inputs": ["b"]},
        {"missing": "mask", "seasons": [24]},
        {"missing": "interpolate", "known": ["a"], "seasons": [24, 6]},
    ],
)
def test_garbage_in_the_test_part_changes_no_weight(
    keys: dict[str, object], tmp_path: Path
) -> None:
    base = configuration(relative=True, outputs=4)
    short = base.train.model_copy(update={"epochs": 2, "finetune_epochs": 2})
    data = base.data.model_copy(update=keys)
    config = base.model_copy(update={"data": data, "train": short})
    frame = drifting_series(400)
    if data.missing != "drop":
        frame.loc[frame.index % 9 < 2, "b" if data.known else "a"] = np.nan
    first = int(make_windows(Table(None, frame, None), data).test.row[0])
    for name, garbage in (("a", 1.0), ("b", -1e6)):
        frame.iloc[first:] *= garbage
        windows = make_windows(Table(None, frame, None), data)
        model, history = finetune(train_float(windows, config)[0], windows, config)
        save_state(model, tmp_path / name)
        (tmp_path / f"{name}.history").write_text(repr(history))
    for suffix in ("", ".history"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("bits", [4, 8])
def test_a_detector_has_room_for_readings_beyond_those_of_training(
    bits: int, tmp_path: Path
) -> None:
    random, path = np.random.default_rng(0), tmp_path / "table.csv"
    readings = random.normal(size=(600, 2)) @ random.normal(size=(2, 4))
    pd.DataFrame(readings, columns=list("abcd")).to_csv(path, index=False)
    config = Config.model_validate(
        {
            "task": "detect",
            "data": {"path": path, "inputs": list("abcd"), "window": 4},
            "model": {"channels": 2, "heads": 1},
            "quantization": {"bits": bits},
            "detect": {"rows": 1, "method": "reconstruct"},
        }
    )
    dataset = make_windows(read_table(config.data), config.data, monitors=config.monitors)
    torch.manual_seed(0)
    source = build(config).eval()
    model = calibrated(source, dataset, config)
    usual = torch.from_numpy(dataset.scaled_inputs(dataset.test.inputs))
    expected, found = (each.evaluate(3 * usual) for each in (source, model))
    assert (found - expected).norm() < 0.1 * expected.norm()
