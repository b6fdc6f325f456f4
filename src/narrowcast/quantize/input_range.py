"""What the integers of the input stand for: the scale of each column, and the range of levels."""

import math

import numpy as np
import torch
from torch import Tensor

from narrowcast.data.scaling import Array
from narrowcast.integer.builder import TensorSpec
from narrowcast.quantize.fake_quantise import ActivationQuantiser

_LARGEST_DIVISOR = 2.0**4  # of a column of the input
# The least and the most that levels unseen in training are allowed for, as fractions of the range.
_LEAST_MARGIN = 0.05
_MOST_MARGIN = 0.25


def balance(
    inputs: Tensor,
    bits: int,
    column: int | None = None,
    levels: tuple[float, float] | None = None,
) -> Tensor:
    """Return powers of two, one per column, by which scaled readings are divided.

    All columns share one scale in integers, so a column with rare peaks would leave the others
    few of them. What a column is divided by, the weights of the embedding are multiplied by; half
    of what the columns' best ranges differ is taken from the readings and given to the weights, as
    in Xiao et al., "SmoothQuant" (2023), section 4, with alpha = 0.5.

    Where a change is forecast, the rounding of the last known value is an error of the forecast.
    There all integers are for the target's column, and the others have to fit in its range.

    Args:
        inputs: scaled windows [windows, n, m].
        bits: of the input tensor.
        column: the target's, where a change is forecast.
        levels: lowest and highest of that column that integers have to cover.
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
    factors.clamp_(1.0 / _LARGEST_DIVISOR, _LARGEST_DIVISOR)  # a column may be all but constant
    return factors


def _ratio(bound: float, limit: float) -> float:
    """Return by what to divide ``bound`` to keep within ``limit``, which is on its side of 0."""
    if bound == 0.0:
        return 0.0
    return min(bound / limit, _LARGEST_DIVISOR) if limit else _LARGEST_DIVISOR


def expected_levels(train: Array, validation: Array) -> tuple[float, float]:
    """Return the range in which a series is expected to keep: lowest and highest.

    That of the training part is widened, on either side, by what the second half of it exceeded the
    first and what the validation part exceeded it, whichever is more: a series that has left the
    levels it was known by will do so again. Each margin is between ``_LEAST_MARGIN`` and
    ``_MOST_MARGIN`` of the range.

    Args:
        train: windows [windows, n] of the series, in order of time.
        validation: those that follow.
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
