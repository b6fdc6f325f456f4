"""The executor against the arithmetic contract in plain Python integers, number by number."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_graphs import Inputs, random_inputs, random_restarts, random_spec
from integer_reference import State, infer

from narrowcast.integer import (
    Affine,
    Append,
    ArgMax,
    Classification,
    Context,
    Detection,
    Forecast,
    IntegerModel,
    L1Norm,
    Linear,
    Output,
    RowSum,
    Scores,
    analyse,
    execute,
    execute_words,
    forecast,
    reset_state,
)
from narrowcast.integer.builder import GraphBuilder, Role, Shape
from narrowcast.integer.model import arg_max_tensor, l1_norm_tensor
from narrowcast.integer.random_model import random_graph, random_model


def assert_contract(model: IntegerModel, inputs: Inputs, restart: np.ndarray | None = None) -> None:
    analyse(model)
    windows = len(next(iter(inputs.values())))
    seen: dict[str, list[np.ndarray]] = {step.output: [] for step in model.operations}
    result = execute(model, inputs, lambda name, integers: seen[name].append(integers), restart)
    kept: State = {}
    for window in range(windows):
        if restart is not None and restart[window]:
            kept = {}
        given = {name: each[window].tolist() for name, each in inputs.items()}
        expected = infer(model, given, kept)
        for name, batches in seen.items():
            integers, tensor = np.concatenate(batches), model.tensors[name]
            assert integers.dtype == np.int64
            assert integers[window].tolist() == expected[name], name
            assert tensor.low <= integers.min() and integers.max() <= tensor.high, name
        for each in model.outputs:
            assert result[each.tensor][window].tolist() == expected[each.tensor]
    assert set(result) == {each.tensor for each in model.outputs}
    words = execute_words(model, model.pack_inputs(inputs), restart)
    assert words.shape == (windows, model.output_words)
    assert np.array_equal(words, model.pack_outputs(result))


@pytest.mark.parametrize(
    ("shape", "bits", "seed"),
    [
        (Shape(3, 2, 4), (8,), 1),
        (Shape(4, 3, 6, heads=3, outputs=2), (2, 3), 2),
        (Shape(5, 1, 8, layers=2, heads=2), (3, 5, 8), 3),
        (Shape(2, 4, 4, layers=3, ffn_channels=5, outputs=4), (4, 6, 7), 4),
        (Shape(6, 2, 8, heads=8), (2, 8), 5),
        (Shape(4, 3, 8, outputs=3, relative=(2,)), (3, 8), 7),
        (Shape(3, 1, 4, relative=(0,)), (4,), 8),
        (Shape(1, 1, 2), (2, 3, 4, 5, 6, 7, 8), 6),
        (Shape(3, 2, 4, outputs=3, known=2), (4, 8), 9),
        (Shape(4, 2, 4, outputs=2, relative=(1,), seasons=2, known=3), (3, 8), 10),
        (Shape(4, 3, 4, heads=2, outputs=2, targets=3, series=True), (4, 8), 11),
        (Shape(3, 6, 4, layers=2, targets=2, series=True, shared=2, fold=True), (3, 8), 12),
    ],
)
def test_transformers_follow_the_contract(shape: Shape, bits: tuple[int, ...], seed: int) -> None:
    model = random_model(shape, bits, seed)
    assert_contract(model, random_inputs(model, 4, seed))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    operations=st.integers(1, 6),
    bits=st.lists(st.integers(2, 8), min_size=1, max_size=3),
)
def test_any_graph_follows_the_contract(seed: int, operations: int, bits: list[int]) -> None:
    model = random_graph(random_spec(seed, operations), tuple(bits), seed)
    assert_contract(model, random_inputs(model, 3, seed))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    operations=st.integers(1, 3),
    bits=st.lists(st.integers(2, 8), min_size=1, max_size=3),
    kept=st.sampled_from([0, 2]),
)
def test_any_decision_follows_the_contract(
    seed: int, operations: int, bits: list[int], kept: int
) -> None:
    model = random_graph(random_spec(seed, operations, kept, decides=True), tuple(bits), seed)
    assert_contract(model, random_inputs(model, 9, seed), random_restarts(9, seed))


def decision(kind: str, columns: int, zero_point: int) -> IntegerModel:
    """A decision on the numbers of the input: the product is one with the identity matrix."""
    graph = GraphBuilder()
    row = graph.linear("row", graph.input("in", 1, columns), columns)
    made = graph.arg_max("decide", row) if kind == "arg_max" else graph.l1_norm("decide", row)
    model = random_graph(graph.build(made), (4,), symmetric={"in"})
    tensor = replace(model.tensors["row.output"], zero_point=zero_point)
    steps = {each.name: each for each in model.operations}
    steps["row"] = replace(steps["row"], shift=1)
    if kind == "l1_norm":
        steps["decide"] = replace(steps["decide"], threshold=9)
    output = (arg_max_tensor if kind == "arg_max" else l1_norm_tensor)(made, tensor)
    arrays = {
        "row.weights": np.eye(columns, dtype=np.int64),
        "row.bias": np.zeros(columns, np.int64),
        "row.multiplier": np.full(columns, 2),
    }
    return replace(
        model,
        tensors={**model.tensors, tensor.name: tensor, made: output},
        operations=tuple(steps.values()),
        arrays=arrays,
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([3, 1, 2], [0, 1]),
        ([1, 7, -8], [1, 6]),
        ([-8, -8, 7], [2, 15]),
        ([4, 5, 5], [1, 0]),  # the lowest index among equals
        ([5, 4, 5], [0, 0]),
        ([-8, -8, -8], [0, 0]),
    ],
)
def test_the_largest_of_a_row(row: list[int], expected: list[int]) -> None:
    model = decision("arg_max", 3, 0)
    assert_contract(model, {"in": np.array([[row]])})
    assert execute_words(model, np.array([row])).tolist() == [expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [([0, 0], [0, 0]), ([4, -5], [9, 0]), ([-5, -5], [10, 1]), ([-7, 3], [10, 1])],
)
def test_the_norm_of_a_row(row: list[int], expected: list[int]) -> None:
    """Distances from the zero point count; a score that is the threshold is not above it."""
    model = decision("l1_norm", 2, 1)
    assert_contract(model, {"in": np.array([[row]])})
    assert execute_words(model, np.array([row])).tolist() == [expected]


def test_a_decision_is_decoded() -> None:
    model = decision("arg_max", 3, 0)
    (name,) = (each.tensor for each in model.outputs)
    scale = model.tensors["row.output"].scale
    labels = Classification("kind", ("a", "b", "c"))
    results = {name: np.array([[[2, 15]], [[0, 0]]])}
    decoded = replace(model, outputs=(Output(name, (labels,)),)).decode(results, {})
    assert decoded[name].tolist() == [[[2.0, 15 * scale]], [[0.0, 0.0]]]
    model = decision("l1_norm", 2, 1)
    scale = model.tensors["row.output"].scale
    results = {name: np.array([[[9, 0]], [[10, 1]]])}
    decoded = replace(model, outputs=(Output(name, (Detection(("x",)),)),)).decode(results, {})
    assert decoded[name].tolist() == [[[9 * scale, 0.0]], [[10 * scale, 1.0]]]


def test_relu_clamps_at_its_zero_point() -> None:
    """Even where lower integers would be left: training puts the two in one place."""
    model = random_model(Shape(4, 2, 6), (5,), 2)
    (step,) = (each for each in model.operations if isinstance(each, Linear) and each.relu)
    output = replace(model.tensors[step.output], zero_point=-3)
    model = replace(model, tensors=dict(model.tensors) | {output.name: output})
    seen: list[np.ndarray] = []
    inputs = random_inputs(model, 4)
    execute(model, inputs, lambda name, q: seen.append(q) if name == output.name else None)
    assert output.low < -3 and np.concatenate(seen).min() == -3
    assert_contract(model, inputs)


def test_random_graphs_have_all_that_a_graph_may_have() -> None:
    """What the test above rests on."""
    found = set()
    for seed in range(100):
        spec = random_spec(seed, kept=seed % 2 * 3, decides=seed % 3 == 0)
        model = random_graph(spec, (8,), seed)
        found |= {"two inputs"} if len(spec.inputs) > 1 else set()
        found |= {"two outputs"} if len(spec.outputs) > 1 else set()
        for step in model.operations:
            match step:
                case Linear():
                    biases = model.arrays[step.bias].ndim
                    kind = "element" if step.residual_element else step.residual and "residual"
                    found |= {f"biases {biases}", str(kind), "relu" if step.relu else "no relu"}
                case RowSum():
                    found |= {f"sum of {min(model.tensors[step.operand].rows, 2)}"}
                case Scores():
                    query, key = model.tensors[step.operand], model.tensors[step.key]
                    found |= {f"heads {step.heads}"}
                    found |= {"biases of keys"} if step.bias else set()
                    found |= {"other keys"} if query.rows != key.rows else set()
                case Append():
                    found |= {"state"}
                case Context():
                    output, e = model.tensors[step.output], model.tensors[step.operand]
                    found |= {"context"} if output.columns != e.columns else set()
                case ArgMax():
                    found |= {"class"}
                case L1Norm():
                    found |= {"score"}
    assert found == {
        *("two inputs", "two outputs", "biases 1", "biases 2", "None", "element", "residual"),
        *("relu", "no relu", "sum of 1", "sum of 2", "heads 1", "heads 2", "heads 3", "heads 4"),
        *("other keys", "context", "state", "biases of keys", "class", "score"),
    }


STREAMS = [
    (Shape(3, 2, 4, kind="stream"), (8,)),
    (Shape(2, 1, 6, layers=3, heads=3, outputs=2, kind="stream"), (2, 4)),
    (
        Shape(5, 2, 8, layers=2, heads=8, kernel=3, relative=(1,), fold=True, kind="stream"),
        (3, 5, 8),
    ),
    (Shape(4, 3, 4, outputs=2, seasons=1, known=2, fold=True, kind="stream"), (4, 6)),
]


@pytest.mark.parametrize(("shape", "bits"), STREAMS)
@pytest.mark.parametrize("batch", [1, 1 << 17])
def test_a_stream_follows_the_contract(
    shape: Shape, bits: tuple[int, ...], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All inferences at once, in batches, or one at a time: with restarts, as in plain Python."""
    monkeypatch.setattr(sys.modules["narrowcast.integer.execute"], "_BATCH_NUMBERS", batch)
    for seed in range(3):
        model = random_model(shape, bits, seed)
        inputs = random_inputs(model, 24, seed)
        assert_contract(model, inputs, random_restarts(24, seed))
        assert_contract(model, inputs)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    operations=st.integers(1, 6),
    bits=st.lists(st.integers(2, 8), min_size=1, max_size=3),
    kept=st.integers(2, 4),
)
def test_any_graph_with_states_follows_the_contract(
    seed: int, operations: int, bits: list[int], kept: int
) -> None:
    model = random_graph(random_spec(seed, operations, kept), tuple(bits), seed)
    assert_contract(model, random_inputs(model, 9, seed), random_restarts(9, seed))


