"""Compare estimates with the truth, for models that nothing was fitted to, and print tables.

    python benchmarks/estimate.py --out out/estimate --json out/estimate.json

40 random mixed-precision models for three devices (with seeds beyond those of
``narrowcast characterise``) are synthesised whole, the faster ones simulated. Then models near
and beyond what two small devices hold: does what is said to fit fit, and is what is said to be too
large too large? And energies beside published ones. Models that are done already are not
synthesised again. And how long an estimate takes, which ``--times`` prints alone.
"""

import argparse
import hashlib
import itertools
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from narrowcast.compile import Design, HardwareOptions, best_design, compile_model
from narrowcast.config import Config, load_config, quantised_names, shape_of
from narrowcast.errors import UserError
from narrowcast.estimate import Estimate, area, estimate_design, estimate_on, stand_in
from narrowcast.estimate.power import published_uj
from narrowcast.estimate.samples import sample
from narrowcast.integer import Linear, execute_words
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.records import to_json
from narrowcast.targets.device import Device, load_device
from narrowcast.tools.nextpnr import packed_cells
from narrowcast.tools.simulate import simulate_ghdl
from narrowcast.tools.yosys import synthesise_yosys

HELD_OUT = (("xc7s15", 14), ("up5k", 13), ("ecp5-25f", 13))
LIMITS = (("up5k", 8), ("xc7s6", 8))
NEAR = (0.85, 1.5)  # shares of the cells, look-up tables or flip-flops
STAND_INS = 12  # for each device
FIRST_SEED = 1000
MOST_SIMULATED = 8000  # cycles: GHDL takes a second for some thousands
PUBLISHED = (  # window, channels, bits, uJ, cycles, seconds: arXiv 2407.11041, 2410.03294
    (12, 32, 4, 84.0, 169_000, 1.33e-3),
    (6, 64, 8, 212.0, 284_600, 2.82e-3),
    (12, 64, 6, 364.0, 580_200, 4.6e-3),
)
EXAMPLE = Path(__file__).parents[1] / "examples" / "airu.toml"
TIMED = ("xc7s15", "xc7s6", "up5k", "ecp5-25f")
CONFIGURATIONS = 60  # for each device
COLUMNS = (
    *("device", "seed", "n x d", "bits", "cycles", "DSP", "BRAM"),
    *("LUT", "estimate", "%", "FF", "estimate", "%"),
)


def models(
    device: Device, count: int, first: int = FIRST_SEED, shares: tuple[float, float] = (0.0, 1.0)
) -> Iterator[tuple[int, Design]]:
    """Yield so many models for a device, with their seeds.

    Args:
        device: that the engine is made for.
        count: of models.
        first: seed to begin with.
        shares: least and most of the device's cells, look-up tables or flip-flops, estimated.
    """
    for seed in itertools.count(first):
        try:
            drawn = sample(device, seed)
            design = best_design(drawn.model(), device, area, HardwareOptions(**drawn.hw))
        except UserError:  # DSP blocks or block memories do not last
            continue
        if shares[0] <= area(design).share(device) <= shares[1]:
            yield seed, design
            count -= 1
        if not count:
            return


