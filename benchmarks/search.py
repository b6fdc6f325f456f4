"""Measure the search: how well its proxy ranks, how good its front is, and what fit costs.

    python benchmarks/search.py reference --data ../shared/data --out out/search --models 200
    python benchmarks/search.py front --data ../shared/data --out out/search
    python benchmarks/search.py samplers --data ../shared/data --out out/search
    python benchmarks/search.py fit --data ../shared/data --out out/search
    python benchmarks/search.py build --data ../shared/data --out out/search
    python benchmarks/search.py errors --data ../shared/data --out out/search --models 17

``reference`` trains models of AirU (12, 32) in full: uniform ones, and others of random bits.
``front`` searches for ten minutes, unless that is done, and holds the front against the reference;
it also prints how the proxy, taught by the search's own short trainings, ranks the random models.
``samplers`` compares samplers of candidates, judged by a proxy that the reference has taught.
``fit`` makes models fit that do not with 8 bits, and trains both. ``build`` builds every point of
the front, with all checks. ``errors`` trains models of WISDM and of SKAB for 15 epochs, and prints
how errors on the validation part rank them, next to the error on the test part. Except by
``errors``, what was trained is kept in ``--out``: a run that was stopped goes on.
"""

import argparse
import json
import math
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch.nn import functional

from narrowcast import load_config, pipeline
from narrowcast.config import Config, quantised_names, shape_of
from narrowcast.data import errors, make_windows, read_table
from narrowcast.model import learn, predict_part
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.pipeline.tasks.readings import load_windows
from narrowcast.quantize import finetune
from narrowcast.search.assess import assess
from narrowcast.search.fit import fit_device
from narrowcast.search.hypervolume import hypervolume
from narrowcast.search.jobs import load_float, train
from narrowcast.search.objectives import Objectives, error_of
from narrowcast.search.proxy import Proxy
from narrowcast.search.run import search
from narrowcast.search.shapes import prepare
from narrowcast.search.space import Space, with_bits
from narrowcast.search.trials import POPULATION, new_sampler
from narrowcast.targets.device import load_device
from recordings import WISDM, skab

EXAMPLES = Path(__file__).parents[1] / "examples"
GOALS = Objectives.parse("error,energy", "latency_us=200,lut=8000")
ANY = Objectives.parse("error", "")
UNIFORM = (2, 3, 4, 5, 6, 7, 8)
FIT = [
    ("airu", 12, 64, "xc7s6"),
    ("airu", 6, 64, "xc7s6"),
    ("airu", 24, 64, "xc7s6"),
    ("pems", 24, 64, "xc7s6"),
    ("airu", 24, 96, "xc7s15"),
]
COMMANDS = ("reference", "front", "samplers", "fit", "build", "errors")
FILES = {
    "airu": "airu/airu.csv",
    "pems": "pems_d11_speed/speed_pems4w_layout_observed83.csv",
}


def reference_models(config: Config, count: int) -> dict[str, dict[str, int]]:
    """Return bits by name: the uniform models, then random ones, the same each time."""
    names = quantised_names(shape_of(config))
    generator = random.Random(0)
    mixed = [{name: generator.randint(2, 8) for name in names} for _ in range(count)]
    return {
        **{f"uniform-{bits}": dict.fromkeys(names, bits) for bits in UNIFORM},
        **{f"random-{i:03}": bits for i, bits in enumerate(mixed)},
    }


def reference(task: tuple[Config, Path, str, dict[str, int]]) -> None:
    config, out, name, bits = task
    path = out / "reference" / f"{name}.json"
    if not path.exists():
        prepared = prepare(config, out / "search")
        found = train(prepared.state, prepared.dataset, with_bits(config, bits), GOALS)
        result = {"bits": bits, "rmse": found.error, "distance": found.distance}
        path.write_text(json.dumps(result, indent=1) + "\n")


def ranks(values: Any) -> np.ndarray:
    return np.argsort(np.argsort(values))


def spearman(a: Any, b: Any) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def rank_proxy(config: Config, out: Path, known: dict[str, dict[str, Any]]) -> None:
    """Print how the proxy of a search ranks the reference's random models."""
    storage = JournalStorage(JournalFileBackend(str(out / "search" / "search.journal")))
    study = next(s for s in storage.get_all_studies() if s.study_name == "probes")
    probes = storage.get_all_trials(study._study_id)
    space = Space.of(config, load_device(config.hardware.device), {})
    shape = shape_of(config)
    bits = [space.point(probe.params).quantization.widths(shape) for probe in probes]
    proxy = Proxy.fit(
        bits,
        [probe.user_attrs["distance"] for probe in probes],
        [probe.user_attrs["error"] for probe in probes],
    )
    mixed = [found for name, found in known.items() if name.startswith("random")]
    predicted = [proxy.error(found["bits"]) for found in mixed]
    print(f"proxy, {len(probes)} short trainings, on {len(mixed)} random models in full: Spearman")
    for key, what in (("distance", "loss of fine-tuning, on validation"), ("rmse", "RMSE there")):
        print(f"  {spearman(predicted, [found[key] for found in mixed]):.3f} with the {what}")


