from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_checker import ScheduleChecker

from narrowcast.compile import compile_model
from narrowcast.compile.program import schedule
from narrowcast.device import load_device
from narrowcast.integer.random_model import Shape, random_model

ROOMY = replace(load_device("xc7s15"), lut=10**6, ff=10**6, blocks=2000, dsp=1000)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    heads = draw(st.integers(1, 4))
    return Shape(
        window=draw(st.integers(2, 9)),
        inputs=draw(st.integers(1, 5)),
        channels=heads * draw(st.integers(1, 6)),
        layers=draw(st.integers(1, 2)),
        heads=heads,
        ffn_channels=draw(st.integers(1, 40)),
        outputs=draw(st.integers(1, 4)),
    )


@settings(max_examples=60, deadline=None)
@given(shapes(), st.integers(1, 24), st.integers(0, 1000))
def test_every_access_finds_its_data(shape: Shape, lanes: int, seed: int) -> None:
    design = compile_model(random_model(shape, (2, 4, 8), seed), ROOMY, lanes)
    ScheduleChecker(design).check()


@pytest.mark.parametrize(
    ("shape", "lanes"),
    [
        (Shape(6, 7, 64), 17),
        (Shape(24, 7, 16, layers=2, heads=2), 18),
        (Shape(12, 7, 32), 18),
        (Shape(24, 3, 8, heads=8), 3),
        (Shape(2, 1, 2, ffn_channels=1), 20),
    ],
)
def test_every_access_of_a_real_shape_finds_its_data(shape: Shape, lanes: int) -> None:
    ScheduleChecker(compile_model(random_model(shape, (8,), 1), ROOMY, lanes)).check()


def test_the_checker_sees_a_pause_that_is_too_short() -> None:
    from dataclasses import replace

    design = compile_model(random_model(Shape(4, 3, 8, heads=2), (8,), 1), ROOMY, 5)
    steps = list(design.program)
    tight = [i for i in range(1, len(steps)) if steps[i - 1].step_pause > 0]
    assert len(tight) > 3
    for i in tight:
        early = [replace(s, start=s.start - (k >= i)) for k, s in enumerate(steps)]
        with pytest.raises(AssertionError):
            ScheduleChecker(replace(design, program=tuple(early))).check()


@settings(max_examples=40, deadline=None)
@given(shapes(), st.integers(1, 24))
def test_steps_follow_each_other(shape: Shape, lanes: int) -> None:
    model = random_model(shape, (8,), 0)
    program, cycles = schedule(model, lanes)
    assert program[0].start >= shape.window * shape.inputs
    for step, following in pairwise(program):
        assert min(step.tile_pause, step.row_pause, step.step_pause) >= 0
        assert following.start == step.start + step.cycles
        assert 1 <= step.last_columns <= lanes
    assert sum(s.macs for s in program) == model.macs
    last = program[-1]
    assert cycles > last.last_issue + shape.outputs
    assert model.macs <= lanes * cycles


@pytest.mark.parametrize("heads", [1, 2])
def test_more_lanes_are_not_slower(heads: int) -> None:
    model = random_model(Shape(8, 4, 32, heads=heads), (8,), 0)
    cycles = [schedule(model, lanes)[1] for lanes in (1, 2, 4, 8, 16)]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > 8 * cycles[-1]


def test_heads_become_steps() -> None:
    program, _ = schedule(random_model(Shape(4, 3, 8, layers=2, heads=2), (8,), 0), 8)
    names = [step.name for step in program]
    assert names[:8] == [
        "embed",
        "layers.0.key",
        "layers.0.query",
        "layers.0.value",
        "layers.0.scores.0",
        "layers.0.context.0",
        "layers.0.scores.1",
        "layers.0.context.1",
    ]
    assert names[-1] == "head" and len(set(names)) == len(names) == 22


@pytest.mark.parametrize(
    ("shape", "most"),
    [(Shape(6, 7, 64), 24_000), (Shape(12, 7, 64), 48_000), (Shape(12, 7, 32), 14_000)],
)
def test_cycles_of_the_published_shapes(shape: Shape, most: int) -> None:
    assert schedule(random_model(shape, (8,), 0), 17)[1] <= most
