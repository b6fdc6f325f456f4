"""The VHDL against the integer model, number for number and clock for clock."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from narrowcast.compile import Design, compile_model
from narrowcast.device import load_device
from narrowcast.errors import ToolError
from narrowcast.hardware.ghdl import analyse
from narrowcast.hardware.simulate import (
    expected_trace,
    first_difference,
    simulate_ghdl,
    simulate_verilator,
)
from narrowcast.hardware.tools import require, run
from narrowcast.integer import IntegerModel, Linear, execute
from narrowcast.integer.random_model import Shape, random_model

DEVICE = load_device("xc7s15")
EVERYTHING = ("weights", "activations", "keys", "values", "parameters", "exponentials")


def random_windows(model: IntegerModel, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and what the integer model makes of them; the first two windows are all extremes."""
    t = model.tensors[model.input]
    inputs = np.random.default_rng(5).integers(t.low, t.high + 1, (count, t.rows, t.columns))
    inputs[0], inputs[1] = t.low, t.high
    return inputs, execute(model, inputs)


def build(
    folder: Path,
    shape: Shape,
    bits: tuple[int, ...],
    *,
    lanes: int,
    storage: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Design:
    design = compile_model(random_model(shape, bits, seed), DEVICE, lanes, storage)
    design.write_rtl(folder / "rtl")
    return design


@pytest.mark.parametrize(
    ("shape", "bits", "lanes", "storage", "seed", "verilator"),
    [
        (Shape(5, 3, 8, layers=2, heads=2, outputs=2), (3, 4, 6), 5, "auto", 1, True),
        (Shape(6, 2, 12, heads=3, outputs=3), (2, 5, 8), 7, "distributed", 2, True),
        (Shape(7, 4, 16, ffn_channels=9), (4, 8), 3, "block", 3, True),
        (Shape(3, 1, 4, layers=3, heads=4), (2, 3, 7), 5, "auto", 2, False),
        (Shape(2, 2, 6, heads=2, outputs=5), (8,), 1, "distributed", 0, False),
        (Shape(4, 3, 10, heads=5), (6,), 13, "auto", 6, False),
        (Shape(9, 2, 2, ffn_channels=1), (3, 5), 4, "auto", 7, False),
    ],
)
def test_engine_equals_the_integer_model(
    tmp_path: Path,
    shape: Shape,
    bits: tuple[int, ...],
    lanes: int,
    storage: str,
    seed: int,
    verilator: bool,
) -> None:
    chosen = dict.fromkeys(EVERYTHING, storage)
    if storage == "block":  # the caches of a few lanes and the weights fill the chip's blocks
        chosen |= {"parameters": "auto", "activations": "auto"}
    design = build(tmp_path, shape, bits, lanes=lanes, storage=chosen, seed=seed)
    model, rtl = design.model, tmp_path / "rtl"
    if storage != "auto":
        assert storage in {b.storage for b in design.buffers}
    inputs, expected = random_windows(model, 100)
    assert len(np.unique(expected[:, 0])) > 10
    found = simulate_ghdl(rtl, model, inputs[1:4], expected[1:4], tmp_path / "ghdl")
    assert (found.windows, found.mismatches, found.first_difference) == (3, 0, None)
    assert found.cycles == design.cycles
    if verilator:
        found = simulate_verilator(rtl, model, inputs, expected, tmp_path / "verilator")
        assert (found.windows, found.mismatches, found.first_difference) == (100, 0, None)
        assert found.cycles == design.cycles


def test_trace_of_every_tensor(tmp_path: Path) -> None:
    design = build(tmp_path, Shape(4, 2, 8, layers=2, heads=2), (3, 8), lanes=5)
    inputs, _ = random_windows(design.model, 3)
    trace = expected_trace(design.model, inputs[2])
    assert {name for name, _, _ in trace} == set(design.model.tensors) - {design.model.output}
    text = first_difference(tmp_path / "rtl", design.model, inputs[2], tmp_path / "work")
    assert text == "all stored tensors agree in GHDL"


def test_reset_at_any_time(tmp_path: Path) -> None:
    design = build(tmp_path, Shape(4, 3, 8, heads=2, outputs=3), (4, 8), lanes=5)
    inputs, expected = random_windows(design.model, 3)
    work = tmp_path / "work"
    analyse(tmp_path / "rtl", work, Path(__file__).with_name("reset_tb.vhd"))
    (work / "inputs.txt").write_text("\n".join(map(str, inputs[2].ravel().tolist())) + "\n")
    step = 131  # from within the loading of the inputs to the outputs' being offered
    attempts = design.cycles // step + 2
    run(
        [
            *(require("ghdl"), "-r", "--std=08", "reset_tb", "-gINPUT_FILE=inputs.txt"),
            *("-gOUTPUT_FILE=reset.txt", f"-gATTEMPTS={attempts}", f"-gRESET_STEP={step}"),
            *("--ieee-asserts=disable", "--stop-time=50ms"),
        ],
        work,
    )
    words = (work / "reset.txt").read_text().split()
    once = [*map(str, expected[2].tolist()), "cycles"]
    lengths = {int(n) for n in words[len(once) :: len(once) + 1]}
    assert lengths == {design.cycles}
    del words[len(once) :: len(once) + 1]
    assert words == once * attempts


def flip_weight(rtl: Path) -> None:
    """Change the lowest bit of the first weight of the embedding, lane 0."""
    path = rtl / "engine_config.vhd"
    head, rest = path.read_text().split("constant WEIGHTS", 1)
    match = re.search(r'x"([0-9A-F]+)"', rest)
    assert match is not None
    first = match.start(1) + 1  # one lane of 8 bits: two digits a word
    flipped = f"{int(rest[first], 16) ^ 1:X}"
    path.write_text(head + "constant WEIGHTS" + rest[:first] + flipped + rest[first + 1 :])


def test_a_wrong_weight_is_found_and_located(tmp_path: Path) -> None:
    design = build(tmp_path, Shape(3, 2, 4), (8,), lanes=1, seed=3)
    model, rtl = design.model, tmp_path / "rtl"
    flip_weight(rtl)
    inputs, expected = random_windows(model, 6)
    found = simulate_ghdl(rtl, model, inputs, expected, tmp_path / "ghdl")
    assert found.windows == 6 and found.mismatches > 0
    assert found.cycles == design.cycles
    assert found.first_difference is not None
    embed = next(s for s in model.steps if isinstance(s, Linear))
    match = re.search(
        r"^window \d+: expected \[.*\], got \[.*\]; first in tensor (\S+) at \((\d), (\d)\)",
        found.first_difference,
    )
    assert match is not None, found.first_difference
    assert match[1] == embed.output and match[3] == "0"
    dumps = tmp_path / "ghdl" / "trace"
    assert (dumps / "trace.txt").is_file() and (dumps / "expected.json").is_file()


def test_a_wrong_expectation_is_found(tmp_path: Path) -> None:
    design = build(tmp_path, Shape(2, 2, 4, outputs=2), (8,), lanes=4)
    inputs, expected = random_windows(design.model, 4)
    expected[2, 1] += 1
    arguments = tmp_path / "rtl", design.model, inputs
    found = simulate_ghdl(*arguments, expected, tmp_path / "ghdl")
    assert found.mismatches == 1
    assert found.first_difference is not None
    assert found.first_difference.startswith(f"window 2: expected {expected[2].tolist()}, got ")
    assert found.first_difference.endswith("all stored tensors agree in GHDL")
    with pytest.raises(ToolError, match="gave 4 results of 2 outputs, not 3 of 2"):
        simulate_ghdl(*arguments, expected[:3], tmp_path / "ghdl")
