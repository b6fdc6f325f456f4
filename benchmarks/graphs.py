"""Compile graphs of other shapes than the Transformer's, and simulate each on 100 windows.

    python benchmarks/graphs.py --out out/graphs

The graphs are those of ``tests/graphs.py``, with random numbers of 3, 4 and 6 bits, for an XC7S15.
Prints a table and writes ``graphs.json``.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.compile import compile_model
from narrowcast.estimate import area
from narrowcast.integer import execute_words
from narrowcast.integer.random_model import random_graph
from narrowcast.targets.device import load_device
from narrowcast.tools.simulate import simulate_verilator

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from graphs import GRAPHS

COLUMNS = ("graph", "lanes", "predicted", "simulated", "windows", "mismatches", "lut_estimate")


def row(name: str, windows: int, work: Path) -> dict[str, Any]:
    """Return what one graph takes, and whether the hardware gives the executor's results."""
    model = random_graph(GRAPHS[name](), (3, 4, 6))
    device = load_device("xc7s15")
    design = compile_model(model, replace(device, lut=10**6, ff=10**6, blocks=1000), area)
    design.write_rtl(work / "rtl")
    random = np.random.default_rng(1)
    words = np.concatenate(
        [random.integers(t.low, t.high + 1, (windows, t.size)) for t in model.input_tensors], axis=1
    )
    found = simulate_verilator(
        work / "rtl", model, words, execute_words(model, words), work / "verilator"
    )
    numbers = (
        *(name, design.lanes, design.cycles, found.cycles),
        *(found.windows, found.mismatches, area(design).lut),
    )
    return dict(zip(COLUMNS, numbers, strict=True))


def main() -> None:
    """Go through all graphs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--windows", type=int, default=100, help="windows of each graph")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for name in GRAPHS:
        rows.append(row(name, args.windows, args.out / name))
        print("| " + " | ".join(str(value) for value in rows[-1].values()) + " |", flush=True)
        (args.out / "graphs.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
