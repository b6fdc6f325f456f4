"""The quantisation of the input: divisors of its columns, and the range of levels to cover."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from narrowcast.data.scaling import Array
from narrowcast.integer.arithmetic import integer_range
from narrowcast.integer.builder import TensorSpec
from narrowcast.quantize.fake_quantise import ActivationQuantiser

_LARGEST_DIVISOR = 2.0**4  # of a column of the input
_EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # to choose from for the divisors
_TINY = 1e-9  # in place of weights that are all 0
# Limits of the margin for levels that training has not seen, as fractions of the range.
_LEAST_MARGIN = 0.05
_MOST_MARGIN = 0.25


Levels = Sequence[tuple[float, float]]
"""The lowest and the highest level of each column of some, in scaled units."""


@dataclass(frozen=True)
class Reader:
    """A matrix that reads the input.

    Attributes:
        weight: Weights of scaled readings [results, elements].
        bits: Width of the weights.
        columns: Column of the input that each element of a row reads [elements].
    """

    weight: Tensor
    bits: int
    columns: Tensor

    def relative_weights(self, inputs: int) -> Tensor:
        """Return each column's largest weight, relative to that of the row, averaged over all rows.

        Args:
            inputs: Columns of the input.
        """
        weight = self.weight.abs()
        index = self.columns.expand_as(weight)
        largest = torch.zeros(len(weight), inputs).scatter_reduce(1, index, weight, "amax")
        relative = largest / largest.amax(dim=1, keepdim=True).clamp(min=_TINY)
        return relative.mean(dim=0).clamp(min=_TINY)


@torch.no_grad()
def balance(
    inputs: Tensor,
    bits: int,
    readers: Sequence[Reader],
    columns: tuple[int, ...] = (),
    levels: Levels = (),
    alike: int = 0,
) -> Tensor:
    """Return powers of two, one per column, by which scaled readings are divided.

    All columns share one scale in integers, and so do all weights of a row. A column's divisor
    becomes a factor of its weights. So both a column with rare peaks and one with large weights
    leave few integers for the others. As in Xiao et al., "SmoothQuant" (2023), section 4, the
    divisors are

        f = range^a / weight^b,    rounded to a power of two,

    with the largest weight of a column that :meth:`Reader.relative_weights` tells. Inputs are often
    much wider than weights, so a and b are those for which rounding adds least to the results.
    Readings with the standard deviation d are rounded to steps s f and weights w to steps t / f,
    where s suits the largest range / f, and t the largest w f. That adds the variance

        (s f w)^2 / 12 + (t d / f)^2 / 12    for each product.

    If the model forecasts changes, the rounding error of a last known value is an error of the
    forecast. Then the integers cover exactly the targets' columns, which are not divided, and the
    divisors of the other columns are at least so large that they fit in that range.

    Args:
        inputs: Scaled windows [windows, n, m].
        bits: Width of the input tensor.
        readers: Matrices that read it. If there are none, a is 0.5 and b is 0.
        columns: Columns of the targets if the model forecasts changes, else none.
        levels: Lowest and highest level of each of these columns to cover.
        alike: Number of the first columns that are not divided, because one column of the
            embedding's weights is for all of them: series, each of which is a token.
    """
    quantiser = ActivationQuantiser(TensorSpec("column", 1, 1), bits, "symmetric")
    ranges = [quantiser.ranges(each) for each in inputs.unbind(-1)]
    scales = torch.cat([symmetric.scale for symmetric, _ in ranges])
    fixed = [*range(alike), *columns]
    least, input_scale = torch.full_like(scales, 1.0 / _LARGEST_DIVISOR), None
    if columns:
        lowest, highest = covered(torch.ones_like(scales), columns, levels)
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
        input_scale = (highest - lowest) / (1 << bits)
        for i in set(range(len(scales))) - set(fixed):
            below, above = ranges[i][1].bounds(bits)
            least[i] = max(float(least[i]), _ratio(below, lowest), _ratio(above, highest))
        least = 2.0 ** torch.ceil(torch.log2(least))
    weights = [each.relative_weights(len(scales)) for each in readers]
    counts = [torch.bincount(each.columns, minlength=len(scales)) for each in readers]
    typical = torch.stack(weights or [torch.ones_like(scales)]).mean(dim=0)
    by_range = scales / (scales[[*columns]].max() if columns else scales.median())
    by_weight = typical[[*columns] or range(len(scales))].max() / typical
    deviation = inputs.float().std(dim=(0, 1), correction=0)

    def error(factors: Tensor) -> float:
        scale = input_scale or float((scales / factors).max())
        found = 0.0
        for reader, w, count in zip(readers, weights, counts, strict=True):
            step = float((w * factors).max()) / integer_range(reader.bits, restricted=True)[1]
            added = (scale * factors * w).square() + (step * deviation / factors).square()
            found += float((count * added).sum())
        return found

    candidates = []
    for a, b in itertools.product(_EXPONENTS, repeat=2) if readers else [(0.5, 0.0)]:
        factors = (by_range**a * by_weight**b).clamp(max=_LARGEST_DIVISOR)
        factors = torch.maximum(2.0 ** torch.round(torch.log2(factors)), least)
        factors[fixed] = 1.0
        candidates.append(factors)
    return min(candidates, key=error)


def covered(factors: Tensor, columns: tuple[int, ...], levels: Levels) -> tuple[float, float]:
    """Return the range that covers the levels of some columns, divided by their factors."""
    ends = [
        (low / float(factors[i]), high / float(factors[i]))
        for i, (low, high) in zip(columns, levels, strict=True)
    ]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _ratio(bound: float, limit: float) -> float:
    """Return the divisor that brings ``bound`` to ``limit``, which has the same sign or is 0."""
    if bound == 0.0:
        return 0.0
    return min(bound / limit, _LARGEST_DIVISOR) if limit else _LARGEST_DIVISOR


def expected_levels(train: Array, validation: Array) -> tuple[float, float]:
    """Return the lowest and the highest level that a series is expected to reach.

    This is the range of the training part with a margin on either side. A margin is the larger of
    two numbers: by how much the second half of the training part exceeds the first half, and by how
    much the validation part exceeds the training part. A series that has exceeded its earlier range
    is expected to do so again. Each margin is limited to between ``_LEAST_MARGIN`` and
    ``_MOST_MARGIN`` of the range.

    Args:
        train: Windows [windows, n] of the series in the training part, in order of time.
        validation: Windows [windows, n] of the series in the validation part.
    """
    margins = []
    for sign in (-1, 1):
        last, following = sign * train[:, -1], sign * validation[:, -1]
        first, both, after = (
            each.max() for each in (last[: (len(last) + 1) // 2], last, following)
        )
        margins.append(max(both - first, after - both))
    lowest, highest = float(train.min()), float(train.max())
    span = highest - lowest
    below, above = np.clip(margins, _LEAST_MARGIN * span, _MOST_MARGIN * span)
    return lowest - float(below), highest + float(above)