@pytest.mark.parametrize(("shape", "bits"), STREAMS)
def test_a_state_is_read_out_and_put_back(shape: Shape, bits: tuple[int, ...]) -> None:
    model = random_model(shape, bits, 1)
    inputs, restart = random_inputs(model, 20), random_restarts(20)
    words = model.pack_inputs(inputs)
    whole = execute_words(model, words, restart)
    state = reset_state(model)
    parts = []
    for part in (slice(0, 1), slice(1, 9), slice(9, 20)):
        parts.append(execute_words(model, words[part], restart[part], state))
    assert np.array_equal(np.concatenate(parts), whole)
    assert state.count == min(shape.window, 20 - int(np.flatnonzero(restart)[-1]))
    for name, rows in state.rows.items():
        assert rows.dtype == np.int64 and rows.shape == (shape.window, shape.channels), name
        assert not rows[: shape.window - state.count].any()


def test_a_restart_is_a_new_beginning() -> None:
    model = random_model(Shape(4, 2, 8, layers=2, heads=2, kind="stream"), (8,), 2)
    inputs = random_inputs(model, 12)
    restart = np.arange(12) == 5
    words = model.pack_inputs(inputs)
    parts = execute_words(model, words[:5]), execute_words(model, words[5:])
    assert np.array_equal(execute_words(model, words, restart), np.concatenate(parts))
    assert not np.array_equal(execute_words(model, words)[5:], parts[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"restart": np.zeros(3, bool)}, r"restart has shape \[3\], not \[4\]"),
        ({"restart": np.zeros(4, int)}, r"restart is .*, not an array of bool"),
        ({"count": 4}, "the count of a state is 4, not a whole number from 0 to 3"),
        ({"rows": {}}, r"states \[\] are given, but the model has"),
        ({"fill": -8}, r"state layers.0.keys.output holds -8, which is not from -7 to 7"),
        ({"shape": (2, 4)}, r"state layers.0.keys.output has shape \[1, 2, 4\], not \[1, 3, 4\]"),
    ],
)
def test_other_states_are_refused(changes: dict[str, Any], message: str) -> None:
    model = random_model(Shape(3, 2, 4, kind="stream"), (4,), 1)
    state = reset_state(model)
    state.count = changes.get("count", 0)
    state.rows = changes.get("rows", state.rows)
    for name in state.rows:
        state.rows[name] = np.full(changes.get("shape", (3, 4)), changes.get("fill", 0))
    with pytest.raises(ValueError, match=message):
        execute(model, random_inputs(model, 4), restart=changes.get("restart"), state=state)


