"""Engines that keep keys and values, over stretches of readings, against the integer model."""

from dataclasses import replace
from pathlib import Path

import pytest

from graphs import drawn_stream, graph_model, options_of, roomy
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.lanes import LaneKind
from narrowcast.errors import UserError
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.tools.simulate import first_difference, simulate_ghdl, simulate_verilator
from narrowcast.tools.state_script import draw_script
from words import stream_words

HAND_MADE = {
    "fewer lanes than keys": (
        Shape(7, 3, 8, layers=2, heads=2, outputs=2, relative=(1,), fold=True, kind="stream"),
        *((4, 6), 4),
    ),
    "every other column": (
        Shape(5, 3, 12, layers=2, heads=3, relative=(1,), fold=True, kind="stream"),
        *((4, 6), 8),
    ),
    "several readings a token": (
        Shape(3, 2, 6, heads=3, kernel=3, seasons=1, outputs=3, kind="stream"),
        *((3, 8), 6),
    ),
    "one lane": (Shape(2, 1, 4, heads=4, fold=True, kind="stream"), (5,), 1),
}


def compiled(
    model: IntegerModel, folder: Path, lanes: int | None = None, ways: int | None = None
) -> Design:
    design = compile_model(model, roomy(), area, HardwareOptions(lanes=lanes, ways=ways))
    design.write_rtl(folder / "rtl")
    return design


def check_ghdl(
    folder: Path, model: IntegerModel, lanes: int | None = None, ways: int | None = None
) -> None:
    design = compiled(model, folder, lanes, ways)
    inputs, restart, expected = stream_words(model, model.kept_rows + 10)
    found = simulate_ghdl(folder / "rtl", model, inputs, expected, folder / "work", restart=restart)
    assert (found.mismatches, found.first_difference) == (0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", HAND_MADE)
def test_streams_in_ghdl(tmp_path: Path, name: str) -> None:
    shape, bits, lanes = HAND_MADE[name]
    check_ghdl(tmp_path, random_model(shape, bits, 1), lanes)


@pytest.mark.parametrize("ways", [1, 2])
def test_tables_beside_pairs(tmp_path: Path, ways: int) -> None:
    """The second way's lanes are made of look-up tables, for which wide numbers are in groups."""
    device = replace(roomy(), dsp=10)
    model = random_model(Shape(4, 7, 16, heads=4, kind="stream"), (8,), 2)
    design = compile_model(model, device, area, HardwareOptions(ways=ways))
    assert LaneKind.TABLES in design.array.kinds if ways == 2 else design.array.ways == 1
    design.write_rtl(tmp_path / "rtl")
    inputs, restart, expected = stream_words(model, 9)
    found = simulate_ghdl(
        tmp_path / "rtl", model, inputs, expected, tmp_path / "work", restart=restart
    )
    assert (found.mismatches, found.first_difference) == (0, None)
    assert found.cycles == design.cycles


@pytest.mark.parametrize("name", ["deviation_of_a_stream", "deviation_of_one_column"])
def test_decisions_of_streams(tmp_path: Path, name: str) -> None:
    model = graph_model(name)
    check_ghdl(tmp_path, model, 8, options_of(model)[-1].ways)


def test_results_come_in_pairs(tmp_path: Path) -> None:
    model = graph_model("stream_of_pairs_of_results")
    check_ghdl(tmp_path, model, 8, 2)
    inputs, restart, expected = stream_words(model, 40)
    work = tmp_path / "verilator"
    found = simulate_verilator(tmp_path / "rtl", model, inputs, expected, work, restart=restart)
    assert (found.mismatches, found.first_difference) == (0, None)
    one_way = compile_model(model, roomy(), area, HardwareOptions(lanes=8, ways=1))
    both = compile_model(model, roomy(), area, HardwareOptions(lanes=8, ways=2))
    assert both.array.split and both.cycles < one_way.cycles


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.long)])
def test_drawn_streams_in_ghdl(tmp_path: Path, seed: int) -> None:
    check_ghdl(tmp_path, drawn_stream(seed, most_rows=8, most_channels=12))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_drawn_streams_in_verilator(tmp_path: Path, seed: int) -> None:
    model = drawn_stream(seed)
    design = compiled(model, tmp_path)
    inputs, restart, expected = stream_words(model, 2 * model.kept_rows + 20)
    found = simulate_verilator(
        tmp_path / "rtl", model, inputs, expected, tmp_path / "work", restart=restart
    )
    assert (found.mismatches, found.first_difference) == (0, None)
    assert found.cycles == design.cycles


