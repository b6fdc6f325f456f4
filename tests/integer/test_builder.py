"""Graphs without numbers: what the builder makes, and what it refuses."""

from collections.abc import Callable

import pytest

from narrowcast.integer import Linear, analyse
from narrowcast.integer.builder import GraphBuilder, GraphSpec, Role
from narrowcast.integer.random_model import random_graph


def lanes_are_outputs() -> GraphSpec:
    g = GraphBuilder()
    x = g.linear("x", g.input("in", 2, 2), 4, role=Role.LANES)
    return g.build(g.context("c", g.scores("s", x, x, 2), x, 2), x)


def sum_is_output() -> GraphSpec:
    g = GraphBuilder()
    return g.build(g.row_sum("s", g.input("in", 3, 2)))


@pytest.mark.parametrize("made", [lanes_are_outputs, sum_is_output])
def test_any_tensor_can_be_an_output(made: Callable[[], GraphSpec]) -> None:
    spec = made()
    model = analyse(random_graph(spec)).model
    assert tuple(each.tensor for each in model.outputs) == spec.outputs


def test_an_output_keeps_its_role() -> None:
    g = GraphBuilder()
    spec = g.build(g.linear("a", g.input("in", 2, 2), 4, role=Role.RELU))
    assert spec.tensors["a.output"].role == Role.RELU
    (step,) = random_graph(spec, widths={"a.output": 12}).operations
    assert isinstance(step, Linear) and step.relu


@pytest.mark.parametrize(
    "make",
    [
        lambda g: g.linear("a", "nowhere", 3),
        lambda g: g.linear("a", "in", 2, residual="nowhere"),
        lambda g: g.row_sum("a", "nowhere"),
        lambda g: g.scores("a", "nowhere", "in"),
        lambda g: g.scores("a", "in", "nowhere"),
        lambda g: g.context("a", "nowhere", "in"),
        lambda g: g.context("a", "in", "nowhere"),
        lambda g: g.arg_max("a", "nowhere"),
        lambda g: g.l1_norm("a", "nowhere"),
        lambda g: g.build("nowhere"),
    ],
)
def test_a_tensor_that_does_not_exist_is_named(make: Callable[[GraphBuilder], object]) -> None:
    g = GraphBuilder()
    g.input("in", 2, 2)
    with pytest.raises(ValueError, match="the graph has no tensor 'nowhere'"):
        make(g)
    assert not g.operations and g.tensors.keys() == {"in"}


def test_a_tensor_is_made_once() -> None:
    g = GraphBuilder()
    x = g.input("in", 2, 2)
    g.linear("a", x, 3)
    with pytest.raises(ValueError, match=r"the graph has a tensor 'a\.output' already"):
        g.row_sum("a", x)
    with pytest.raises(ValueError, match="the graph has a tensor 'in' already"):
        g.input("in", 4, 4)
    assert g.inputs == ["in"] and g.tensors["in"].rows == 2


def test_a_graph_does_not_change_once_it_is_built() -> None:
    g = GraphBuilder()
    spec = g.build(g.linear("a", g.input("in", 2, 2), 3))
    g.linear("b", "in", 3)
    assert spec.tensors.keys() == {"in", "a.output"}
