"""The VHDL against the integer model, number for number and clock for clock."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.lanes import LaneKind
from narrowcast.errors import ToolError, UserError
from narrowcast.estimate import area
from narrowcast.integer import Linear, RowSum, execute_words
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import Device, load_device
from narrowcast.tools.ghdl import analyse
from narrowcast.tools.process import require, run
from narrowcast.tools.simulate import (
    expected_trace,
    first_difference,
    simulate_ghdl,
    simulate_verilator,
)
from words import random_words

DEVICE = load_device("xc7s15")
ROOMY = replace(DEVICE, lut=10**6, ff=10**6, blocks=1000)
HX8K = replace(load_device("hx8k"), lut=10_000)  # a little larger
UP5K = replace(load_device("up5k"), lut=10**6, ff=10**6, blocks=1000)
KINDS = (
    *("weights", "activations", "keys", "values", "softmax"),
    *("parameters", "exponentials", "program"),
)


@dataclass(frozen=True)
class Case:
    """A model, and how it is to be compiled."""

    shape: Shape
    bits: tuple[int, ...]
    lanes: int | None = None
    ways: int | None = None
    pairs: bool | None = None
    storage: str = "auto"
    seed: int = 0
    verilator: bool = False
    device: Device = ROOMY

    def compile(self) -> Design:
        model = random_model(self.shape, self.bits, self.seed)
        storage = dict.fromkeys(KINDS, self.storage)
        options = HardwareOptions(self.lanes, storage, self.ways, self.pairs)
        return compile_model(model, self.device, area, options)


CASES = {
    "two ways of pairs": Case(
        Shape(5, 3, 8, layers=2, heads=2, outputs=2, relative=(1,)),
        *((3, 4, 6), 8, 2),
        seed=1,
        verilator=True,
    ),
    "tables beside pairs, a token alone": Case(Shape(7, 4, 16, ffn_channels=9), (4, 8), 48, seed=4),
    "single lanes": Case(
        Shape(6, 2, 12, heads=3, outputs=3), (2, 5, 8), 7, 1, False, "distributed", 2
    ),
    "groups": Case(Shape(7, 3, 16, ffn_channels=70, outputs=2), (8,), 10, 1, storage="block"),
    "three layers": Case(Shape(3, 1, 4, layers=3, heads=4), (2, 3, 7), 6, 1, seed=2),
    "two single ways": Case(
        Shape(2, 2, 6, heads=2, outputs=5), (8,), 4, 2, False, "distributed", seed=0
    ),
    "tables beside groups": Case(Shape(5, 3, 24, heads=2), (8, 5), 48, 2, seed=5, storage="block"),
    "few products": Case(Shape(9, 2, 4, ffn_channels=1), (3, 5), seed=7),
    "one lane": Case(Shape(3, 2, 5, ffn_channels=3), (5,), 1, 1, False),
    "tables alone": Case(
        Shape(5, 3, 8, layers=2, heads=2, outputs=2, relative=(1,)),
        (3, 4, 6),
        device=HX8K,
    ),
    "values known ahead": Case(Shape(4, 3, 8, outputs=3, known=2), (4, 8), 8, seed=7),
    "seasons and values known ahead": Case(
        Shape(5, 3, 8, heads=2, outputs=2, targets=2, relative=(1, 0), seasons=2, known=1),
        *((3, 5, 8), 12, 2),
        seed=3,
    ),
    "pairs in ports of 16 bits": Case(
        Shape(6, 3, 16, heads=2, outputs=2, relative=(1,)), (4,), device=UP5K
    ),
    "pairs in ports of 16 bits, some products alone": Case(
        *(Shape(5, 3, 12, layers=2, heads=2), (2, 4, 6), 6, 1),
        seed=5,
        verilator=True,
        device=UP5K,
    ),
    "a way of tables in place of few blocks": Case(
        Shape(4, 3, 16, outputs=2), (8,), seed=1, device=UP5K
    ),
    "two ways of tables": Case(Shape(4, 3, 8), (8,), ways=2, verilator=True, device=HX8K),
}


def random_design(seed: int) -> Design:
    """A model that is drawn in all respects, on the first device that it fits."""
    random = np.random.default_rng([3, seed])
    heads = int(random.integers(1, 5))
    channels = heads * int(random.integers(-(-8 // heads), 96 // heads + 1))
    shape = Shape(
        window=int(random.integers(3, 49)),
        inputs=int(random.integers(1, 10)),
        channels=channels,
        layers=int(random.integers(1, 4)),
        heads=heads,
        ffn_channels=int(random.integers(1, 4 * channels + 1)),
        outputs=int(random.integers(1, 9)),
        seasons=int(random.integers(0, 3)),
        known=int(random.integers(0, 4)),
    )
    bits = tuple(int(b) for b in random.choice(np.arange(2, 9), random.integers(1, 8)))
    model = random_model(shape, bits, seed)
    storage = {kind: str(random.choice(["auto", "block", "distributed"])) for kind in KINDS}
    options = HardwareOptions(storage=storage)
    larger = load_device("xc7s25")
    for device in (DEVICE, larger):
        try:
            return compile_model(model, device, area, options)
        except UserError:
            continue
    return compile_model(model, replace(larger, lut=10**6, ff=10**6, blocks=2000), area, options)


@pytest.mark.parametrize("name", CASES)
def test_engine_equals_the_integer_model(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    design = case.compile()
    model, rtl = design.model, tmp_path / "rtl"
    design.write_rtl(rtl)
    if case.storage != "auto":
        assert {b.storage for b in design.buffers if not b.name.startswith("w")} == {case.storage}
    inputs, expected = random_words(model, 100)
    assert len(np.unique(expected[:, 0])) > 10
    found = simulate_ghdl(rtl, model, inputs[1:3], expected[1:3], tmp_path / "ghdl")
    assert (found.windows, found.mismatches, found.first_difference) == (2, 0, None)
    assert found.cycles == design.cycles
    if case.verilator:
        found = simulate_verilator(rtl, model, inputs, expected, tmp_path / "verilator")
        assert (found.windows, found.mismatches, found.first_difference) == (100, 0, None)
        assert found.cycles == design.cycles


def test_the_cases_cover_the_engine() -> None:
    seen = set()
    for case in CASES.values():
        design = case.compile()
        array, jobs = design.array, design.schedule.jobs
        seen.add(tuple(array.kinds))
        seen |= {"grouped pairs"} if array.grouped else set()
        seen |= {"grouped, tables"} if array.grouped and LaneKind.TABLES in array.kinds else set()
        seen |= {"upper lanes"} if any(s.mode.stride == 2 for s in design.schedule.steps) else set()
        if array.ways == 2:
            seen |= {"odd window"} if case.shape.window % 2 else set()
            alone = {job.rows[0] % 2 for job in jobs if len(job.rows) == 1}
            seen |= {"a token alone"} if alone == {0, 1} else set()
        seen |= {f"{case.shape.layers} layers", f"{case.shape.heads} heads", case.storage}
    pairs, single, tables = LaneKind.PAIRS, LaneKind.SINGLE, LaneKind.TABLES
    assert seen >= {(pairs,), (single,), (pairs, pairs), (single, single), (pairs, tables)}
    assert seen >= {(tables,), (tables, tables)}
    assert seen >= {"grouped pairs", "grouped, tables", "upper lanes", "odd window"}
    assert seen >= {"a token alone", "3 layers", "4 heads", "auto", "block", "distributed"}


@pytest.mark.parametrize(
    "seed",
    [seed if seed in {0, 5} else pytest.param(seed, marks=pytest.mark.long) for seed in range(30)],
)
def test_random_models(tmp_path: Path, seed: int) -> None:
    """Two of these are always run, the rest with ``pytest -m long``."""
    design = random_design(seed)
    model, rtl = design.model, tmp_path / "rtl"
    design.write_rtl(rtl)
    inputs, expected = random_words(model, 20)
    if design.cycles > 20_000:  # GHDL alone would take minutes
        found = simulate_verilator(rtl, model, inputs, expected, tmp_path / "work")
    else:
        found = simulate_ghdl(rtl, model, inputs[1:3], expected[1:3], tmp_path / "work")
    assert (found.mismatches, found.first_difference) == (0, None)
    assert found.cycles == design.cycles


def test_trace_of_every_tensor(tmp_path: Path) -> None:
    design = Case(Shape(5, 2, 8, layers=2, heads=2), (3, 8), 48).compile()
    assert {len(job.rows) for job in design.schedule.jobs} == {1, 2}
    design.write_rtl(tmp_path / "rtl")
    inputs, _ = random_words(design.model, 3)
    trace = expected_trace(tmp_path / "rtl", design.model, inputs[2:])
    assert len(set(trace)) == len(trace)
    graph = design.graph.model
    ends = {each.tensor for each in (*graph.inputs, *graph.outputs)}
    sums = {step.output for step in graph.operations if isinstance(step, RowSum)}
    assert {name for name, _, _ in trace} == set(graph.tensors) - ends - sums
    text = first_difference(tmp_path / "rtl", design.model, inputs[2:], tmp_path / "work")
    assert text == "all stored tensors agree in GHDL"


OF_WINDOW, OF_STREAM = Shape(3, 3, 8, heads=2, outputs=3), Shape(3, 3, 8, heads=2, kind="stream")


@pytest.mark.parametrize(
    ("shape", "lanes", "ways"),
    [*((OF_WINDOW, *each) for each in ((6, 1), (12, 2), (48, 2))), (OF_STREAM, 8, 2)],
)
def test_reset_at_any_time(tmp_path: Path, shape: Shape, lanes: int, ways: int) -> None:
    """Nothing is left of what came before, in states neither."""
    design = Case(shape, (4, 8), lanes, ways).compile()
    assert design.array.ways == ways
    design.write_rtl(tmp_path / "rtl")
    inputs, _ = random_words(design.model, 3)
    expected = execute_words(design.model, inputs[2:])
    work = tmp_path / "work"
    analyse(tmp_path / "rtl", work, Path(__file__).with_name("reset_tb.vhd"))
    (work / "inputs.txt").write_text("\n".join(map(str, inputs[2].tolist())) + "\n")
    step = 67  # from within the loading of the inputs to the outputs' being offered
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
    once = [*map(str, expected[0].tolist()), "cycles"]
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
    first = match.start(1) + 3  # two lanes of 8 bits: lane 0 in the last two of four digits
    flipped = f"{int(rest[first], 16) ^ 1:X}"
    path.write_text(head + "constant WEIGHTS" + rest[:first] + flipped + rest[first + 1 :])


def test_a_wrong_weight_is_found_and_located(tmp_path: Path) -> None:
    design = Case(Shape(3, 2, 4), (8,), 2, 1, seed=3).compile()
    model, rtl = design.model, tmp_path / "rtl"
    design.write_rtl(rtl)
    flip_weight(rtl)
    inputs, expected = random_words(model, 6)
    found = simulate_ghdl(rtl, model, inputs, expected, tmp_path / "ghdl")
    assert found.windows == 6 and found.mismatches > 0
    assert found.cycles == design.cycles
    assert found.first_difference is not None
    embed = next(s for s in model.operations if isinstance(s, Linear))
    match = re.search(
        r"^window \d+: expected \[.*\], got \[.*\]; first in tensor (\S+) at \((\d), (\d)\)",
        found.first_difference,
    )
    assert match is not None, found.first_difference
    assert match[1] == embed.output and match[3] == "0"
    dumps = tmp_path / "ghdl" / "trace"
    assert (dumps / "trace.txt").is_file() and (dumps / "expected.json").is_file()


def test_a_wrong_expectation_is_found(tmp_path: Path) -> None:
    design = Case(Shape(2, 2, 4, outputs=2), (8,), 4, 1).compile()
    design.write_rtl(tmp_path / "rtl")
    inputs, expected = random_words(design.model, 4)
    expected[2, 1] += 1
    arguments = tmp_path / "rtl", design.model, inputs
    found = simulate_ghdl(*arguments, expected, tmp_path / "ghdl")
    assert found.mismatches == 1
    assert found.first_difference is not None
    assert found.first_difference.startswith(f"window 2: expected {expected[2].tolist()}, got ")
    assert found.first_difference.endswith("all stored tensors agree in GHDL")
    with pytest.raises(ToolError, match="gave 4 results of 2 outputs, not 3 of 2"):
        simulate_ghdl(*arguments, expected[:3], tmp_path / "ghdl")
