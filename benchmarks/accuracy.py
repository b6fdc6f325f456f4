"""Compare the error of integer models with that in floating point and with simple forecasts.

    python benchmarks/accuracy.py --data ../shared/data --out out/accuracy --seeds 5 --brevitas

Trains the models below with several seeds, from the settings of ``examples/``, and quantises each
to several widths. Prints, for the test part and in the target's own unit, means over seeds with
their standard deviation, and writes all of it to ``accuracy.json`` and ``accuracy.svg`` in
``--out``. The errors of every single model, also on the validation part, are kept there as well:
what was stopped goes on where it was. After a change to the code, start with an empty ``--out``.

``--schemes`` also forces all tensors of 4 bits to be symmetric, or asymmetric. ``--brevitas``
trains the network with Brevitas' quantisers, too, at 4 bits and under the same schedule.
``--published`` repeats the protocol of the published models: the best of so many trainings, CHOSEN
ON THE TEST PART. ``--set`` tries other settings.

``pip install -e .[benchmarks]`` installs what this needs.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import altair

from narrowcast import Config, load_config
from narrowcast.files import write_whole
from narrowcast.training_records import BASELINES

Result = dict[str, Any]
EXAMPLES = Path(__file__).parents[1] / "examples"
COMPARED_BITS = 4
SCHEMES = ("symmetric", "asymmetric")


@dataclass(frozen=True)
class Case:
    """A model to train: an example, its data, and what is different.

    Attributes:
        row: cases of the same name are averaged in one row of the table.
        compared: whether it is also quantised in other ways.
    """

    row: str
    example: str
    data: str
    settings: tuple[str, ...]
    compared: bool = False

    @property
    def name(self) -> str:
        """For file names."""
        kept = (each if each.isalnum() else "_" for each in "-".join((self.row, *self.settings)))
        return "".join(kept)


def airu(window: int, channels: int, *, compared: bool = False) -> Case:
    size = (f"data.window={window}", f"model.channels={channels}")
    return Case(f"AirU ({window}, {channels})", "airu", "airu/airu.csv", size, compared)


def pems(sensor: int) -> Case:
    series = (f'data.inputs=["{sensor}"]', f"data.target={sensor}")
    file = "pems_d11_speed/speed_pems4w_layout_observed83.csv"
    return Case("PeMS, 12 sensors (24, 32)", "pems", file, series, compared=True)


ETT = "ett/ETTh1.csv"
BEIJING = "beijing/PRSA_Data_Aotizhongxin_20130301-20170228.csv.gz"
ELECTRICITY = "vic_electricity/vic_electricity.csv.gz"
PUBLISHED = airu(12, 32)
CASES = [
    airu(6, 64),
    airu(12, 32, compared=True),
    airu(6, 32),
    airu(12, 64),
    airu(24, 32),
    Case("ETTh1, 7 inputs (24, 32)", "ett", ETT, (), compared=True),
    Case(
        "ETTh1, 24 outputs (24, 32)",
        "ett",
        ETT,
        ('data.inputs=["OT"]', "data.outputs=24"),
        compared=True,
    ),
    Case("Beijing O3 (24, 32)", "beijing", BEIJING, (), compared=True),
    Case("Electricity, calendar (24, 32)", "electricity", ELECTRICITY, ("data.outputs=1",)),
    Case("Electricity, 48 outputs, calendar (24, 32)", "electricity", ELECTRICITY, ()),
    *map(pems, range(0, 84, 7)),
]


ROWS = tuple(dict.fromkeys(case.row for case in CASES))


def train(task: tuple[Case, int, tuple[str, ...], Path, Path]) -> list[Result]:
    """Train one float model and quantise it in each way, but for what is known already."""
    import torch  # noqa: PLC0415

    from narrowcast.data import baselines, errors, make_windows, read_table  # noqa: PLC0415
    from narrowcast.integer import RowSum, forecast  # noqa: PLC0415
    from narrowcast.model import build, load_state, predict, save_state, train_float  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    case, seed, ways, data, out = task
    torch.set_num_threads(1)
    config = _config(case, seed, data)
    kept = {way: out / f"{case.name}-seed{seed}-{way}.json" for way in ways}
    missing = [way for way, path in kept.items() if not path.is_file()]
    if missing:
        table = read_table(config.data)
        dataset = make_windows(table, config.data)
        weights = out / f"{case.name}-seed{seed}.safetensors"
        if weights.is_file():
            source = build(config)
            load_state(source, weights)
        else:
            source, _ = train_float(dataset, config)
            save_state(source, weights)
        found = baselines(dataset, table, config.data)
        simple = {key: value and asdict(value) for key, value in found.items()}
    for way in missing:
        result: Result = {"row": case.row, "case": case.name, "seed": seed, "way": way}
        result["baselines"] = simple
        forecaster: Callable[..., Any]
        if way == "float":
            forecaster = lambda x, *more: predict(source, x, dataset, *more)  # noqa: E731
        elif way == "brevitas":
            from brevitas_network import finetune as finetune_brevitas  # noqa: PLC0415

            narrow = _config(case, seed, data, f"quantization.bits={COMPARED_BITS}")
            other, _ = finetune_brevitas(source, dataset, narrow)
            forecaster = lambda x, *more, m=other: predict(m, x, dataset, *more)  # noqa: E731
        else:
            bits, _, scheme = way.partition(" ")
            choice = (f"quantization.bits={bits}", f"quantization.scheme={scheme or 'adaptive'}")
            narrow = _config(case, seed, data, *choice)
            model = to_integer_model(finetune(source, dataset, narrow)[0], dataset, narrow.data)
            forecaster = lambda *x, m=model: forecast(m, *x)  # noqa: E731
            sums = {each.output for each in model.operations if isinstance(each, RowSum)}
            tensors = [each for name, each in model.tensors.items() if name not in sums]
            result["symmetric"] = sum(each.symmetric for each in tensors) / len(tensors)
        for part in ("validation", "test"):
            windows = getattr(dataset, part)
            result[part] = asdict(
                errors(forecaster(windows.inputs, *windows.further), windows.target)
            )
        write_whole(kept[way], json.dumps(result, indent=1) + "\n")
        print(f"{case.row}, seed {seed}, {way}: {result['test']['rmse']:.4f}", flush=True)
    return [json.loads(path.read_bytes()) for path in kept.values()]


def _config(case: Case, seed: int, data: Path, *settings: str) -> Config:
    settings = (*case.settings, f"train.seed={seed}", *settings)
    return load_config(EXAMPLES / f"{case.example}.toml", settings, data / case.data)


def summary(results: list[Result]) -> list[Result]:
    """Return a line for each row of the table, measure and way: mean and deviation over seeds."""
    lines = []
    for row in dict.fromkeys(each["row"] for each in results):
        own = [each for each in results if each["row"] == row]
        for measure in ("rmse", "mae"):
            simple = {each["case"]: each["baselines"] for each in own}.values()
            for way in BASELINES:
                known = [each[way][measure] for each in simple if each[way] is not None]
                if known:
                    lines.append(_line(row, measure, way, [statistics.mean(known)]))
            for way in dict.fromkeys(each["way"] for each in own):
                seeds = sorted({each["seed"] for each in own if each["way"] == way})
                means = [
                    statistics.mean(
                        each["test"][measure]
                        for each in own
                        if each["way"] == way and each["seed"] == seed
                    )
                    for seed in seeds
                ]
                lines.append(_line(row, measure, way, means))
    return lines


def _line(row: str, measure: str, way: str, means: list[float]) -> Result:
    return {
        "row": row,
        "measure": measure,
        "way": way,
        "mean": statistics.mean(means),
        "deviation": statistics.stdev(means) if len(means) > 1 else 0.0,
        "seeds": len(means),
    }


LABELS = {
    "persistence": "persistence",
    "seasonal_naive": "seasonal naive",
    "nlinear": "NLinear",
    "ridge": "ridge",
    "ridge_quadratic": "ridge, squares",
    "float": "float",
    "8": "8 bits",
    "6": "6 bits",
    "4": "4 bits",
    "3": "3 bits",
    **{f"{COMPARED_BITS} {each}": f"{COMPARED_BITS} bits, {each}" for each in SCHEMES},
    "brevitas": f"Brevitas, {COMPARED_BITS} bits",
}


def table(lines: list[Result], measure: str) -> str:
    """Return a table in Markdown."""
    ways = [way for way in LABELS if any(line["way"] == way for line in lines)]
    heads = [measure.upper(), "seeds", *(LABELS[way] for way in ways)]
    rows = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for row in dict.fromkeys(line["row"] for line in lines):
        found = {
            line["way"]: line for line in lines if (line["row"], line["measure"]) == (row, measure)
        }
        cells = [row, str(found["float"]["seeds"])]
        for way in ways:
            line = found.get(way)
            cell = "" if line is None else f"{line['mean']:.3f}"
            if line is not None and line["seeds"] > 1:
                cell += f" ± {line['deviation']:.3f}"
                if way != "float":
                    cell += f" ({line['mean'] / found['float']['mean'] - 1:+.1%})"
            cells.append(cell)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def plot(lines: list[Result]) -> altair.FacetChart:
    """Return bars of the RMSE, with one standard deviation over seeds to either side."""
    rows = [
        {
            **line,
            "label": LABELS[line["way"]],
            "low": line["mean"] - line["deviation"],
            "high": line["mean"] + line["deviation"],
            "kind": "simple"
            if line["way"] in BASELINES
            else "Brevitas"
            if line["way"] == "brevitas"
            else "float"
            if line["way"] == "float"
            else "integer",
        }
        for line in lines
        if line["measure"] == "rmse" and line["way"] in LABELS
    ]
    base = altair.Chart().encode(
        y=altair.Y("label:N", sort=list(LABELS.values()), title=None),
    )
    bars = base.mark_bar().encode(
        x=altair.X("mean:Q", title="RMSE, test part"),
        color=altair.Color("kind:N", title=None),
    )
    spread = base.mark_rule().encode(x="low:Q", x2="high:Q")
    return (
        altair.layer(bars, spread, data=altair.Data(values=rows))
        .properties(width=220, height=160)
        .facet(facet=altair.Facet("row:N", title=None), columns=3)
        .resolve_scale(x="independent")
    )


def main() -> None:
    """Train all, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--bits", nargs="+", type=int, default=[8, 6, 4, 3])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--only", default="", help="rows whose name begins so")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings")
    parser.add_argument("--schemes", action="store_true", help="compare with forced schemes")
    parser.add_argument("--brevitas", action="store_true", help="compare with Brevitas")
    parser.add_argument("--published", type=int, default=0, help="best of so many on the test part")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    ways = ("float", *map(str, args.bits))
    others = [f"{COMPARED_BITS} {each}" for each in SCHEMES] if args.schemes else []
    others += ["brevitas"] if args.brevitas else []
    tasks = [
        (
            replace(case, settings=(*case.settings, *args.set)),
            seed,
            (*ways, *others) if case.compared else ways,
        )
        for seed in range(args.seeds)
        for case in CASES
        if case.row.startswith(args.only)
    ]
    if not tasks:
        parser.error(f"no row begins with {args.only!r}: there are {', '.join(ROWS)}")
    published = replace(PUBLISHED, settings=(*PUBLISHED.settings, *args.set))
    best_of = [(published, seed, (str(COMPARED_BITS),)) for seed in range(args.published)]
    with ProcessPoolExecutor(args.processes) as pool:
        found = list(pool.map(train, [(*task, args.data, args.out) for task in tasks + best_of]))
    rows = [result for results in found[: len(tasks)] for result in results]
    lines = summary(rows)
    write_whole(args.out / "accuracy.json", json.dumps(lines, indent=1) + "\n")
    plot(lines).save(args.out / "accuracy.svg")
    for measure in ("rmse", "mae"):
        print(table(lines, measure), end="\n\n")
    shares = [row["symmetric"] for row in rows if row["way"].isdigit()]
    print(
        f"Symmetric tensors: {min(shares):.0%} at least, {statistics.mean(shares):.0%} on average"
    )
    if args.published:
        errors = [results[0]["test"]["rmse"] for results in found[len(tasks) :]]
        print(
            f"{PUBLISHED.row} at {COMPARED_BITS} bits, best of {args.published} trainings, chosen "
            f"on the test part: {min(errors):.3f} (their mean {statistics.mean(errors):.3f})"
        )


if __name__ == "__main__":
    main()
