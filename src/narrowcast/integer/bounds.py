"""Ranges of all numbers of an operation, proven from the weights."""

from dataclasses import dataclass

import numpy as np

from narrowcast.integer.arithmetic import signed_bits
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, Scores, Tensor

Range = tuple[int, int]


@dataclass(frozen=True)
class Bounds:
    """Inclusive ranges of an operation's numbers over all possible inputs.

    Attributes:
        sum: Range of the sums of products.
        biased: Range of these sums, with and without their biases.
        total: Range of the number that is shifted, and of all its terms.
    """

    sum: Range
    biased: Range
    total: Range

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
        """Width of the number that is shifted, and of all its terms."""
        return signed_bits(*self.total)


def centred_range(tensor: Tensor) -> Range:
    """Return the range of a tensor minus its zero point."""
    return tensor.low - tensor.zero_point, tensor.high - tensor.zero_point


def hull(*values: Array | int) -> Range:
    """Return the least and the largest of all numbers."""
    return min(int(np.min(v)) for v in values), max(int(np.max(v)) for v in values)


def product_range(a: Range, b: Array | int) -> tuple[Array, Array]:
    """Return the least and the largest products of a number within ``a`` and each of ``b``."""
    low, high = a[0] * np.asarray(b), a[1] * np.asarray(b)
    return np.minimum(low, high), np.maximum(low, high)


def linear_bounds(model: IntegerModel, step: Linear, low: Array, high: Array) -> Bounds:
    """Return the bounds of a matrix product.

    Args:
        model: The model with the arrays.
        step: The product.
        low: Least products [columns, inner] of the operand and each weight.
        high: Largest products, of the same shape.
    """
    sum_low, sum_high = low.sum(axis=1), high.sum(axis=1)
    bias = model.arrays[step.bias]
    biased_low, biased_high = sum_low + bias, sum_high + bias
    m = model.arrays[step.multiplier].astype(object)  # products may exceed 64 bits
    scaled = hull(biased_low * m, biased_high * m)
    raised = (0, 0)
    if step.residual is not None and step.residual_multiplier is not None:
        r = model.arrays[step.residual_multiplier].astype(object) << step.residual_shift
        raised = hull(*product_range(centred_range(model.tensors[step.residual]), r))
    rounding = 1 << (step.shift - 1)
    total = hull(scaled[0] + raised[0], scaled[1] + raised[1] + rounding, *scaled, *raised)
    return Bounds(hull(sum_low, sum_high), hull(biased_low, biased_high, sum_low, sum_high), total)


def scores_bounds(model: IntegerModel, step: Scores) -> Bounds:
    """Return the bounds of scores and of their distances from a row's maximum."""
    query, key = model.tensors[step.operand], model.tensors[step.key]
    size = query.columns // step.heads
    largest = max(abs(v) for v in centred_range(query)) * key.high * size
    biases = np.zeros((1, 1), np.int64) if step.bias is None else model.arrays[step.bias]
    lowest, highest = biases.min(axis=1), biases.max(axis=1)
    score = hull(lowest - largest, highest + largest)
    below = hull(lowest - highest)[0] - 2 * largest
    rounding = 1 << (step.shift - 1)
    total = (below, below * step.multiplier + rounding)
    sums = hull(below, largest, *score)
    return Bounds(sums, sums, hull(*total, step.multiplier))


def context_bounds(model: IntegerModel, step: Context) -> Bounds:
    """Return the bounds of a context, given that its normalised weights sum up to 1."""
    e, value = model.tensors[step.operand], model.tensors[step.value]
    full = e.high - e.zero_point
    largest = full * e.columns * value.high
    scaled = largest * (step.numerator // full)
    rounding = 1 << (step.shift - 1)
    return Bounds((-largest, largest), (-largest, largest), (-scaled, scaled + rounding))
