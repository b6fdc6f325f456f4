"""The executor against the arithmetic contract in plain Python integers, number by number."""

import numpy as np
import pytest

from narrowcast.integer import Context, IntegerModel, Linear, Scores, Tensor, execute, forecast
from narrowcast.integer.random_model import Shape, random_model

Table = list[list[int]]


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def requantised(total: int, shift: int) -> int:
    return (total + 2 ** (shift - 1)) // 2**shift


def naive_linear(model: IntegerModel, step: Linear, state: dict[str, Table]) -> Table:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    weights, bias = model.arrays[step.weights].tolist(), model.arrays[step.bias].tolist()
    m = model.arrays[step.multiplier].tolist()
    rows = [[a - operand.zero_point for a in row] for row in state[step.operand]]
    if step.pooled:
        rows = [[a for row in rows for a in row]]
    result = []
    for i, row in enumerate(rows):
        of_row = []
        for c, w in enumerate(weights):
            acc = sum(w[k % len(w)] * a for k, a in enumerate(row))
            total = (acc + (bias[i][c] if isinstance(bias[0], list) else bias[c])) * m[c]
            if step.residual is not None and step.residual_multiplier is not None:
                if step.residual_column is None:
                    r = state[step.residual][i][c]
                else:
                    r = state[step.residual][-1][step.residual_column]
                r -= model.tensors[step.residual].zero_point
                factor = int(model.arrays[step.residual_multiplier][c])
                total += r * factor * 2**step.residual_shift
            y = output.zero_point + requantised(total, step.shift)
            of_row.append(clamp(y, output.zero_point if step.relu else output.low, output.high))
        result.append(of_row)
    return result


def naive_scores(model: IntegerModel, step: Scores, state: dict[str, Table]) -> Table:
    query, output = model.tensors[step.operand], model.tensors[step.output]
    table = model.arrays[step.table].tolist()
    size = query.columns // step.heads
    result = []
    for head in range(step.heads):
        part = range(head * size, (head + 1) * size)
        for q in state[step.operand]:
            score = [sum((q[c] - query.zero_point) * k[c] for c in part) for k in state[step.key]]
            of_row = []
            for s in score:
                index = requantised((s - max(score)) * step.multiplier, step.shift)
                of_row.append(table[clamp(index, 0, len(table) - 1)] + output.zero_point)
            result.append(of_row)
    return result


def naive_context(model: IntegerModel, step: Context, state: dict[str, Table]) -> Table:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    size = output.columns // step.heads
    result: Table = [[0] * output.columns for _ in range(output.rows)]
    for head in range(step.heads):
        for row in range(output.rows):
            e = [v - operand.zero_point for v in state[step.operand][head * output.rows + row]]
            multiplier = step.numerator // sum(e)
            for c in range(head * size, (head + 1) * size):
                acc = sum(p * v[c] for p, v in zip(e, state[step.value], strict=True))
                y = output.zero_point + requantised(acc * multiplier, step.shift)
                result[row][c] = clamp(y, output.low, output.high)
    return result


def naive(model: IntegerModel, window: Table) -> dict[str, Table]:
    state = {model.input: window}
    for step in model.steps:
        if isinstance(step, Linear):
            state[step.output] = naive_linear(model, step, state)
        elif isinstance(step, Scores):
            state[step.output] = naive_scores(model, step, state)
        else:
            state[step.output] = naive_context(model, step, state)
    return state


def random_inputs(model: IntegerModel, windows: int, seed: int = 0) -> np.ndarray:
    t = model.tensors[model.input]
    random = np.random.default_rng(seed)
    return random.integers(t.low, t.high + 1, (windows, t.rows, t.columns))


@pytest.mark.parametrize(
    ("shape", "bits", "seed"),
    [
        (Shape(3, 2, 4), (8,), 1),
        (Shape(4, 3, 6, heads=3, outputs=2), (2, 3), 2),
        (Shape(5, 1, 8, layers=2, heads=2), (3, 5, 8), 3),
        (Shape(2, 4, 4, layers=3, ffn_channels=5, outputs=4), (4, 6, 7), 4),
        (Shape(6, 2, 8, heads=8), (2, 8), 5),
        (Shape(4, 3, 8, outputs=3, relative=2), (3, 8), 7),
        (Shape(3, 1, 4, relative=0), (4,), 8),
        (Shape(1, 1, 2), (2, 3, 4, 5, 6, 7, 8), 6),
    ],
)
def test_every_tensor_equals_the_contract(shape: Shape, bits: tuple[int, ...], seed: int) -> None:
    model = random_model(shape, bits, seed)
    inputs = random_inputs(model, 4, seed)
    seen: dict[str, np.ndarray] = {}
    result = execute(model, inputs, seen.__setitem__)
    assert result.shape == (4, shape.outputs)
    assert set(seen) == set(model.tensors) - {model.input}
    for window in range(len(inputs)):
        expected = naive(model, inputs[window].tolist())
        for name, integers in seen.items():
            assert integers[window].tolist() == expected[name], name
        assert result[window].tolist() == expected[model.output][0]


@pytest.mark.parametrize("seed", range(5))
def test_tensors_stay_within_their_ranges(seed: int) -> None:
    model = random_model(Shape(4, 3, 8, layers=2, heads=2), (2, 4, 8), seed)

    def check(name: str, integers: np.ndarray) -> None:
        tensor = model.tensors[name]
        assert integers.shape[1:] == (tensor.rows, tensor.columns)
        assert tensor.low <= integers.min() and integers.max() <= tensor.high

    execute(model, random_inputs(model, 50, seed), check)


def test_every_row_of_exponentials_has_full_scale() -> None:
    model = random_model(Shape(5, 3, 8, heads=2), (4,), 1)
    seen: dict[str, np.ndarray] = {}
    execute(model, random_inputs(model, 20), seen.__setitem__)
    e = seen["layers.0.scores.output"] - model.tensors["layers.0.scores.output"].zero_point
    assert (e.max(axis=-1) == 15).all() and e.min() >= 0


def test_forecast_does_not_depend_on_the_batch() -> None:
    model = random_model(Shape(4, 2, 4, outputs=2), (8,), 3)
    readings = np.random.default_rng(1).uniform(-1, 1, (10, 4, 2))
    whole = forecast(model, readings)
    assert whole.shape == (10, 2)
    assert np.array_equal(forecast(model, readings, batch=3), whole)
    direct = model.dequantise_outputs(execute(model, model.quantise_inputs(readings)))
    assert np.array_equal(whole, direct)


def test_inputs_are_rounded_and_clamped() -> None:
    model = random_model(Shape(2, 1, 2), (8,), 0)
    t: Tensor = model.tensors[model.input]
    readings = np.array([[[1e9], [-1e9]], [[0.0], [t.scale * 3.2]]])
    q = model.quantise_inputs(readings)
    assert q.dtype == np.int64
    assert q[0].ravel().tolist() == [t.high, t.low]
    assert q[1, 0, 0] == t.zero_point
    assert q[1, 1, 0] == min(t.zero_point + 3, t.high)


def test_macs_and_parameters() -> None:
    n, m, d, f = 6, 3, 8, 32
    model = random_model(Shape(n, m, d, layers=2, heads=2), (8,), 0)
    layer = n * 4 * d * d + 2 * n * n * d + 2 * n * d * f
    assert model.macs == n * m * d + 2 * layer + n * d
    weights = m * d + 2 * (4 * d * d + 2 * d * f) + d
    biases = n * d + 2 * (5 * d + f) + 1
    assert model.parameters == weights + biases
