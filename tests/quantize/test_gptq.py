"""Tests of the rounding that suits what a matrix reads."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from narrowcast.quantize.fake_quantise import QuantisedWeight
from narrowcast.quantize.gptq import rounded


def _errors(change: Tensor, read: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    """Return the mean square change of each result."""
    return (read @ change.T + bias).square().mean(dim=0)


def _given(seed: int, rows: int, inner: int) -> tuple[Tensor, Tensor]:
    """Return a matrix, and what it reads: columns that tell of each other, not around 0."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, inner, generator=generator)
    mixed = torch.randn(3, inner, generator=generator)
    read = torch.randn(500, 3, generator=generator) @ mixed
    read += 0.3 * torch.randn(500, inner, generator=generator)
    return weight, read + torch.randn(inner, generator=generator)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 12), st.integers(2, 8))
def test_a_rounding_is_of_restricted_integers_with_the_best_scales_and_no_mean(
    seed: int, rows: int, inner: int, bits: int
) -> None:
    weight, read = _given(seed, rows, inner)
    quantiser = QuantisedWeight(weight, bits)
    bias = quantiser.calibrate(weight, read)
    assert quantiser.integers.abs().max() <= quantiser.high
    change = quantiser.integers * quantiser.scale.detach()[:, None] - weight
    for scales in (0.6, 1.0, 1.4):  # no other scale that is tried has less error
        largest = weight.abs().amax(dim=1) / quantiser.high
        other = rounded(weight, read, (scales * largest)[None], quantiser.high)
        difference = other.integers * other.scale[:, None] - weight
        least = _errors(change, read, bias)
        assert bool((least <= 1.01 * _errors(difference, read, other.bias) + 1e-6).all())
    offsets = (read @ change.T + bias).mean(dim=0)
    assert torch.allclose(offsets, torch.zeros(rows), atol=1e-4)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_results_change_less_than_with_the_nearest_integers(bits: int) -> None:
    weight, read = _given(1, 32, 24)
    quantiser = QuantisedWeight(weight, bits)
    exact = read @ weight.T
    nearest = (quantiser(read).detach() - exact).var(dim=0)
    bias = quantiser.calibrate(weight, read)
    found = (quantiser(read).detach() + bias - exact).square().mean(dim=0)
    assert found.sum() < 0.1 * nearest.sum()


def test_a_column_makes_up_for_one_that_is_alike() -> None:
    read = torch.linspace(-1, 1, 100)[:, None].expand(-1, 2)
    found = rounded(torch.tensor([[1.4, 1.4]]), read, torch.ones(1, 1), 3)
    assert sorted(found.integers[0].tolist()) == [1, 2]


def test_of_the_scales_that_with_the_least_error_is_chosen() -> None:
    read = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    scales = torch.tensor([[1.0, 1.0], [0.5, 0.5], [0.7, 0.7]])
    found = rounded(torch.tensor([[1.5, 1.0], [0.7, 2.1]]), read, scales, 3)
    assert found.scale.tolist() == pytest.approx([0.5, 0.7])


@pytest.mark.parametrize("value", [0.0, 1.0, -40.0])
def test_the_bias_makes_up_for_a_column_that_is_always_the_same(value: float) -> None:
    read = torch.stack([torch.full((50,), value), torch.linspace(-1, 1, 50)], dim=1)
    found = rounded(torch.tensor([[2.2, 1.3]]), read, torch.ones(1, 1), 3)
    assert found.integers[0].tolist() == [2, 1]
    assert float(found.bias) == pytest.approx(0.2 * value)


def test_of_a_large_sample_a_part_is_enough() -> None:
    weight, read = _given(2, 8, 12)
    many = read.repeat(200, 1)
    quantiser = QuantisedWeight(weight, 4)
    few, found = (rounded(weight, x, quantiser.scale[None], 7) for x in (read, many))
    changes = [each.integers * each.scale[:, None] - weight for each in (few, found)]
    few_error, error = (_errors(change, read - read.mean(dim=0)).sum() for change in changes)
    assert float((error / few_error).detach()) == pytest.approx(1, abs=0.1)
