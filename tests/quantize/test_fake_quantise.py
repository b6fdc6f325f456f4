import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.config import Scheme
from narrowcast.integer.builder import Role, TensorSpec
from narrowcast.quantize import ActivationQuantiser, QuantisedWeight
from narrowcast.quantize.fake_quantise import fake_quantise

roles = st.sampled_from([Role.FREE, Role.LANES, Role.RELU])
bits = st.integers(2, 8)
schemes = st.sampled_from(["adaptive", "symmetric", "asymmetric"])
seeds = st.integers(0, 1000)


def quantiser_of(role: Role, bits: int, scheme: Scheme = "adaptive") -> ActivationQuantiser:
    return ActivationQuantiser(TensorSpec("x", 1, 1, role), bits, scheme)


def calibrated(
    role: Role, bits: int, x: torch.Tensor, scheme: Scheme = "adaptive"
) -> ActivationQuantiser:
    quantiser = quantiser_of(role, bits, scheme)
    quantiser.calibrate(x)
    return quantiser


@given(roles, bits, schemes, seeds, st.floats(-2, 2), st.floats(0.01, 50))
@settings(max_examples=100)
def test_train_mode_gives_the_dequantised_integers(
    role: Role, bits: int, scheme: Scheme, seed: int, centre: float, spread: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = (torch.randn(500, generator=generator) + centre) * spread
    quantiser = calibrated(role, bits, x, scheme)
    # In float32 and float64, a number amid two integers may go either way.
    ratio = x.double() / float(quantiser.scale.detach())
    clear = ((ratio - ratio.floor()) - 0.5).abs() > 1e-4
    tensor = quantiser.tensor()
    q = tensor.quantise((x.clamp(min=0) if quantiser.relu else x).numpy())
    assert quantiser.lowest <= q.min() and q.max() <= quantiser.high
    expected = torch.from_numpy(tensor.dequantise(q)).float()
    torch.testing.assert_close(quantiser(x)[clear], expected[clear], rtol=1e-5, atol=0)


@given(bits, seeds)
@settings(max_examples=50)
def test_weights_are_restricted_integers(bits: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(6, 9, generator=generator) * torch.logspace(-2, 1, 6)[:, None]
    weights[2] = 0
    quantiser = QuantisedWeight(weights, bits)
    q = quantiser.integers
    assert int(q.abs().max()) <= 2 ** (bits - 1) - 1
    assert bool((q[2] == 0).all())


@pytest.mark.parametrize("zero_point", [0, -3])
@pytest.mark.parametrize("shape", [(4, 50), (200,)])
def test_gradients_are_those_of_lsq(shape: tuple[int, ...], zero_point: int) -> None:
    low, high = -8, 7
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    step = torch.tensor([0.11], requires_grad=True)
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    quantised = fake_quantise(x, step, zero_point, low, high)
    gradients = torch.autograd.grad((quantised * weight).sum(), (x, step))
    ratio = x / step
    rounded = ratio + (ratio.round() - ratio).detach()
    # At a limit itself, the derivative of torch.clamp differs between versions of torch.
    shifted = rounded + zero_point
    clipped = torch.clamp(shifted.detach(), low, high)
    plain = (torch.where(shifted == clipped, shifted, clipped) - zero_point) * step
    torch.testing.assert_close(quantised, plain)
    expected = torch.autograd.grad((plain * weight).sum(), (x, step))
    for got, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_zero_point_is_used_only_where_it_pays() -> None:
    x = torch.linspace(-1, 1, 1001)
    assert int(calibrated(Role.FREE, 8, x).zero_point) == 0
    assert int(calibrated(Role.FREE, 8, x + 1).zero_point) == -128
    assert int(calibrated(Role.LANES, 8, x + 1).zero_point) == 0
    assert calibrated(Role.LANES, 8, x).low == -127
    assert int(calibrated(Role.RELU, 4, x).zero_point) == -8


def test_a_forced_scheme() -> None:
    x = torch.linspace(-0.5, 1.5, 1001)
    assert int(calibrated(Role.FREE, 4, x, "symmetric").zero_point) == 0
    assert int(calibrated(Role.RELU, 4, x, "symmetric").zero_point) == 0
    assert int(calibrated(Role.FREE, 4, x, "asymmetric").zero_point) == -4
    assert int(calibrated(Role.LANES, 4, x, "asymmetric").zero_point) == 0


def test_an_adaptive_scheme_follows_its_tensor_without_flapping() -> None:
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    quantiser = calibrated(Role.FREE, 4, x)
    assert not quantiser.zero_point.any()

    def ratio(shift: float) -> float:
        symmetric, asymmetric = quantiser.ranges(x + shift)
        return asymmetric.error / symmetric.error

    shifts = torch.linspace(0, 3, 61).tolist()
    between = next(s for s in shifts if 0.82 < ratio(s) < 0.88)
    beyond = next(s for s in shifts if ratio(s) < 0.75)
    for shift, shifted in ((between, False), (beyond, True), (between, True), (0.0, False)):
        quantiser.review(x + shift)
        assert bool(quantiser.zero_point.any()) == shifted
    fixed = calibrated(Role.FREE, 4, x, "symmetric")
    fixed.review(x + beyond)
    assert not fixed.zero_point.any()


def test_room_widens_the_range_whatever_the_scheme() -> None:
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    narrow, wide = calibrated(Role.FREE, 8, x), quantiser_of(Role.FREE, 8)
    wide.room = 2.0
    wide.calibrate(x)
    for shift in (0.0, 3.0, 0.0):
        narrow.review(x + shift)
        wide.review(x + shift)
        assert bool(wide.zero_point.any()) == bool(shift)
        assert torch.allclose(wide.scale, 2 * narrow.scale)
        assert int(wide.zero_point) == int(narrow.zero_point)


def test_a_range_that_is_asked_for_is_covered() -> None:
    for scheme, zero in (("symmetric", 0), ("adaptive", -64), ("asymmetric", -64)):
        quantiser = quantiser_of(Role.INPUT, 8, scheme)
        quantiser.cover(-2.0, 6.0)
        assert int(quantiser.zero_point) == zero
        reach = quantiser.tensor().dequantise(np.array([quantiser.low, quantiser.high]))
        assert float(reach[0]) <= -1.95 and float(reach[1]) >= 5.95
    adaptive = quantiser_of(Role.INPUT, 8)
    adaptive.cover(-5.8, 6.0)
    assert not adaptive.zero_point.any()


def test_calibration_beats_the_range_of_the_extremes() -> None:
    x = torch.from_numpy(np.random.default_rng(0).standard_t(4, 20_000)).float()
    quantiser = calibrated(Role.FREE, 4, x)
    whole = quantiser_of(Role.FREE, 4)
    whole.set_range(float(x.min()), float(x.max()))
    error, naive = (float((f(x).detach() - x).square().mean()) for f in (quantiser, whole))
    assert error < 0.5 * naive


def test_degenerate_ranges_stay_finite() -> None:
    for role in (Role.FREE, Role.LANES, Role.RELU):
        quantiser = calibrated(role, 8, torch.zeros(10))
        assert float(quantiser.scale.detach()) > 0
        assert torch.equal(quantiser(torch.zeros(3)), torch.zeros(3))


@pytest.mark.parametrize(
    ("role", "learned", "restricted"),
    [
        (Role.INPUT, True, False),
        (Role.FREE, True, False),
        (Role.RELU, True, False),
        (Role.LANES, True, True),
        (Role.PROBABILITY, False, False),
    ],
)
def test_the_role_settles_what_is_learned(role: Role, learned: bool, restricted: bool) -> None:
    quantiser = quantiser_of(role, 6)
    assert quantiser.log_scale.requires_grad == learned
    assert quantiser.tensor().restricted == restricted
    before = quantiser.tensor()
    quantiser.calibrate(torch.linspace(-3, 5, 100))
    assert (quantiser.tensor() != before) == learned


def test_a_range_that_is_set_is_not_learned() -> None:
    ranges = ActivationQuantiser.set_range, ActivationQuantiser.cover
    for choose in ranges:
        quantiser = quantiser_of(Role.FREE, 6)
        choose(quantiser, -1.0, 2.0)
        before = quantiser.tensor()
        quantiser.calibrate(torch.linspace(-3, 5, 100))
        assert quantiser.tensor() == before
        assert not quantiser.log_scale.requires_grad


def test_scales_of_weights_are_learned_and_their_integers_are_not() -> None:
    draw = torch.Generator().manual_seed(0)
    quantiser = QuantisedWeight(torch.randn(6, 40, generator=draw), 3)
    before = quantiser.integers.clone()
    x = torch.randn(50, 40, generator=draw, requires_grad=True)
    y = quantiser(x)
    expected = x @ (before * quantiser.scale[:, None]).T
    torch.testing.assert_close(y, expected)
    weight = torch.randn(y.shape, generator=draw)
    got = torch.autograd.grad((y * weight).sum(), (x, quantiser.log_scale))
    of_matrix = torch.autograd.grad((expected * weight).sum(), (x, quantiser.log_scale))
    for each, other in zip(got, of_matrix, strict=True):
        torch.testing.assert_close(each, other, rtol=1e-4, atol=1e-4)
    optimiser = torch.optim.AdamW(quantiser.parameters(), lr=0.1)
    quantiser(x).square().sum().backward()
    optimiser.step()
    assert bool((quantiser.log_scale.grad != 0).all())
    assert torch.equal(quantiser.integers, before)
