"""The parameters of every matrix product, with constant factors and offsets folded in.

Batch norm, 1/sqrt(d_head), the mean over the tokens and the positional encoding are not operations
of the integer graph. They are part of weights and biases. Neither are linear maps that another one
follows, where the shape says so.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from narrowcast.integer.builder import LinearSpec, Shape, transformer
from narrowcast.model.transformer import Layer, Transformer, arranged


@dataclass(frozen=True)
class LinearParameters:
    """Parameters of ``y = x @ weight.T + bias [+ gain * residual]``.

    Attributes:
        weight: Weights [columns, inner].
        bias: Biases [columns] or [rows, columns].
        gain: Factors of the residual [columns]; None without a residual.
    """

    weight: Tensor
    bias: Tensor
    gain: Tensor | None = None


@torch.no_grad()
def folded(source: Transformer, factors: Tensor) -> dict[str, LinearParameters]:
    """Return the parameters of all products of the quantised network, by the operation's name.

    Args:
        source: The float model.
        factors: Divisors of the columns of the input [m].
    """
    shape = source.shape
    embed, head = source.embed, source.head
    share = 1 / shape.tokens if shape.mean else 1.0
    bias = embed.bias if source.position is None else embed.bias + source.position
    of_row = arranged(factors.expand(1, shape.window, -1), shape)[0, 0]
    embedding = LinearParameters(embed.weight * of_row.repeat(shape.kernel), bias)
    products = {"embed": embedding}
    root = math.sqrt(shape.channels / shape.heads)
    for i, layer in enumerate(source.layers):
        assert isinstance(layer, Layer)
        query = layer.query
        at_layer = {
            "key": _plain(layer.key),
            "query": LinearParameters(query.weight / root, query.bias / root),
            "value": _plain(layer.value),
            "attention_out": _normalised(layer.attention_out, layer.attention_norm),
            "ffn_up": _plain(layer.ffn_up),
            "ffn_down": _normalised(layer.ffn_down, layer.ffn_norm),
        }
        products |= {f"layers.{i}.{name}": each for name, each in at_layer.items()}
    names = [
        *(("layers.0.key", "layers.0.value") if shape.folds_keys else ()),
        *(("layers.0.query",) if shape.folds_query else ()),
    ]
    products |= {name: _after(products[name], embedding) for name in names}
    last = LinearParameters(head.weight, head.bias)
    if shape.folds_tail:
        down = products.pop(f"layers.{shape.layers - 1}.ffn_down")
        assert down.gain is not None
        last = _after(last, down)
        skip = LinearParameters(share * head.weight * down.gain, torch.zeros_like(head.bias))
        products |= _by_target(shape, "skip", skip)
    products |= _by_target(shape, "head", LinearParameters(share * last.weight, last.bias))
    if shape.compared:
        products["actual"] = _actual(source, factors)
    if source.embed_ahead is not None:
        gain = products[f"layers.{shape.layers - 1}.attention_out"].gain
        assert gain is not None  # of the norm, which multiplies this term as well
        ahead = source.embed_ahead
        products["embed_ahead"] = LinearParameters(
            gain[:, None] * ahead.weight, gain * ahead.bias, torch.ones(shape.channels)
        )
    for name, product in source.further.items():
        assert isinstance(product, nn.Linear)
        products[name] = _plain(product)
        if name == "own":
            products[name] = LinearParameters(product.weight * of_row, product.bias)
    for target in range(shape.results):
        gain = None
        if source.gain is not None:
            of_target = source.gain.view(shape.targets, -1)[target]
            gain = of_target * factors[shape.relative[target]]
        for name in shape.forecast(target):  # each adds the term before
            products[name] = replace(products[name], gain=gain)
            gain = torch.ones(shape.forecasts)
    graph = transformer(shape)
    for each in graph.operations:
        if isinstance(each, LinearSpec) and each.bias_per_row:
            rows = graph.tensors[each.output].rows
            of_last = products[each.name].bias[-rows:]
            products[each.name] = replace(products[each.name], bias=of_last)
    return products


def _actual(source: Transformer, factors: Tensor) -> LinearParameters:
    """Return the product that gives the newest rows, negative, of the monitored columns."""
    shape = source.shape
    result = torch.arange(shape.forecasts)
    row, of_row = result // len(shape.monitored), result % len(shape.monitored)
    column = torch.tensor(shape.monitored)[of_row]
    weight = torch.zeros(shape.forecasts, shape.compared * shape.inputs)
    weight[result, row * shape.inputs + column] = -source.unit * factors[column]
    return LinearParameters(weight, torch.zeros(shape.forecasts))


@torch.no_grad()
def biases(source: Transformer) -> dict[str, Tensor]:
    """Return the biases by age of the scores [heads, keys] of a stream, by the operation's name.

    The scores have them as they are, because 1/sqrt(d_head) is part of the query.
    """
    return {
        f"layers.{i}.scores": layer.bias
        for i, layer in enumerate(source.layers)
        if isinstance(layer, Layer) and layer.bias is not None
    }


def _by_target(shape: Shape, name: str, every: LinearParameters) -> dict[str, LinearParameters]:
    """Return the product of each target, by its name, of one for the forecasts of all targets."""
    split = (torch.split(each, shape.forecasts) for each in (every.weight, every.bias))
    return {
        shape.of_target(name, target): LinearParameters(weight, bias)
        for target, (weight, bias) in enumerate(zip(*split, strict=True))
    }


def _after(second: LinearParameters, first: LinearParameters) -> LinearParameters:
    """Return the parameters of ``second(first(x))``, without a residual."""
    outer, inner = second.weight.double(), first.weight.double()
    bias = first.bias.double() @ outer.T + second.bias
    return LinearParameters((outer @ inner).float(), bias.float())


def _plain(linear: nn.Linear) -> LinearParameters:
    return LinearParameters(linear.weight, linear.bias)


def _normalised(linear: nn.Linear, norm: nn.BatchNorm1d) -> LinearParameters:
    """Return the parameters of ``norm(linear(x) + residual)``."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    gain = norm.weight / torch.sqrt(variance + norm.eps)
    return LinearParameters(
        gain[:, None] * linear.weight, gain * (linear.bias - mean) + norm.bias, gain
    )
