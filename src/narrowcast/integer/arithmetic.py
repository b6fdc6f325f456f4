"""The arithmetic contract, which the executor, training and the RTL share.

All integers are two's complement. See ``docs/integer-model.md`` for the contract in prose.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

MULTIPLIER_BITS = 18  # one DSP48E1 port: signed 18 bits
MAX_SHIFT = 24  # more precision than any multiplier needs, and a narrow range of shifts in hardware
EXPONENTIAL_ENTRIES_PER_LEVEL = 4


@dataclass(frozen=True)
class Requantisation:
    """Integer stand-in for ``y = acc * multiplier + r * residual``; see :func:`requantise`.

    Attributes:
        multiplier: M, signed, at most 18 bits, one per output channel.
        shift: S, one per step.
        residual: R, signed, at most 18 bits, one per output channel; None without a residual.
        residual_shift: Q, one per step.
    """

    multiplier: Integers
    shift: int
    residual: Integers | None
    residual_shift: int


def integer_range(bits: int, *, restricted: bool = False) -> tuple[int, int]:
    """Return the lowest and highest integer of a width; ``restricted`` leaves out the lowest."""
    return -(1 << (bits - 1)) + int(restricted), (1 << (bits - 1)) - 1


def signed_bits(lowest: int, highest: int) -> int:
    """Return the least width of a two's complement number that holds both bounds."""
    return max(max(highest, 0).bit_length(), max(-lowest - 1, 0).bit_length()) + 1


def _largest_shift(values: Reals) -> int:
    """Return the largest shift for which every round(value * 2^shift) fits the multiplier."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest):
        raise ValueError("a multiplier is not finite")
    limit = (1 << (MULTIPLIER_BITS - 1)) - 1
    shift = MAX_SHIFT
    while shift > -MAX_SHIFT and round(largest * 2.0**shift) > limit:
        shift -= 1
    return shift


def requantisation(multiplier: Reals, residual: Reals | None = None) -> Requantisation:
    """Turn real multipliers into integers; the only place where scales become M, S, R and Q.

    Args:
        multiplier: real factors of the accumulator, shape [channels].
        residual: real factors of the residual operand, shape [channels], or None.

    Raises:
        ValueError: a factor is too large for the arithmetic (or not finite).
    """
    shift = _largest_shift(multiplier)
    if shift < 1:
        raise ValueError("a multiplier is too large: an output scale is out of proportion")
    m = np.rint(multiplier * 2.0**shift).astype(np.int64)
    if residual is None:
        return Requantisation(m, shift, None, 0)
    residual_shift = max(0, shift - _largest_shift(residual))
    r = np.rint(residual * 2.0 ** (shift - residual_shift)).astype(np.int64)
    return Requantisation(m, shift, r, residual_shift)


def requantise(product: Reals, shift: int) -> Reals:
    """Return ``(product + 2^(S-1)) >> S``, not yet clamped, in place of ``product``.

    Args:
        product: Integers in float64: ``(acc + bias) * M + ((r - z_r) * R << Q)``.
        shift: S >= 1; the shift is arithmetic, so halves are rounded upwards.
    """
    product += 2.0 ** (shift - 1)
    product *= 2.0**-shift
    return np.floor(product, out=product)


def exponential_step(bits: int) -> float:
    """Return the natural-log distance between entries of the exponential table."""
    largest = (1 << bits) - 1
    return float(np.log(2.0 * largest)) / exponential_entries(bits)


def exponential_entries(bits: int) -> int:
    """Return the number of entries of the exponential table for probabilities of ``bits``."""
    return EXPONENTIAL_ENTRIES_PER_LEVEL << bits


def exponential_table(bits: int) -> Integers:
    """Return ``e[i] = round(exp(-i * step) * (2^bits - 1))``, int64, unsigned values.

    Entry 0 is full scale; the last entries are 1 or 0, so an index clamped to the table's end
    is right for any larger distance.
    """
    index = np.arange(exponential_entries(bits), dtype=np.float64)
    values = np.exp(-index * exponential_step(bits)) * ((1 << bits) - 1)
    table: Integers = np.rint(values).astype(np.int64)
    table[-1] = 0
    return table
