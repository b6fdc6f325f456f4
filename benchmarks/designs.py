"""Build models of several sizes from real data and print the README's table.

    python benchmarks/designs.py --data ../shared/data --out out/designs --json designs.json

Each design is a whole ``narrowcast build``: trained, verified on every test window, synthesised.
Finished designs are kept in the output folder and not built again.
"""

import argparse
import json
from pathlib import Path

from narrowcast import load_config, pipeline
from narrowcast.records import to_json
from narrowcast.report import Report

ROOT = Path(__file__).parent.parent
AIRU = ("airu", "airu/airu.csv")
PEMS = ("pems", "pems_d11_speed/speed_pems4w_layout_observed83.csv")
DESIGNS = [  # data, window, channels, bits, layers, heads
    (AIRU, 6, 64, 8, 1, 1),
    (AIRU, 12, 64, 6, 1, 1),
    (AIRU, 12, 32, 4, 1, 1),
    (AIRU, 24, 16, 5, 2, 2),
    (PEMS, 24, 32, 8, 1, 1),
]
HEAD = (
    "| data | window | channels | layers | heads | bits | RMSE float | RMSE integer | ridge "
    "| cycles | µs at 100 MHz | LUT | FF | BRAM36 | DSP |"
)


def row(data: str, bits: int, report: Report) -> str:
    """Return a line of the table."""
    model, used = report.model, report.synthesis.used
    rmse = {name: found.rmse for name, found in report.accuracy.test.items() if found is not None}
    ridge = min(rmse["ridge"], rmse["ridge_quadratic"])
    cells = [
        data,
        *(model[key] for key in ("window", "channels", "layers", "heads")),
        bits,
        *(f"{value:.2f}" for value in (rmse["float"], rmse["integer"], ridge)),
        f"{report.cycles.simulated:,}",
        f"{report.latency_us:.0f}",
        *(f"{used[key]:g}" for key in ("lut", "ff", "bram36", "dsp")),
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Build all designs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the designs")
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
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
        config = load_config(ROOT / "examples" / f"{name}.toml", overrides, args.data / file)
        folder = args.out / f"{name}-{window}-{channels}-{layers}-{heads}-{bits}"
        reports.append((name, bits, pipeline.build(config, folder)))
    print(HEAD)
    print("|" + " --- |" * HEAD.count(" | ") + " --- |")
    for name, bits, report in reports:
        print(row(name, bits, report))
    results = [{"data": name, "bits": bits, **to_json(report)} for name, bits, report in reports]
    args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
