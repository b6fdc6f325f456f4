"""The same network, quantised with Brevitas: for comparison in ``benchmarks/accuracy.py``.

Quantisers are the usual ones of Brevitas, with two exceptions in its favour: scales are learned as
logarithms, as in narrowcast, and the ranges of input and forecast begin as wide as those of
narrowcast, not with a percentile of the sample.
"""

from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.graph.calibrate import calibration_mode
from brevitas.inject.enum import RestrictValueType
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from torch import Tensor, nn

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.model import Transformer, fit
from narrowcast.model.transformer import join_heads, split_heads
from narrowcast.quantize import ActivationQuantiser, QuantisedTransformer
from narrowcast.quantize.network import QuantisedLayer, QuantisedLinear
from narrowcast.quantize.training import (
    CALIBRATION_WINDOWS,
    calibrated,
    parameter_groups,
    sample,
)
from narrowcast.training_records import History


def _activation(bits: int, quantiser: Any = Int8ActPerTensorFloat) -> nn.Module:
    module: nn.Module = qnn.QuantIdentity(
        act_quant=quantiser,
        bit_width=bits,
        restrict_scaling_type=RestrictValueType.LOG_FP,
    )
    return module


def _set_range(module: nn.Module, source: ActivationQuantiser) -> None:
    """Let a quantiser begin with the range of another one."""
    ends = source.dequantise(torch.tensor([source.low, source.high]))
    (scale,) = (p for name, p in module.named_parameters() if name.endswith("scaling_impl.value"))
    scale.data.fill_(float(torch.log2(ends.abs().max())))


class _Linear(nn.Module):
    """A step with its epilogue; weights per output channel, as in narrowcast."""

    def __init__(self, source: QuantisedLinear) -> None:
        super().__init__()
        columns, inner = source.weight.shape
        self.product = qnn.QuantLinear(
            inner,
            columns,
            bias=False,
            weight_quant=Int8WeightPerChannelFloat,
            weight_bit_width=source.quantise_weight.bits,
        )
        with torch.no_grad():
            self.product.weight.copy_(source.weight)
        self.bias = nn.Parameter(source.bias.detach().clone())
        self.gain = None if source.gain is None else nn.Parameter(source.gain.detach().clone())
        relu = Uint8ActPerTensorFloat if source.output.relu else Int8ActPerTensorFloat
        self.output = _activation(source.output.bits, relu)
        self.relu = source.output.relu

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        y = self.product(x) + self.bias
        if residual is not None and self.gain is not None:
            y = y + residual * self.gain
        quantised: Tensor = self.output(torch.relu(y) if self.relu else y)
        return quantised


class _Layer(nn.Module):
    def __init__(self, source: QuantisedLayer) -> None:
        super().__init__()
        self.heads = source.scores.heads
        names = ("key", "query", "value", "attention_out", "ffn_up", "ffn_down")
        self.steps = nn.ModuleDict({name: _Linear(getattr(source, name)) for name in names})
        self.probabilities = _activation(source.scores.output.bits, Uint8ActPerTensorFloat)
        self.context = _activation(source.context.output.bits)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.steps
        query, key, value = (
            split_heads(steps[name](x), self.heads) for name in ("query", "key", "value")
        )
        # 1/sqrt(d_head) is part of the query's weights.
        probabilities = self.probabilities(torch.softmax(query @ key.transpose(2, 3), dim=-1))
        context = self.context(join_heads(probabilities @ value))
        x = steps["attention_out"](context, x)
        y: Tensor = steps["ffn_down"](steps["ffn_up"](x), x)
        return y


class BrevitasTransformer(nn.Module):
    """What ``source`` computes, with the same tensors quantised, to the same bits."""

    def __init__(self, source: QuantisedTransformer, relative: int | None) -> None:
        super().__init__()
        self.relative = relative
        self.input = _activation(source.input.bits)
        self.register_buffer("factors", source.factors)
        self.embed = _Linear(source.embed)
        self.layers = nn.Sequential(*map(_Layer, source.layers))  # type: ignore[arg-type]
        self.head = _Linear(source.head)

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, m] -> [windows, outputs]."""
        readings = self.input(x.float() / self.factors)
        x = self.layers(self.embed(readings)).sum(dim=1)  # 1/n is part of the head's weights
        last = None if self.relative is None else readings[:, -1, self.relative, None]
        forecast: Tensor = self.head(x, last)
        return forecast


def finetune(source: Transformer, dataset: Dataset, config: Config) -> tuple[nn.Module, History]:
    """Fine-tune as ``narrowcast.quantize.finetune`` does, under the same schedule."""
    torch.manual_seed(config.train.seed)
    start = calibrated(source, dataset, config)
    model = BrevitasTransformer(start, config.relative_column)
    inputs = sample(dataset, config, CALIBRATION_WINDOWS).float()
    model.train()
    with torch.no_grad(), calibration_mode(model):
        model(inputs)  # at once: Brevitas takes means over batches, and loses rare peaks
    _set_range(model.input, start.input)
    _set_range(model.head.output, start.head.output)
    groups = parameter_groups(model, config, "scaling")
    epochs = config.train.finetune_epochs
    history = fit(model, dataset, config.train, epochs=epochs, groups=groups, teacher=source)
    return model, history
