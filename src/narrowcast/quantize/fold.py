"""The parameters of every matrix product, with constant factors and offsets folded in.

Batch norm, 1/sqrt(d_head), the mean over the tokens and the positional encoding are not operations
of the integer graph. They are part of weights and biases.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from narrowcast.model.transformer import Layer, Transformer


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
    """Return the parameters of all products of ``source.graph``, by the name of the operation.

    Args:
        source: The float model.
        factors: Divisors of the columns of the input [m].
    """
    shape = source.shape
    embed, head = source.embed, source.head
    gain = None if source.gain is None else source.gain * factors[shape.relative]
    products = {
        "embed": LinearParameters(embed.weight * factors, embed.bias + source.position),
        "head": LinearParameters(
            head.weight / shape.window,
            head.bias,
        ),
    }
    # The head adds the map of the last further input, and so on; the first of all adds the reading.
    for name, product in source.further.items():
        assert isinstance(product, nn.Linear)
        products[name] = replace(_plain(product), gain=gain)
        gain = torch.ones(shape.outputs)
    products["head"] = replace(products["head"], gain=gain)
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
    return products


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
