"""How wide every number of a step can get: proven from the weights, never assumed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from narrowcast.integer.arithmetic import signed_bits
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, Scores, Step, Tensor


@dataclass(frozen=True)
class Bounds:
    """Inclusive ranges of a step's sums, of its biased sums, and of the total before the shift."""

    sum: tuple[int, int]
    biased: tuple[int, int]
    total: tuple[int, int]

    @property
    def sum_bits(self) -> int:
        """Width of the accumulator."""
        return signed_bits(*self.sum)

    @property
    def biased_bits(self) -> int:
        """Width of accumulator plus bias."""
        return signed_bits(*self.biased)

    @property
    def total_bits(self) -> int:
        """Width of the products' sum, and of all that it is made of."""
        return signed_bits(*self.total)


def operand_range(tensor: Tensor) -> tuple[int, int]:
    """Return the range of a tensor less its zero point."""
    return tensor.low - tensor.zero_point, tensor.high - tensor.zero_point


def _hull(*values: Array | int) -> tuple[int, int]:
    return min(int(np.min(v)) for v in values), max(int(np.max(v)) for v in values)


def product_range(a: tuple[int, int], b: Array | int) -> tuple[Array, Array]:
    """Return the least and the largest products of a number within ``a`` and each of ``b``."""
    low, high = a[0] * np.asarray(b), a[1] * np.asarray(b)
    return np.minimum(low, high), np.maximum(low, high)


def _linear(model: IntegerModel, step: Linear) -> Bounds:
    operand = model.tensors[step.operand]
    repeats = operand.rows if step.pooled else 1
    low, high = product_range(operand_range(operand), model.arrays[step.weights])
    sum_low, sum_high = repeats * low.sum(axis=1), repeats * high.sum(axis=1)
    bias = model.arrays[step.bias]
    biased_low, biased_high = sum_low + bias, sum_high + bias
    m = model.arrays[step.multiplier]
    scaled = _hull(biased_low * m, biased_high * m)
    raised = (0, 0)
    if step.residual is not None and step.residual_multiplier is not None:
        r = model.arrays[step.residual_multiplier] << step.residual_shift
        raised = _hull(*product_range(operand_range(model.tensors[step.residual]), r))
    rounding = 1 << (step.shift - 1)
    total = _hull(scaled[0] + raised[0], scaled[1] + raised[1] + rounding, *scaled, *raised)
    return Bounds(
        _hull(sum_low, sum_high), _hull(biased_low, biased_high, sum_low, sum_high), total
    )


def _scores(model: IntegerModel, step: Scores) -> Bounds:
    query, key = model.tensors[step.operand], model.tensors[step.key]
    size = query.columns // step.heads
    largest = max(abs(v) for v in operand_range(query)) * key.high * size
    below = -2 * largest
    rounding = 1 << (step.shift - 1)
    total = (below, below * step.multiplier + rounding)
    return Bounds((below, largest), (below, largest), _hull(*total, step.multiplier))


def _context(model: IntegerModel, step: Context) -> Bounds:
    e, value = model.tensors[step.operand], model.tensors[step.value]
    full = e.high - e.zero_point
    largest = full * e.columns * value.high
    scaled = largest * (step.numerator // full)
    rounding = 1 << (step.shift - 1)
    return Bounds((-largest, largest), (-largest, largest), (-scaled, scaled + rounding))


@lru_cache(512)
def bounds(model: IntegerModel, step: Step) -> Bounds:
    """Return the proven ranges of a step's numbers over all possible inputs."""
    if isinstance(step, Linear):
        return _linear(model, step)
    if isinstance(step, Scores):
        return _scores(model, step)
    return _context(model, step)
