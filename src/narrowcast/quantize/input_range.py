"""The quantisation of the input: divisors of its columns, and the range of levels to cover."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from narrowcast.data.scaling import Array
from narrowcast.integer.builder import TensorSpec
from narrowcast.quantize.fake_quantise import ActivationQuantiser

_LARGEST_DIVISOR = 2.0**4  # of a column of the input
# Limits of the margin for levels that training has not seen, as fractions of the range.
_LEAST_MARGIN = 0.05
_MOST_MARGIN = 0.25


Levels = Sequence[tuple[float, float]]
"""The lowest and the highest level of each column of some, in scaled units."""


def balance(
    inputs: Tensor,
    bits: int,
    columns: tuple[int, ...] = (),
    levels: Levels = (),
    alike: int = 0,
) -> Tensor:
    """Return powers of two, one per column, by which scaled readings are divided.

    All columns share one scale in integers, so a column with rare peaks would leave few integers
    for the others. The divisor of a column becomes a factor of the embedding's weights. It is the
    square root of the column's best scale relative to the median, as in Xiao et al., "SmoothQuant"
    (2023), section 4, with alpha = 0.5: readings and weights share the loss of precision.

    If the model forecasts changes, the rounding error of a last known value is an error of the
    forecast. Then the integers cover exactly the targets' columns, and the divisors of the other
    columns are at least so large that they fit in that range.

    Args:
        inputs: Scaled windows [windows, n, m].
        bits: Width of the input tensor.
        columns: Columns of the targets if the model forecasts changes, else none.
        levels: Lowest and highest level of each of these columns to cover.
        alike: Number of the first columns that are not divided, because one column of the
            embedding's weights is for all of them: series, each of which is a token.
    """
    quantiser = ActivationQuantiser(TensorSpec("column", 1, 1), bits, "symmetric")
    ranges = torch.cat([quantiser.ranges(column)[0].scale for column in inputs.unbind(-1)])
    factors: Tensor = 2.0 ** torch.round(0.5 * torch.log2(ranges / ranges.median()))
    factors[:alike] = 1.0
    if columns:
        lowest, highest = covered(factors, columns, levels)
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
        for i in set(range(alike, len(factors))) - set(columns):
            below, above = quantiser.ranges(inputs[..., i])[1].bounds(bits)
            excess = max(_ratio(below, lowest), _ratio(above, highest))
            if excess > float(factors[i]):
                factors[i] = 2.0 ** math.ceil(math.log2(excess))
    factors.clamp_(1.0 / _LARGEST_DIVISOR, _LARGEST_DIVISOR)  # for almost constant columns
    return factors


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
