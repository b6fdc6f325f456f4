"""Fake quantisation with learned scales.

``y = s * (clamp(round(x / s) + z) - z)``, with the gradient of Esser et al., "Learned step size
quantization" (2020): the rounding passes gradients straight through, the clamp stops them, so

    dy/dx = 1 inside the range, 0 outside;    dy/ds = (y - x * dy/dx) / s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from narrowcast.config import Scheme
from narrowcast.integer.arithmetic import integer_range
from narrowcast.integer.builder import Role, TensorSpec
from narrowcast.integer.model import Tensor as IntegerTensor
from narrowcast.quantize import gptq, kernels

ASYMMETRIC_BELOW = 0.8
SYMMETRIC_ABOVE = 0.9
"""Thresholds of the adaptive scheme, for the ratio of the squared errors with and without a zero
point, each with its best range. A zero point costs one bit of the engine's operand, so a tensor
gets one only if that reduces the error by a fifth, and loses it if that reduces it by less than a
tenth."""

_FRACTIONS = torch.linspace(0.2, 1.0, 41)
# Weights that make up for the rounding of others may be larger than all were before.
_WEIGHT_FRACTIONS = torch.linspace(0.2, 1.5, 66)
_SAMPLE = 1 << 15
_SMALLEST_SCALE = 1e-6
_CHANNEL_RATIO = 2.0**-8  # keeps 8 significant bits in the multiplier of the smallest channel


class _FakeQuantise(torch.autograd.Function):
    """See the formulas of the module."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
        ratio, y = torch.empty_like(x), torch.empty_like(x)
        lowest, highest = np.float32(low), np.float32(high)
        (step,) = _flat(scale)
        kernels.quantise(_flat(x), step, lowest, highest, _flat(ratio), _flat(y))
        ctx.save_for_backward(ratio)
        ctx.bounds = lowest, highest
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (ratio,), (lowest, highest) = ctx.saved_tensors, ctx.bounds
        inner = torch.empty_like(ratio)
        outer = _flat(gradients[0].contiguous())
        scale = kernels.gradients(outer, _flat(ratio), lowest, highest, _flat(inner))
        return inner, torch.tensor([scale]), None, None


def _flat(x: Tensor) -> NDArray[np.float32]:
    """Return the array of a contiguous tensor with one axis."""
    array: NDArray[np.float32] = x.detach().numpy().reshape(-1)
    return array


def fake_quantise(x: Tensor, scale: Tensor, zero_point: int, low: int, high: int) -> Tensor:
    """Round to the values of integers and clamp; see the formulas of the module.

    Args:
        x: Numbers of any shape, float32.
        scale: Scale [1].
        zero_point: Zero point.
        low: Lowest integer.
        high: Highest integer.
    """
    apply: Callable[..., Tensor] = _FakeQuantise.apply  # not typed in every version of torch
    return apply(x.contiguous(), scale, low - zero_point, high - zero_point)


def _best_scale(
    x: Tensor, scales: Tensor, zero_points: Tensor, low: int, high: int
) -> tuple[Tensor, Tensor]:
    """Return the index of the best candidate for each row of ``x``, and its mean squared error.

    ``x`` is [rows, samples]; ``scales`` and ``zero_points`` are [candidates, rows].
    """
    errors = []
    for scale, zero in zip(scales[..., None], zero_points[..., None], strict=True):
        grid = (torch.clamp(torch.round(x / scale) + zero, low, high) - zero) * scale
        errors.append((grid - x).square().mean(dim=1))
    least = torch.stack(errors).min(dim=0)
    return least.indices, least.values


