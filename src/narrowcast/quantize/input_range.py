"""The quantisation of the input: divisors of its columns, and the range of levels to cover."""

import math

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


def balance(
    inputs: Tensor,
    bits: int,
    column: int | None = None,
    levels: tuple[float, float] | None = None,
) -> Tensor:
    """Return powers of two, one per column, by which scaled readings are divided.

    All columns share one scale in integers, so a column with rare peaks would leave few integers
    for the others. The divisor of a column becomes a factor of the embedding's weights. It is the
    square root of the column's best scale relative to the median, as in Xiao et al., "SmoothQuant"
    (2023), section 4, with alpha = 0.5: readings and weights share the loss of precision.

    If the model forecasts a change, the rounding error of the last known value is an error of the
    forecast. Then the integers cover exactly the target's column, and the divisors of the other
    columns are at least so large that they fit in that range.

    Args:
        inputs: Scaled windows [windows, n, m].
        bits: Width of the input tensor.
        column: Column of the target if the model forecasts a change, else None.
        levels: Lowest and highest level of that column to cover.
    """
    quantiser = ActivationQuantiser(TensorSpec("column", 1, 1), bits, "symmetric")
    ranges = torch.cat([quantiser.ranges(column)[0].scale for column in inputs.unbind(-1)])
    factors: Tensor = 2.0 ** torch.round(0.5 * torch.log2(ranges / ranges.median()))
    if column is not None and levels is not None:
        bounds = (min(levels[0], 0.0), max(levels[1], 0.0))
        lowest, highest = (bound / float(factors[column]) for bound in bounds)
        for i in set(range(len(factors))) - {column}:
            below, above = quantiser.ranges(inputs[..., i])[1].bounds(bits)
            excess = max(_ratio(below, lowest), _ratio(above, highest))
            if excess > float(factors[i]):
                factors[i] = 2.0 ** math.ceil(math.log2(excess))
    factors.clamp_(1.0 / _LARGEST_DIVISOR, _LARGEST_DIVISOR)  # for almost constant columns
    return factors


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
