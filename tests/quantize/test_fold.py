"""Folding: fewer products, and the same function in real numbers."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from narrowcast.compile.legalise import legalise
from narrowcast.integer import analyse
from narrowcast.integer.builder import (
    ContextSpec,
    GraphSpec,
    LinearSpec,
    Role,
    RowSumSpec,
    ScoresSpec,
    Shape,
    transformer,
)
from narrowcast.integer.random_model import random_model
from narrowcast.model.transformer import (
    Transformer,
    arranged,
    convolved,
    join_heads,
    split_heads,
)
from narrowcast.quantize.fold import LinearParameters, folded


def products_of(graph: GraphSpec) -> int:
    """Return the multiplications of all products with weights."""
    return sum(
        each.kernel
        * graph.tensors[each.operand].columns
        * graph.tensors[each.output].rows
        * graph.tensors[each.output].columns
        for each in graph.operations
        if isinstance(each, LinearSpec)
    )


def run(graph: GraphSpec, parameters: dict[str, LinearParameters], inputs: list[Tensor]) -> Tensor:
    """Compute a graph in real numbers."""
    state = dict(zip(graph.inputs, inputs, strict=True))
    for each in graph.operations:
        match each:
            case LinearSpec():
                output, own = graph.tensors[each.output], parameters[each.name]
                y = convolved(state[each.operand], each, output.rows) @ own.weight.T + own.bias
                if each.residual is not None:
                    r = state[each.residual]
                    if each.residual_element is not None:
                        row, column = each.residual_element
                        r = r[:, row, column, None, None]
                    else:
                        r = r[:, each.residual_row :][:, : output.rows]
                    assert own.gain is not None
                    y = y + r * own.gain
                state[each.output] = y.relu() if output.role == Role.RELU else y
            case RowSumSpec():
                state[each.output] = state[each.operand].sum(dim=1, keepdim=True)
            case ScoresSpec():
                query, key = (split_heads(state[n], each.heads) for n in (each.operand, each.key))
                state[each.output] = (query @ key.transpose(2, 3)).softmax(dim=-1)
            case ContextSpec():
                value = split_heads(state[each.value], each.heads)
                state[each.output] = join_heads(state[each.operand] @ value)
    return torch.cat([state[name].flatten(1) for name in graph.outputs], dim=1)


TARGETS = st.sampled_from([(1, ()), (1, (1,)), (2, ()), (2, (1, 0)), (3, (0, 1, 0))])
SHAPES = st.builds(
    lambda targets, **others: Shape(targets=targets[0], relative=targets[1], **others),
    targets=TARGETS,
    window=st.integers(5, 9),
    inputs=st.integers(2, 4),
    channels=st.sampled_from([4, 12]),
    layers=st.integers(1, 2),
    heads=st.sampled_from([1, 2]),
    ffn_channels=st.sampled_from([None, 3, 40]),
    outputs=st.sampled_from([1, 2, 7]),
    quantiles=st.sampled_from([1, 3]),
    pooling=st.sampled_from(["mean", "last"]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    seasons=st.integers(0, 2),
    known=st.integers(0, 1),
    fold=st.booleans(),
)
WATCHED = st.sampled_from([(0,), (1, 0), (0, 1)])
DETECTORS = st.builds(
    lambda compared, monitored, **others: Shape(
        outputs=compared * len(monitored), compared=compared, monitored=monitored, **others
    ),
    compared=st.integers(1, 4),
    monitored=WATCHED,
    hidden=st.booleans(),
    window=st.integers(8, 10),
    inputs=st.integers(2, 4),
    channels=st.sampled_from([4, 12]),
    layers=st.integers(1, 2),
    heads=st.sampled_from([1, 2]),
    ffn_channels=st.sampled_from([None, 3, 40]),
    pooling=st.sampled_from(["mean", "last"]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    fold=st.booleans(),
)


SERIES = st.builds(
    lambda targets, groups, shared, **others: Shape(
        targets=targets, inputs=groups * targets + shared, shared=shared, series=True, **others
    ),
    targets=st.integers(2, 4),
    known=st.integers(0, 2),
    groups=st.integers(1, 2),
    shared=st.integers(0, 2),
    window=st.integers(2, 9),
    channels=st.sampled_from([4, 12]),
    layers=st.integers(1, 2),
    heads=st.sampled_from([1, 2]),
    ffn_channels=st.sampled_from([None, 3, 40]),
    outputs=st.sampled_from([1, 2, 7]),
    quantiles=st.sampled_from([1, 3]),
    fold=st.booleans(),
)


@given(st.one_of(SHAPES, DETECTORS, SERIES))
@settings(max_examples=60)
@torch.no_grad()
def test_the_quantised_network_is_the_same_function(shape: Shape) -> None:
    torch.manual_seed(0)
    source = Transformer(shape)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    inputs = [torch.randn(8, shape.window, shape.inputs)]
    inputs += [torch.randn(8, 1, columns) for columns in shape.further.values()]
    for _ in range(3):
        source(*inputs)  # moves the statistics of batch norm
    source.eval()
    if shape.compared:
        source.scale_results(torch.rand(shape.forecasts))
    factors = 2.0 ** torch.randint(-2, 3, (shape.inputs,))
    if shape.series:
        factors[: shape.inputs - shape.shared] = 1.0  # the weights are those of all series
    graph = transformer(shape)
    parameters = folded(source, factors)
    assert parameters.keys() == {e.name for e in graph.operations if isinstance(e, LinearSpec)}
    given = [arranged(inputs[0] / factors, shape), *inputs[1:]]
    rows = [graph.tensors[name].rows for name in graph.inputs]
    found = run(graph, parameters, [x.expand(-1, n, -1) for x, n in zip(given, rows, strict=True)])
    torch.testing.assert_close(found, source(*inputs), rtol=1e-3, atol=1e-3)
    assert products_of(graph) <= products_of(source.graph)


@given(st.one_of(SHAPES, DETECTORS, SERIES))
@settings(max_examples=60)
def test_an_engine_has_no_more_multiplications(shape: Shape) -> None:
    folded_macs, plain = (
        legalise(analyse(random_model(replace(shape, fold=fold), (8,), 0))).model.macs
        for fold in (True, False)
    )
    assert folded_macs <= plain