def test_every_row_of_exponentials_has_full_scale() -> None:
    model = random_model(Shape(5, 3, 8, heads=2), (4,), 1)
    seen: dict[str, np.ndarray] = {}
    execute(model, random_inputs(model, 20), seen.__setitem__)
    e = seen["layers.0.scores.output"] - model.tensors["layers.0.scores.output"].zero_point
    assert (e.max(axis=-1) == 15).all() and e.min() >= 0


def test_results_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(Shape(4, 2, 4, outputs=2), (8,), 3)
    readings = np.random.default_rng(1).uniform(-1, 1, (10, 4, 2))
    whole = forecast(model, readings)
    assert whole.shape == (10, 2)
    parts = []
    module = sys.modules["narrowcast.integer.execute"]  # the package has a function of this name
    monkeypatch.setattr(module, "_BATCH_NUMBERS", 3 * 64)
    integers = execute(
        model, model.quantise({"input": readings}), lambda _, part: parts.append(len(part))
    )
    assert set(parts) == {1, 3}
    assert np.array_equal(model.decode(integers, {})["head.output"][:, 0], whole)


def test_no_windows_give_no_results() -> None:
    model = random_model(Shape(4, 2, 4), (8,), 3)
    assert forecast(model, np.empty((0, 4, 2))).shape == (0, 1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"inputs \[\] are given, but the model has \['input'\]"),
        ({"x": np.zeros((1, 4, 2), np.int64)}, r"inputs \['x'\] are given"),
        ({"input": np.zeros((1, 2, 4), np.int64)}, r"has shape \[1, 2, 4\], not \[1, 4, 2\]"),
        ({"input": np.full((1, 4, 2), 128)}, r"input input holds 128, .* from -128 to 127"),
        ({"input": np.full((1, 4, 2), -129)}, r"input input holds -129, .* from -128 to 127"),
        ({"input": np.full((1, 4, 2), 0.5)}, r"input input is of float64, not of integers"),
        ({"input": np.full((1, 4, 2), np.nan)}, r"input input is of float64, not of integers"),
    ],
)
def test_other_inputs_are_refused(inputs: Inputs, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        execute(random_model(Shape(4, 2, 4), (8,), 3), inputs)


def test_the_forecasts_of_several_outputs_are_side_by_side() -> None:
    graph = GraphBuilder()
    source = graph.input("in", 2, 3)
    outputs = [graph.linear(name, source, 2, role=Role.FREE) for name in ("a", "b")]
    model = random_graph(graph.build(*outputs))
    readings = np.random.default_rng(0).normal(size=(5, 2, 3))
    given = {"in": readings}
    results = model.decode(execute(model, model.quantise(given)), given)
    both = np.hstack([results[name].reshape(5, -1) for name in outputs])
    assert both.shape == (5, 8)
    np.testing.assert_array_equal(forecast(model, readings), both)


def test_quantiles_of_a_step_are_put_in_order() -> None:
    model = random_model(Shape(3, 2, 4, outputs=2, quantiles=3), (8,), 3)
    (output,) = model.outputs
    made = Forecast("y", Affine((5.0,) * 6, (2.0,) * 6))
    plain = replace(model, outputs=(replace(output, decoders=(made,)),))
    ordered = replace(output, decoders=(replace(made, quantiles=(0.1, 0.5, 0.9)),))
    readings = np.random.default_rng(0).normal(size=(200, 3, 2))
    found = forecast(replace(model, outputs=(ordered,)), readings).reshape(-1, 2, 3)
    before = forecast(plain, readings).reshape(-1, 2, 3)
    assert (np.diff(before, axis=2) < 0).any() and (np.diff(found, axis=2) >= 0).all()
    np.testing.assert_array_equal(found, np.sort(before, axis=2))


def test_inputs_are_rounded_and_clamped() -> None:
    model = random_model(Shape(2, 1, 2), (8,), 0)
    (t,) = model.input_tensors
    readings = np.array([[[1e9], [-1e9]], [[0.0], [t.scale * 3.2]]])
    q = model.quantise({"input": readings})["input"]
    assert q.dtype == np.int64
    assert q[0].ravel().tolist() == [t.high, t.low]
    assert q[1, 0, 0] == t.zero_point
    assert q[1, 1, 0] == min(t.zero_point + 3, t.high)


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        (pd.DataFrame({"a": [1.0, 2.0]}), r"a DataFrame, not a NumPy array \[windows, 2, 1\]"),
        ([[[1.0], [2.0]]], r"readings are a list, not a NumPy array"),
        (np.zeros((2, 1)), r"shape \[2, 1\], not .*one window is an array \[1, rows, columns\]"),
        (np.zeros((3, 1, 1)), r"shape \[3, 1, 1\], not \[windows, 2, 1\] with the columns 'x0'$"),
        (np.zeros((3, 2, 2)), r"shape \[3, 2, 2\], not"),
        (np.full((1, 2, 1), "1"), r"readings are of <U1, not numbers"),
        (np.full((1, 2, 1), None), r"readings are of object, not numbers"),
        (np.full((2, 2, 1), np.nan), r"'x0' is nan in row 0 of window 0: leave out windows"),
        (np.full((2, 2, 1), -np.inf), r"'x0' is -inf in row 0 of window 0"),
    ],
)
def test_only_whole_windows_of_finite_numbers_are_forecast(readings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        forecast(random_model(Shape(2, 1, 2), (8,), 0), readings)


def test_words_are_packed_row_by_row_and_tensor_by_tensor() -> None:
    graph = GraphBuilder()
    a, b = graph.input("a", 2, 2), graph.input("b", 1, 3)
    model = random_graph(graph.build(graph.linear("y", a, 1), graph.linear("z", b, 2)))
    inputs = {"b": np.array([[[5, 6, 7]]]), "a": np.array([[[1, 2], [3, 4]]])}
    words = model.pack_inputs(inputs)
    assert words.tolist() == [[1, 2, 3, 4, 5, 6, 7]]
    back = model.unpack_inputs(words)
    assert {name: each.tolist() for name, each in back.items()} == {
        name: each.tolist() for name, each in inputs.items()
    }
    assert (model.input_words, model.output_words) == (7, 4)
    results = execute(model, inputs)
    packed = model.pack_outputs(results)
    assert packed[0].tolist() == [*results["y.output"].ravel(), *results["z.output"].ravel()]
    assert np.array_equal(model.unpack_outputs(packed)["z.output"], results["z.output"])


def test_an_output_without_a_decoder_stays_integers() -> None:
    model = random_graph(random_spec(1), (8,), 1)
    results = execute(model, random_inputs(model, 2))
    decoded = model.decode(results, {})
    for name, integers in results.items():
        assert decoded[name].dtype == np.float64
        assert np.array_equal(decoded[name], integers)


def test_macs_and_parameters() -> None:
    n, m, d, f = 6, 3, 8, 32
    model = random_model(Shape(n, m, d, layers=2, heads=2), (8,), 0)
    layer = n * 4 * d * d + 2 * n * n * d + 2 * n * d * f
    assert model.macs == n * m * d + 2 * layer + d
    weights = m * d + 2 * (4 * d * d + 2 * d * f) + d
    biases = n * d + 2 * (5 * d + f) + 1
    assert model.parameters == weights + biases
