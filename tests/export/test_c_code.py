"""Exported C code against the executor, word by word."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from c_programs import agrees

from graphs import (
    GRAPHS,
    drawn_graph,
    drawn_model,
    drawn_series,
    drawn_stream,
    graph_model,
)
from narrowcast.export import c_code
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import GraphBuilder, Role
from narrowcast.integer.random_model import random_graph
from words import random_words, stream_words

DIGEST = "0123456789abcdef" * 4

USUAL = (
    *("one_tensor_for_all", "two_inputs", "rows_of_different_counts", "elements_of_two_inputs"),
    *("sum_of_the_input", "residual_twice", "scores_for_two_values", "outputs_in_reverse"),
    *("last_token", "convolution", "patches", "stream", "states_of_one_tensor"),
    *("decisions_beside_others", "deviation_of_a_stream", "series"),
)


def check(folder: Path, model: IntegerModel) -> None:
    code = c_code(model, DIGEST, "model")
    if model.states:
        inputs, restart, outputs = stream_words(model, 3 * model.kept_rows + 20)
        assert agrees(folder, code, inputs, outputs, restart)
    else:
        assert agrees(folder, code, *random_words(model, 30))


@pytest.mark.parametrize(
    "name",
    [each if each in USUAL else pytest.param(each, marks=pytest.mark.long) for each in GRAPHS],
)
def test_graphs(tmp_path: Path, name: str) -> None:
    check(tmp_path, graph_model(name))


@pytest.mark.parametrize("seed", range(3))
def test_drawn_streams(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_stream(seed, 8, 24))


@pytest.mark.parametrize(("seed", "bits"), [(0, (8, 16)), (1, (16, 24)), (3, (24,))])
def test_wide_numbers(tmp_path: Path, seed: int, bits: tuple[int, ...]) -> None:
    """Sums of more than 32 bits, and words of 16 and 32 bits."""
    spec = drawn_graph(seed)
    widths = {name: bits[i % len(bits)] for i, name in enumerate((*spec.inputs, *spec.outputs))}
    model = random_graph(spec, (8,), seed, widths=widths)
    assert {each.bits for each in model.input_tensors} & set(bits)
    check(tmp_path, model)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 100))
def test_more_drawn_streams(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_stream(seed, 16, 32))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100))
def test_drawn_series(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_series(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_more_drawn_graphs(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_model(seed))


def test_probabilities_are_an_output(tmp_path: Path) -> None:
    """Exponentials are kept without their zero point, but leave with it."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 4, 3), 6)
    e = g.scores("scores", x, g.linear("key", x, 6, role=Role.LANES), 2)
    context = g.context("context", e, g.linear("value", x, 6, role=Role.LANES), 2)
    sums = g.row_sum("sums", e)
    model = random_graph(g.build(e, context, sums, g.linear("of_sums", sums, 2)), (5,), 3)
    check(tmp_path, model)


def test_names_that_c_reserves(tmp_path: Path) -> None:
    g = GraphBuilder()
    x = g.linear("int", g.input("float", 2, 3), 3)
    y = g.linear("a.b", x, 3)
    model = random_graph(g.build(x, y, g.linear("a_b", g.linear("A.b", y, 2), 2)), (5,), 3)
    check(tmp_path, model)


@pytest.mark.parametrize("kind", ["weights", "multipliers", "table"])
def test_a_changed_constant_is_found(tmp_path: Path, kind: str) -> None:
    model = graph_model("last_token")
    code = c_code(model, DIGEST, "model")
    inputs, outputs = random_words(model, 30)
    constants = code.program.constants
    number = next(i for i, each in enumerate(constants) if each.name.startswith(kind))
    values = list(constants[number].values)
    largest = max(range(len(values)), key=lambda i: abs(values[i]))
    values[largest] //= 2
    constants[number] = replace(constants[number], values=tuple(values))
    assert not agrees(tmp_path, code, inputs, outputs)


def test_a_state_that_is_not_reset_is_found(tmp_path: Path) -> None:
    model = graph_model("stream")
    inputs, restart, outputs = stream_words(model, 20)
    assert restart.any()
    assert not agrees(tmp_path, c_code(model, DIGEST, "model"), inputs, outputs, restart & False)


def test_bytes_are_used_again() -> None:
    """The buffer is smaller than its tensors together; what is counted is what C declares."""
    code = c_code(graph_model("last_token"), DIGEST, "model")
    stored = code.program.layout.stored.values()
    inside = [each.tensor.size * each.type.bytes for each in stored if "buffer" in each.at]
    assert max(inside) <= code.program.layout.buffer < 0.6 * sum(inside)
    assert f"uint8_t u8[{code.program.layout.buffer}];" in code.source()


def test_no_floating_point_no_heap_no_division() -> None:
    for name in ("stream", "two_inputs", "decisions_beside_others"):
        text = c_code(graph_model(name), DIGEST, "model").source()
        for word in ("float", "double", "malloc", " / ", " % "):
            assert word not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
