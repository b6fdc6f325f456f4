import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs import roomy
from narrowcast.compile import compile_model
from narrowcast.compile.bit_columns import BitColumns
from narrowcast.compile.lanes import table_lane
from narrowcast.errors import UserError
from narrowcast.estimate import estimate_model
from narrowcast.estimate.area import SAMPLES, area, fit_area, non_negative
from narrowcast.estimate.features import PARTS, decision_parts, features, rom_columns
from narrowcast.estimate.samples import sample
from narrowcast.integer.builder import GraphBuilder, Shape
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import FAMILIES, load_device
from narrowcast.tools.attribution import part_of
from narrowcast.tools.characterisation import fastest_design

matrices = st.integers(0, 10**6).map(np.random.default_rng)


@given(random=matrices, rows=st.integers(2, 12), columns=st.integers(1, 6))
def test_non_negative_least_squares(random: np.random.Generator, rows: int, columns: int) -> None:
    matrix, target = random.normal(size=(rows, columns)), random.normal(size=rows)
    found = non_negative(matrix, target)
    gradient = matrix.T @ (target - matrix @ found)
    assert (found >= 0).all()
    assert gradient.max() <= 1e-6  # no number can rise,
    assert np.abs(gradient[found > 1e-9]).max(initial=0) <= 1e-6  # and none that is in use can fall


@given(random=matrices, count=st.integers(12, 20))
def test_a_linear_truth_is_found(random: np.random.Generator, count: int) -> None:
    truth = {part: random.uniform(0.5, 3, 2) for part in PARTS}
    points = []
    for _ in range(count):
        drawn = {part: random.uniform(10, 100, 2) for part in PARTS}
        found = {part: float(drawn[part] @ truth[part]) for part in PARTS}
        points.append(
            {
                "features": {p: {"a": float(v[0]), "b": float(v[1])} for p, v in drawn.items()},
                "lut": found,
                "ff": found,
            }
        )
    fit = fit_area(points)
    assert fit["error"] == {"lut": 0, "ff": 0}
    for part in PARTS:
        assert [*fit["lut"][part].values()] == pytest.approx(truth[part], abs=1e-3)


@given(random=matrices, share=st.floats(0.1, 0.9))
def test_the_share_of_flip_flops_with_cells_of_their_own_is_found(
    random: np.random.Generator, share: float
) -> None:
    points: list[dict[str, Any]] = []
    for _ in range(8):
        drawn = {part: random.uniform(10, 100) for part in PARTS}
        counts = {resource: dict(drawn) for resource in ("lut", "ff")}
        points.append({"features": {part: {"a": size} for part, size in drawn.items()}, **counts})
    for point in points[:3]:  # the others were not packed
        point["cells"] = (1 + share) * sum(point["lut"].values())
    fit = fit_area(points)
    assert fit["own_cells"] == pytest.approx(share, abs=1e-4) and fit["error"]["cells"] < 1e-4
    points[0]["cells"] *= 1.1
    assert fit_area(points)["error"]["cells"] > 0.03


def test_a_flip_flop_that_shares_no_cell_counts() -> None:
    up5k = load_device("up5k")
    found = area(compile_model(random_model(Shape(4, 3, 8), (4,), 1), up5k, area))
    assert found.cells > found.lut + found.ff / 3 and found.cells_error > 0
    full = replace(found, lut=3000, ff=3000, cells=5280)
    assert full.share(up5k) == 1 and not full.fits(up5k)
    assert replace(full, cells=round(5280 / (1 + full.cells_error)) - 1).fits(up5k)
    ecp5 = load_device("ecp5-25f")
    model = random_model(Shape(4, 3, 8), (4,), 1)
    ends = area(compile_model(model, ecp5, area))  # of carry chains
    assert 1.05 * ends.lut < ends.cells - 181 < 1.15 * ends.lut
    spartan = area(
        compile_model(random_model(Shape(4, 3, 8), (4,), 1), load_device("xc7s15"), area)
    )
    assert spartan.cells == 0


def test_a_model_that_nextpnr_cannot_place_does_not_fit() -> None:
    """With its serial line, nextpnr packs it into 5,972 logic cells. There is no SPRAM."""
    up5k = replace(load_device("up5k"), spram=0)
    model = random_model(Shape(24, 7, 32), (4,), 1, input_bits=8)
    found = estimate_model(model, up5k)
    assert found.cells == pytest.approx(5972, rel=found.cells_error)
    assert found.lut < up5k.lut and found.ff < up5k.ff
    assert found.too_large and not found.fits
    with pytest.raises(UserError, match="logic cells"):
        compile_model(model, up5k, area)


def test_a_model_that_nextpnr_places_is_not_too_large() -> None:
    """With its serial line, nextpnr places it on 4,973 logic cells."""
    up5k = load_device("up5k")
    found = estimate_model(random_model(Shape(24, 7, 32), (4,), 1), up5k)
    assert found.cells == pytest.approx(4973, rel=found.cells_error)
    assert not found.too_large


def test_rom_tables_are_those_of_bits_that_differ() -> None:
    columns = np.random.default_rng(1).integers(0, 2, (5, 100))
    bits = BitColumns.of(columns, 1)
    assert rom_columns(bits, FAMILIES["xc7"]) == (10, 10)
    assert rom_columns(bits, FAMILIES["ecp5"]) == (10, 5 * 4 + 5 * 3)
    assert rom_columns(bits, FAMILIES["ice40"]) == (10, 5 * 7 + 5 * 5)
    alike = np.vstack([columns, columns[:2], np.ones_like(columns[:1])])
    _, tables = rom_columns(BitColumns.of(alike, 1), FAMILIES["xc7"])
    assert tables == 10 + 1  # ones, and zeros in what is left over of the second block
    assert rom_columns(BitColumns.of(np.zeros((7, 64), np.int64), 1), FAMILIES["xc7"]) == (0, 0)


