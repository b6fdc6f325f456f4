"""Measure toggle rates of finished builds, on their own data and on other data.

    python benchmarks/activity.py out/demo out/airu --work out/activity

The engine of each build is simulated with all signals traced: windows spread over its test part,
then windows drawn at random, then windows of zeros. What is printed is toggles per bit and clock,
and the energy of an inference with these rates, in uJ.
"""

import argparse
from pathlib import Path

import numpy as np

from narrowcast.estimate import energy_at
from narrowcast.integer import IntegerModel, execute_words, load_model
from narrowcast.integer.model import Array
from narrowcast.records import read_record
from narrowcast.report import Report
from narrowcast.targets.device import load_device
from narrowcast.tools.simulate import trace_ghdl
from narrowcast.tools.vcd import read_activity
from narrowcast.vectors import read_vectors

WINDOWS = (1, 2, 8)


def data_of(folder: Path, model: IntegerModel) -> dict[str, Array]:
    """Return the words of windows to simulate [windows, input_words] by what they are."""
    own, *_ = read_vectors(folder / "vectors", model)
    spread = {
        f"{count} of its own": own[np.linspace(0, len(own) - 1, count).astype(int)]
        for count in WINDOWS
    }
    random = np.random.default_rng(0)
    inputs = {
        each.name: random.integers(each.low, each.high + 1, (2, each.rows, each.columns))
        for each in model.input_tensors
    }
    drawn = model.pack_inputs(inputs)
    return {**spread, "2 at random": drawn, "2 of zeros": np.zeros_like(drawn)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("builds", type=Path, nargs="+", help="folders of 'narrowcast build'")
    parser.add_argument("--work", type=Path, required=True, help="folder for the simulations")
    args = parser.parse_args()
    print("| build | windows | lanes | memories | rest | energy, uJ |")
    print("| --- | --- | --- | --- | --- | --- |")
    for folder in args.builds:
        model, report = load_model(folder), read_record(folder / "report.json", Report)
        power = load_device(report.estimate.device).power
        for kind, inputs in data_of(folder, model).items():
            expected, work = execute_words(model, inputs), args.work / folder.name
            rates = read_activity(trace_ghdl(folder / "rtl", model, inputs, expected, work))
            found = energy_at(report.estimate.energy, rates, power).inference_uj
            each = (rates.lanes or 0, rates.memories or 0, rates.rest)
            cells = [folder.name, kind, *(f"{rate:.3f}" for rate in each), f"{found:.2f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
