"""The netlist of synthesis against the integer model, and faults that its simulation finds."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from faults import ALL_IN_BLOCKS, FAULTS, Netlist
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.errors import ToolError
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import GraphBuilder, Shape
from narrowcast.integer.execute import Flags
from narrowcast.integer.model import Array
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import to_verilog
from narrowcast.tools.netlist_simulation import check_netlist, netlist_verilog
from narrowcast.tools.state_script import StateScript, draw_script
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import run_yosys
from words import random_words, stream_words

DEVICES = ("xc7s15", "up5k", "ecp5-25f", "gw1nr-9")
QUICKEST = "ecp5-25f"  # to synthesise


@dataclass(frozen=True)
class Synthesised:
    """A netlist, what it has to compute, and a folder for its simulation."""

    netlist: Netlist
    design: Design
    inputs: Array
    expected: Array
    work: Path
    restart: Flags | None = None
    script: StateScript | None = None

    def check(self, netlist: Netlist | None = None, more_cycles: int = 0) -> Checked:
        return check_netlist(
            *(netlist or self.netlist, self.design.device.family, self.design.model),
            *(self.inputs, self.expected, self.restart, self.script),
            cycles=self.design.cycles + more_cycles,
            work=self.work / "simulation",
        )


def synthesise(design: Design, work: Path) -> Netlist:
    design.write_rtl(work / "rtl")
    verilog = to_verilog(work / "rtl", work / "yosys")
    return run_yosys(verilog, "engine", design.device)[1]


def attention() -> IntegerModel:
    return random_model(Shape(3, 1, 4, outputs=2), (4,), 3)


def two_products() -> IntegerModel:
    """The smallest model whose engine has block memories, adders and states of a sequencer."""
    g = GraphBuilder()
    x = g.linear("one", g.input("input", 2, 2), 4)
    return random_graph(g.build(g.linear("two", x, 2)), (4,), 1)


Make = Callable[[str, Callable[[], IntegerModel]], Synthesised]


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Make:
    @cache
    def make(device: str, model: Callable[[], IntegerModel]) -> Synthesised:
        work = tmp_path_factory.mktemp(device)
        options = HardwareOptions(2, ALL_IN_BLOCKS, ways=1)
        design = compile_model(model(), load_device(device), area, options)
        return Synthesised(synthesise(design, work), design, *random_words(design.model, 3), work)

    return make


def is_found(made: Synthesised, kind: str, seed: int) -> bool:
    faulty = copy.deepcopy(made.netlist)
    FAULTS[kind](faulty, made.design.device, seed)
    try:
        made.check(faulty)
    except ToolError as error:
        found = r"the netlist differs|cycles in window|took from|does not answer"
        assert re.search(found, str(error))
        return True
    return False


def test_a_netlist_is_right_and_a_fault_is_found(synthesised: Make) -> None:
    """The other faults, and the other families, take too long for every run."""
    made = synthesised(QUICKEST, two_products)
    assert made.check() == Checked(3, 0)
    assert is_found(made, "banks", 0)


@pytest.mark.long
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("device", DEVICES)
def test_five_faults_of_all_families(synthesised: Make, device: str, kind: str) -> None:
    """Of those drawn, some lie where these windows never look: an adder's bit that is cut off."""
    found = 0
    for seed in range(1, 25):
        found += is_found(synthesised(device, attention), kind, seed)
        if found == 5:
            return
    pytest.fail(f"only {found} of 24 faults were found")


@pytest.mark.long
@pytest.mark.parametrize("device", DEVICES)
def test_the_netlist_equals_the_integer_model(synthesised: Make, device: str) -> None:
    made = synthesised(device, attention)
    assert made.check() == Checked(3, 0)
    with pytest.raises(ToolError, match=f"took {made.design.cycles} cycles in window 0, but"):
        made.check(more_cycles=1)


@pytest.mark.long
@pytest.mark.parametrize("device", DEVICES)
def test_the_netlist_of_a_stream_with_state_access(tmp_path: Path, device: str) -> None:
    model = random_model(Shape(3, 1, 4, heads=2, kind="stream"), (4,), 3)
    options = HardwareOptions(state_access=True)
    design = compile_model(model, load_device(device), area, options)
    inputs, restart, expected = stream_words(model, 12)
    script = draw_script(model, inputs, restart, seed=0, refusals=False)
    netlist = synthesise(design, tmp_path)
    made = Synthesised(netlist, design, inputs, expected, tmp_path, restart, script)
    assert made.check() == Checked(12, 0)


def test_a_netlist_as_verilog() -> None:
    netlist = {
        "ports": {
            "a": {"direction": "input", "bits": [2, 3]},
            "y": {"direction": "output", "bits": [4]},
        },
        "cells": {
            "one": {
                "type": "LUT2",
                "parameters": {"INIT": "0110", "TEXT": "01 "},
                "connections": {"I0": [3], "I1": ["x"], "O": [4]},
            },
            "note": {"type": "$scopeinfo", "parameters": {}, "connections": {}},
        },
    }
    assert netlist_verilog(netlist, "top") == (
        "module top(input [1:0] a, output [0:0] y);\n"
        "wire n2;\n"
        "wire n3;\n"
        "wire n4;\n"
        "assign {n3, n2} = a;\n"
        "assign y = {n4};\n"
        "LUT2 #(.INIT(4'b0110), .TEXT(\"01\")) c0 (.I0({n3}), .I1({1'bx}), .O({n4}));\n"
        "endmodule\n"
    )


def test_open_pins_of_a_routed_netlist() -> None:
    # nextpnr ties neither the reset nor the enable of a multiplier, and their default is 1
    multiplier = {
        "type": "MULT18X18D",
        "parameters": {},
        "port_directions": {"A0": "input", "CE0": "input", "RST0": "input"},
        "connections": {"A0": [], "CE0": [], "RST0": []},
    }
    flow = load_device("ecp5-25f").family.place_and_route
    verilog = netlist_verilog({"ports": {}, "cells": {"m": multiplier}}, "top", flow)
    assert "MULT18X18D #() c0 (.A0({1'b0}), .CE0({1'b1}), .RST0({1'b1}));" in verilog
