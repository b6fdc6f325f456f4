"""Compiled loops of fake quantisation. As operations of torch, they take a third of a training."""

import numpy as np
from numpy.typing import NDArray

from narrowcast.jit import compiled_once

Values = NDArray[np.float32]

# Sums may be in any order; NaN and infinity remain what they are, and come of a scale of 0.
_compiled = compiled_once(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


@_compiled
def quantise(
    x: Values, scale: Values, low: np.float32, high: np.float32, ratio: Values, y: Values
) -> None:
    """Write ``ratio = x / s`` and ``y = s * clamp(round(ratio), low, high)``.

    Args:
        x: Numbers [rows, columns].
        scale: A scale s for each row, or one for all.
        low: Lowest integer minus the zero point.
        high: Highest integer minus the zero point.
        ratio: Array for the ratios [rows, columns].
        y: Array for the quantised numbers [rows, columns].
    """
    by_row = len(scale) > 1
    for i in range(x.shape[0]):
        step = scale[i] if by_row else scale[0]
        for j in range(x.shape[1]):
            ratio[i, j] = x[i, j] / step
            integer = np.rint(ratio[i, j])
            integer = low if integer < low else integer
            y[i, j] = step * (high if integer > high else integer)


@_compiled
def gradients(
    outer: Values, ratio: Values, low: np.float32, high: np.float32, inner: Values, scale: Values
) -> None:
    """Write the gradients of what ``quantise`` reads, given that of ``y``.

    Args:
        outer: Gradient of ``y`` [rows, columns].
        ratio: ``x / s`` [rows, columns].
        low: Lowest integer minus the zero point.
        high: Highest integer minus the zero point.
        inner: Array for the gradient of ``x`` [rows, columns].
        scale: Array for the sums of the gradient of s over each row [rows].
    """
    half = np.float32(0.5)
    for i in range(outer.shape[0]):
        total = np.float32(0.0)
        for j in range(outer.shape[1]):
            value, gradient = ratio[i, j], outer[i, j]
            integer = np.rint(value)
            integer = low if integer < low else integer
            integer = high if integer > high else integer
            passed = gradient if low - half < value < high + half else np.float32(0.0)
            inner[i, j] = passed
            total += gradient * integer - passed * value
        scale[i] = total
