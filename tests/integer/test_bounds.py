"""No number of the arithmetic passes its bounds, and the bounds of products are reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_graphs import random_inputs, random_spec

from narrowcast.integer import Analysis, Context, IntegerModel, Linear, Scores, analyse, execute
from narrowcast.integer.analysis import Product
from narrowcast.integer.bounds import Bounds
from narrowcast.integer.builder import GraphBuilder, Shape
from narrowcast.integer.random_model import random_graph, random_model

State = dict[str, np.ndarray]


def split(x: np.ndarray, heads: int) -> np.ndarray:
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def centred(model: IntegerModel, state: State, name: str) -> np.ndarray:
    return state[name] - model.tensors[name].zero_point


def numbers(model: IntegerModel, step: Product, state: State) -> tuple[np.ndarray, ...]:
    """Every sum, biased sum, product, and raised residual of a step, in int64."""
    a = centred(model, state, step.operand)
    match step:
        case Linear():
            acc = a @ model.arrays[step.weights].T
            biased = acc + model.arrays[step.bias]
            raised = np.zeros_like(acc)
            if step.residual is not None and step.residual_multiplier is not None:
                r = centred(model, state, step.residual)
                if step.residual_element is not None:
                    r = r[:, step.residual_element[0], step.residual_element[1], None, None]
                raised = (r * model.arrays[step.residual_multiplier]) << step.residual_shift
            return acc, biased, biased * model.arrays[step.multiplier], raised
        case Scores():
            score = split(a, step.heads) @ split(state[step.key], step.heads).swapaxes(2, 3)
            biased = score if step.bias is None else score + model.arrays[step.bias][:, None]
            below = biased - biased.max(axis=-1, keepdims=True)
            return score, np.stack([biased, below]), below * step.multiplier, np.zeros_like(score)
        case Context():
            e = a.reshape(len(a), step.heads, -1, a.shape[-1])
            acc = e @ split(state[step.value], step.heads)
            m = step.numerator // e.sum(axis=-1, keepdims=True)
            return acc, acc, acc * m, np.zeros_like(acc)


def assert_within(limits: Bounds, step: Product, found: tuple[np.ndarray, ...]) -> None:
    acc, biased, product, raised = found
    rounding = 1 << (step.shift - 1)
    parts = [
        (acc, limits.sum),
        (biased, limits.biased),
        (product, limits.total),
        (product + rounding, limits.total),
        (raised, limits.total),
        (product + rounding + raised, limits.total),
    ]
    for values, (low, high) in parts:
        assert low <= values.min() and values.max() <= high, step.name


def assert_all_within(analysis: Analysis, state: State) -> None:
    for step in analysis.products:
        limits = analysis.bounds[step.name]
        assert_within(limits, step, numbers(analysis.model, step, state))
        operands = analysis.operands[step.name]
        x = centred(analysis.model, state, step.operand)
        low, high = -(1 << (operands.x_bits - 1)), (1 << (operands.x_bits - 1)) - 1
        assert low <= x.min() and x.max() <= high, step.name


def states(model: IntegerModel, inputs: State) -> State:
    state = dict(inputs)
    execute(model, inputs, state.__setitem__)
    return state


@settings(max_examples=60)
@given(
    operations=st.integers(1, 6),
    bits=st.lists(st.integers(2, 8), min_size=1, max_size=3),
    seed=st.integers(0, 10**6),
    kept=st.sampled_from([0, 0, 3]),
)
def test_no_number_passes_its_bounds(
    operations: int, bits: list[int], seed: int, kept: int
) -> None:
    model = random_graph(random_spec(seed, operations, kept), tuple(bits), seed)
    assert_all_within(analyse(model), states(model, random_inputs(model, 20, seed)))


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_no_number_passes_its_bounds_whatever_the_operands(seed: int) -> None:
    """As above, with every tensor drawn at will instead of computed, mostly at its limits."""
    model = random_model(Shape(4, 3, 6, heads=2, outputs=2, relative=(1,)), (2, 5, 8), seed)
    random = np.random.default_rng(seed)
    state = {
        t.name: random.choice([t.low, t.low, t.zero_point, t.high, t.high], (30, t.rows, t.columns))
        for t in model.tensors.values()
    }
    state["pool.output"] = state["layers.0.ffn_down.output"].sum(axis=1, keepdims=True)
    for step in model.operations:
        if isinstance(step, Context):  # a row's largest exponential is full scale
            state[step.operand][..., 0] = model.tensors[step.operand].high
    assert_all_within(analyse(model), state)


@pytest.mark.parametrize("seed", range(8))
def test_linear_bounds_are_reached(seed: int) -> None:
    model = random_model(Shape(4, 3, 8, heads=2, outputs=3), (3, 4, 8), seed)
    analysis = analyse(model)
    for step in analysis.products:
        if not isinstance(step, Linear):
            continue
        limits, t = analysis.bounds[step.name], model.tensors[step.operand]
        low, high = t.low, t.high
        if step.name == "head":  # of the sum over four rows, not of the integers of its width
            terms = model.tensors["layers.0.ffn_down.output"]
            low, high = 4 * terms.low, 4 * terms.high
        reached = []
        for w in model.arrays[step.weights]:  # the worst operand of each channel, either way
            for rising, falling in ((high, low), (low, high)):
                row = np.where(w > 0, rising, falling)
                state = {step.operand: np.broadcast_to(row, (1, t.rows, t.columns))}
                if step.residual is not None:
                    r = model.tensors[step.residual]
                    state[step.residual] = np.full((1, r.rows, r.columns), r.zero_point)
                reached.append(numbers(model, step, state))
        sums = np.concatenate([found[0].ravel() for found in reached])
        assert (sums.min(), sums.max()) == limits.sum
        assert (
            limits.sum_bits
            == max(int(sums.max()).bit_length(), int(-1 - sums.min()).bit_length()) + 1
        )
        biased = np.concatenate([found[1].ravel() for found in reached] + [sums])
        assert (biased.min(), biased.max()) == limits.biased
        products = np.concatenate([found[2].ravel() for found in reached])
        if step.residual is None:
            rounding = 1 << (step.shift - 1)
            assert limits.total[1] == max(products.max() + rounding, 0)
            assert limits.total[0] == min(products.min(), 0)


def test_score_bounds_are_reached() -> None:
    model = random_model(Shape(3, 3, 8, heads=2), (6,), 1)
    step = next(s for s in model.operations if isinstance(s, Scores))
    query, key = model.tensors[step.operand], model.tensors[step.key]
    limits = analyse(model).bounds[step.name]
    far = max(query.high - query.zero_point, query.zero_point - query.low)
    largest = far * key.high * 4
    assert limits.sum == (-2 * largest, largest)
    assert limits.total[1] == 2 * largest * -step.multiplier + (1 << (step.shift - 1))


def test_a_sum_of_sums_is_as_wide_as_its_terms() -> None:
    graph = GraphBuilder()
    total = graph.row_sum("total", graph.input("in", 3, 2))
    again = graph.row_sum("again", total)
    model = random_graph(graph.build(graph.linear("read", again, 1)), (4,), 0)
    operands = analyse(model).operands["read"]
    (terms,) = model.input_tensors
    least, most = 3 * (terms.low - terms.zero_point), 3 * (terms.high - terms.zero_point)
    weights = model.arrays["read.weights"]
    assert operands.high.tolist() == np.maximum(least * weights, most * weights).tolist()


@pytest.mark.parametrize(("low", "high", "bits"), [(-128, 127, 8), (-129, 0, 9), (0, 128, 9)])
def test_widths(low: int, high: int, bits: int) -> None:
    limits = Bounds((low, high), (low, high), (low, high))
    assert limits.sum_bits == limits.biased_bits == limits.total_bits == bits