def truth(design: Design, folder: Path, *, simulated: bool) -> dict[str, Any]:
    """Return what synthesis and simulation find; kept in ``folder`` for the next time."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    design.write_rtl(work / "rtl")
    sources = b"".join(path.read_bytes() for path in sorted((work / "rtl").glob("*.vhd")))
    kept = folder / f"{hashlib.sha256(sources).hexdigest()}.json"
    if not kept.is_file():
        found = to_json(synthesise_yosys(work / "rtl", design.device, 100.0, work / "yosys"))
        if design.device.family.logic_cells:
            found["cells"] = packed_cells(work / "yosys" / "engine.json", design.device)
        if simulated and design.cycles <= MOST_SIMULATED:
            random = np.random.default_rng(0)
            tensors = design.model.input_tensors
            inputs = np.concatenate(
                [random.integers(t.low, t.high + 1, (2, t.size)) for t in tensors], axis=1
            )
            expected = execute_words(design.model, inputs)
            run = simulate_ghdl(work / "rtl", design.model, inputs, expected, work / "ghdl")
            found["cycles"], found["mismatches"] = run.cycles, run.mismatches
        kept.write_text(json.dumps(found) + "\n")
    result: dict[str, Any] = json.loads(kept.read_text())
    return result


def held_out(device: Device, seed: int, design: Design, folder: Path) -> dict[str, Any]:
    """Compare the estimate of a model with the truth."""
    drawn = sample(device, seed).shape
    begun = time.perf_counter()
    guess = estimate_design(design)
    seconds = time.perf_counter() - begun
    found = truth(design, folder, simulated=True)
    blocks = found["bram36"] * 2 if "bram36" in found else found["bram"]
    cycles = found.get("cycles", design.cycles)
    assert not found.get("mismatches"), f"{device.name} {seed}: simulation differs"
    return {
        "device": device.name,
        "seed": seed,
        "n x d": f"{drawn.window} x {drawn.channels}",
        "bits": " ".join(map(str, design.bank_bits)),
        "cycles": cycles,
        "simulated": "cycles" in found,
        "DSP": found["dsp"],
        "BRAM": blocks,
        "exact": (guess.cycles, guess.dsp, guess.blocks) == (cycles, found["dsp"], blocks),
        "lut": [found["lut"], guess.lut, guess.lut / found["lut"] - 1],
        "ff": [found["ff"], guess.ff, guess.ff / found["ff"] - 1],
        "estimate_ms": 1000 * seconds,
    }


def table(rows: list[dict[str, Any]]) -> None:
    """Print the models that were held out."""
    print("| " + " | ".join(COLUMNS) + " |\n" + "|" + " --- |" * len(COLUMNS))
    for row in rows:
        fitted = [
            f"{found:,} | {guess:,} | {100 * error:+.1f}"
            for found, guess, error in (row["lut"], row["ff"])
        ]
        exact = [f"{row[name]:,}" if name == "cycles" else f"{row[name]}" for name in COLUMNS[:7]]
        print("| " + " | ".join(exact + fitted) + " |")


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and worst errors by device, and in all."""
    result = {}
    for name in ("all", *dict.fromkeys(row["device"] for row in rows)):
        own = [row for row in rows if name in ("all", row["device"])]
        errors = {key: [abs(row[key][2]) for row in own] for key in ("lut", "ff")}
        result[name] = {
            "models": len(own),
            "exact": sum(row["exact"] for row in own),
            "simulated": sum(row["simulated"] for row in own),
            "estimate_ms": statistics.median(row["estimate_ms"] for row in own),
            **{f"{key}_mean": statistics.mean(values) for key, values in errors.items()},
            **{f"{key}_worst": max(values) for key, values in errors.items()},
        }
    return result


def other_weights(device: Device, count: int) -> dict[str, Any]:
    """Compare estimates of models that differ in their numbers only, as a stand-in does."""
    rows = []
    for seed, design in models(device, count, 3 * FIRST_SEED):
        drawn = sample(device, seed)
        model = design.model
        widths = {name: tensor.bits for name, tensor in model.tensors.items()}
        widths |= {s.weights: s.weight_bits for s in model.operations if isinstance(s, Linear)}
        other = random_model(drawn.shape, (8,), seed + 1, widths=widths)
        try:
            guesses = [
                estimate_design(d)
                for d in (
                    design,
                    compile_model(other, device, area, HardwareOptions(**drawn.hw)),
                )
            ]
        except UserError:
            continue
        one, two = guesses
        rows.append(
            {
                "cycles": one.cycles == two.cycles,
                "dsp": one.dsp == two.dsp,
                "blocks": one.blocks == two.blocks,
                "lut": abs(two.lut / one.lut - 1),
                "ff": abs(two.ff / one.ff - 1),
            }
        )
    return {
        "device": device.name,
        "models": len(rows),
        **{key: sum(row[key] for row in rows) for key in ("cycles", "dsp", "blocks")},
        **{key: statistics.mean(row[key] for row in rows) for key in ("lut", "ff")},
    }


def energies() -> list[dict[str, float]]:
    """Return the energy of an inference on the XC7S15 at 100 MHz, beside what is published."""
    device = load_device("xc7s15")
    rows = []
    for window, channels, bits, total, cycles, seconds in PUBLISHED:
        model = random_model(Shape(window, 7, channels), (bits,), input_bits=8)
        ours = estimate_design(compile_model(model, device, area), 100.0)
        then = published_uj(total, cycles, device.power, seconds, 100.0)
        rows.append(
            {
                "window": window,
                "channels": channels,
                "bits": bits,
                "published_uj": then,
                "energy_uj": ours.energy_uj,
                "power_mw": ours.power_mw,
                "error": ours.power_error,
                "times": then / ours.energy_uj,
            }
        )
    return rows


