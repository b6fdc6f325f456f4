"""The whole engine on graphs that are no Transformers, against the integer model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphs import GRAPHS, drawn_model, drawn_series, graph_model, options_of, roomy
from narrowcast.compile import Design, compile_model
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel
from narrowcast.tools.simulate import simulate_ghdl, simulate_verilator
from words import random_words

# Graphs, and numbers of options.
IN_VERILATOR = [
    *(("two_outputs", 1), ("one_class", 0), ("decisions_beside_others", 2)),
    *(("elements_of_two_inputs", number) for number in (0, 2)),
]


def seeds(usual: int, every: int) -> list[Any]:
    """Return numbers from 0, of which only the first few are in every run."""
    further = (pytest.param(seed, marks=pytest.mark.long) for seed in range(usual, every))
    return [*range(usual), *further]


def design_of(model: IntegerModel, number: int, folder: Path) -> Design:
    """Compile a model with some of ``options_of``, by their number, and write its RTL."""
    design = compile_model(model, roomy(), area, options_of(model)[number])
    design.write_rtl(folder / "rtl")
    return design


def check(folder: Path, model: IntegerModel, number: int) -> None:
    """Compare two windows in GHDL."""
    number %= len(options_of(model))
    design = design_of(model, number, folder)
    words, expected = random_words(model, 2)
    found = simulate_ghdl(folder / "rtl", model, words, expected, folder / "work")
    assert (found.windows, found.mismatches, found.first_difference) == (2, 0, None)
    assert found.cycles == design.cycles


def check_many(folder: Path, model: IntegerModel, number: int) -> None:
    """Compare a hundred windows in Verilator."""
    design = design_of(model, number, folder)
    words, expected = random_words(model, 100)
    assert len(np.unique(expected, axis=0)) > 5
    found = simulate_verilator(folder / "rtl", model, words, expected, folder / "work")
    assert (found.windows, found.mismatches, found.first_difference) == (100, 0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(tmp_path: Path, name: str) -> None:
    check(tmp_path, graph_model(name), list(GRAPHS).index(name))


@pytest.mark.parametrize("seed", seeds(3, 6))
def test_drawn_graphs(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_model(seed), seed)


@pytest.mark.parametrize("seed", seeds(3, 8))
def test_drawn_decisions(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_model(seed, 5, decides=True), seed)


@pytest.mark.parametrize("seed", seeds(2, 30))
def test_drawn_series(tmp_path: Path, seed: int) -> None:
    check(tmp_path, drawn_series(seed, 7, 12), seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30, 60))
def test_many_windows_of_drawn_series(tmp_path: Path, seed: int) -> None:
    model = drawn_series(seed)
    check_many(tmp_path, model, seed % len(options_of(model)))


@pytest.mark.parametrize("seed", seeds(1, 2))
def test_many_windows_of_drawn_decisions(tmp_path: Path, seed: int) -> None:
    check_many(tmp_path, drawn_model(seed, 5, decides=True), 0)


@pytest.mark.parametrize(("name", "number"), IN_VERILATOR)
def test_many_windows(tmp_path: Path, name: str, number: int) -> None:
    check_many(tmp_path, graph_model(name), number)


@pytest.mark.long
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", GRAPHS)
def test_many_windows_of_all_graphs(tmp_path: Path, name: str, number: int) -> None:
    model = graph_model(name)
    if number < len(options_of(model)):  # a graph of single rows has no second way
        check_many(tmp_path, model, number)


def test_relu_clamps_at_its_zero_point(tmp_path: Path) -> None:
    """Even where lower integers would be left: training puts the two in one place."""
    model = graph_model("no_attention")
    output = replace(model.tensors["up.output"], zero_point=0)
    check(tmp_path, replace(model, tensors=dict(model.tensors) | {output.name: output}), 2)
