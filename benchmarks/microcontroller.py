"""Measure exported C code on Cortex-M processors in qemu, and fit the estimates to it.

    python benchmarks/microcontroller.py out/designs/*    # prints the table of docs/c-export.md
    python benchmarks/microcontroller.py --fit            # writes export/data/cores.toml

A folder is one of ``narrowcast build``. Its code runs natively on all test windows, checked for
undefined behaviour, and in qemu on the first ones; instructions are those of the last of these.
With --fit, untrained models of drawn graphs run in qemu, and non-negative coefficients of what they
consist of are fitted to the instructions. This needs gcc, arm-none-eabi-gcc and qemu-system-arm.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tomli_w

from narrowcast.export import CCode, bench_words, c_code
from narrowcast.export.cost import instruction_terms
from narrowcast.integer import IntegerModel, load_model, model_sha256
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "export"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import c_programs
from cortex_m import MACHINES, run_on

from graphs import GRAPHS, drawn_stream, graph_model

CORES = Path(__file__).parents[1] / "src" / "narrowcast" / "export" / "data" / "cores.toml"
QEMU_WINDOWS = 15
# Mean clock cycles of an instruction of the code, from a trace of three of the models in the table
# of docs/c-export.md. A load or store takes 2 cycles (on a Cortex-M4 1 behind another one), a
# taken branch 2 (Cortex-M4: 3), as Arm's reference manuals have it, and memory no wait states.
CYCLES_PER_INSTRUCTION = {"cortex-m0plus": 1.34, "cortex-m4": 1.35}


def measured_row(folder: Path, work: Path) -> str:
    """Return a line of the table."""
    model = load_model(folder)
    code = c_code(model, model_sha256(folder), "model")
    words = bench_words(model, folder / "vectors", 10**9)
    agrees = c_programs.agrees(work, code, *words)
    cells = [folder.name, f"{model.macs:,}", f"{len(words[0]):,}" if agrees else "DIFFERS"]
    few = bench_words(model, folder / "vectors", max(QEMU_WINDOWS, 2 * model.kept_rows))
    for core in MACHINES:
        c_programs.write_test(work, code, *few)
        run = run_on(core, work)
        counted = f"{run.instructions:,}" if run.agrees else "DIFFERS"
        cells += [counted, f"{run.flash / 1024:.1f}", f"{run.ram:,}"]
    return "| " + " | ".join(cells) + " |"


def drawn_models() -> list[IntegerModel]:
    """Return models of all kinds of graphs, and Transformers of common sizes."""
    models = [graph_model(name) for name in GRAPHS]
    models += [drawn_stream(seed, 16, 32) for seed in range(20)]
    random = np.random.default_rng(0)
    for seed in range(24):
        heads = int(random.choice([1, 2, 4]))
        shape = Shape(
            window=int(random.integers(4, 25)),
            inputs=int(random.integers(1, 8)),
            channels=4 * heads * int(random.integers(1, 5)),
            layers=int(random.integers(1, 3)),
            heads=heads,
            outputs=int(random.choice([1, 3])),
        )
        bits = (int(random.integers(3, 9)), 8)
        models.append(random_model(shape, bits, seed, input_bits=10))
    return models


def fitted(
    terms: Sequence[dict[str, int]], values: Sequence[float]
) -> tuple[dict[str, float], str]:
    """Return non-negative coefficients with the least relative errors, and these in words."""
    names = sorted({name for each in terms for name in each})
    y = np.array(values, float)
    x = np.array([[each.get(name, 0) for name in names] for each in terms], float) / y[:, None]
    kept = list(range(len(names)))
    while True:
        found = np.linalg.lstsq(x[:, kept], np.ones(len(y)), rcond=None)[0]
        if found.min() >= 0:
            break
        kept.pop(int(found.argmin()))
    errors = np.abs(x[:, kept] @ found - 1)
    told = f"{np.sqrt((errors**2).mean()):.1%} root mean square, {errors.max():.1%} at worst"
    return {names[i]: round(float(c), 2) for i, c in zip(kept, found, strict=True)}, told


def fit(work: Path) -> None:
    """Fit the coefficients of all processors, and write them."""
    codes: list[CCode] = []
    runs: dict[str, list[int]] = {core: [] for core in MACHINES}
    for number, model in enumerate(drawn_models()):
        code = c_code(model, "0" * 64, "model")
        few = bench_words(model, work / "none", 2 * model.kept_rows + 3)
        c_programs.write_test(work, code, *few)
        codes.append(code)
        for core, found in runs.items():
            run = run_on(core, work)
            if not run.agrees:
                raise SystemExit(f"model {number} differs on {core}")
            found.append(run.instructions)
    document, notes = {}, []
    for core, found in runs.items():
        coefficients, errors = fitted([instruction_terms(each) for each in codes], found)
        notes.append(f"{core}: {errors}")
        document[core] = {
            "cycles_per_instruction": CYCLES_PER_INSTRUCTION[core],
            "instructions": coefficients,
        }
    head = ["Coefficients of the estimates; fitted by benchmarks/microcontroller.py --fit to"]
    head += [f"{len(codes)} untrained models. Errors:", *notes]
    CORES.write_text("".join(f"# {line}\n" for line in head) + "\n" + tomli_w.dumps(document))
    print("\n".join(notes))


def main() -> None:
    """Print the table of some folders, or fit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", help="output folders of builds")
    parser.add_argument("--fit", action="store_true", help="fit the coefficients")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        if args.fit:
            fit(Path(work))
        for folder in args.folders:
            print(measured_row(folder, Path(work)), flush=True)


if __name__ == "__main__":
    main()
