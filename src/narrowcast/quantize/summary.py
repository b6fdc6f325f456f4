"""Summaries of the quantisation of every tensor and weight matrix, for the report."""

import numpy as np
import torch
from torch import Tensor

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.integer.builder import weight_name
from narrowcast.quantize.fake_quantise import ActivationQuantiser
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.steps import QuantisedAppend, QuantisedLinear, QuantisedRowSum
from narrowcast.quantize.training import sample
from narrowcast.training_records import TensorSummary

_BINS = 41
_WINDOWS = 1024


def summarise(model: QuantisedTransformer, dataset: Dataset, config: Config) -> list[TensorSummary]:
    """Return summaries of all quantised tensors and weight matrices, in order of execution.

    The distributions are those of a sample of training windows.
    """
    activations: dict[str, TensorSummary] = {}

    def observe(quantiser: ActivationQuantiser, x: Tensor) -> None:
        activations[quantiser.name] = _activation(quantiser, x.detach())

    inputs, restart = sample(dataset, config, _WINDOWS)
    model.observe(inputs, observe, restart)
    summaries = [activations[name] for name in model.graph.inputs]
    for step in model.steps():
        if isinstance(step, QuantisedLinear):
            summaries.append(_weights(step))
        if not isinstance(step, QuantisedRowSum | QuantisedAppend):
            summaries.append(activations[step.output.name])
    return summaries


def _activation(quantiser: ActivationQuantiser, x: Tensor) -> TensorSummary:
    if quantiser.relu:
        x = x.clamp(min=0)
    size = float(x.square().mean().sqrt()) or 1.0
    errors: list[float | None] = [None, None]
    if quantiser.free:
        errors = [each.error**0.5 / size for each in quantiser.ranges(x)]
    tensor = quantiser.tensor()
    exact = torch.from_numpy(tensor.dequantise(tensor.quantise(x.numpy()))).float()
    lowest, highest = tensor.dequantise(np.array([quantiser.lowest, quantiser.high])).tolist()
    edges, counts = _histogram(x)
    return TensorSummary(
        name=quantiser.name,
        bits=quantiser.bits,
        scheme="symmetric" if tensor.symmetric else "asymmetric",
        scale=tensor.scale,
        zero_point=tensor.zero_point,
        lowest=lowest,
        highest=highest,
        error=float((exact - x).square().mean().sqrt()) / size,
        error_symmetric=errors[0],
        error_asymmetric=errors[1],
        edges=edges,
        counts=counts,
    )


def _weights(step: QuantisedLinear) -> TensorSummary:
    weight, rounded = step.exact.weight, step.weight
    scale = rounded.scale.detach()
    bound = rounded.high * float(scale.max())
    edges, counts = _histogram(weight)
    size = float(weight.square().mean().sqrt()) or 1.0
    return TensorSummary(
        name=weight_name(step.spec),
        bits=rounded.bits,
        scheme="symmetric",
        scale=float(scale.mean()),
        zero_point=0,
        lowest=-bound,
        highest=bound,
        error=float((scale[:, None] * rounded.integers - weight).square().mean().sqrt()) / size,
        error_symmetric=None,
        error_asymmetric=None,
        edges=edges,
        counts=counts,
    )


def _histogram(x: Tensor) -> tuple[tuple[float, float], tuple[int, ...]]:
    low, high = float(x.min()), float(x.max())
    counts = torch.histc(x.flatten(), bins=_BINS, min=low, max=high)
    return (low, high), tuple(int(each) for each in counts)
