"""Compare what to do about missing readings: leave windows out, hold readings, or mask them.

    python benchmarks/holes.py --data ../shared/data --out out/holes --seeds 2

Trains the model of ``examples/beijing.toml``, ozone an hour ahead, with the calendar and with each
``data.missing``. Half of the windows of its test part have a hole. Prints how many hours of that
part get a forecast, and the RMSE in floating point on all of these and on the windows without a
hole, which are the same for all; writes the errors of each seed to ``holes.json`` in ``--out``.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
import torch

import series
from narrowcast import load_config
from narrowcast.data import Part, make_windows, read_table
from narrowcast.files import write_whole
from narrowcast.model import learn, predict_part

EXAMPLE = Path(__file__).parents[1] / "examples" / "beijing.toml"
STRICT = "drop"
WAYS = (STRICT, "hold", "interpolate", "mask")


def rmse(part: Part, forecasts: np.ndarray, chosen: np.ndarray) -> float:
    """Return the error of the chosen windows."""
    errors = (forecasts - part.target)[chosen]
    return float(np.sqrt(np.mean(errors**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    parser.add_argument("--ways", nargs="+", choices=WAYS[1:], default=WAYS[1:])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / "beijing.csv"
    series.beijing(chosen.data).to_csv(path, index=False)
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(chosen.seeds):
        whole = np.empty(0, int)  # rows of the targets whose windows have no hole
        for way in (STRICT, *chosen.ways):
            settings = (
                *("data.time=time", 'data.calendar=["hour", "weekday"]', "model.channels=32"),
                *(f"data.missing={way}", f"train.seed={seed}"),
            )
            config = load_config(EXAMPLE, settings, path)
            table = read_table(config.data)
            learnt = learn(make_windows(table, config.data), table, config)
            part = learnt.dataset.test
            if way == STRICT:
                whole = part.row
            forecasts = predict_part(learnt.model, part, learnt.dataset)
            of_whole = np.isin(part.row, whole)
            assert of_whole.sum() == len(whole)
            hours = int(part.row.max() - whole.min()) + 1
            errors = {
                "hours with a forecast, %": 100 * len(part) / hours,
                "RMSE": rmse(part, forecasts, np.ones(len(part), bool)),
                "RMSE without holes": rmse(part, forecasts, of_whole),
            }
            found.setdefault(way, []).append(errors)
            print(f"seed {seed}, {way}: {errors}", flush=True)
    write_whole(chosen.out / "holes.json", json.dumps(found, indent=1) + "\n")
    names = tuple(found[STRICT][0])
    print("", f"| data.missing | {' | '.join(names)} |", "| --- " * 4 + "|", sep="\n")
    for way, of_seeds in found.items():
        means = [statistics.mean(each[name] for each in of_seeds) for name in names]
        print(f"| {way} | {means[0]:.1f} | {means[1]:.3f} | {means[2]:.3f} |")


if __name__ == "__main__":
    main()