@given(
    words=st.integers(1, 200),
    width=st.integers(1, 9),
    lanes=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_bits_are_those_of_the_numbers(words: int, width: int, lanes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    few = random.integers(-(1 << width - 1), 1 << width - 1, (lanes, words)) >> random.integers(9)
    numbers = few if seed % 2 else (few & (1 << width) - 1).astype(np.uint16)
    plain = (few.T[:, :, None] >> np.arange(width) & 1).reshape(words, -1)
    bits = BitColumns.of(numbers, width)
    filled = np.vstack([plain, np.zeros((-words % 64, lanes * width), np.int64)])
    for column, of_word in enumerate(filled.T):
        blocks = of_word.reshape(-1, 64).tolist()
        whole = [sum(bit << word for word, bit in enumerate(block)) for block in blocks]
        assert bits.columns[column].tolist() == whole
    assert (bits.changing() == (plain != plain[0]).any(axis=0)).all()
    with_zeros = np.vstack([plain, np.zeros_like(plain[:1])])
    assert (bits.changing(before_zeros=True) == (with_zeros != with_zeros[0]).any(axis=0)).all()
    for block, count in enumerate(bits.different):
        columns = {tuple(column) for column in filled[64 * block : 64 * block + 64].T.tolist()}
        assert count == sum(len(set(column)) == 2 for column in columns)


def test_table_lane_has_the_rows_of_its_multiplier() -> None:
    tables, registers = table_lane(9, 4, 20, tree=False)
    assert tables == 20 + 2 * 10  # the accumulator, and two rows of nine bits and a sign
    assert registers > 20 + 13
    assert table_lane(9, 4, 20, tree=True) == (tables, registers)  # one row in the second clock
    assert table_lane(9, 8, 20, tree=True)[0] == table_lane(9, 8, 20, tree=False)[0] + 10


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("collect.bias_at", "control"),
        ("control.list_of_jobs.memory.data", "memories"),
        ("ways_of_array_n1_unit.finish.biased", "epilogue"),
        ("ways_of_array_n2_unit.inner", "lanes"),
        ("ways_of_array_n2_unit.exponentials.latched", "memories"),
        ("ways_of_array_n1_positions.latched", "memories"),
        ("stores_n2_values.lanes_of_cache_n24_memory.latched", "memories"),
        ("in_rom_weight_banks_n1_bank.chosen", "engine"),
        (
            "in_rom_weight_banks_n1_bank.segments_of_bank_n1_of_this_bank_tables_rest.latched",
            "memories",
        ),
        ("write_data", "engine"),
    ],
)
def test_names_tell_the_part(name: str, part: str) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    ("device", "of_class", "of_score"),
    [
        ("xc7s15", (43, 32), (30, 27)),
        ("ecp5-25f", (73, 32), (66, 28)),
        ("up5k", (68, 32), (55, 28)),
    ],
)
def test_decisions_are_counted_as_yosys_does(
    device: str, of_class: tuple[int, int], of_score: tuple[int, int]
) -> None:
    """A class of six numbers of 8 bits, and a score of four, alone: within 10 tables."""
    for columns, measured in ((6, of_class), (4, of_score)):
        g = GraphBuilder()
        row = g.linear("row", g.input("in", 1, 4), columns)
        made = g.arg_max("made", row) if columns == 6 else g.l1_norm("made", row)
        model = random_graph(g.build(made), (8,), 1)
        found = decision_parts(compile_model(model, roomy(device), area))
        assert abs(found["lut"] - measured[0]) <= 10 and abs(found["ff"] - measured[1]) <= 1
    plain = compile_model(random_model(Shape(3, 2, 4), (8,)), roomy(device), area)
    assert decision_parts(plain) == {"lut": 0.0, "ff": 0.0}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_fit_is_of_todays_features(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["tool"].startswith("Yosys") and document["date"]
    assert document["fit"]["error"]["lut"] <= 0.15 and document["fit"]["error"]["ff"] <= 0.15
    point = document["points"][0]
    drawn = sample(load_device(point["recipe"]["device"]), point["recipe"]["seed"])
    found = features(fastest_design(drawn, load_device(drawn.device)))
    assert {part: set(found[part]) for part in PARTS} == {
        part: set(point["features"][part]) for part in PARTS
    }


@pytest.mark.parametrize(("family", "count"), [("xc7", 8), ("ice40", 8), ("ecp5", 6), ("gowin", 8)])
def test_points_of_todays_designs(family: str, count: int) -> None:
    """The first ones are; an engine that has changed since makes the others older."""
    points = json.loads((SAMPLES / f"{family}-yosys.json").read_text())["points"]
    for point in points[:count]:
        drawn = sample(load_device(point["recipe"]["device"]), point["recipe"]["seed"])
        design = fastest_design(drawn, load_device(drawn.device))
        assert design.digest == point["digest"]
        assert {p: dict(f) for p, f in features(design).items()} == point["features"]
        guess = area(design)
        assert guess.lut == pytest.approx(sum(point["lut"].values()), rel=guess.lut_error)
        assert guess.ff == pytest.approx(sum(point["ff"].values()), rel=guess.ff_error)
        if "cells" in point:  # which are those of the engine alone
            tools = design.device.family.place_and_route
            assert tools is not None
            cells = guess.cells - tools.serial_cells
            assert cells == pytest.approx(point["cells"], rel=guess.cells_error)


def test_an_uncharacterised_tool_is_named() -> None:
    design = compile_model(random_model(Shape(4, 2, 8), (4,)), load_device("xc7s15"), area)
    with pytest.raises(UserError, match="narrowcast characterise --tool vivado"):
        area(design, "vivado")
