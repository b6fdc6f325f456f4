"""Mutants of model files that are accepted compile, or are refused by the operation's name.

With ``pytest -m long`` 2,000 of them, and the hardware of those that compile is simulated.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from narrowcast.compile import Design, compile_model
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.simulate import simulate_ghdl
from words import random_words

sys.path.insert(0, str(Path(__file__).parents[1] / "integer"))
from mutate_models import check, run

ROOMY = replace(load_device("xc7s15"), lut=10**6, ff=10**6, blocks=1000)


def compiled(count: int, seed: int) -> list[Design]:
    """Return the designs of all mutants that compile; none may escape."""
    compile_model(random_model(Shape(2, 2, 4)), ROOMY, area)  # numba compiles the scheduler first
    designs = []

    def use(model: IntegerModel) -> None:
        check(model)
        designs.append(compile_model(model, ROOMY, area))

    _, escaped = run(count, seed, use)
    assert not escaped
    return designs


def test_accepted_mutants_compile() -> None:
    assert len(compiled(120, 5)) > 4


@pytest.mark.long
def test_the_hardware_of_accepted_mutants_is_exact() -> None:
    for design in compiled(2000, 7):
        with tempfile.TemporaryDirectory() as place:
            rtl = Path(place) / "rtl"
            design.write_rtl(rtl)
            words, expected = random_words(design.model, 3)
            found = simulate_ghdl(rtl, design.model, words, expected, Path(place) / "work")
            assert (found.mismatches, found.first_difference) == (0, None)
            assert found.cycles == design.cycles
