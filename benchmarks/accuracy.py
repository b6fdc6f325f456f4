"""Compare the error of integer models with that in floating point and with simple forecasts.

    python benchmarks/accuracy.py --data ../shared/data --out out/accuracy --seeds 5 --brevitas

Trains the models below with several seeds and quantises each to several widths. Data sets and
models are those of ``examples/``, or of tables that ``series.py`` makes; the settings of training
are the same for all, the defaults. Where a table has times, the calendar is an input, except for
AirU, whose inputs are those of the published models. Prints, for the test part and in the target's
own unit, means over seeds with their standard deviation, and writes all of it to ``accuracy.json``
and ``accuracy.svg`` in ``--out``. The errors of every single model, also on the validation part,
are kept there as well: what was stopped goes on where it was. After a change to the code, start
with an empty ``--out``.

``--streams`` trains the same models as streams, too (``model.kind = "stream"``), whose errors are
compared with those of windows of the same width.

``--quantiles 0.1 0.5 0.9`` lets the models forecast these quantiles. Two further tables compare
their pinball loss, and the coverage of the interval from the first to the last one, with those of
intervals of constant width around the float model's median. RMSE and MAE are those of the median.

``--schemes`` also forces all tensors of 4 bits to be symmetric, or asymmetric. ``--brevitas``
trains the network with Brevitas' quantisers, too, at 4 bits and for as many epochs.
``--published`` repeats the protocol of the published models: the best of so many trainings, CHOSEN
ON THE TEST PART. ``--set`` tries other settings.

A choice is made on the validation part: ``--set train.refit=false`` keeps that part out of the
training, and the errors there are kept as well. What concerns the last training itself is compared
with ``--without-test``, which leaves out the test part of each table, and uses the last fifth of
the rest in its place.

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
import pandas as pd

import boosting
import series
from narrowcast import Config, load_config
from narrowcast.config import TrainConfig
from narrowcast.data import Table
from narrowcast.files import write_whole
from narrowcast.training_records import BASELINES, Errors

Result = dict[str, Any]
EXAMPLES = Path(__file__).parents[1] / "examples"
SERIES = Path(__file__).with_name("series.toml")
COMPARED_BITS = 4
SIMPLE = (*BASELINES, "lightgbm")
SCHEMES = ("symmetric", "asymmetric")
STREAM = "stream "  # of the ways of a stream
CONSTANT = "constant width"
BITS = (8, 6, 4, 3)


@dataclass(frozen=True)
class Case:
    """A model to train: a configuration, its data, and what is different.

    Attributes:
        row: cases of the same name are averaged in one row of the table.
        config: the configuration.
        data: a file in the folder of the data sets, or what makes the table from that folder.
        settings: other settings than those of the configuration.
        compared: whether it is also quantised in other ways.
        without_test: whether the test part is left out.
    """

    row: str
    config: Path
    data: str | Callable[[Path], pd.DataFrame]
    settings: tuple[str, ...]
    compared: bool = False
    without_test: bool = False

    @property
    def name(self) -> str:
        """For file names."""
        parts = (self.row, *self.settings, *(["without test"] if self.without_test else []))
        return "".join(each if each.isalnum() else "_" for each in "-".join(parts))

    def table(self, data: Path, out: Path) -> Path:
        """Return the file of the table; one that is made is in ``out``."""
        return data / self.data if isinstance(self.data, str) else out / f"{self.data.__name__}.csv"


def airu(window: int, channels: int, *, compared: bool = False) -> Case:
    size = (f"data.window={window}", f"model.channels={channels}")
    row = f"AirU ({window}, {channels})"
    return Case(row, EXAMPLES / "airu.toml", "airu/airu.csv", size, compared)


def ett(row: str, *settings: str) -> Case:
    return Case(row, EXAMPLES / "ett.toml", "ett/ETTh1.csv", (CALENDAR, *settings), compared=True)


def beijing(row: str, *settings: str) -> Case:
    settings = ("data.time=time", CALENDAR, "data.missing=hold", *settings)
    return Case(row, EXAMPLES / "beijing.toml", series.beijing, settings, compared=True)


def electricity(row: str, outputs: int) -> Case:
    file = "vic_electricity/vic_electricity.csv.gz"
    return Case(
        row, EXAMPLES / "electricity.toml", file, (CALENDAR, f"data.outputs={outputs}"), True
    )


def pems(sensor: int, outputs: int = 1) -> Case:
    steps = f", {outputs} outputs" if outputs > 1 else ""
    names = (f'data.inputs=["{sensor}"]', f"data.target={sensor}", f"data.outputs={outputs}")
    file = "pems_d11_speed/speed_pems4w_layout_observed83.csv"
    return Case(f"PeMS, 12 sensors{steps} (24, 32)", EXAMPLES / "pems.toml", file, names, True)


def made(row: str, make: Callable[[Path], pd.DataFrame], *settings: str) -> Case:
    return Case(row, SERIES, make, settings, compared=True)


CALENDAR = 'data.calendar=["hour", "weekday"]'
SENSORS = range(0, 84, 7)
PUBLISHED = airu(12, 32)
CASES = [
    airu(6, 64),
    airu(12, 32, compared=True),
    airu(6, 32),
    airu(12, 64),
    airu(24, 32),
    ett("ETTh1, 7 inputs (24, 32)"),
    ett("ETTh1, 24 outputs (24, 32)", 'data.inputs=["OT"]', "data.outputs=24"),
    beijing("Beijing O3 (24, 32)"),
    beijing("Beijing O3, 24 outputs (24, 32)", "data.outputs=24"),
    electricity("Electricity (24, 32)", 1),
    electricity("Electricity, 48 outputs (24, 32)", 48),
    made("ECG (24, 32)", series.ecg),
    made("Synthetic cycles (24, 32)", series.cyclic, "data.time=time", CALENDAR),
    made("Synthetic pulses (24, 32)", series.pulses),
    *(pems(sensor) for sensor in SENSORS),
    *(pems(sensor, 12) for sensor in SENSORS),
]
# The examples may have settings of their own for training.
DEFAULTS = tuple(
    f"train.{key}={json.dumps(value)}" for key, value in TrainConfig() if value is not None
)


ROWS = tuple(dict.fromkeys(case.row for case in CASES))


def train(task: tuple[Case, int, tuple[str, ...], Path, Path]) -> list[Result]:
    """Train one float model and quantise it in each way, but for what is known already."""
    import torch  # noqa: PLC0415

    from narrowcast.data import Part, baselines, errors, make_windows  # noqa: PLC0415
    from narrowcast.integer import Append, RowSum, forecast  # noqa: PLC0415
    from narrowcast.model import build, learn, load_state, predict_part, save_state  # noqa: PLC0415
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    case, seed, ways, data, out = task
    torch.set_num_threads(1)
    config = _config(case, seed, data, out)
    prefix, refit = "" if config.stream is None else STREAM, config.train.refit
    kept = {way: out / f"{case.name}-seed{seed}-{way}.json" for way in ways}
    missing = [way for way, path in kept.items() if not path.is_file()]
    if missing:
        table, config = _read(case, config)
        given = table, config.data, config.stream, config.model.quantiles
        dataset = make_windows(*given)
        found = {} if prefix else baselines(dataset, table, config.data)
        simple = {key: value and asdict(value) for key, value in found.items()}
        weights = out / f"{case.name}-seed{seed}.safetensors"
        if weights.is_file() and CONSTANT not in missing:
            source = build(config)
            load_state(source, weights)
            dataset = make_windows(*given, refit=True) if refit else dataset
        else:
            learnt = learn(dataset, table, config)
            source, dataset = learnt.model, learnt.dataset
            save_state(source, weights)
    for way in missing:
        result: Result = {"row": case.row, "case": case.name, "seed": seed, "way": prefix + way}
        result["baselines"] = simple
        if way == CONSTANT:
            write_whole(kept[way], json.dumps(result | {"test": _errors(learnt.constant_width)}))
            continue
        forecaster: Callable[[Part], Any]
        if way == "float":
            forecaster = lambda part: predict_part(source, part, dataset)  # noqa: E731
        elif way == "brevitas":
            from brevitas_network import finetune as finetune_brevitas  # noqa: PLC0415

            narrow = _config(case, seed, data, out, f"quantization.bits={COMPARED_BITS}")
            other, _ = finetune_brevitas(source, dataset, narrow)
            forecaster = lambda part, m=other: predict_part(m, part, dataset)  # noqa: E731
        else:
            bits, _, scheme = way.partition(" ")
            choice = (f"quantization.bits={bits}", f"quantization.scheme={scheme or 'adaptive'}")
            narrow = _config(case, seed, data, out, *choice)
            model = to_integer_model(finetune(source, dataset, narrow)[0], dataset, narrow.data)
            forecaster = lambda part, m=model: part.of_targets(  # noqa: E731
                forecast(m, part.inputs, *part.further, restart=part.restart)
            )
            exact = {each.output for each in model.operations if isinstance(each, RowSum | Append)}
            tensors = [each for name, each in model.tensors.items() if name not in exact]
            result["symmetric"] = sum(each.symmetric for each in tensors) / len(tensors)
        for part in ("test",) if refit else ("validation", "test"):
            windows = getattr(dataset, part)
            found = errors(forecaster(windows), windows.target, dataset.targets)
            result[part] = _errors(found)
        write_whole(kept[way], json.dumps(result, indent=1) + "\n")
        print(f"{case.row}, seed {seed}, {prefix}{way}: {result['test']['rmse']:.4f}", flush=True)
    return [json.loads(path.read_bytes()) for path in kept.values()]


def _errors(found: Errors | None) -> Result:
    """Return errors with those of the quantiles beside them."""
    assert found is not None
    if found.intervals is None:
        return asdict(found)
    intervals = found.intervals
    return asdict(found) | {"pinball": intervals.pinball, "coverage": intervals.coverage[0]}


def boost(task: tuple[Case, Path, Path]) -> Result:
    """Return the errors of LightGBM on each part."""
    from narrowcast.data import make_windows  # noqa: PLC0415

    case, data, out = task
    kept = out / f"{case.name}-lightgbm.json"
    if not kept.is_file():
        table, config = _read(case, _config(case, 0, data, out))
        found = boosting.lightgbm_errors(make_windows(table, config.data), config.data)
        parts = {part: asdict(each) for part, each in found.items()}
        write_whole(kept, json.dumps(parts, indent=1) + "\n")
        print(f"{case.row}, LightGBM: {found['test'].rmse:.4f}", flush=True)
    result: Result = json.loads(kept.read_bytes())
    return result


def _config(case: Case, seed: int, data: Path, out: Path, *settings: str) -> Config:
    settings = (*DEFAULTS, *case.settings, f"train.seed={seed}", *settings)
    return load_config(case.config, settings, case.table(data, out))


def _read(case: Case, config: Config) -> tuple[Table, Config]:
    """Return the table, and the configuration with its split."""
    from narrowcast.data import make_windows, read_table  # noqa: PLC0415

    table = read_table(config.data)
    if not case.without_test:
        return table, config
    whole = make_windows(table, config.data)
    end = int(whole.test.row[0]) - config.data.lead - config.data.window + 1
    time = None if table.time is None else table.time[:end]
    split = config.data.split.model_copy(update={"validation": 0.2, "test": 0.2})
    data = config.data.model_copy(update={"split": split})
    rest = replace(table, frame=table.frame.iloc[:end], time=time)
    return rest, config.model_copy(update={"data": data})


def summary(results: list[Result], boosted: dict[str, Result]) -> list[Result]:
    """Return a line for each row of the table, measure and way: mean and deviation over seeds.

    Args:
        results: The errors of all models, with those of the baselines.
        boosted: The errors of LightGBM by case.
    """
    lines = []
    for row in dict.fromkeys(each["row"] for each in results):
        own = [each for each in results if each["row"] == row]
        for measure in MEASURES:
            if measure not in own[0]["test"]:
                continue
            simple = {
                each["case"]: each["baselines"]
                | {"lightgbm": boosted.get(each["case"], {}).get("test")}
                for each in own
                if each["baselines"]
            }.values()
            for way in SIMPLE:
                known = [each[way][measure] for each in simple if measure in (each[way] or ())]
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


MEASURES = ("rmse", "mae", "pinball", "coverage")
LABELS = {
    "persistence": "persistence",
    "seasonal_naive": "seasonal naive",
    "nlinear": "NLinear",
    "ridge": "ridge",
    "ridge_quadratic": "ridge, squares",
    "lightgbm": "LightGBM",
    CONSTANT: CONSTANT,
    "float": "float",
    **{str(bits): f"{bits} bits" for bits in BITS},
    f"{STREAM}float": "stream, float",
    **{f"{STREAM}{bits}": f"stream, {bits} bits" for bits in BITS},
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
            base = found.get(way.removeprefix(STREAM) if way.startswith(STREAM) else "float")
            compared = way not in ("float", *SIMPLE) and measure != "coverage"
            if line is not None and base is not None and compared:
                cell += f" ({line['mean'] / base['mean'] - 1:+.1%})"
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
            if line["way"] in SIMPLE
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
    parser.add_argument("--bits", nargs="*", type=int, default=[*BITS], help="may be none")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose names begin so")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings")
    parser.add_argument("--quantiles", nargs="+", default=[], metavar="Q", help="forecast these")
    parser.add_argument("--streams", action="store_true", help="compare with streams")
    parser.add_argument("--without-test", action="store_true", help="leave out the test parts")
    parser.add_argument("--schemes", action="store_true", help="compare with forced schemes")
    parser.add_argument("--brevitas", action="store_true", help="compare with Brevitas")
    parser.add_argument("--published", type=int, default=0, help="best of so many on the test part")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    ways = ("float", *map(str, args.bits))
    others = [f"{COMPARED_BITS} {each}" for each in SCHEMES] if args.schemes else []
    others += ["brevitas"] if args.brevitas else []
    if args.quantiles:
        args.set.append(f"model.quantiles=[{', '.join(args.quantiles)}]")
        others.append(CONSTANT)
    chosen = [case for case in CASES if case.row.startswith(tuple(args.only))]
    tasks = [
        (
            replace(
                case,
                settings=(*case.settings, *args.set, *kind),
                without_test=args.without_test,
            ),
            seed,
            (*ways, *others) if case.compared and not kind else ways,
        )
        for seed in range(args.seeds)
        for kind in ((), ("model.kind=stream",))[: 1 + args.streams]
        for case in chosen
    ]
    if not tasks:
        wanted = " or ".join(map(repr, args.only))
        parser.error(f"no row begins with {wanted}: there are {', '.join(ROWS)}")
    published = replace(PUBLISHED, settings=(*PUBLISHED.settings, *args.set))
    best_of = [(published, seed, (str(COMPARED_BITS),)) for seed in range(args.published)]
    cases = {case.name: case for case, *_ in tasks}
    for make, path in {(case.data, case.table(args.data, args.out)) for case in cases.values()}:
        if callable(make):
            make(args.data).to_csv(path, index=False)
    boosted: dict[str, Result] = {}
    with ProcessPoolExecutor(args.processes) as pool:
        if reason := boosting.why_not():
            print(reason, flush=True)
        else:
            every = [(case, args.data, args.out) for case in cases.values()]
            boosted = dict(zip(cases, pool.map(boost, every), strict=True))
        found = list(pool.map(train, [(*task, args.data, args.out) for task in tasks + best_of]))
    rows = [result for results in found[: len(tasks)] for result in results]
    lines = summary(rows, boosted)
    write_whole(args.out / "accuracy.json", json.dumps(lines, indent=1) + "\n")
    plot(lines).save(args.out / "accuracy.svg")
    for measure in MEASURES:
        if any(line["measure"] == measure for line in lines):
            print(table(lines, measure), end="\n\n")
    shares = [row["symmetric"] for row in rows if row["way"].isdigit()]
    if shares:
        mean = statistics.mean(shares)
        print(f"Symmetric tensors: {min(shares):.0%} at least, {mean:.0%} on average")
    if args.published:
        errors = [results[0]["test"]["rmse"] for results in found[len(tasks) :]]
        print(
            f"{PUBLISHED.row} at {COMPARED_BITS} bits, best of {args.published} trainings, chosen "
            f"on the test part: {min(errors):.3f} (their mean {statistics.mean(errors):.3f})"
        )


if __name__ == "__main__":
    main()
