"""Build models of several sizes from real data and print the README's table.

    python benchmarks/designs.py --data ../shared/data --out out/designs --json designs.json

Each design is a whole ``narrowcast build`` with seed 0: trained, verified on every test window,
synthesised. With the other seeds it is only trained and quantised. Errors on the test part are
means over the seeds with their standard deviation. Finished stages are kept in the output folder
and not repeated.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from narrowcast import load_config, pipeline
from narrowcast.records import to_json
from narrowcast.report import Report

ROOT = Path(__file__).parent.parent
AIRU = ("airu", "airu/airu.csv")
PEMS = ("pems", "pems_d11_speed/speed_pems4w_layout_observed83.csv")
DESIGNS = [  # data, window, channels, bits, layers, heads
    (AIRU, 6, 64, 8, 1, 4),
    (AIRU, 12, 64, 6, 1, 4),
    (AIRU, 12, 32, 4, 1, 4),
    (AIRU, 24, 16, 5, 2, 4),
    (PEMS, 24, 32, 8, 1, 4),
]
HEAD = (
    "| data | window | channels | layers | heads | bits | RMSE float | RMSE integer | ridge "
    "| cycles | µs at 100 MHz | LUT | FF | BRAM36 | DSP |"
)


def spread(errors: Sequence[float]) -> str:
    """Return the mean and the standard deviation over seeds."""
    mean = f"{statistics.mean(errors):.2f}"
    return f"{mean} ± {statistics.stdev(errors):.2f}" if len(errors) > 1 else mean


def row(data: str, bits: int, report: Report, runs: Sequence[dict[str, float]]) -> str:
    """Return a line of the table.

    Args:
        data: Name of the data.
        bits: Width of weights and activations.
        report: Results of the whole build.
        runs: Test RMSE by forecaster, for each seed.
    """
    model, used = report.model, report.synthesis.used
    simple = report.accuracy.test
    ridge = min(each.rmse for name in ("ridge", "ridge_quadratic") if (each := simple[name]))
    cells = [
        data,
        *(model[key] for key in ("window", "channels", "layers", "heads")),
        bits,
        *(spread([run[name] for run in runs]) for name in ("float", "integer")),
        f"{ridge:.2f}",
        f"{report.cycles.simulated:,}",
        f"{report.latency_us:.0f}",
        *(f"{used[key]:g}" for key in ("lut", "ff", "bram36", "dsp")),
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Build all designs. The last seed of each is 0, with which the whole design is built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the designs")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    args = parser.parse_args()
    reports = []
    for (name, file), window, channels, bits, layers, heads in DESIGNS:
        overrides = [
            f"data.window={window}",
            f"model.channels={channels}",
            f"model.layers={layers}",
            f"model.heads={heads}",
            f"quantization.bits={bits}",
        ]
        runs = []
        for seed in reversed(range(args.seeds)):
            config = load_config(
                ROOT / "examples" / f"{name}.toml",
                [*overrides, f"train.seed={seed}"],
                args.data / file,
            )
            folder = args.out / f"{name}-{window}-{channels}-{layers}-{heads}-{bits}-seed{seed}"
            pipeline.train(config, folder)
            test = pipeline.quantize(config, folder).test
            runs.append({forecaster: errors.rmse for forecaster, errors in test.items()})
        reports.append((name, bits, pipeline.build(config, folder), runs))
    print(HEAD)
    print("|" + " --- |" * HEAD.count(" | ") + " --- |")
    for each in reports:
        print(row(*each))
    results = [
        {"data": name, "bits": bits, "rmse_by_seed": runs[::-1], **to_json(report)}
        for name, bits, report, runs in reports
    ]
    args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