class QuantisedWeight(nn.Module):
    """Integers in place of a weight matrix: symmetric, restricted, with one learned scale per row.

    Attributes:
        bits: Width in bits.
        high: Highest integer; the lowest one is its negative.
        log_scale: Natural logarithms of the scales [columns].
        integers: Integers, int8 [columns, inner].
    """

    integers: Tensor

    def __init__(self, weight: Tensor, bits: int) -> None:
        """Choose the integers that are nearest to ``weight`` [columns, inner]."""
        super().__init__()
        self.bits = bits
        low, self.high = integer_range(bits, restricted=True)
        scales = self._candidates(weight)
        best, _ = _best_scale(weight, scales, torch.zeros_like(scales), low, self.high)
        chosen = scales.gather(0, best[None])[0]
        nearest = torch.round(weight / chosen[:, None]).clamp(low, self.high)
        self.log_scale = nn.Parameter(chosen.log())
        self.register_buffer("integers", nearest.to(torch.int8))

    @property
    def scale(self) -> Tensor:
        """Scales [columns]."""
        scale = self.log_scale.exp()
        return torch.maximum(scale, _CHANNEL_RATIO * scale.detach().max())

    @torch.no_grad()
    def calibrate(self, weight: Tensor, read: Tensor) -> Tensor:
        """Choose integers and scales that change the results of a sample least, by GPTQ.

        Args:
            weight: Weights [columns, inner].
            read: A sample of what they are multiplied by [samples, inner].

        Returns:
            What makes up for the mean of the change, to be added to the biases [columns].
        """
        found = gptq.rounded(weight, read, self._candidates(weight), self.high)
        self.log_scale.copy_(found.scale.log())
        self.integers.copy_(found.integers)
        return found.bias

    def _candidates(self, weight: Tensor) -> Tensor:
        """Return scales to choose from for ``weight`` [candidates, columns]."""
        fractions = _WEIGHT_FRACTIONS[:, None]
        largest = weight.abs().amax(dim=1).clamp(min=_SMALLEST_SCALE) / self.high
        return torch.maximum(fractions * largest, _CHANNEL_RATIO * fractions.max() * largest.max())

    def forward(self, x: Tensor) -> Tensor:
        """Return the product of ``x`` [..., inner] and the matrix [..., columns]."""
        return functional.linear(x, self.integers.float()) * self.scale


@dataclass(frozen=True)
class QuantisationRange:
    """A range of a tensor.

    Attributes:
        scale: Scale [1]: the real difference of two consecutive integers.
        zero_point: Zero point [1]: the integer that represents 0.
        error: Mean squared error of rounding with this range.
    """

    scale: Tensor
    zero_point: Tensor
    error: float

    def bounds(self, bits: int) -> tuple[float, float]:
        """Return the real values of the lowest and the highest integer with ``bits`` bits."""
        low, high = integer_range(bits)
        scale, zero = float(self.scale), int(self.zero_point)
        return (low - zero) * scale, (high - zero) * scale