def hold_front(config: Config, out: Path, known: dict[str, dict[str, Any]]) -> None:
    """Print the volume of a search's front next to that of the reference."""
    document = json.loads((out / "search" / "front.json").read_bytes())

    def values(rmse: float, costs: Any) -> tuple[float, float]:
        return rmse, costs["energy_uj"]

    own = np.array([values(p["costs"]["error"], p["costs"]) for p in document["front"]])
    points = []
    for found in known.values():
        assessment = assess(with_bits(config, found["bits"]), GOALS)
        if not assessment.violations:
            points.append(values(found["rmse"], assessment.costs))
    theirs = np.array(points)
    worst = 1.1 * np.concatenate([own, theirs]).max(axis=0)
    ratio = hypervolume(own, worst) / hypervolume(theirs, worst)
    print(
        f"front of {len(own)} points: {ratio:.1%} of the volume of {len(theirs)} reference models"
    )
    for point in document["front"] + document["others"]:
        if point["label"]:
            beaten = (own <= values(point["costs"]["error"], point["costs"])).all(axis=1).any()
            print(f"  {point['label']}: {'dominated or on it' if beaten else 'NOT dominated'}")


def compare_samplers(config: Config, known: dict[str, dict[str, Any]], candidates: int) -> None:
    """Print the volume that each sampler's candidates reach, next to the best of them."""
    mixed = [found for name, found in known.items() if name.startswith("random")]
    proxy = Proxy.fit(*([f[key] for f in mixed] for key in ("bits", "distance", "rmse")))
    space = Space.of(config, load_device(config.hardware.device), {})
    fronts = {}
    for name, sampler in (
        ("NSGA-II", new_sampler(0)),
        ("TPE", optuna.samplers.TPESampler(seed=0, multivariate=True)),
        ("random", optuna.samplers.RandomSampler(seed=0)),
    ):
        study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
        begin = [parameters for parameters, _ in space.uniform()]
        for parameters in begin + space.samples(0, POPULATION, alike=True):
            study.enqueue_trial(parameters)
        points = []
        for _ in range(candidates):
            trial = study.ask()
            point = space.suggest(trial)
            found = assess(point, GOALS)
            values = (math.inf, math.inf)
            if not found.violations:
                error = proxy.error(point.quantization.widths(shape_of(point)))
                values = (error, found.costs["energy_uj"])
                points.append(values)
            trial.set_constraint("violation", found.violation)
            study.tell(trial, values)
        fronts[name] = np.array(points)
    worst = 1.1 * np.concatenate(list(fronts.values())).max(axis=0)
    volumes = {name: hypervolume(points, worst) for name, points in fronts.items()}
    for name, volume in volumes.items():
        share = volume / max(volumes.values())
        print(f"{name}: {share:.1%}, {len(fronts[name])} of {candidates} candidates feasible")


def fit_case(task: tuple[tuple[str, int, int, str], Path, Path]) -> dict[str, Any]:
    """Make a model fit; train it and its 8-bit version in full."""
    (name, window, channels, device), data, out = task
    folder = out / "fit" / f"{name}-{window}x{channels}-{device}"
    kept = folder / "result.json"
    if kept.exists():
        known: dict[str, Any] = json.loads(kept.read_bytes())
        return known
    size = [f"data.window={window}", f"model.channels={channels}", f"hardware.device={device}"]
    config = load_config(EXAMPLES / f"{name}.toml", size, data / FILES[name])
    found = fit_device(config, folder, ANY)
    state = prepare(found.config, folder).state
    dataset = make_windows(read_table(config.data), config.data, config.stream)
    result: dict[str, Any] = {
        "data": name,
        "window": window,
        "channels": channels,
        "device": device,
        "fits_at_8_bits": not found.before.violations,
        "lut": found.after.costs["lut"],
        "latency_us": found.after.costs["latency_us"],
        "mean_bits": float(
            np.mean(list(found.config.quantization.widths(shape_of(found.config)).values()))
        ),
    }
    for key, point in (("eight", config), ("fit", found.config)):
        model, _ = finetune(load_float(state, config), dataset, point)
        for part in ("validation", "test"):
            windows = getattr(dataset, part)
            forecast = predict_part(model, windows, dataset)
            result[f"{key}_{part}"] = errors(forecast, windows.target).rmse
    kept.write_text(json.dumps(result, indent=1) + "\n")
    return result


