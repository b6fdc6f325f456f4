"""The same network, quantised with Brevitas: for comparison in ``benchmarks/accuracy.py``.

Quantisers are the usual ones of Brevitas, with two exceptions in its favour: scales are learned as
logarithms, as in narrowcast, and the ranges of input and forecast begin as wide as those of
narrowcast, not with a percentile of the sample.
"""

import math
from collections.abc import Mapping
from typing import Any, cast

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.graph.calibrate import calibration_mode
from brevitas.inject.enum import RestrictValueType
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from torch import Tensor, nn

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.model import Forecaster, Transformer, fit
from narrowcast.model.transformer import join_heads, split_heads
from narrowcast.quantize import ActivationQuantiser, QuantisedTransformer
from narrowcast.quantize.steps import (
    QuantisedAppend,
    QuantisedContext,
    QuantisedLinear,
    QuantisedRowSum,
    QuantisedScores,
    Step,
)
from narrowcast.quantize.training import (
    CALIBRATION_WINDOWS,
    calibrated,
    finetune_epochs,
    sample,
)
from narrowcast.training_records import History

_RATE = 0.1  # of that in floating point; at a higher rate, weights that are learned oscillate


def _activation(bits: int, quantiser: Any = Int8ActPerTensorFloat) -> nn.Module:
    module: nn.Module = qnn.QuantIdentity(
        act_quant=quantiser,
        bit_width=bits,
        restrict_scaling_type=RestrictValueType.LOG_FP,
    )
    return module


def _set_range(module: nn.Module, source: ActivationQuantiser) -> None:
    """Let a quantiser begin with the range of another one."""
    ends = source.tensor().dequantise(np.array([source.low, source.high]))
    (scale,) = (p for name, p in module.named_parameters() if name.endswith("scaling_impl.value"))
    scale.data.fill_(math.log2(np.abs(ends).max()))


class _Linear(nn.Module):
    """A step with its epilogue; weights per output channel, as in narrowcast."""

    def __init__(self, source: QuantisedLinear) -> None:
        super().__init__()
        self.spec = source.spec
        columns, inner = source.exact.weight.shape
        self.product = qnn.QuantLinear(
            inner,
            columns,
            bias=False,
            weight_quant=Int8WeightPerChannelFloat,
            weight_bit_width=source.weight.bits,
        )
        with torch.no_grad():
            self.product.weight.copy_(source.exact.weight)
        self.bias = nn.Parameter(source.exact.bias.clone())
        self.gain = None if source.gain is None else nn.Parameter(source.gain.detach().clone())
        relu = Uint8ActPerTensorFloat if source.output.relu else Int8ActPerTensorFloat
        self.output = _activation(source.output.bits, relu)
        self.relu = source.output.relu

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        spec = self.spec
        y = self.product(tensors[spec.operand]) + self.bias
        if spec.residual is not None and self.gain is not None:
            residual = tensors[spec.residual]
            if spec.residual_element is not None:
                row, column = spec.residual_element
                residual = residual[:, row, column, None, None]
            y = y + residual * self.gain
        quantised: Tensor = self.output(torch.relu(y) if self.relu else y)
        return quantised


class _Scores(nn.Module):
    """Probabilities, normalised before they are quantised."""

    def __init__(self, source: QuantisedScores) -> None:
        super().__init__()
        self.spec = source.spec
        self.output = _activation(source.output.bits, Uint8ActPerTensorFloat)

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        names, heads = (self.spec.operand, self.spec.key), self.spec.heads
        query, key = (split_heads(tensors[name], heads) for name in names)
        # 1/sqrt(d_head) is part of the query's weights.
        quantised: Tensor = self.output(torch.softmax(query @ key.transpose(2, 3), dim=-1))
        return quantised


class _Context(nn.Module):
    def __init__(self, source: QuantisedContext) -> None:
        super().__init__()
        self.spec = source.spec
        self.output = _activation(source.output.bits)

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        value = split_heads(tensors[self.spec.value], self.spec.heads)
        quantised: Tensor = self.output(join_heads(tensors[self.spec.operand] @ value))
        return quantised


def _step(source: Step) -> nn.Module:
    match source:
        case QuantisedLinear():
            return _Linear(source)
        case QuantisedScores():
            return _Scores(source)
        case QuantisedContext():
            return _Context(source)
        case QuantisedRowSum() | QuantisedAppend():
            return source


class BrevitasTransformer(Forecaster):
    """What ``source``, a model of windows, computes, with the same tensors, to the same bits."""

    reach = lead = 0

    def __init__(self, source: QuantisedTransformer) -> None:
        super().__init__()
        self.graph = source.graph
        self.inputs = nn.ModuleList(
            _activation(cast(ActivationQuantiser, each).bits) for each in source.inputs
        )
        self.register_buffer("factors", source.factors)
        self.steps = nn.ModuleList(map(_step, source.steps()))

    def forward(
        self,
        *inputs: Tensor,
        restart: Tensor | None = None,  # noqa: ARG002
        wanted: Tensor | None = None,
    ) -> Tensor:
        """[windows, n, m], and further inputs -> [windows, outputs]."""
        assert wanted is None  # only a stream computes more than its forecasts
        window, *further = (each.float() for each in inputs)
        divided = window / self.factors, *further
        names = self.graph.inputs
        tensors = {n: q(x) for n, q, x in zip(names, self.inputs, divided, strict=True)}
        for step in self.steps:
            tensors[step.spec.output] = step(tensors)
        return tensors[self.graph.outputs[0]][:, 0]


def finetune(source: Transformer, dataset: Dataset, config: Config) -> tuple[Forecaster, History]:
    """Fine-tune as ``narrowcast.quantize.finetune`` does, under a schedule of the same length."""
    torch.manual_seed(config.train.seed)
    start = calibrated(source, dataset, config)
    model = BrevitasTransformer(start)
    inputs, _ = sample(dataset, config, CALIBRATION_WINDOWS)
    model.train()
    with torch.no_grad(), calibration_mode(model):
        model(*inputs)  # at once: Brevitas takes means over batches, and loses rare peaks
    for quantiser, each in zip(model.inputs, start.inputs, strict=True):
        _set_range(quantiser, cast(ActivationQuantiser, each))
    *_, head = zip(model.steps, start.steps(), strict=True)
    _set_range(*(step.output for step in head))
    rate = _RATE * config.train.learning_rate
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if "scaling" not in name], "lr": rate},
        {
            "params": [p for name, p in named if "scaling" in name],
            "lr": rate,
            "weight_decay": 0.0,
        },
    ]
    epochs = finetune_epochs(dataset, config)
    history = fit(model, dataset, config.train, epochs=epochs, groups=groups, teacher=source)
    return model, history
