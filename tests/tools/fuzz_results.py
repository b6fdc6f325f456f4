"""Damages the results of tools at random, and reads them.

    python tests/tools/fuzz_results.py --count 5000

Reading has to give a value or to blame the tool; anything else is printed.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from narrowcast.errors import ToolError
from narrowcast.targets.device import load_device
from narrowcast.tools.netlist import read_netlist
from narrowcast.tools.nextpnr import read_report
from narrowcast.tools.simulate import read_ghdl, read_verilator
from narrowcast.tools.vivado import read_instances
from narrowcast.tools.yosys import of_netlist

_LUT = {
    "type": "LUT2",
    "parameters": {"INIT": "1000"},
    "port_directions": {"I0": "input", "I1": "input", "O": "output"},
    "connections": {"I0": [2], "I1": [4], "O": [3]},
}
_REGISTER = {
    "type": "FDRE",
    "parameters": {},
    "port_directions": {"C": "input", "D": "input", "Q": "output"},
    "connections": {"C": [5], "D": [3], "Q": [4]},
}
_NETS = {"a": {"bits": [2]}, "b": {"hide_name": 1, "bits": [3, "0"]}, "q": {"bits": [4]}}
_STEP = {"delay": 1.5, "type": "logic", "from": {"cell": "a"}, "to": {"cell": "b"}, "net": "n"}
_REPORT = {
    "fmax": {"clk": {"achieved": 48.5, "constraint": 12.0}},
    "utilization": {"ICESTORM_LC": {"used": 700, "available": 5280}},
    "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": [_STEP, _STEP]}],
}
_HIERARCHY = """\
| Instance    | Module  | Total LUTs | FFs |
+-------------+---------+------------+-----+
| engine      |   (top) |         30 |  20 |
|   (engine)  |   (top) |         10 |   5 |
|   control   |     seq |         20 |  15 |
+-------------+---------+------------+-----+
"""
DEVICE = load_device("xc7s15")


def _netlist(path: Path) -> object:
    return of_netlist("Yosys", read_netlist(path, "engine"), DEVICE)


RESULTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "ghdl": ("1\n-2\ncycles 345\n3\n4\ncycles 345\n", lambda path: read_ghdl(path, 2)),
    "verilator": ("1 -2 345\n3 4 345\n", lambda path: read_verilator(path, 2)),
    "netlist": (
        json.dumps(
            {"modules": {"engine": {"cells": {"l": _LUT, "r": _REGISTER}, "netnames": _NETS}}}
        ),
        _netlist,
    ),
    "report": (
        json.dumps(_REPORT),
        lambda path: read_report(path, "nextpnr", {"lut": {"ICESTORM_LC": 1}}),
    ),
    "hierarchy": (_HIERARCHY, lambda path: read_instances(path.read_text(errors="replace"))),
}
"""Whole results, and the functions that read them."""

_VALUES = (b"-1", b"1e999", b"NaN", b"null", b'"x"', b"[]", b"{}", b"9" * 5000, b"", b"\xff\x00")


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return a result that was cut off, or with other bytes, numbers or parts."""
    for _ in range(draw.randint(1, 3)):
        first, last = sorted(draw.randrange(len(content) + 1) for _ in range(2))
        numbers = list(re.finditer(rb"[-\d.]+|\[[^][]*\]|\{[^{}]*\}|\"\w+\"", content))
        kind = draw.randrange(5)
        if kind == 0:
            content = content[:first]
        elif kind == 1:
            content = content[:first] + content[last:]
        elif kind == 2:
            content = content[:last] + content[first:last] + content[last:]
        elif kind == 3:
            content = content[:first] + draw.randbytes(1) + content[first + 1 :]
        elif numbers:
            one = draw.choice(numbers)
            content = content[: one.start()] + draw.choice(_VALUES) + content[one.end() :]
    return content


def escaped(count: int, seed: int, folder: Path) -> Iterator[str]:
    """Yield each damaged result of ``count`` whose reading raised another error than a tool's."""
    draw = random.Random(seed)
    names = list(RESULTS)
    for number in range(count):
        whole, read = RESULTS[names[number % len(names)]]
        path = folder / "result"
        content = damaged(whole.encode(), draw)
        path.write_bytes(content)
        try:
            read(path)
        except ToolError as error:
            if "\n" in str(error) or not str(error).isprintable():
                yield f"more than a line: {error!r}"
        except Exception as error:
            yield f"{names[number % len(names)]}: {content!r}: {error!r}"


def main() -> None:
    """Print what escapes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = list(escaped(chosen.count, chosen.seed, Path(folder)))
    print("\n".join(found) or "nothing escapes")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
