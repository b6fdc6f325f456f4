"""Flip-flops behind the memories of an ECP5."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import ToolError
from narrowcast.tools.output_registers import use_output_registers

CLOCK, ENABLE, RESET, OTHER = 2, 3, 4, 5
Cells = dict[str, dict[str, Any]]


def cell(kind: str, inputs: dict[str, Any], outputs: dict[str, int], **settings: str) -> Any:
    """A cell of yosys' netlist."""
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    pins = {pin: [bit] for pin, bit in (inputs | outputs).items()}
    return {
        "type": kind,
        "parameters": settings,
        "port_directions": directions,
        "connections": pins,
    }


def memory(width: int = 18) -> Any:
    """A memory whose port A reads two bits, and whose port B does nothing."""
    settings = {f"DATA_WIDTH_{port}": f"{width:032b}" for port in "AB"}
    settings |= {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}
    inputs = {"CLKA": CLOCK, "OCEA": "1", "CLKB": "0", "OCEB": "1"}
    return cell("DP16KD", inputs, {"DOA0": 10, "DOA1": 11, "DOA2": 12, "DOB0": 13}, **settings)


def flip_flop(data: int, out: int, **other: Any) -> Any:
    settings = {"CEMUX": "CE", "CLKMUX": "CLK", "REGSET": "RESET", "LSRMUX": "LSR"}
    pins = {"CLK": CLOCK, "CE": ENABLE, "LSR": "0", "DI": data}
    pins |= {key: bit for key, bit in other.items() if key in pins}
    settings |= {key: value for key, value in other.items() if key in settings}
    return cell("TRELLIS_FF", pins, {"Q": out}, **settings)


def used(tmp_path: Path, cells: Cells, ports: dict[str, Any] | None = None) -> Cells:
    path = tmp_path / "top.json"
    path.write_text(json.dumps({"modules": {"top": {"cells": cells, "ports": ports or {}}}}))
    use_output_registers(path, "top")
    found: Cells = json.loads(path.read_text())["modules"]["top"]["cells"]
    return found


def test_registers_of_a_memory(tmp_path: Path) -> None:
    cells = {"m": memory(), "a": flip_flop(10, 20), "b": flip_flop(11, 21)}
    found = used(tmp_path, cells)
    assert list(found) == ["m"]
    pins = found["m"]["connections"]
    assert [pins[f"DOA{i}"] for i in range(3)] == [[20], [21], [12]]  # the last has no reader
    assert (pins["OCEA"], pins["OCEB"]) == ([ENABLE], ["1"])
    assert found["m"]["parameters"]["REGMODE_A"] == "OUTREG"
    assert found["m"]["parameters"]["REGMODE_B"] == "NOREG"


def test_flip_flops_without_an_enable(tmp_path: Path) -> None:
    always = {"a": flip_flop(10, 20, CEMUX="1 "), "b": flip_flop(11, 21, CEMUX="1 ")}
    found = used(tmp_path, {"m": memory(), **always})
    assert found["m"]["connections"]["OCEA"] == ["1"]


def test_a_multiplier_is_left_as_it_is(tmp_path: Path) -> None:
    product = cell("MULT18X18D", {"A0": 30, "B0": 31}, {"P0": 10, "P1": 11})
    cells = {"m": product, "a": flip_flop(10, 20, CEMUX="1 "), "b": flip_flop(11, 21, CEMUX="1 ")}
    assert used(tmp_path, cells) == cells


@pytest.mark.parametrize(
    "second",
    [
        flip_flop(11, 21, CLK=OTHER),
        flip_flop(11, 21, CE=OTHER),
        flip_flop(11, 21, CEMUX="INV"),
        flip_flop(11, 21, CLKMUX="INV"),
        flip_flop(11, 21, LSR=RESET),
        flip_flop(11, 21, REGSET="SET"),
        cell("LUT4", {"A": 11}, {"Z": 21}),
    ],
)
def test_what_is_no_register_of_the_cell(tmp_path: Path, second: Any) -> None:
    cells = {"m": memory(), "a": flip_flop(10, 20), "b": second}
    assert used(tmp_path, cells) == cells


def test_outputs_with_another_reader(tmp_path: Path) -> None:
    cells = {"m": memory(), "a": flip_flop(10, 20), "b": cell("LUT4", {"A": 10}, {"Z": 21})}
    assert used(tmp_path, cells) == cells
    port = {"out": {"direction": "output", "bits": [10]}}
    assert used(tmp_path, {"m": memory(), "a": flip_flop(10, 20)}, port)["a"]


def test_a_port_that_takes_the_pins_of_both(tmp_path: Path) -> None:
    cells = {"m": memory(36), "a": flip_flop(10, 20)}
    assert used(tmp_path, cells) == cells


def test_another_clock_than_the_port(tmp_path: Path) -> None:
    cells = {"m": memory(), "a": flip_flop(10, 20, CLK=OTHER)}
    assert used(tmp_path, cells) == cells


def test_a_memory_with_a_reset(tmp_path: Path) -> None:
    reset = memory()
    reset["connections"]["RSTA"], reset["port_directions"]["RSTA"] = [RESET], "input"
    cells = {"m": reset, "a": flip_flop(10, 20)}
    assert used(tmp_path, cells) == cells


def test_no_netlist(tmp_path: Path) -> None:
    path = tmp_path / "top.json"
    path.write_text("{}")
    with pytest.raises(ToolError, match="yosys left no netlist"):
        use_output_registers(path, "top")