def print_fits(results: list[dict[str, Any]]) -> None:
    print("| data | window | channels | device | mean bits | LUT | µs | 8 bits | fitted | change |")
    print("|" + " --- |" * 10)
    for r in results:
        change = r["fit_test"] / r["eight_test"] - 1
        cells = (r["data"], r["window"], r["channels"], r["device"], f"{r['mean_bits']:.1f}")
        cells += (f"{r['lut']:.0f}", f"{r['latency_us']:.0f}", f"{r['eight_test']:.3f}")
        print(
            "| " + " | ".join(map(str, (*cells, f"{r['fit_test']:.3f}", f"{change:+.1%}"))) + " |"
        )


def decision_models(name: str, data: Path, out: Path, count: int) -> None:
    """Print how errors on the validation part rank models that classify or detect.

    Args:
        name: ``wisdm`` or ``skab``.
        data: Folder of the data sets.
        out: Folder for the table of SKAB.
        count: Number of models with random bits, beside the uniform ones.
    """
    table = data / WISDM
    if name == "skab":
        table = out / "skab.csv"
        skab(data).to_csv(table, index=False)
    short = ["train.finetune_epochs=15", "train.refit=false"]
    config = load_config(EXAMPLES / f"{name}.toml", short, table)
    dataset, readings, _ = load_windows(config)
    source = learn(dataset, readings, config).model
    validation = Examples.of(dataset.validation, dataset)
    found = []
    for bits in reference_models(config, count).values():
        point = with_bits(config, bits)
        model, history = finetune(source, dataset, point)
        results = validation.forecasts(model)
        errors = {
            error_of(config).short: history.error,
            "distance from the float model": mean_square_difference(
                results, validation.forecasts(source), dataset
            ),
        }
        if config.task == "detect":
            alike = results / source.unit
            errors["RMS over all columns together"] = float(alike.square().mean().sqrt())
        if config.task == "classify":
            truth = validation.target[:, 0].long()
            errors["share of wrong labels"] = float(
                (results.argmax(dim=1) != truth).double().mean()
            )
            errors["cross-entropy"] = float(functional.cross_entropy(results, truth))
        test = dataset.scores(predict_part(model, dataset.test, dataset), dataset.test)
        found.append((errors, test.error))
    print_ranks(name, found)


def print_ranks(name: str, found: list[tuple[dict[str, float], float]]) -> None:
    """Print how errors rank models, of which the uniform ones come first."""
    for what, each in (("all", found), ("with random bits", found[len(UNIFORM) :])):
        if not each:
            continue
        print(f"{name}, {len(each)} models, {what}: Spearman with the error on the test part")
        for key in each[0][0]:
            rank = spearman([errors[key] for errors, _ in each], [error for _, error in each])
            print(f"  {rank:.2f} of the {key}")


def main() -> None:
    """Measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for results")
    parser.add_argument("--models", type=int, default=200, help="random ones, in the reference")
    parser.add_argument("--candidates", type=int, default=400, help="of each sampler")
    parser.add_argument("--seconds", type=float, default=600, help="of the search")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    (args.out / "reference").mkdir(parents=True, exist_ok=True)
    config = load_config(EXAMPLES / "airu.toml", (), args.data / FILES["airu"])
    if args.what == "reference":
        prepare(config, args.out / "search")
        models = reference_models(config, args.models)
        with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
            list(pool.map(reference, [(config, args.out, *item) for item in models.items()]))
    elif args.what == "front":
        out = args.out / "search"
        if not (out / "front.json").exists():
            begun = (out / "search.journal").exists()
            search(config, out, GOALS, seconds=args.seconds, resume=begun, workers=args.processes)
        files = sorted((args.out / "reference").glob("*.json"))
        known = {path.stem: json.loads(path.read_bytes()) for path in files}
        rank_proxy(config, args.out, known)
        hold_front(config, args.out, known)
    elif args.what == "samplers":
        files = sorted((args.out / "reference").glob("*.json"))
        known = {path.stem: json.loads(path.read_bytes()) for path in files}
        compare_samplers(config, known, args.candidates)
    elif args.what == "fit":
        with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
            print_fits(list(pool.map(fit_case, [(case, args.data, args.out) for case in FIT])))
    elif args.what == "errors":
        for name in ("wisdm", "skab"):
            decision_models(name, args.data, args.out, args.models)
    else:
        for path in sorted((args.out / "search" / "front").glob("*.toml")):
            report = pipeline.build(load_config(path), args.out / "build" / path.stem)
            checked = report.verification.verilator
            print(f"{path.stem}: {checked.windows} windows, {checked.mismatches} mismatches")


if __name__ == "__main__":
    main()
