from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from narrowcast.integer.arithmetic import (
    MULTIPLIER_BITS,
    exponential_entries,
    exponential_step,
    exponential_table,
    integer_range,
    requantisation,
    requantise,
    signed_bits,
)

LIMIT = (1 << (MULTIPLIER_BITS - 1)) - 1
MULTIPLIERS = st.integers(-LIMIT - 1, LIMIT)

FACTORS = st.floats(2.0**-10, 2.0**10) | st.floats(2.0**-10, 2.0**10).map(lambda v: -v)


def round_half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


@given(
    acc=st.integers(-(2**30), 2**30),
    multiplier=MULTIPLIERS,
    shift=st.integers(1, 24),
    r=st.integers(-255, 255),
    residual=MULTIPLIERS,
    up=st.integers(0, 14),
)
def test_requantise_is_exact_rational_rounding(
    acc: int, multiplier: int, shift: int, r: int, residual: int, up: int
) -> None:
    product = acc * multiplier + r * residual * 2**up
    result = requantise(np.array([float(product)]), shift)
    assert int(result[0]) == round_half_up(Fraction(product, 2**shift))


@given(st.integers(1, 12))
def test_requantise_rounds_halves_up(shift: int) -> None:
    half = 1 << (shift - 1)
    products = np.array([half, -half, half - 1, -half - 1], dtype=np.float64)
    result = requantise(products, shift)
    assert result.tolist() == [1, 0, 0, -1]
    assert result is products


@given(st.lists(FACTORS, min_size=1, max_size=8))
def test_multipliers_fit_and_are_precise(factors: list[float]) -> None:
    real = np.array(factors)
    q = requantisation(real)
    assert q.residual is None and q.residual_shift == 0
    check_precision(real, q.multiplier, q.shift)


@given(st.lists(st.tuples(FACTORS, FACTORS), min_size=1, max_size=8))
def test_residual_multipliers_fit_and_are_precise(factors: list[tuple[float, float]]) -> None:
    real, residual = np.array(factors).T
    q = requantisation(real, residual)
    assert q.residual is not None
    assert q.residual_shift >= 0
    check_precision(real, q.multiplier, q.shift)
    # Q raises R to the common shift S, so R itself stands at S - Q
    check_precision(residual, q.residual, q.shift - q.residual_shift, at_most=q.shift)


def check_precision(real: np.ndarray, integers: np.ndarray, shift: int, at_most: int = 24) -> None:
    """Every factor within half a unit, where the unit is as fine as 18 bits allow."""
    assert np.abs(integers).max() <= LIMIT
    for factor, integer in zip(real, integers, strict=True):
        error = abs(Fraction(float(factor)) * Fraction(2) ** shift - int(integer))
        assert error <= Fraction(1, 2)
    if shift < at_most:  # one more bit would not fit
        assert np.abs(np.rint(real * 2.0 ** (shift + 1))).max() > LIMIT
        assert np.abs(integers).max() >= LIMIT // 2


@pytest.mark.parametrize("wrong", [2.0**18, 1e30, np.inf, np.nan])
def test_multipliers_out_of_proportion(wrong: float) -> None:
    with pytest.raises(ValueError, match="multiplier"):
        requantisation(np.array([1.0, wrong]))


def test_a_shift_of_zero_is_refused() -> None:
    assert requantisation(np.array([2.0**15])).shift == 1
    with pytest.raises(ValueError, match="too large"):
        requantisation(np.array([2.0**16]))


@example(-1, 0)
@example(-8, 0)
@given(st.integers(-(2**40), 2**40), st.integers(0, 2**40))
def test_signed_bits_is_minimal(lowest: int, spread: int) -> None:
    highest = lowest + spread
    bits = signed_bits(lowest, highest)
    low, high = integer_range(bits)
    assert low <= lowest and highest <= high
    if bits > 1:
        low, high = integer_range(bits - 1)
        assert lowest < low or high < highest


@given(st.integers(2, 16))
def test_ranges(bits: int) -> None:
    low, high = integer_range(bits)
    assert high - low + 1 == 2**bits and low == -high - 1
    assert integer_range(bits, restricted=True) == (-high, high)
    assert signed_bits(low, high) == bits


@pytest.mark.parametrize("bits", range(2, 9))
def test_exponential_table(bits: int) -> None:
    table = exponential_table(bits)
    full = 2**bits - 1
    assert len(table) == exponential_entries(bits)
    assert table[0] == full
    assert table[-1] == 0
    assert (np.diff(table) <= 0).all()
    index = np.arange(len(table) - 1)
    real = full * np.exp(-index * exponential_step(bits))
    assert np.abs(table[:-1] - real).max() <= 0.5
    # past the end even the unrounded value would be no more than half a unit
    assert full * np.exp(-len(table) * exponential_step(bits)) <= 0.5 + 1e-9
