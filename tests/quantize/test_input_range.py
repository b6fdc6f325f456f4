"""The scales of the input's columns, and the levels that its integers cover."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.integer.builder import Role, TensorSpec
from narrowcast.quantize import ActivationQuantiser, QuantisedWeight
from narrowcast.quantize.input_range import Reader, balance, covered, expected_levels


def test_levels_are_expected_beyond_those_seen_where_a_series_drifts() -> None:
    steady = np.tile([0.0, 10.0], 50)[:, None]
    lowest, highest = expected_levels(steady, steady)
    assert (lowest, highest) == pytest.approx((-0.5, 10.5))
    rising = np.concatenate([steady, steady + 1])
    assert expected_levels(rising, rising) == pytest.approx((-0.55, 12.0))
    assert expected_levels(steady, steady - 2) == pytest.approx((-2.0, 10.5))
    assert expected_levels(steady, steady - 90) == pytest.approx((-2.5, 10.5))
    # Rows that are never a window's last one count for the range, not for the drift.
    before = np.concatenate([np.where(steady == 0, -10.0, 10.0), steady], axis=1)
    assert expected_levels(before, steady) == pytest.approx((-11.0, 11.0))


def balanced(
    x: torch.Tensor,
    bits: int,
    weights: list[float],
    columns: tuple[int, ...] = (),
    levels: Sequence[tuple[float, float]] = (),
    *,
    weight_bits: int = 8,
) -> list[float]:
    """Balance the columns of a matrix of one row, whose kernel has three equal rows."""
    each = torch.tensor([weights * 3, [0.0] * 3 * len(weights)])
    reader = Reader(each, weight_bits, torch.arange(len(weights)).repeat(3))
    factors: list[float] = balance(x, bits, [reader], columns, levels).tolist()
    return factors


def test_columns_fit_beside_a_target_on_one_side_of_0() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal((2, 0), (0.2, 1), (400, 5, 2)))
    factors = balanced(x, 8, [1, 1], (0,), [(1.0, 3.0)])
    assert factors[1] == 16  # nothing below 0 is left
    assert balanced(x, 8, [1, 1], (0,), [(-1e-3, 3.0)])[1] == 16


def test_a_column_fits_beside_several_targets() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal((0, 4, 0), (1, 0.5, 9), (400, 5, 3)))
    levels = [(-4.0, 4.0), (2.0, 6.0)]
    factors = torch.tensor(balanced(x, 8, [1, 1, 1], (0, 1), levels))
    lowest, highest = covered(factors, (0, 1), levels)
    assert (lowest, highest) == (-4.0, 6.0)
    inside = (x / factors >= lowest) & (x / factors <= highest)
    assert float(inside.double().mean()) > 0.98
    alone = balanced(x, 8, [1, 1, 1], (1,), levels[1:])
    assert alone[0] == 16  # nothing below 0 is left


def test_small_weights_get_large_divisors_where_the_input_is_wide() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (400, 5, 4)))
    weights = [1.0, -0.25, 1 / 16, 1.0]
    first, second, third, last = balanced(x, 10, weights, weight_bits=4)
    assert first == last < second < third
    scaled = [100 * each for each in weights]  # all weights of a row share a scale
    assert balanced(x, 10, scaled, weight_bits=4) == [first, second, third, last]
    narrow = balanced(x, 4, weights, weight_bits=8)
    assert narrow[2] / narrow[0] < third / first
    # What is relative is not divided: the integers cover exactly this column.
    for i in range(4):
        assert balanced(x, 10, weights, (i,), [(-4.0, 4.0)], weight_bits=4)[i] == 1


def test_a_column_with_peaks_leaves_integers_to_the_others() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (400, 5, 2)))
    x[200, :, 0] = 300.0
    x /= x.std(dim=(0, 1))
    first, second = balanced(x, 8, [1.0, 1.0])
    assert first > second
    assert balanced(x, 16, [1.0, 1.0], weight_bits=3) == [1, 1]  # there are enough


def distances(x: torch.Tensor, weight: torch.Tensor, bits: int) -> list[float]:
    """Return how far results are with rounded readings and weights, without and with divisors."""
    columns = torch.arange(x.shape[-1])
    found = []
    for factors in (torch.ones(len(columns)), balance(x, 10, [Reader(weight, bits, columns)])):
        divided, scaled = x / factors, weight * factors
        quantiser = ActivationQuantiser(TensorSpec("input", 4, 6, Role.INPUT), 10, "symmetric")
        quantiser.set_range(float(divided.min()), float(divided.max()))
        difference = QuantisedWeight(scaled, bits)(quantiser(divided)) - x @ weight.T
        found.append(float(difference.detach().square().mean()))
    return found


def test_results_of_unequal_columns_are_nearer_with_divisors() -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(500, 4, 6, generator=draw)
    sizes = torch.tensor([1, 1, 1 / 4, 1 / 8, 1 / 16, 1 / 16])
    without, divided = distances(x, sizes * torch.randn(64, 6, generator=draw), 3)
    assert divided < 0.8 * without


@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(3, 8))
@settings(max_examples=40)
def test_divisors_do_no_harm(seed: int, bits: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(500, 4, 6, generator=draw)
    sizes = 2.0 ** -(6 * torch.rand(6, generator=draw))
    without, divided = distances(x, sizes * torch.randn(64, 6, generator=draw), bits)
    assert divided < 1.15 * without


def test_levels_far_from_0_have_a_coarse_step() -> None:
    """The range of the integers begins at 0, so columns beside it get smaller divisors."""
    x = torch.from_numpy(np.abs(np.random.default_rng(0).normal(0, 1, (400, 5, 2))))
    near, far = (balanced(x, 10, [1, 0.1], (0,), [each])[1] for each in ((0.0, 8.0), (96.0, 104.0)))
    assert far < near


def test_a_column_that_is_all_but_constant_is_not_blown_up() -> None:
    x = torch.randn(400, 5, 3)
    x[..., 1] = 1e-6
    first, constant, last = balanced(x, 8, [1, 1, 1])
    assert first == last > 8 * constant
