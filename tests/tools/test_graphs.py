"""The VHDL against the integer model, for graphs of other shapes than the Transformer's."""

from pathlib import Path

import numpy as np
import pytest

from graphs import GRAPHS, graph_model, options_of, roomy
from narrowcast.compile import Design, compile_model
from narrowcast.estimate import area
from narrowcast.tools.simulate import simulate_ghdl, simulate_verilator
from words import random_words

# These cover the most; the number is that of the options.
IN_GHDL = {
    "two_inputs": 0,
    "rows_of_different_counts": 2,
    "elements_of_two_inputs": 2,
    "many_results": 1,
    "several_sums": 1,
    "scores_for_two_values": 2,
    "one_row": 1,
}
IN_VERILATOR = {"two_outputs": 1, "elements_of_two_inputs": 2}


def design_of(name: str, number: int, rtl: Path) -> Design:
    """Compile a graph with options by their number, and write its RTL."""
    model = graph_model(name)
    design = compile_model(model, roomy(), area, options_of(model)[number])
    design.write_rtl(rtl)
    return design


def check_all_windows(design: Design, folder: Path) -> None:
    inputs, expected = random_words(design.model, 100)
    assert len(np.unique(expected, axis=0)) > 5
    found = simulate_verilator(folder / "rtl", design.model, inputs, expected, folder / "verilator")
    assert (found.windows, found.mismatches, found.first_difference) == (100, 0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", IN_GHDL)
def test_a_graph_equals_the_integer_model(tmp_path: Path, name: str) -> None:
    design = design_of(name, IN_GHDL[name], tmp_path / "rtl")
    inputs, expected = random_words(design.model, 4)
    assert len(np.unique(expected, axis=0)) > 3
    found = simulate_ghdl(
        *(tmp_path / "rtl", design.model, inputs[1:], expected[1:], tmp_path / "ghdl")
    )
    assert (found.windows, found.mismatches, found.first_difference) == (3, 0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", IN_VERILATOR)
def test_a_graph_equals_the_integer_model_in_many_windows(tmp_path: Path, name: str) -> None:
    check_all_windows(design_of(name, IN_VERILATOR[name], tmp_path / "rtl"), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", GRAPHS)
def test_all_graphs_equal_the_integer_model(tmp_path: Path, name: str, number: int) -> None:
    model = graph_model(name)
    if number < len(options_of(model)):  # a graph of single rows has no second way
        check_all_windows(design_of(name, number, tmp_path / "rtl"), tmp_path)
