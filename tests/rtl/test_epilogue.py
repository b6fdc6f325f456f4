"""The epilogue against the arithmetic contract of docs/integer-model.md, in whole numbers."""

import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import pytest
from bench import Bench, Numbers, either

from narrowcast.compile.timing import VALUE_TO_RESULT

STAGES = VALUE_TO_RESULT - 1  # clocks from a sum to its result
PARAMETERS = 2  # ... to its bias, M, R and residual operand
WIDTHS = {
    "SUM_BITS": 24,
    "BIAS_BITS": 22,
    "BIASED_BITS": 25,
    "M_BITS": 18,
    "RESIDUAL_BITS": 8,
    "TOTAL_BITS": 46,
    "SHIFT_LOW": 3,
    "SHIFT_HIGH": 24,
    "UP_LOW": 0,
    "UP_HIGH": 12,
    "Y_BITS": 8,
}
LOWEST, HIGHEST = -128, 127


@dataclass(frozen=True)
class Step:
    """The fields of a step that concern the epilogue, as the bench reads them."""

    has_bias: int = 0
    has_residual: int = 0
    residual_zero: int = 0
    residual_shift: int = 0
    shift: int = 8
    zero: int = 0
    low: int = LOWEST
    high: int = HIGHEST


@dataclass(frozen=True)
class Sum:
    """What enters the epilogue for one result."""

    step: int
    acc: int
    m: int
    borrow: int = 0
    bias: int = 0
    r: int = 0
    residual: int = 0
    valid: int = 1

    def total(self, step: Step) -> int:
        """Everything up to the shift."""
        biased = self.acc + self.borrow + (self.bias if step.has_bias else 0)
        rest = self.residual - step.residual_zero if step.has_residual else 0
        return biased * self.m + (rest * self.r << step.residual_shift)

    def result(self, step: Step) -> int:
        rounded = (self.total(step) + (1 << (step.shift - 1))) >> step.shift
        return min(max(step.zero + rounded, step.low), step.high)


def idle(noise: random.Random, steps: int) -> Sum:
    """Whatever stands at the inputs while nothing comes."""
    bias = either(noise, WIDTHS["BIAS_BITS"])
    return Sum(
        noise.randrange(steps),
        *(either(noise, WIDTHS["SUM_BITS"]), either(noise, WIDTHS["M_BITS"])),
        *(noise.randint(0, 1), bias, either(noise, WIDTHS["M_BITS"])),
        *(either(noise, WIDTHS["RESIDUAL_BITS"]), 0),
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("epilogue"), "epilogue")


def simulate(
    bench: Bench,
    steps: Sequence[Step],
    sums: Sequence[Sum],
    resets: Sequence[int] = (),
    **cuts: int,
) -> list[Numbers]:
    """Apply a sum a clock, with its number as the tag; return the outputs STAGES clocks later.

    Args:
        bench: the epilogue's.
        steps: the program.
        sums: by clock, all of them from the third clock on; before it comes a reset.
        resets: positions in ``sums`` where a reset comes, too.
        cuts: of the products' operands; none by default.
    """
    noise = random.Random(len(sums))
    start = [idle(noise, len(steps)) for _ in range(2)]
    every = [*start, *sums, *(idle(noise, len(steps)) for _ in range(STAGES))]
    late = [*start, *every]
    clocks = []
    for k, (now, before) in enumerate(zip(every, late, strict=False)):
        reset = int(k < 2 or k - 2 in resets)
        head = (reset, now.valid, now.acc, now.borrow, now.step, (k - 2) % 128)
        clocks.append((*head, before.bias, before.m, before.r, before.residual))
    assert len(late) == len(every) + PARAMETERS
    program = "".join(" ".join(map(str, astuple(step))) + "\n" for step in steps)
    generics = {"STEPS": len(steps), **WIDTHS, "BIASED_CUT": 0, "M_CUT": 0, **cuts}
    out = bench.run(clocks, {"program.txt": program}, **generics)
    return out[2 + STAGES :]


def check(bench: Bench, steps: Sequence[Step], sums: Sequence[Sum], **cuts: int) -> list[int]:
    """Every result, its step and its tag are as they have to be; return the results."""
    out = simulate(bench, steps, sums, **cuts)
    expected = [each.result(steps[each.step]) for each in sums]
    for k, (each, found) in enumerate(zip(sums, out, strict=True)):
        if each.valid:
            assert found == [1, expected[k], each.step, k % 128], (k, each, steps[each.step])
        else:
            assert found[0] == 0, k
    return [y for y, each in zip(expected, sums, strict=True) if each.valid]


