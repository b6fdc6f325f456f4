"""Train models with several seeds and compare the error of integers with that in floating point.

    python benchmarks/accuracy.py --config examples/airu.toml --data ../shared/data/airu/airu.csv \
        --sizes 6x64 12x32 --bits 8 --seeds 3 --json accuracy.json

Each line is a mean over seeds of the RMSE on the test part, in the target's own unit. The float
model of a seed is the one that its integer models start from.
"""

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from narrowcast import load_config


def train(task: tuple[Path, Path, int, int, tuple[int, ...], int]) -> dict:
    """Train one float model and quantise it to each width."""
    import torch  # noqa: PLC0415

    from narrowcast.data import errors, make_windows, read_table  # noqa: PLC0415
    from narrowcast.integer import forecast  # noqa: PLC0415
    from narrowcast.model import predict, train_float  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    path, data, window, channels, widths, seed = task
    torch.set_num_threads(1)
    size = [f"data.window={window}", f"model.channels={channels}", f"train.seed={seed}"]
    config = load_config(path, size, data)
    dataset = make_windows(read_table(config.data), config.data)
    source, _ = train_float(dataset, config)
    test = dataset.test
    rmse = {"float": errors(predict(source, test.inputs, dataset)[:, 0], test.target).rmse}
    for bits in widths:
        narrow = load_config(path, [*size, f"quantization.bits={bits}"], data)
        model = to_integer_model(finetune(source, dataset, narrow)[0], dataset, narrow.data)
        rmse[str(bits)] = errors(forecast(model, test.inputs)[:, 0], test.target).rmse
    return {"window": window, "channels": channels, "seed": seed, "rmse": rmse}


def main() -> None:
    """Train all, two at a time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", nargs="+", default=["6x64", "12x32"], help="windowxchannels")
    parser.add_argument("--bits", nargs="+", type=int, default=[8])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, required=True, help="file for the results")
    args = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in args.sizes]
    tasks = [
        (args.config, args.data, window, channels, tuple(args.bits), seed)
        for (window, channels), seed in product(sizes, range(args.seeds))
    ]
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(train, tasks))
    print("| window | channels | bits | RMSE float | RMSE integer | difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (window, channels), bits in product(sizes, args.bits):
        own = [r["rmse"] for r in results if (r["window"], r["channels"]) == (window, channels)]
        exact = statistics.mean(r["float"] for r in own)
        rounded = statistics.mean(r[str(bits)] for r in own)
        change = f"{rounded / exact - 1:+.1%}"
        print(f"| {window} | {channels} | {bits} | {exact:.3f} | {rounded:.3f} | {change} |")
    args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