def test_a_wrong_state_is_located(tmp_path: Path) -> None:
    """What differs first is looked for from the first reading on."""
    shape = Shape(3, 2, 4, heads=2, fold=True, kind="stream")
    model = random_model(shape, (8,), 1)
    compiled(model, tmp_path, 4)
    inputs, restart, expected = stream_words(model, 8)
    path = tmp_path / "rtl" / "collector.vhd"
    text = path.read_text()
    assert text.count("at_absent <= not full;") == 1
    path.write_text(text.replace("at_absent <= not full;", "at_absent <= '0';"))
    found = simulate_ghdl(
        tmp_path / "rtl", model, inputs, expected, tmp_path / "work", restart=restart
    )
    assert found.mismatches > 0 and found.first_difference is not None
    assert "first in tensor layers.0.scores.output at (0, " in found.first_difference


def test_trace_of_every_tensor(tmp_path: Path) -> None:
    """Exponentials are stored in the order of the ring."""
    shape = Shape(3, 2, 8, layers=2, heads=2, fold=True, kind="stream")
    model = random_model(shape, (4, 8), 1)
    compiled(model, tmp_path)
    inputs, restart, _ = stream_words(model, 9)
    text = first_difference(tmp_path / "rtl", model, inputs, tmp_path / "work", restart)
    assert text == "all stored tensors agree in GHDL"


STATE_ACCESS = {
    "more values than lanes": (
        Shape(4, 2, 10, layers=1, heads=2, outputs=2, kind="stream"),
        *((3, 8), 4, 1),
        simulate_ghdl,
    ),
    "every other number": (
        Shape(3, 3, 12, layers=2, heads=3, relative=(1,), fold=True, kind="stream"),
        *((4, 6), 8, 2),
        simulate_verilator,
    ),
    "more pairs than lanes": (
        Shape(5, 2, 16, layers=1, heads=2, fold=True, kind="stream"),
        *((2, 8), 4, 2),
        simulate_verilator,
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        *("more values than lanes", "every other number"),
        pytest.param("more pairs than lanes", marks=pytest.mark.long),
    ],
)
def test_states_are_read_out_and_put_back(tmp_path: Path, name: str) -> None:
    """The engine is reset, and goes on with the state that it gave out; others are refused."""
    shape, bits, lanes, ways, simulate = STATE_ACCESS[name]
    model = random_model(shape, bits, 3)
    options = HardwareOptions(lanes=lanes, ways=ways, state_access=True)
    design = compile_model(model, roomy(), area, options)
    design.write_rtl(tmp_path / "rtl")
    inputs, restart, _ = stream_words(model, 24)
    script = draw_script(model, inputs, restart, 56)
    assert {"restored", "refused"} < {each for turn in script.turns for each in turn.answers}
    found = simulate(
        *(tmp_path / "rtl", model, inputs, script.expected, tmp_path / "work"),
        restart=restart,
        script=script,
    )
    assert (found.mismatches, found.cycles) == (0, design.cycles)


def test_state_access_costs_no_clock_and_changes_no_schedule() -> None:
    model = random_model(STATE_ACCESS["every other number"][0], (4, 6), 3)
    plain, access = (
        compile_model(model, roomy(), area, HardwareOptions(state_access=wanted))
        for wanted in (False, True)
    )
    assert access.cycles == plain.cycles and access.jobs == plain.jobs
    assert {b.name for b in access.buffers} - {b.name for b in plain.buffers} == {
        *("state row", "order of the state row", "places of the state row")
    }


def test_a_wrong_row_is_found(tmp_path: Path) -> None:
    """What comes back of the states counts as results do."""
    model = random_model(Shape(3, 2, 4, heads=2, fold=True, kind="stream"), (8,), 1)
    options = HardwareOptions(lanes=4, state_access=True)
    compile_model(model, roomy(), area, options).write_rtl(tmp_path / "rtl")
    inputs, restart, _ = stream_words(model, 12)
    script = draw_script(model, inputs, restart, 56)
    kept = [i for i, turn in enumerate(script.turns) if turn.keep]
    turns = list(script.turns)
    turns[kept[1]] = replace(turns[kept[1]], answers=(*turns[kept[1]].answers[:-1], "1 2 3"))
    found = simulate_ghdl(
        *(tmp_path / "rtl", model, inputs, script.expected, tmp_path / "work"),
        restart=restart,
        script=replace(script, turns=tuple(turns)),
    )
    assert found.mismatches == 1 and found.first_difference is not None
    assert found.first_difference.startswith(f"window {kept[1]}: ")


def test_state_access_needs_states() -> None:
    model = random_model(Shape(3, 2, 4, heads=2), (8,), 1)
    with pytest.raises(UserError, match=r"^hardware.state_access: the model has no states: take"):
        compile_model(model, roomy(), area, HardwareOptions(state_access=True))


def test_two_ways_need_even_columns() -> None:
    model = random_model(Shape(3, 2, 6, heads=2, kind="stream"))
    with pytest.raises(UserError, match=r"hardware.ways: .* an odd number of columns"):
        compile_model(model, roomy(), area, HardwareOptions(ways=2))
