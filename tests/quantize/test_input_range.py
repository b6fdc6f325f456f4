"""The scales of the input's columns, and the levels that its integers cover."""

import numpy as np
import pytest
import torch

from narrowcast.integer.builder import Role, TensorSpec
from narrowcast.quantize import ActivationQuantiser
from narrowcast.quantize.input_range import balance, covered, expected_levels


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


def test_columns_fit_beside_a_target_on_one_side_of_0() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal((2, 0), (0.2, 1), (400, 5, 2)))
    factors = balance(x, 8, (0,), [(1.0, 3.0)])
    model = ActivationQuantiser(TensorSpec("input", 5, 2, Role.INPUT), 8)
    model.cover(1.0 / float(factors[0]), 3.0 / float(factors[0]))
    assert float(factors[1]) == 16  # nothing below 0 is left
    assert float(balance(x, 8, (0,), [(-1e-3, 3.0)])[1]) == 16


def test_a_column_fits_beside_several_targets() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal((0, 4, 0), (1, 0.5, 9), (400, 5, 3)))
    levels = [(-4.0, 4.0), (2.0, 6.0)]
    factors = balance(x, 8, (0, 1), levels)
    lowest, highest = covered(factors, (0, 1), levels)
    assert lowest == -4.0 / float(factors[0])
    assert highest == max(4.0 / float(factors[0]), 6.0 / float(factors[1]))
    inside = (x / factors >= lowest) & (x / factors <= highest)
    assert float(inside.double().mean()) > 0.98
    alone = balance(x, 8, (1,), levels[1:])
    assert float(alone[0]) == 16  # nothing below 0 is left


def test_a_column_that_is_all_but_constant_is_not_blown_up() -> None:
    x = torch.randn(400, 5, 3)
    x[..., 1] = 1e-6
    assert balance(x, 8).tolist() == [1, 1 / 16, 1]