def configurations(device: str, count: int) -> Iterator[Config]:
    """Yield so many random configurations for a device."""
    random = Random(device)
    for _ in range(count):
        layers = random.choice([1, 1, 1, 2])
        config = load_config(
            EXAMPLE,
            [
                f"hardware.device={device}",
                f"data.window={random.choice([4, 6, 8, 12, 16, 18, 24])}",
                f"model.channels={random.choice([12, 16, 24, 32, 40, 48, 64])}",
                f"model.layers={layers}",
            ],
        )
        bits = {name: random.randint(2, 8) for name in quantised_names(shape_of(config))}
        quantization = config.quantization.model_copy(update={"bits": bits})
        yield config.model_copy(update={"quantization": quantization})


def times(device: str) -> None:
    """Print the processor's milliseconds for configurations that are new, and once more."""
    first: list[list[float]] = [[], []]  # by whether the device can hold it
    again: list[float] = []
    for config in configurations(device, CONFIGURATIONS):
        try:
            found, new = timed(config)
            again.append(timed(config)[1])
        except UserError:  # DSP blocks or block memories do not last
            continue
        first[found.too_large].append(new)
    for held, own in zip(("fit", "are too large"), first, strict=True):
        if own:
            print(
                f"{device}: {len(own)} new configurations that {held}: "
                f"{statistics.median(own):.0f} ms, at most {max(own):.0f}, "
                f"{sum(new < 20 for new in own)} below 20"
            )
    print(f"{device}: known ones: {statistics.median(again):.0f} ms, at most {max(again):.0f}")


def timed(config: Config) -> tuple[Estimate, float]:
    """Return the estimate of a stand-in, and the processor's milliseconds that it took."""
    begun = time.process_time()
    found = estimate_on(config, stand_in(config))
    return found, 1000 * (time.process_time() - begun)


def main() -> None:
    """Go through all models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for what was found")
    parser.add_argument("--times", action="store_true", help="only how long an estimate takes")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args()
    timed(load_config(EXAMPLE))  # compiles what is not compiled yet
    for name in TIMED:
        times(name)
    if args.times:
        return
    if args.out is None:
        parser.error("--out: where to?")
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, count in HELD_OUT:
        device = load_device(name)
        for seed, design in models(device, count):
            rows.append(held_out(device, seed, design, args.out))
            print(name, seed, rows[-1]["exact"], rows[-1]["lut"], rows[-1]["ff"], flush=True)
    table(rows)
    found = summary(rows)
    for name, each in found.items():
        print(
            f"{name}: DSP, BRAM and cycles exact in {each['exact']} of {each['models']}; LUT "
            f"{each['lut_mean']:.1%} off, at worst {each['lut_worst']:.1%}; FF "
            f"{each['ff_mean']:.1%}, at worst {each['ff_worst']:.1%}"
        )
    others = [other_weights(load_device(name), STAND_INS) for name, _ in HELD_OUT]
    for each in others:
        print(
            f"{each['device']}: with other weights cycles, DSP and BRAM are the same in "
            f"{each['cycles']}, {each['dsp']} and {each['blocks']} of {each['models']}; LUT "
            f"differs by {each['lut']:.1%}, FF by {each['ff']:.1%}"
        )
    limits = []
    for name, count in LIMITS:
        device = load_device(name)
        for seed, design in models(device, count, 2 * FIRST_SEED, NEAR):
            guess = estimate_design(design)
            used = truth(design, args.out, simulated=False)
            serial = device.family.place_and_route
            cells = used["cells"] + serial.serial_cells if serial and "cells" in used else 0
            fits = max(used["lut"], cells) <= device.lut and used["ff"] <= device.ff
            limits.append(
                {
                    "device": name,
                    "seed": seed,
                    "lut": used["lut"],
                    "cells": cells,
                    "estimate": guess.cells or guess.lut,
                    "said_to_fit": guess.fits,
                    "said_too_large": guess.too_large,
                    "fits": fits,
                }
            )
            print(limits[-1], flush=True)
    right = sum(row["fits"] for row in limits if row["said_to_fit"])
    wrong = sum(row["fits"] for row in limits if row["said_too_large"])
    print(
        f"of {sum(r['said_to_fit'] for r in limits)} said to fit {right} fit; "
        f"of {sum(r['said_too_large'] for r in limits)} said to be too large {wrong} fit"
    )
    beside = energies()
    print("| window | channels | bits | published, uJ | ours, uJ | ours, mW | times less |")
    print("|" + " --- |" * 7)
    for row in beside:
        print(
            f"| {row['window']} | {row['channels']} | {row['bits']} | {row['published_uj']:.0f} "
            f"| {row['energy_uj']:.1f} +- {row['error']:.0%} | {row['power_mw']:.0f} "
            f"| {row['times']:.0f} |"
        )
    if args.json is not None:
        document = {"held_out": rows, "summary": found, "other_weights": others}
        document |= {"limits": limits, "energies": beside}
        args.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
