"""Random graphs of all operations, for tests."""

import random

import numpy as np

from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import GraphBuilder, GraphSpec, Role

Inputs = dict[str, np.ndarray]


def random_spec(
    seed: int, operations: int = 5, kept: int = 0, *, decides: bool = False
) -> GraphSpec:
    """Return a graph of chains and branches, with one or two inputs.

    Args:
        seed: Of the draws.
        operations: How many operations; an attention counts as one.
        kept: Rows of the states of every other attention; 0 if there are no states.
        decides: Whether decisions, of which there is at least one, are among the outputs.
    """
    draw = random.Random(seed)
    graph = GraphBuilder()
    unread = []
    for i in range(draw.choice([1, 1, 2])):
        unread.append(graph.input(f"in{i}", draw.randint(1, 4), draw.randint(1, 4)))
    for i in range(operations):
        name = f"step{i}"
        read = [each for each in graph.tensors if _is_row(graph, each)]
        source = draw.choice(unread if draw.random() < 0.7 else read)
        columns = graph.tensors[source].columns
        kind = draw.choice(["linear", "linear", "linear", "row_sum", "attention"])
        if kind == "row_sum":
            made = graph.row_sum(name, source)
        elif kind == "attention":
            heads = draw.choice([h for h in (1, 2, 3, 4) if columns % h == 0])
            other = draw.choice([each for each in graph.tensors if _is_row(graph, each)])
            width = heads * draw.randint(1, 2)
            row, query, biased = None, source, False
            if kept:
                biased = draw.random() < 0.7
                if draw.random() < 0.5:
                    row = graph.tensors[other].rows - 1
                    query = graph.linear(f"{name}.query", source, columns, row=0)
            key = graph.linear(f"{name}.key", other, columns, role=Role.LANES, row=row)
            value = graph.linear(f"{name}.value", other, width, role=Role.LANES, row=row)
            if row is not None:
                key = graph.append(f"{name}.keys", key, kept)
                value = graph.append(f"{name}.values", value, kept)
            e = graph.scores(f"{name}.scores", query, key, heads, bias=biased)
            made = graph.context(f"{name}.context", e, value, heads)
            unread = [each for each in unread if each != other]
        else:
            made, residual = _linear(draw, graph, name, source)
            unread = [each for each in unread if each != residual]
        unread = [*(each for each in unread if each != source), made]
    for name in [each for each in unread if each in graph.inputs]:
        unread.remove(name)
        unread.append(graph.linear(f"{name}.read", name, 2))
    if decides:
        kinds = draw.choices(["arg_max", "l1_norm", ""], k=len(unread))
        kinds[draw.randrange(len(kinds))] = draw.choice(["arg_max", "l1_norm"])
        unread = [_decided(draw, graph, *each) for each in zip(unread, kinds, strict=True)]
    return graph.build(*unread)


def _decided(draw: random.Random, graph: GraphBuilder, name: str, kind: str) -> str:
    """Add a decision on the last row of a tensor; return its tensor, or the one that is given."""
    row = graph.tensors[name].rows - 1
    if kind == "arg_max":
        scores = graph.linear(f"{name}.scores", name, draw.randint(2, 5), row=row)
        return graph.arg_max(f"{name}.class", scores)
    if kind == "l1_norm":
        errors = graph.linear(f"{name}.errors", name, draw.randint(1, 5), row=row)
        return graph.l1_norm(f"{name}.score", errors)
    return name


def _is_row(graph: GraphBuilder, name: str) -> bool:
    """Return whether any operation can read a tensor: a state is for attention only."""
    return graph.tensors[name].role != Role.STATE


def _linear(
    draw: random.Random, graph: GraphBuilder, name: str, source: str
) -> tuple[str, str | None]:
    """Add a product; return its tensor and its residual."""
    operand = graph.tensors[source]
    columns = draw.randint(1, 5)
    residual, element = None, None
    if draw.random() < 0.4:
        residual = draw.choice([each for each in graph.tensors if _is_row(graph, each)])
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


def random_restarts(windows: int, seed: int = 0) -> np.ndarray:
    """Return which inferences follow a restart: about every sixth, at times two in succession."""
    return np.random.default_rng(seed).random(windows) < 1 / 6
