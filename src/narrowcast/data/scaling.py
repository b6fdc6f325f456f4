"""Affine scaling of features, with one offset and one scale per feature."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from narrowcast.errors import UserError

Array = NDArray[np.float64]

FARTHEST = 1e12
"""Scales from an offset; the products of an attention overflow in float32 from 1e18 on."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """``scaled = (value - offset) / scale``, feature by feature.

    Attributes:
        offset: Offsets [features], in each feature's own unit.
        scale: Scales [features], in each feature's own unit, above 0.
    """

    offset: Array
    scale: Array

    def repeated(self, times: int) -> "Scaling":
        """Return the scaling of so many copies of each feature, one after the other."""
        return Scaling(*(np.repeat(each, times) for each in (self.offset, self.scale)))

    def split(self, parts: int) -> list["Scaling"]:
        """Return the scalings of so many successive parts of equal size."""
        both = (np.split(each, parts) for each in (self.offset, self.scale))
        return [Scaling(*each) for each in zip(*both, strict=True)]

    def apply(self, values: Array) -> Array:
        """Scale values of shape [..., features]; for a single feature [windows] is allowed, too."""
        return (values - self.offset) / self.scale

    def invert(self, scaled: Array) -> Array:
        """Convert scaled values of shape [..., features] back to their own units."""
        return scaled * self.scale + self.offset


def fit_scaling(
    values: Array, kind: Literal["min-max", "standard"], names: Sequence[str] = ()
) -> Scaling:
    """Fit a scaling to ``values`` of shape [rows, features]; NaN is ignored.

    ``min-max`` maps them to [0, 1], ``standard`` to zero mean and unit variance.

    Args:
        values: Values of the training windows only.
        kind: Type of scaling.
        names: Names of the features, for the error message.

    Raises:
        UserError: A feature is constant in ``values``.
    """
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    _refuse_constant(low, high, names)
    with np.errstate(over="ignore", invalid="ignore"):  # see refuse_far
        if kind == "min-max":
            return Scaling(low, high - low)
        return Scaling(np.nanmean(values, axis=0), np.nanstd(values, axis=0))


def fit_scaling_in_chunks(
    chunks: Callable[[], Iterable[Array]],
    kind: Literal["min-max", "standard"],
    names: Sequence[str],
) -> Scaling:
    """Do the same for values that are not all in memory at once, without NaN.

    Args:
        chunks: Returns the values, some rows at a time; it is called up to three times.
        kind: As for :func:`fit_scaling`.
        names: Likewise.

    Raises:
        UserError: A feature is constant.
    """
    ends = [(x.min(axis=0), x.max(axis=0)) for x in chunks()]
    low, high = np.min([a for a, _ in ends], axis=0), np.max([b for _, b in ends], axis=0)
    _refuse_constant(low, high, names)
    with np.errstate(over="ignore", invalid="ignore"):
        if kind == "min-max":
            return Scaling(low, high - low)
        rows = sum(len(x) for x in chunks())
        mean = np.sum([x.sum(axis=0) for x in chunks()], axis=0) / rows
        square = np.sum([((x - mean) ** 2).sum(axis=0) for x in chunks()], axis=0) / rows
        return Scaling(mean, np.sqrt(square))


def _refuse_constant(low: Array, high: Array, names: Sequence[str]) -> None:
    """Refuse features whose least and greatest value are the same."""
    if constant := np.flatnonzero(low == high).tolist():
        name = repr(names[constant[0]]) if names else f"number {constant[0]}"
        raise UserError(
            f"column {name} has the constant value {low[constant[0]]:g} throughout the training "
            "part: leave it out, or move the split"
        )


def refuse_far(
    values: Array, scaling: Scaling, names: Sequence[str], number: Callable[[int], str]
) -> None:
    """Reject values that are so large, once scaled, that forecasts would overflow.

    Args:
        values: Values [rows, features] of a whole table; NaN is ignored.
        scaling: Scaling that was fitted on the training part.
        names: Names of the features.
        number: Returns the number of a row for messages.

    Raises:
        UserError: The message names the column and the row.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        far = ~np.isfinite(scaling.scale) | (np.abs(scaling.apply(values)) > FARTHEST).any(axis=0)
    for column in np.flatnonzero(far).tolist():
        row = int(np.nanargmax(np.abs(values[:, column])))
        raise UserError(
            f"column {names[column]!r} has {values[row, column]:g} in row {number(row)}, too far "
            "from the other readings to be scaled: correct it, or name it in data.missing_values"
        )