def test_halves_are_rounded_upwards(bench: Bench) -> None:
    """With M = 2^(S-1) every odd sum lies half-way between two results."""
    shifts = range(WIDTHS["SHIFT_LOW"], WIDTHS["M_BITS"])
    steps = [Step(shift=shift) for shift in shifts]
    accs = [-201, -199, -7, -5, -3, -1, 1, 3, 5, 7, 199, 201]
    sums = [Sum(i, acc, 1 << (step.shift - 1)) for i, step in enumerate(steps) for acc in accs]
    results = check(bench, steps, sums)
    assert results == [(acc + 1) // 2 for _ in steps for acc in accs]


def test_numbers_next_to_halves(bench: Bench) -> None:
    steps = [Step(shift=shift) for shift in range(WIDTHS["SHIFT_LOW"], 19)]
    near = [(y, off) for y in (-9, -1, 0, 1, 9) for off in (-1, 0, 1)]
    sums = [
        Sum(i, (y << step.shift) + (1 << (step.shift - 1)) + off, 1)
        for i, step in enumerate(steps)
        for y, off in near
    ]
    assert check(bench, steps, sums) == [y + (off >= 0) for _ in steps for y, off in near]


def test_what_lies_far_beyond_the_limits_is_clamped(bench: Bench) -> None:
    """Numbers that are within the limits once their upper bits are cut off."""
    limits = [(LOWEST, HIGHEST), (0, HIGHEST), (-5, 5)]
    steps = [Step(shift=8, low=low, high=high) for low, high in limits]
    sums = [
        Sum(i, sign * (wrap << 8) + rest, 1 << 8)
        for i in range(len(steps))
        for wrap in (*range(1, 40), *(1 << bit for bit in range(6, 15)))
        for sign in (-1, 1)
        for rest in (-3, 0, 3)
    ]
    results = check(bench, steps, sums)
    assert set(results[: len(results) // 3]) == {LOWEST, HIGHEST}
    assert all(y in limits[each.step] for y, each in zip(results, sums, strict=True))


@pytest.mark.parametrize("zero", [-128, -127, -20, 0, 55, 127])
def test_every_limit_about_a_zero_point(bench: Bench, zero: int) -> None:
    """A ReLU's lowest result is its zero point, which may lie above the lowest integer."""
    steps = [
        Step(shift=4, zero=zero, low=zero),
        Step(shift=4, zero=zero),
        Step(shift=4, zero=zero, low=min(zero, -3), high=max(zero, 90)),
    ]
    sums = [Sum(i, acc, 16) for i in range(len(steps)) for acc in range(-260, 261)]
    results = check(bench, steps, sums)
    assert set(results[: len(sums) // 3]) == set(range(zero, HIGHEST + 1))
    assert set(results[len(sums) // 3 : 2 * len(sums) // 3]) == set(range(LOWEST, HIGHEST + 1))


def drawn_step(noise: random.Random) -> Step:
    low, high = sorted(noise.sample(range(LOWEST, HIGHEST + 1), 2))
    return Step(
        *(noise.randint(0, 1), noise.randint(0, 1)),
        noise.randint(LOWEST, HIGHEST),
        noise.randint(WIDTHS["UP_LOW"], WIDTHS["UP_HIGH"]),
        noise.randint(WIDTHS["SHIFT_LOW"], WIDTHS["SHIFT_HIGH"]),
        noise.randint(low, high),
        *(low, high),
    )


def drawn_sum(noise: random.Random, steps: Sequence[Step]) -> Sum:
    """A sum whose result is near the limits or between them if M allows it."""
    index = noise.randrange(len(steps))
    step = steps[index]
    m = either(noise, WIDTHS["M_BITS"]) or 1
    r = either(noise, WIDTHS["M_BITS"]) >> noise.randrange(18)
    bias = either(noise, WIDTHS["BIAS_BITS"]) >> noise.randrange(20)
    residual = either(noise, WIDTHS["RESIDUAL_BITS"])
    rest = Sum(index, 0, m, noise.randint(0, 1), bias, r, residual)
    target = noise.randint(step.low - step.zero - 9, step.high - step.zero + 9) << step.shift
    most = (1 << (WIDTHS["SUM_BITS"] - 1)) - 2
    acc = (target - rest.total(step)) // m + noise.randint(-2, 2)
    return replace(rest, acc=min(max(acc, -most), most))


@pytest.mark.parametrize(("biased_cut", "m_cut"), [(0, 0), (17, 0), (0, 15), (1, 0), (24, 0)])
@pytest.mark.parametrize("seed", range(4))
def test_drawn_numbers_with_gaps(bench: Bench, seed: int, biased_cut: int, m_cut: int) -> None:
    noise = random.Random(seed)
    steps = [drawn_step(noise) for _ in range(13)]
    sums = []
    while len(sums) < 2500:
        for _ in range(noise.randint(1, 20)):
            sums.append(drawn_sum(noise, steps))
        for _ in range(noise.choice((0, 0, 1, 2, 15))):
            sums.append(idle(noise, len(steps)))
    results = check(bench, steps, sums, BIASED_CUT=biased_cut, M_CUT=m_cut)
    came = [steps[each.step] for each in sums if each.valid]
    inside = [step.low < y < step.high for step, y in zip(came, results, strict=True)]
    assert 0.3 < sum(inside) / len(inside) < 0.9


@pytest.mark.parametrize("gaps", [False, True])
def test_a_reset_drops_what_is_in_flight(bench: Bench, gaps: bool) -> None:
    steps = [Step()]
    sums = [Sum(0, k, 256, valid=int(not gaps or k % 3 != 1)) for k in range(90)]
    resets = (0, 20, 21, 50)
    out = simulate(bench, steps, sums, resets)
    for k, (each, found) in enumerate(zip(sums, out, strict=True)):
        dropped = any(k <= reset < k + STAGES for reset in resets)
        assert found[0] == int(each.valid and not dropped), k
        if found[0]:
            assert found[1] == k
