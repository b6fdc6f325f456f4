"""Toggle rates: of files written by hand, and of GHDL's."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.errors import ToolError, UserError
from narrowcast.estimate import area
from narrowcast.estimate.power import Rates
from narrowcast.integer import execute_words
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.simulate import trace_ghdl
from narrowcast.tools.vcd import read_activity

HEAD = """$date today $end
$timescale
  1 ps
$end
$scope module bench $end
$var reg 1 c clk $end
$var reg 8 noise busy[7:0] $end
$scope module dut $end
$var reg 1 ! clk $end
$var reg 1 m move $end
$var integer 32 i source $end
$comment results is not handled $end
$scope module control $end
$var reg 4 s step[3:0] $end
$var reg 1 m move $end
$upscope $end
$scope module collect $end $upscope $end
$scope module ways_of_array(0) $end
$scope module unit $end
$scope module in_pairs $end
$scope module lanes(3) $end
$scope module pair $end
$var reg 1 e enable $end
$var reg 2 x x_q[1:0] $end
$var reg 4 p product[3:0] $end
$var reg 9 w low_wide[8:0] $end
$upscope $end $upscope $end $upscope $end $upscope $end $upscope $end
$scope module keys $end
$scope module lanes_of_cache(0) $end
$scope module memory $end
$var reg 1 r enable $end
$var reg 2 l latched[1:0] $end
$upscope $end $upscope $end $upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
"""
# Clocks at 0, 10, 20, 30 and 40; the lane is enabled for two of them, the memory for one.
CHANGES = """#0
$dumpvars
1!
0c
0m
bUU x
b0000 p
bUUUU s
b00 l
1e
0r
$end
b11111111 noise
#5
0!
#10
1!
b01 x
b1111 p
b0000 s
b111111111 w
#15
0!
#20
1!
b10 x
0e
b11 s
b1 i
1r
#25
0!
#30
1!
0r
1m
b11 l
b0 s
#35
0!
#40
1!
Um
#45
0!
"""
# Lane: 2 + 4 toggles of 6 bits in two clocks. Memory: 2 of 2 bits in one. Rest: 1 of move, in two
# places, 2 of the memory's enable, 4 of step, which has four bits, in four clocks.
FOUND = Rates(6 / (6 * 2), 2 / 2, (1 + 2 + 4) / (6 * 4), 4)


def test_toggles_are_counted_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(HEAD + CHANGES)
    found = read_activity(path)
    assert found.clocks == FOUND.clocks and found.lanes == pytest.approx(FOUND.lanes)
    assert found.memories == pytest.approx(FOUND.memories)
    assert found.rest == pytest.approx(FOUND.rest)
    packed = tmp_path / "a.vcd.gz"
    packed.write_bytes(gzip.compress((HEAD + CHANGES).encode()))
    assert read_activity(packed) == found


def test_without_lanes_and_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(HEAD.replace("module pair", "module adder") + CHANGES.replace("1r", "0r"))
    found = read_activity(path)
    assert found.lanes is None and found.memories is None and found.rest > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no VCD, or cut short"),
        ("time,a,b\n1,2,3\n", "is no VCD: its head has"),
        (HEAD.replace("$var reg 4 s", "$var reg s"), "is no VCD: its head has '$var reg s step"),
        (HEAD.replace("module pair", "pair"), "is no VCD: its head has '$scope pair'"),
        (HEAD[:600], "cut short"),
        (HEAD.replace("module collect", "module other") + CHANGES, "no engine is in it"),
        (HEAD + "#0\n0!\n", "clock does not run"),
        (HEAD + CHANGES + "b0101", "is damaged: 'b0101' is no change"),
        (HEAD + CHANGES + "#5x\n", "is damaged"),
        (HEAD + CHANGES + f"#{'9' * 5000}\n", "is damaged"),
        (HEAD + CHANGES + "#44\n", "is damaged: '#44' is no change"),
        (HEAD + CHANGES + "\x00" * 3_000_000, r"is damaged: '\x00\x00"),
        (HEAD.replace("$var reg 4", f"$var reg {'4' * 5000}"), "is no VCD: its head has '$var reg"),
        ("$comment " + "x " * 100_000 + HEAD + "nonsense", "is damaged: 'nonsense' is no change"),
        ("x" * 3_000_000, "is no VCD: its head has 'xxx"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(text)
    with pytest.raises(UserError) as refusal:
        read_activity(path)
    assert str(refusal.value).startswith(f"{path}: ") and said in str(refusal.value)
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 300


def test_what_is_no_change_of_a_bit_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    others = "r1.5 v\nsidle t\n$comment\nany words\n1!\n$end\n$dumpoff\n$end\n\n"
    path.write_text(HEAD + CHANGES + others)
    assert read_activity(path).clocks == FOUND.clocks


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_activity(tmp_path / "a.vcd")
    path = tmp_path / "a.vcd.gz"
    noise = random.Random(0).randbytes(3000).hex()
    packed = gzip.compress(f"$comment {noise} $end\n{HEAD}{CHANGES}".encode())
    for content, said in (
        (HEAD.encode(), "cannot be read"),
        (packed[: len(packed) // 2], "is cut short"),
        (packed[:200] + bytes(50) + packed[250:], "is cut short|is no VCD"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=said):
            read_activity(path)


def test_ghdl_s_file_of_an_engine(tmp_path: Path) -> None:
    model = random_model(Shape(3, 2, 4), (4,), input_bits=8)
    design = compile_model(model, load_device("xc7s15"), area, HardwareOptions(lanes=4))
    design.write_rtl(tmp_path / "rtl")
    inputs = np.random.default_rng(0).integers(-128, 128, (2, model.input_words))
    inputs[1] = inputs[0]
    expected = execute_words(model, inputs)
    found = read_activity(trace_ghdl(tmp_path / "rtl", model, inputs, expected, tmp_path / "work"))
    assert 2 * design.cycles <= found.clocks <= 2 * design.cycles + 20
    assert found.lanes is not None and found.memories is not None
    assert 0.1 < found.lanes < 0.7 and 0.1 < found.memories < 0.7 and 0.02 < found.rest < 0.4
    still = np.zeros_like(inputs)
    expected_still = execute_words(model, still)
    path = trace_ghdl(tmp_path / "rtl", model, still, expected_still, tmp_path / "still")
    assert (quiet := read_activity(path).lanes) is not None and quiet < found.lanes
    with pytest.raises(ToolError, match="differ from the integer model"):
        trace_ghdl(tmp_path / "rtl", model, inputs, expected + 1, tmp_path / "wrong")
