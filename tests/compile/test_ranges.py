"""Numbers that the engine's program does not hold are refused in a line that says where."""

import re
from dataclasses import replace

import pytest

from narrowcast.compile import Design, compile_model
from narrowcast.compile.memory import Segment
from narrowcast.compile.ranges import SEGMENT, STEP, check_segments, check_steps
from narrowcast.errors import UserError
from narrowcast.estimate import area
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device

MODEL = random_model(Shape(4, 2, 8, relative=(0,)), (4, 8), 1)


@pytest.fixture(scope="module")
def design() -> Design:
    return compile_model(MODEL, load_device("xc7s15"), area)


def test_every_field_has_a_range(design: Design) -> None:
    assert all(fields.keys() == STEP.keys() for fields in design.fields)


@pytest.mark.parametrize("field", STEP)
@pytest.mark.parametrize("above", [False, True])
def test_each_field_of_a_step_has_its_limits(design: Design, field: str, above: bool) -> None:
    names = [step.name for step in design.schedule.steps]
    allowed = STEP[field]
    limit, beyond = (allowed[-1], allowed.stop) if above else (allowed[0], allowed[0] - 1)
    steps = [dict(fields) for fields in design.fields]
    steps[2][field] = limit
    check_steps(names, steps)
    steps[2][field] = beyond
    said = f"step {names[2]}: {field} is {beyond}, outside of {allowed[0]} to {allowed[-1]}"
    with pytest.raises(UserError, match=f": {re.escape(said)}$"):
        check_steps(names, steps)


@pytest.mark.parametrize("field", [name for name in SEGMENT if name != "bank"])
def test_each_field_of_a_segment_has_its_limits(field: str) -> None:
    segment = Segment(1, 0, 9, 4, 32)
    allowed = SEGMENT[field]
    for limit, beyond in ((allowed[0], allowed[0] - 1), (allowed[-1], allowed.stop)):
        check_segments([segment, replace(segment, **{field: limit})], (3, 8))
        with pytest.raises(UserError, match=f"weights of 8 bit: {field} is {beyond}, outside"):
            check_segments([segment, replace(segment, **{field: beyond})], (3, 8))


@pytest.mark.parametrize(("ranges", "field"), [(STEP, "lane_base"), (SEGMENT, "words")])
def test_the_compiler_refuses_what_is_too_large(
    monkeypatch: pytest.MonkeyPatch, ranges: dict[str, range], field: str
) -> None:
    """As if memories of 8 words were the deepest."""
    monkeypatch.setitem(ranges, field, range(8))
    with pytest.raises(UserError, match=rf"too large for the engine: .+: {field} is \d+, outside"):
        compile_model(MODEL, load_device("xc7s15"), area)
