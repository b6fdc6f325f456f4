"""Random graphs of all operations, for tests."""

import random
from dataclasses import replace

import numpy as np

from narrowcast.integer import IntegerModel, Linear
from narrowcast.integer.builder import GraphBuilder, GraphSpec, Role
from narrowcast.integer.random_model import random_graph

Inputs = dict[str, np.ndarray]


def random_spec(seed: int, operations: int = 5) -> GraphSpec:
    """Return a graph of chains and branches, with one or two inputs."""
    draw = random.Random(seed)
    graph = GraphBuilder()
    unread = []
    for i in range(draw.choice([1, 1, 2])):
        unread.append(graph.input(f"in{i}", draw.randint(1, 4), draw.randint(1, 4)))
    for i in range(operations):
        name = f"step{i}"
        source = draw.choice(unread if draw.random() < 0.7 else list(graph.tensors))
        columns = graph.tensors[source].columns
        kind = draw.choice(["linear", "linear", "linear", "row_sum", "attention"])
        if kind == "row_sum":
            made = graph.row_sum(name, source)
        elif kind == "attention":
            heads = draw.choice([h for h in (1, 2, 3, 4) if columns % h == 0])
            other = draw.choice(list(graph.tensors))
            key = graph.linear(f"{name}.key", other, columns, role=Role.LANES)
            width = heads * draw.randint(1, 2)
            value = graph.linear(f"{name}.value", other, width, role=Role.LANES)
            e = graph.scores(f"{name}.scores", source, key, heads)
            made = graph.context(f"{name}.context", e, value, heads)
            unread = [each for each in unread if each != other]
        else:
            made, residual = _linear(draw, graph, name, source)
            unread = [each for each in unread if each != residual]
        unread = [*(each for each in unread if each != source), made]
    for name in [each for each in unread if each in graph.inputs]:
        unread.remove(name)
        unread.append(graph.linear(f"{name}.read", name, 2))
    return graph.build(*unread)


def _linear(
    draw: random.Random, graph: GraphBuilder, name: str, source: str
) -> tuple[str, str | None]:
    """Add a product; return its tensor and its residual."""
    operand = graph.tensors[source]
    columns = draw.randint(1, 5)
    residual, element = None, None
    if draw.random() < 0.4:
        residual = draw.choice(list(graph.tensors))
        like = graph.tensors[residual]
        if like.rows == operand.rows and draw.random() < 0.6:
            columns = like.columns
        else:
            element = (draw.randrange(like.rows), draw.randrange(like.columns))
    output = graph.linear(
        name,
        source,
        columns,
        role=draw.choice([Role.FREE, Role.FREE, Role.RELU]),
        residual=residual,
        residual_element=element,
        bias_per_row=draw.random() < 0.3,
    )
    return output, residual


def accumulator() -> IntegerModel:
    """Return a model with a state to which each inference adds: total = first + total."""
    graph = GraphBuilder()
    source = graph.input("in", 2, 3)
    first = graph.linear("first", source, 3)
    total = graph.linear("total", first, 3, residual=first)
    model = random_graph(graph.build(graph.linear("read", total, 2)), (6,), 3)
    tensors = dict(model.tensors)
    tensors["total.output"] = replace(tensors["total.output"], state=True)
    steps = tuple(
        replace(step, residual="total.output")
        if isinstance(step, Linear) and step.name == "total"
        else step
        for step in model.operations
    )
    return replace(model, tensors=tensors, operations=steps)


def random_inputs(model: IntegerModel, windows: int, seed: int = 0) -> Inputs:
    """Return integers of all inputs, half of the windows at the limits of their ranges."""
    generator = np.random.default_rng(seed)
    result = {}
    for t in model.input_tensors:
        shape = (windows, t.rows, t.columns)
        anywhere = generator.integers(t.low, t.high + 1, shape)
        anywhere[::2] = generator.choice([t.low, t.high], shape)[::2]
        result[t.name] = anywhere
    return result
