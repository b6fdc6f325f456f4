"""The whole engine on graphs that are no Transformers, against the integer model."""

from dataclasses import replace
from pathlib import Path

import pytest

from graphs import GRAPHS, drawn_graph
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.estimate.area import area
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.random_model import random_graph
from narrowcast.targets.device import load_device
from narrowcast.tools.simulate import simulate_ghdl
from words import random_words

ROOMY = replace(load_device("xc7s15"), lut=10**6, ff=10**6, blocks=1000)


def check(folder: Path, model: IntegerModel, lanes: int, ways: int) -> None:
    design = compile_model(model, ROOMY, area, HardwareOptions(lanes=lanes, ways=ways))
    design.write_rtl(folder / "rtl")
    words, expected = random_words(model, 3)
    found = simulate_ghdl(folder / "rtl", model, words, expected, folder / "work")
    assert (found.windows, found.mismatches, found.first_difference) == (3, 0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(tmp_path: Path, name: str) -> None:
    ways = 1 if name == "one_row" else 2
    check(tmp_path, random_graph(GRAPHS[name](), (3, 4, 6)), 8, ways)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_graphs(tmp_path: Path, seed: int) -> None:
    """All lanes in one way: with two, a second token might have no row."""
    check(tmp_path, random_graph(drawn_graph(seed), (2, 5, 8), seed), 5 + seed % 2, 1)


def test_relu_clamps_at_its_zero_point(tmp_path: Path) -> None:
    """Even where lower integers would be left: training puts the two in one place."""
    model = random_graph(GRAPHS["no_attention"](), (3, 4, 6))
    output = replace(model.tensors["up.output"], zero_point=0)
    check(tmp_path, replace(model, tensors=dict(model.tensors) | {output.name: output}), 8, 2)
