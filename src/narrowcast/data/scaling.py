"""Affine scaling of features, one offset and one scale each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from narrowcast.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """``scaled = (value - offset) / scale``, feature by feature.

    Attributes:
        offset: [features], in each feature's own unit.
        scale: [features], in each feature's own unit, above 0.
    """

    offset: Array
    scale: Array

    def apply(self, values: Array) -> Array:
        """Scale values of shape [..., features]; [windows] will do for a single feature."""
        return (values - self.offset) / self.scale

    def invert(self, scaled: Array) -> Array:
        """Return scaled values of shape [..., features] to their own units."""
        return scaled * self.scale + self.offset


def fit_scaling(
    values: Array, kind: Literal["min-max", "standard"], names: Sequence[str] = ()
) -> Scaling:
    """Fit a scaling to ``values`` of shape [rows, features], NaN being ignored.

    ``min-max`` maps them to [0, 1], ``standard`` to zero mean and unit variance.

    Args:
        values: What the training windows hold, and nothing else.
        kind: Which of the two.
        names: The features' names, for the error message.

    Raises:
        UserError: A feature never changes in ``values``.
    """
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    if constant := np.flatnonzero(low == high).tolist():
        name = repr(names[constant[0]]) if names else f"number {constant[0]}"
        raise UserError(
            f"column {name} has the constant value {low[constant[0]]:g} throughout the training "
            "part: leave it out, or move the split"
        )
    if kind == "min-max":
        return Scaling(low, high - low)
    return Scaling(np.nanmean(values, axis=0), np.nanstd(values, axis=0))