class ActivationQuantiser(nn.Module):
    """Fake quantisation of a tensor, with one scale.

    The role of the tensor restricts the scheme and the range. Keys and values are operands of the
    lanes, so they are symmetric and restricted. After a ReLU, negative numbers become 0. The range
    of probabilities and of the result is set by :meth:`set_range` and not learned.

    Attributes:
        spec: The tensor of the graph.
        name: Name of the tensor.
        bits: Width in bits.
        scheme: Scheme, which holds for free tensors.
        fixed: Whether the range is set and not learned.
        room: Factor by which numbers may exceed the range that suits the sample.
        relu: Whether the tensor is the result of a ReLU.
        low: Lowest integer.
        high: Highest integer.
        log_scale: Natural logarithm of the scale [1].
        zero_point: Zero point [1]: the integer that represents 0.
        observer: Called with this quantiser and every tensor before its quantisation.
    """

    zero_point: Tensor

    def __init__(self, spec: TensorSpec, bits: int, scheme: Scheme = "adaptive") -> None:
        """Make a quantiser without a range.

        Args:
            spec: The tensor.
            bits: Width in bits.
            scheme: Scheme; ignored for keys, values and fixed ranges.
        """
        super().__init__()
        self.spec = spec
        self.name = spec.name
        self.bits = bits
        self.scheme = scheme
        self.fixed = spec.role == Role.PROBABILITY
        self.room = 1.0
        self.relu = spec.role == Role.RELU
        self._lanes = spec.role == Role.LANES
        self.low, self.high = integer_range(bits, restricted=self._lanes)
        self.log_scale = nn.Parameter(torch.zeros(1), requires_grad=not self.fixed)
        self.register_buffer("zero_point", torch.zeros(1, dtype=torch.int32))
        self.observer: Callable[[ActivationQuantiser, Tensor], None] | None = None

    @property
    def free(self) -> bool:
        """Whether the scheme may give the tensor a zero point."""
        return not self.fixed and not self._lanes

    @property
    def scale(self) -> Tensor:
        """Scale [1]."""
        return self.log_scale.exp()

    @property
    def lowest(self) -> int:
        """The lowest integer that occurs."""
        return int(self.zero_point) if self.relu else self.low

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``, float32 of any shape, fake-quantised."""
        if self.observer is not None:
            self.observer(self, x)
        return fake_quantise(x, self.scale, int(self.zero_point), self.lowest, self.high)

    def tensor(self) -> IntegerTensor:
        """Return the tensor of the integer model."""
        return IntegerTensor(
            name=self.name,
            rows=self.spec.rows,
            columns=self.spec.columns,
            bits=self.bits,
            scale=float(self.scale.detach()),
            zero_point=int(self.zero_point),
            restricted=self._lanes,
        )

    @torch.no_grad()
    def set_range(self, lowest: float, highest: float) -> None:
        """Fix the range to [lowest, highest], extended to 0, within half a scale."""
        self._fix()
        lowest, highest = min(lowest, 0.0), max(highest, 0.0, lowest + _SMALLEST_SCALE)
        scale = (highest - lowest) / (self.high - self.low)
        zero = torch.tensor([self.low - round(lowest / scale)])
        self._set(torch.tensor([scale]), zero)

    @torch.no_grad()
    def cover(self, lowest: float, highest: float) -> None:
        """Fix the range to [lowest, highest], extended to 0; the scheme decides on a zero point."""
        self._fix()
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
        bound = max(-lowest, highest, _SMALLEST_SCALE)
        symmetric = bound / self.high
        asymmetric = (highest - lowest) / (self.high - self.low)
        if self._takes_zero_point(asymmetric**2, symmetric**2):
            self.set_range(lowest, highest)
        else:
            self._set(torch.tensor([symmetric]), torch.tensor([0]))

    @property
    def largest(self) -> float:
        """Largest size of a real number in the range."""
        tensor = self.tensor()
        return float(np.abs(tensor.dequantise(np.array([tensor.low, tensor.high]))).max())

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Choose scheme and range by the least mean squared error on a sample of ``x``.

        The range is ``room`` times as wide.
        """
        if self.fixed:
            return
        symmetric, asymmetric = self.ranges(x)
        shifted = self._takes_zero_point(asymmetric.error, symmetric.error)
        chosen = asymmetric if self.free and shifted else symmetric
        self._set(self.room * chosen.scale, chosen.zero_point)

    def _takes_zero_point(self, asymmetric: float, symmetric: float) -> bool:
        """Return whether the scheme chooses a zero point, by the squared errors of both ranges."""
        pays = asymmetric < ASYMMETRIC_BELOW * symmetric
        return self.scheme == "asymmetric" or (self.scheme == "adaptive" and pays)

    @torch.no_grad()
    def review(self, x: Tensor) -> None:
        """Repeat the decision of an adaptive scheme for ``x``; set a new range if it changes."""
        if not self.free or self.scheme != "adaptive":
            return
        symmetric, asymmetric = self.ranges(x)
        ratio = asymmetric.error / max(symmetric.error, _SMALLEST_SCALE**2)
        if not self.zero_point.any():
            if ratio < ASYMMETRIC_BELOW:
                self._set(self.room * asymmetric.scale, asymmetric.zero_point)
        elif ratio > SYMMETRIC_ABOVE:
            self._set(self.room * symmetric.scale, symmetric.zero_point)

    def ranges(self, x: Tensor) -> tuple[QuantisationRange, QuantisationRange]:
        """Return the best ranges without and with a zero point, for a sample of ``x``."""
        if self.relu:
            x = x.clamp(min=0)
        lowest, highest = float(x.min().clamp(max=0)), float(x.max().clamp(min=0))
        # A random sample, because a stride would select the same channels repeatedly.
        chosen = torch.randint(x.numel(), (_SAMPLE,), generator=torch.Generator().manual_seed(0))
        x = x.flatten()[chosen][None]
        bound = max(-lowest, highest, _SMALLEST_SCALE)
        symmetric = bound / self.high * _FRACTIONS[:, None]
        spread = max(highest - lowest, _SMALLEST_SCALE) / (self.high - self.low)
        shifted = spread * _FRACTIONS[:, None]
        zero = torch.clamp(
            torch.round(self.low - lowest * _FRACTIONS[:, None] / shifted), self.low, self.high
        )
        return (
            self._best(x, symmetric, torch.zeros_like(zero)),
            self._best(x, shifted, zero),
        )

    def _best(self, x: Tensor, scales: Tensor, zero_points: Tensor) -> QuantisationRange:
        best, error = _best_scale(x, scales, zero_points, self.low, self.high)
        return QuantisationRange(scales[best, 0], zero_points[best, 0], float(error))

    def _fix(self) -> None:
        """Stop learning the range."""
        self.fixed = True
        self.log_scale.requires_grad_(False)

    def _set(self, scale: Tensor, zero_point: Tensor) -> None:
        self.log_scale.copy_(scale.log())
        self.zero_point.copy_(zero_point)
