"""Compare the error of integer models with that in floating point and with simple forecasts.

    python benchmarks/accuracy.py --data ../shared/data --out out/accuracy --seeds 5

Trains the models below with several seeds, from the settings of ``examples/``, quantises each to
several widths, and prints means over seeds, with the standard deviation, of the RMSE on the test
part, in the target's own unit ("ridge" is the better of two, see ``narrowcast.data.baselines``).
The errors of every model, also on the validation part, are kept in ``--out``: a run that was
stopped goes on where it was. After a change to the code, start with an empty ``--out``.
"""

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from narrowcast import load_config

Case = tuple[str, int, int]
FILES = {
    "airu": "airu/airu.csv",
    "pems": "pems_d11_speed/speed_pems4w_layout_observed83.csv",
}
CASES: list[Case] = [("airu", 6, 64), ("airu", 12, 32), ("pems", 24, 32)]
EXAMPLES = Path(__file__).parents[1] / "examples"


def train(task: tuple[Case, int, tuple[int, ...], Path, Path]) -> list[dict[str, Any]]:
    """Train one float model and quantise it to each width, but for what is known already."""
    import torch  # noqa: PLC0415

    from narrowcast.data import baselines, errors, make_windows, read_table  # noqa: PLC0415
    from narrowcast.integer import forecast  # noqa: PLC0415
    from narrowcast.model import build, load_state, predict, save_state, train_float  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    (name, window, channels), seed, widths, data, out = task
    torch.set_num_threads(1)
    stem = f"{name}-{window}x{channels}-seed{seed}"
    size = [f"data.window={window}", f"model.channels={channels}", f"train.seed={seed}"]
    config = load_config(EXAMPLES / f"{name}.toml", size, data / FILES[name])
    missing = [b for b in (None, *widths) if not (out / f"{stem}-{b or 'float'}.json").is_file()]
    if missing:
        dataset = make_windows(read_table(config.data), config.data)
        weights = out / f"{stem}.safetensors"
        if None in missing:
            source, _ = train_float(dataset, config)
            save_state(source, weights)
        else:
            source = build(config)
            load_state(source, weights)
        simple = {key: value and asdict(value) for key, value in baselines(dataset).items()}
    for bits in missing:
        result: dict[str, Any] = {"data": name, "window": window, "channels": channels}
        result |= {"seed": seed, "bits": bits, "baselines": simple}
        if bits is not None:
            setting = [*size, f"quantization.bits={bits}"]
            narrow = load_config(EXAMPLES / f"{name}.toml", setting, data / FILES[name])
            model = to_integer_model(finetune(source, dataset, narrow)[0], dataset, narrow.data)
        for part in ("validation", "test"):
            windows = getattr(dataset, part)
            if bits is None:
                found = predict(source, windows.inputs, dataset)
            else:
                found = forecast(model, windows.inputs)
            result[part] = asdict(errors(found[:, 0], windows.target))
        (out / f"{stem}-{bits or 'float'}.json").write_text(json.dumps(result, indent=1) + "\n")
    kept = [out / f"{stem}-{b or 'float'}.json" for b in (None, *widths)]
    return [json.loads(path.read_bytes()) for path in kept]


def row(case: Case, results: list[dict[str, Any]], widths: list[int], part: str) -> str:
    """Return a line of the table."""
    own = [r for r in results if (r["data"], r["window"], r["channels"]) == case]
    simple = own[0]["baselines"]
    persistence = simple["persistence"] and simple["persistence"]["rmse"]
    cells = [*case, part]
    if part == "test":
        ridge = min(simple[key]["rmse"] for key in ("ridge", "ridge_quadratic"))
        cells += [f"{persistence:.3f}" if persistence else "", f"{ridge:.3f}"]
    else:
        cells += ["", ""]
    exact = 0.0
    for bits in (None, *widths):
        rmse = [r[part]["rmse"] for r in own if r["bits"] == bits]
        mean, spread = statistics.mean(rmse), statistics.pstdev(rmse)
        exact = exact or mean
        change = "" if bits is None else f" ({mean / exact - 1:+.1%})"
        cells.append(f"{mean:.3f} ± {spread:.3f}{change}")
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Train all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--bits", nargs="+", type=int, default=[8, 6, 4, 3])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tasks = [
        (case, seed, tuple(args.bits), args.data, args.out)
        for seed, case in product(range(args.seeds), CASES)
    ]
    with ProcessPoolExecutor(args.processes) as pool:
        results = [result for found in pool.map(train, tasks) for result in found]
    widths = [f"{bits} bits" for bits in args.bits]
    head = ["data", "window", "channels", "part", "persistence", "ridge", "float", *widths]
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for case, part in product(CASES, ("validation", "test")):
        print(row(case, results, args.bits, part))


if __name__ == "__main__":
    main()
