"""Compare integer models that classify or detect with those in floating point and simple methods.

    python benchmarks/decisions.py --data ../shared/data --out out/decisions --seeds 5

Trains the models of ``examples/wisdm.toml`` and ``examples/skab.toml`` with several seeds and
quantises each to several widths, on the tables that ``recordings.py`` makes. The scores are those
of the integer model by the NumPy executor, whose decisions have to be those of the model with fake
quantisation. Prints, for the test part, means over seeds with their standard deviation, in percent,
and writes all of it to ``decisions.json`` in ``--out``. The scores of every single model are kept
there as well: what was stopped goes on where it was. After a change to the code, start with an
empty ``--out``.

A choice is made on the validation part: ``--validation`` keeps the scores there in place of those
of the test part, without ``train.refit``. ``--set`` tries other settings.

``pip install -e .[benchmarks]`` installs what this needs.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import recordings
from narrowcast import Config, load_config
from narrowcast.files import write_whole

Result = dict[str, Any]
EXAMPLES = Path(__file__).parents[1] / "examples"
BITS = (8, 4, 3)
FLOAT = "float"


@dataclass(frozen=True)
class Case:
    """A model to train: a configuration, its table, and the column of the parts.

    Attributes:
        row: cases of the same name are averaged in one row of the table.
        example: name of the configuration.
        make: makes the table from the folder of the data sets.
        part: the column that states the part of each row.
        settings: other settings than those of the configuration.
    """

    row: str
    example: str
    make: Callable[[Path], pd.DataFrame]
    part: str
    settings: tuple[str, ...] = ()

    def config(self, out: Path, *settings: str) -> Config:
        """Return the configuration for the table in ``out``."""
        split = f'data.split={{part = "{self.part}"}}'
        path = out / f"{self.make.__name__}.csv"
        return load_config(
            EXAMPLES / f"{self.example}.toml", (split, *self.settings, *settings), path
        )


CASES = [
    *(
        Case("WISDM, other persons", "wisdm", recordings.wisdm, f"fold_{number}")
        for number in range(len(recordings.FOLDS))
    ),
    Case(
        "WISDM, random windows (leaking)",
        "wisdm",
        recordings.wisdm,
        "random",
        (f"data.stride={recordings.WINDOW}",),
    ),
    Case("SKAB", "skab", recordings.skab, "part"),
]
ROWS = tuple(dict.fromkeys(case.row for case in CASES))
MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "f1": "F1 at the threshold",
    "flagged": "share with a flag",
}


def train(case: Case, seed: int, args: argparse.Namespace) -> list[Result]:
    """Train one float model and quantise it to each width, but for what is known already."""
    import torch  # noqa: PLC0415

    from narrowcast.data import Monitored, make_windows, read_table  # noqa: PLC0415
    from narrowcast.integer import forecast  # noqa: PLC0415
    from narrowcast.model import (  # noqa: PLC0415
        build,
        learn,
        load_state,
        predict_part,
        save_state,
        with_threshold,
    )
    from narrowcast.quantize import finetune, to_integer_model  # noqa: PLC0415

    torch.set_num_threads(1)
    ways = (FLOAT, *map(str, args.bits))
    name = f"{case.make.__name__}-{case.part}-seed{seed}"
    kept = {way: args.out / f"{name}-{way}.json" for way in ways}
    missing = [way for way in ways if not kept[way].is_file()]
    settings = (*args.set, f"train.seed={seed}")
    if missing:
        config = case.config(args.out, *settings)
        table = read_table(config.data)
        dataset = make_windows(table, config.data, monitors=config.monitors)
        weights = args.out / f"{name}.safetensors"
        if weights.is_file():
            source = build(config)
            load_state(source, weights)
            if config.refits:
                dataset = make_windows(table, config.data, refit=True)
        else:
            learnt = learn(dataset, table, config)
            source, dataset = learnt.model, learnt.dataset
            save_state(source, weights)
    for way in missing:
        network = source
        if way != FLOAT:
            narrow = case.config(args.out, *settings, f"quantization.bits={way}")
            network, _ = finetune(source, dataset, narrow)
        data = dataset
        if isinstance(dataset.targets, Monitored):
            data = with_threshold(network, dataset, config.detect)
        part = data.validation if args.validation else data.test
        found = predict_part(network, part, data)
        if way != FLOAT:
            decided = forecast(to_integer_model(network, data, narrow.data), part.inputs)
            assert not data.differing(found, decided).any(), f"{name}, {way} bits"
            found = decided
        result = {"row": case.row, "case": case.part, "seed": seed, "way": way}
        result["scores"] = asdict(data.scores(found, part))
        _keep(kept[way], result)
    return [json.loads(path.read_bytes()) for path in kept.values()]


def simple(case: Case, seed: int, args: argparse.Namespace) -> list[Result]:
    """Return the scores of simple methods on the test part: with seed 0 also those without seeds.

    MiniRocket takes so long that it is fitted with one seed.
    """
    import simple_decisions as methods  # noqa: PLC0415
    from narrowcast.data import (  # noqa: PLC0415
        Labels,
        Monitored,
        fit_classifiers,
        fit_detectors,
        make_windows,
        read_table,
    )

    kept = args.out / f"{case.make.__name__}-{case.part}-seed{seed}-simple.json"
    if not kept.is_file():
        config = case.config(args.out)
        dataset = make_windows(read_table(config.data), config.data, monitors=config.monitors)
        found: dict[str, Any] = {}
        if isinstance(dataset.targets, Labels) and seed == 0:
            found |= fit_classifiers(dataset, dataset.targets).scores(dataset.test)
            rocket = f"MiniRocket ({args.kernels}) + ridge"
            for way, flip in ((rocket, []), (f"{rocket}, random signs", config.train.flip)):
                found[way] = methods.minirocket(dataset, dataset.targets, args.kernels, flip)
        if isinstance(dataset.targets, Monitored):
            if seed == 0:
                fitted = fit_detectors(dataset, dataset.targets, config.detect)
                found |= fitted.scores(dataset.test)
                linear = f"linear reconstruction, rank {config.model.channels}"
                found[linear] = methods.linear_reconstruction(dataset, config)
            for rows, way in ((1, "row"), (config.data.window, "window")):
                forest = methods.isolation_forest(dataset, config, rows, seed)
                found[f"isolation forest, {way}"] = forest
        result = {"row": case.row, "case": case.part, "seed": seed}
        _keep(kept, {**result, "ways": {way: asdict(each) for way, each in found.items()}})
    result = json.loads(kept.read_bytes())
    ways = result.pop("ways")
    return [{**result, "way": way, "scores": scores} for way, scores in ways.items()]


def _keep(path: Path, result: Result) -> None:
    write_whole(path, json.dumps(result, indent=1) + "\n")
    print(f"{path.name} written", flush=True)


def summary(results: list[Result]) -> list[Result]:
    """Return a line for each row, way and measure: its mean, and the deviation over seeds."""
    lines = []
    for row, way in dict.fromkeys((each["row"], each["way"]) for each in results):
        own = [each for each in results if (each["row"], each["way"]) == (row, way)]
        for measure in MEASURES:
            if own[0]["scores"].get(measure) is None:
                continue
            means = [
                statistics.mean(each["scores"][measure] for each in own if each["seed"] == seed)
                for seed in sorted({each["seed"] for each in own})
            ]
            lines.append(
                {
                    "row": row,
                    "way": way,
                    "measure": measure,
                    "mean": statistics.mean(means),
                    "deviation": statistics.stdev(means) if len(means) > 1 else None,
                    "seeds": len(means),
                }
            )
    return lines


def table(row: str, lines: list[Result]) -> str:
    """Return a row's ways and measures as a table in Markdown, in percent."""
    own = [line for line in lines if line["row"] == row]
    measures = [each for each in MEASURES if any(line["measure"] == each for line in own)]
    heads = [row, "seeds", *(MEASURES[each] for each in measures)]
    found = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for way in dict.fromkeys(line["way"] for line in own):
        by_measure = {line["measure"]: line for line in own if line["way"] == way}
        label = f"**{way} bits**" if way.isdigit() else way.replace("_", " ")
        cells = [label, str(next(iter(by_measure.values()))["seeds"])]
        for measure in measures:
            line = by_measure[measure]
            spread = line["deviation"]
            cell = f"{100 * line['mean']:.1f}"
            cells.append(cell if spread is None else f"{cell} ± {100 * spread:.1f}")
        found.append("| " + " | ".join(cells) + " |")
    return "\n".join(found)


def main() -> None:
    """Train all, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--cases", default="", help="rows whose name begins so")
    parser.add_argument("--bits", nargs="*", type=int, default=[*BITS], help="may be none")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--kernels", type=int, default=10_000, help="of MiniRocket")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings")
    parser.add_argument("--validation", action="store_true", help="score the validation part")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = [case for case in CASES if case.row.startswith(args.cases)]
    if not cases:
        parser.error(f"no row begins with {args.cases!r}: there are {', '.join(ROWS)}")
    for make in dict.fromkeys(case.make for case in cases):
        make(args.data).to_csv(args.out / f"{make.__name__}.csv", index=False)
    if args.validation:
        args.set.append("train.refit=false")
    results = []
    for seed in range(args.seeds):
        for case in cases:
            results += [] if args.validation else simple(case, seed, args)
            results += train(case, seed, args)
    lines = summary(results)
    write_whole(args.out / "decisions.json", json.dumps(lines, indent=1) + "\n")
    for row in dict.fromkeys(case.row for case in cases):
        print(table(row, lines), end="\n\n")


if __name__ == "__main__":
    main()
