"""A made-up run, as the stages would hand it to the report."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.estimate import estimate_model
from narrowcast.estimate.power import Energy
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.report import build_report
from narrowcast.targets.device import load_device

DEVICE = {"lut": 8000, "ff": 16000, "bram36": 10, "dsp": 20}


def sample_report(**changes: Any) -> dict[str, Any]:
    model = random_model(Shape(window=12, inputs=3, channels=32, layers=2, heads=2))
    steps = [
        {
            "name": step.name,
            "rows": 12,
            "tiles": 2,
            "inner": 32,
            "macs": 9500 + 90 * i,
            "cycles": 800 + 37 * i,
            "utilisation": 0.7,
            "lost": {"operand": 30, "collector": 7} if i else {},
        }
        for i, step in enumerate(model.steps)
    ]
    parts: dict[str, Any] = {
        "model": model,
        "data": {
            "file": "made-up.csv",
            "rows": 5000,
            "inputs": ["temperature", "humidity", "light"],
            "target": "temperature",
            "lead": 1,
            "outputs": 1,
            "missing": {"temperature": 3, "humidity": 0, "light": 0},
            "windows": {
                "train": 3400,
                "validation": 600,
                "test": 960,
                "skipped_gaps": 12,
                "skipped_missing": 28,
            },
        },
        "accuracy": {
            "float": {"rmse": 0.5123, "mae": 0.3911},
            "qat": {"rmse": 0.5187, "mae": 0.3972},
            "integer": {"rmse": 0.5187, "mae": 0.3972},
            "persistence": {"rmse": 1.0312, "mae": 0.8099},
            "ridge": {"rmse": 0.6441, "mae": 0.4903},
            "ridge_quadratic": {"rmse": 0.6020, "mae": 0.4611},
        },
        "quantization": {
            "tensors": [
                {
                    "name": name,
                    "bits": 4,
                    "scheme": scheme,
                    "scale": 0.11,
                    "zero_point": 0 if scheme == "symmetric" else -8,
                    "lowest": lowest,
                    "highest": 1.3,
                    "error": 0.0812,
                    "error_symmetric": error,
                    "error_asymmetric": error and 0.08,
                    "edges": [-0.4, 1.6],
                    "counts": [1, 0, 40, 13],
                }
                for name, scheme, lowest, error in (
                    ("embed.weights", "symmetric", -1.3, None),
                    ("embed.output", "asymmetric", 0.0, 0.2345),
                )
            ]
        },
        "program": {
            "lanes": 16,
            "array": {"ways": 1, "columns": 16, "kinds": ["pairs"], "grouped": False},
            "steps": steps,
            "buffers": [
                {
                    "name": "weights_6",
                    "copies": 1,
                    "writable": True,
                    "words": 1536,
                    "width": 96,
                    "storage": "block",
                    "blocks": 9,
                    "reason": "all of it finds room",
                    "luts": 0,
                },
                {
                    "name": "activations",
                    "copies": 1,
                    "writable": True,
                    "words": 2048,
                    "width": 8,
                    "storage": "block",
                    "blocks": 1,
                    "reason": "a RAMB18 saves 341 LUT",
                    "luts": 0,
                },
                {
                    "name": "keys",
                    "copies": 1,
                    "writable": True,
                    "words": 16,
                    "width": 96,
                    "storage": "distributed",
                    "blocks": 0,
                    "reason": "as configured",
                    "luts": 96,
                },
            ],
        },
        "verification": {
            "verilator": {"windows": 960, "mismatches": 0},
            "ghdl": {"windows": 2, "mismatches": 0},
            "cycles": {"predicted": 20063, "simulated": 20063},
        },
        "synthesis": {
            "tool": "yosys 0.70",
            "device": "xc7s15",
            "lut": 3251,
            "ff": 1893,
            "bram36": 5.5,
            "dsp": 18,
            "fits": True,
            "budget": DEVICE,
            "longest_path": {
                "levels": 5,
                "from": "collect.ahead[2]",
                "to": "maximum.largest[3]",
                "cells": ["FDRE", *["LUT6"] * 5, "FDRE"],
            },
        },
        "place_and_route": None,
        "estimate": estimate_model(
            random_model(Shape(6, 4, 8), (4,)), load_device("xc7s15")
        ).to_json(),
        "activity": {
            "tool": "GHDL 2.0.0",
            "windows": 2,
            "rates": {"lanes": 0.35, "memories": 0.46, "rest": 0.13, "clocks": 40139},
            "factors": {"lanes": 1.09, "memories": 0.96, "rest": 0.93},
            "energy": asdict(Energy(32.0, 1.1, 0.9, 1.4, 2e-4, 0.4)),
            "energy_uj": 9.8,
            "power_mw": 49.0,
        },
        "clock_mhz": 100.0,
        "seconds": {"train": 41.2, "quantize": 33.9, "compile": 0.8, "verify": 61.0, "synth": 92.4},
    }
    return build_report(**{**parts, **changes})


PLACEMENT = {
    "tool": "nextpnr-ice40 0.11.1",
    "device": "up5k",
    "board": "iCEBreaker",
    "clock_mhz": 12.0,
    "fmax_mhz": 38.65,
    "lut": 3104,
    "ff": 1742,
    "bram": 29,
    "dsp": 3,
    "critical_path": {
        "ns": 25.87,
        "logic_ns": 8.77,
        "levels": 8,
        "from": "accelerator.collect.ahead[1]",
        "to": "accelerator.collect.column",
    },
    "bitstream": "board/serial_top.bin",
}


def placed_report(**changes: Any) -> dict[str, Any]:
    """The same on an iCE40UP5K."""
    budget = {"lut": 5280, "ff": 5280, "bram": 30, "dsp": 8}
    used = {"lut": 2034, "ff": 1742, "bram": 29, "dsp": 3}
    synthesis = {"tool": "yosys 0.70", "device": "up5k", **used, "fits": True, "budget": budget}
    return sample_report(synthesis=synthesis, place_and_route={**PLACEMENT, **changes})


def sample_predictions(windows: int = 960, *, timed: bool = True) -> dict[str, NDArray[Any]]:
    noise = np.random.default_rng(0)
    row = np.arange(windows) + 4000
    row[60:] += 24
    truth = 18 + 6 * np.sin(row * 2 * np.pi / 24) + noise.normal(0, 0.4, windows)
    found = {
        "truth": truth,
        "row": row,
        "float": truth + noise.normal(0, 0.5, windows),
        "integer": truth + noise.normal(0, 0.5, windows),
    }
    if timed:
        found["time"] = np.datetime64("2024-05-01", "ns").astype(np.int64) + row * 3_600_000_000_000
    return found
