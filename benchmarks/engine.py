"""Compile and synthesise the published grid of models, and print what each takes.

    python benchmarks/engine.py --out out/engine

Windows of 6, 12 and 24, 8 to 64 channels, 4, 6 and 8 bits; 7 inputs, one layer, a feed-forward part
of 4 times the channels. ``--network published`` is that of the published models: one attention
head, a token for each row, and a forecast from the mean of all tokens. ``--network default`` is
what a configuration gives that states the sizes only. ``--network stream`` takes one reading in
each inference and attends to the last 6, 12 or 24, with four heads and folded products; its cycles
are those of a reading. The weights are random: cycles do not depend on them, resources hardly.
Writes ``engine.json`` and ``engine.svg`` (cycles beside those published for integer-only
Transformers on the same device, arXiv 2407.11041 and 2410.03294). Models that are synthesised
already are not synthesised again. ``--no-synthesis`` compiles only: seconds, not an hour.
"""

import argparse
import hashlib
import json
import math
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import altair

from narrowcast.compile import Design, compile_model
from narrowcast.config import Config, DataConfig, ModelConfig
from narrowcast.config.shape import shape_of
from narrowcast.estimate import area, estimate_design
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.records import to_json
from narrowcast.targets.device import load_device
from narrowcast.tools.yosys import synthesise_yosys

WINDOWS, CHANNELS, BITS = (6, 12, 24), (8, 16, 32, 64), (4, 6, 8)
PUBLISHED = {(6, 64, 8): 284_600, (12, 64, 6): 580_200, (12, 32, 4): 169_000}
COLUMNS = (
    *("window", "channels", "bits", "ways", "columns", "cycles", "cycles_before", "utilisation"),
    *("lut_estimate", "lut", "lut_before", "ff_estimate", "ff", "bram36", "dsp", "levels", "fits"),
)


# Cycles and LUT of the engine that ran the Transformer only.
BEFORE = {
    (each["window"], each["channels"], each["bits"]): each
    for each in json.loads(Path(__file__).with_name("engine_before.json").read_text())
}


def synthesised(design: Design, folder: Path) -> dict[str, Any]:
    """Return what synthesis says of a design; kept in ``folder`` for the next time."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    design.write_rtl(work / "rtl")
    sources = b"".join(path.read_bytes() for path in sorted((work / "rtl").iterdir()))
    kept = folder / f"{hashlib.sha256(sources).hexdigest()}.json"
    if not kept.is_file():
        found = to_json(synthesise_yosys(work / "rtl", design.device, 100.0, work / "yosys"))
        kept.write_text(json.dumps(found) + "\n")
    result: dict[str, Any] = json.loads(kept.read_text())
    return result


def shape(network: str, window: int, channels: int, layers: int) -> Shape:
    """Return the size of a model of 7 inputs."""
    if network == "published":
        return Shape(window, 7, channels, layers)
    if network == "stream":
        return Shape(window, 7, channels, layers, heads=4, fold=True, kind="stream")
    inputs = [f"x{i}" for i in range(7)]
    data = DataConfig(inputs=inputs, target="y", window=window, lead=0, outputs=1)
    return shape_of(Config(data=data, model=ModelConfig(channels=channels)))


def point(size: Shape, bits: int, folder: Path | None) -> dict[str, Any]:
    """Return the figures of one model."""
    window, channels = size.window, size.channels
    model = random_model(size, (bits,), input_bits=8)
    design = compile_model(model, load_device("xc7s15"), area)
    guess = estimate_design(design)
    result: dict[str, Any] = {
        "window": window,
        "channels": channels,
        "bits": bits,
        "macs": model.macs,
        "ways": design.array.ways,
        "columns": design.array.columns,
        "lanes": design.lanes,
        "cycles": design.cycles,
        "cycles_before": BEFORE[window, channels, bits]["cycles"],
        "utilisation": round(design.utilisation, 4),
        "lut_estimate": guess.lut,
        "ff_estimate": guess.ff,
    }
    if folder is not None:
        found = synthesised(design, folder)
        result |= {key: found[key] for key in ("lut", "ff", "bram36", "dsp", "fits")}
        result["lut_before"] = BEFORE[window, channels, bits]["lut"]
        result["levels"] = found["longest_path"]["levels"]
    return result


def plot(points: list[dict[str, Any]]) -> altair.LayerChart:
    """Return cycles against multiply-accumulates, by bits, beside the published points."""
    macs = {(p["window"], p["channels"], p["bits"]): p["macs"] for p in points}
    rows = [{**p, "by": f"{p['bits']} bits"} for p in points]
    published = [
        {"macs": macs[key], "cycles": cycles, "by": "published"}
        for key, cycles in PUBLISHED.items()
        if key in macs
    ]
    log = altair.Scale(type="log")
    chart = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X("macs:Q", scale=log, title="multiply-accumulates"),
        y=altair.Y("cycles:Q", scale=log, title="clock cycles"),
        color=altair.Color("by:N", title=None),
    )
    marks = altair.layer(
        chart.mark_line(point=True),
        chart.mark_point(shape="cross", size=90).properties(data=altair.Data(values=published)),
    )
    return marks.properties(title="Cycles of one forecast on the XC7S15", width=640, height=400)


def main() -> None:
    """Go through the grid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument(
        "--network", choices=("published", "default", "stream"), default="published"
    )
    parser.add_argument("--layers", type=int, default=1, help="encoder layers, unless default")
    parser.add_argument("--no-synthesis", action="store_true", help="compile only")
    parser.add_argument("--only", type=int, nargs="*", default=CHANNELS, help="these channels")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    folder = None if args.no_synthesis else args.out
    points = []
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for channels, window, bits in product(args.only, WINDOWS, BITS):
        size = shape(args.network, window, channels, args.layers)
        points.append(point(size, bits, folder))
        print("| " + " | ".join(f"{points[-1].get(c, '')}" for c in COLUMNS) + " |", flush=True)
    for channels in args.only:
        own = [math.log(p["utilisation"]) for p in points if p["channels"] == channels]
        print(f"utilisation at {channels} channels: {math.exp(sum(own) / len(own)):.3f}")
    mean = math.exp(sum(math.log(p["utilisation"]) for p in points) / len(points))
    print(f"utilisation, geometric mean: {mean:.3f}")
    summary = {"device": "xc7s15", "utilisation": mean, "published": None, "points": points}
    summary["published"] = [
        {"window": n, "channels": d, "bits": b, "cycles": c} for (n, d, b), c in PUBLISHED.items()
    ]
    (args.out / "engine.json").write_text(json.dumps(summary, indent=1) + "\n")
    plot(points).save(args.out / "engine.svg")


if __name__ == "__main__":
    main()
