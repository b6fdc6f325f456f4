"""Fake quantisation with learned scales.

``y = s * (clamp(round(x / s) + z) - z)``, with the gradient of Esser et al., "Learned step size
quantization" (2020): the rounding passes gradients straight through, the clamp stops them, so

    dy/dx = 1 inside the range, 0 outside;    dy/ds = (y - x * dy/dx) / s.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from narrowcast.integer.arithmetic import integer_range
from narrowcast.integer.model import Tensor as IntegerTensor

ASYMMETRY_GAIN = 0.8
"""A zero point costs a bit of the engine's operand: its error has to be this much smaller."""

_FRACTIONS = torch.linspace(0.2, 1.0, 41)
_SAMPLE = 1 << 15
_SMALLEST_SCALE = 1e-6
_CHANNEL_RATIO = 2.0**-8  # keeps 8 significant bits in the multiplier of the smallest channel


def _row_products(a: Tensor, b: Tensor) -> Tensor:
    """Return the rows' inner products without a temporary of the matrices' size."""
    products: Tensor = torch.bmm(a[:, None, :], b[:, :, None])
    return products[:, 0, 0]


class _FakeQuantise(torch.autograd.Function):
    """See the module; ``scale`` has one entry, or one for each entry of ``x``'s first dimension."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, bounds: tuple[int, int]) -> Tensor:
        step = scale if len(scale) == 1 else scale[:, None]
        ratio = x / step
        y = torch.round(ratio).clamp_(*bounds).mul_(step)
        ctx.save_for_backward(ratio, y, scale)
        ctx.bounds = bounds
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        ratio, y, scale = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        low, high = ctx.bounds
        passed = torch.ops.aten.hardtanh_backward(gradient, ratio, low - 0.5, high + 0.5)
        rows = len(scale)
        stretch = _row_products(gradient.view(rows, -1), y.view(rows, -1))
        shrink = _row_products(passed.view(rows, -1), ratio.view(rows, -1))
        return passed, stretch / scale - shrink, None


def fake_quantise(x: Tensor, scale: Tensor, zero_point: int, low: int, high: int) -> Tensor:
    """Round to a grid and clamp; see the module.

    Args:
        x: any shape, float32.
        scale: [1], or [channels] for ``x`` of shape [channels, inner].
        zero_point: of all scales.
        low: lowest integer.
        high: highest integer.
    """
    bounds = (low - zero_point, high - zero_point)
    y: Tensor = _FakeQuantise.apply(x.contiguous(), scale, bounds)  # type: ignore[no-untyped-call]
    return y


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


class WeightQuantiser(nn.Module):
    """Fake quantisation of a weight matrix: symmetric, restricted, one scale per row."""

    def __init__(self, weights: Tensor, bits: int) -> None:
        """Find the scales of the least mean squared error for ``weights`` [columns, inner]."""
        super().__init__()
        self.bits = bits
        self.low, self.high = integer_range(bits, restricted=True)
        largest = weights.abs().amax(dim=1).clamp(min=_SMALLEST_SCALE) / self.high
        scales = _FRACTIONS[:, None] * largest
        best, _ = _best_scale(weights, scales, torch.zeros_like(scales), self.low, self.high)
        self.log_scale = nn.Parameter(scales.gather(0, best[None])[0].log())

    @property
    def scale(self) -> Tensor:
        """[columns]."""
        scale = self.log_scale.exp()
        return torch.maximum(scale, _CHANNEL_RATIO * scale.detach().max())

    def forward(self, weights: Tensor) -> Tensor:
        """Fake quantise weights [columns, inner]."""
        return fake_quantise(weights, self.scale, 0, self.low, self.high)

    def integers(self, weights: Tensor) -> Tensor:
        """Return the integers of the fake quantised weights, int64 [columns, inner]."""
        return torch.round(self(weights) / self.scale[:, None]).long()


Kind = Literal["free", "lanes", "relu", "fixed"]


class ActivationQuantiser(nn.Module):
    """Fake quantisation of a tensor, with one scale.

    ``kind`` settles the zero point: ``lanes`` (keys and values) are symmetric and restricted,
    ``relu`` has the lowest integer, ``free`` is symmetric unless a zero point pays, and
    ``fixed`` is :meth:`set_range` and not learned.
    """

    zero_point: Tensor

    def __init__(self, name: str, rows: int, columns: int, bits: int, kind: Kind = "free") -> None:
        super().__init__()
        self.name = name
        self.rows = rows
        self.columns = columns
        self.bits = bits
        self.kind = kind
        self.low, self.high = integer_range(bits, restricted=kind == "lanes")
        self.log_scale = nn.Parameter(torch.zeros(1), requires_grad=kind != "fixed")
        zero = self.low if kind == "relu" else 0
        self.register_buffer("zero_point", torch.full((1,), zero, dtype=torch.int32))
        self.calibrating = False

    @property
    def scale(self) -> Tensor:
        """[1]."""
        return self.log_scale.exp()

    def forward(self, x: Tensor) -> Tensor:
        """Fake quantise float32 of any shape; while calibrating, choose the range first."""
        if self.calibrating and self.kind != "fixed":
            self._calibrate(x)
        return fake_quantise(x, self.scale, int(self.zero_point), self.low, self.high)

    def quantise(self, x: Tensor) -> Tensor:
        """Real numbers -> int64, in float64 as the host does it."""
        q = torch.round(x.double() / float(self.scale.detach())) + int(self.zero_point)
        return torch.clamp(q, self.low, self.high).long()

    def dequantise(self, q: Tensor) -> Tensor:
        """int64 -> real numbers in float64."""
        return (q - int(self.zero_point)).double() * float(self.scale.detach())

    def tensor(self) -> IntegerTensor:
        """Return the description for the integer model."""
        return IntegerTensor(
            name=self.name,
            rows=self.rows,
            columns=self.columns,
            bits=self.bits,
            scale=float(self.scale.detach()),
            zero_point=int(self.zero_point),
            restricted=self.kind == "lanes",
        )

    @torch.no_grad()
    def set_range(self, lowest: float, highest: float) -> None:
        """Let the integers span at least [lowest, highest] and 0."""
        lowest, highest = min(lowest, 0.0), max(highest, 0.0, lowest + _SMALLEST_SCALE)
        scale = (highest - lowest) / (self.high - self.low)
        self._set(torch.tensor([scale]), torch.tensor([self.low - round(lowest / scale)]))

    @torch.no_grad()
    def _calibrate(self, x: Tensor) -> None:
        """Choose the range of the least mean squared error on a sample of ``x``."""
        lowest, highest = float(x.min().clamp(max=0)), float(x.max().clamp(min=0))
        # At random: a stride would meet the same channels again and again.
        chosen = torch.randint(x.numel(), (_SAMPLE,), generator=torch.Generator().manual_seed(0))
        x = x.flatten()[chosen][None]
        if self.kind == "relu":
            x, lowest = x.clamp(min=0), 0.0
        bound = max(-lowest, highest, _SMALLEST_SCALE)
        symmetric = bound / self.high * _FRACTIONS[:, None]
        spread = max(highest - lowest, _SMALLEST_SCALE) / (self.high - self.low)
        shifted = spread * _FRACTIONS[:, None]
        zero = torch.clamp(
            torch.round(self.low - lowest * _FRACTIONS[:, None] / shifted), self.low, self.high
        )
        none = torch.zeros_like(zero)
        best, error = _best_scale(x, symmetric, none, self.low, self.high)
        best_shifted, error_shifted = _best_scale(x, shifted, zero, self.low, self.high)
        pays = self.kind == "free" and bool(error_shifted < ASYMMETRY_GAIN * error)
        if pays or self.kind == "relu":
            self._set(shifted[best_shifted, 0], zero[best_shifted, 0])
        else:
            self._set(symmetric[best, 0], none[best, 0])

    def _set(self, scale: Tensor, zero_point: Tensor) -> None:
        self.log_scale.copy_(scale.log())
        self.zero_point.copy_(zero_point)
