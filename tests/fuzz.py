"""Damages what narrowcast reads, at random, and reads it.

    python tests/fuzz.py configuration --count 5000 --seed 0

Each input must be accepted or refused by a UserError of one printable line, within ten seconds
and 500 MB.
Prints how many were accepted and refused, and each that escaped. ``BOUNDARIES`` has the names;
files of integer models are mutated by ``tests/integer/mutate_models.py``.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from safetensors.numpy import save

from damage import TOKENS, VALUES, end, mutate_bytes, mutate_value, outcome, tally
from narrowcast.config import Config, load_config
from narrowcast.estimate import estimate
from narrowcast.model import build, load_state, save_state
from narrowcast.pipeline.outputs import FLOAT_MODEL, PREDICTIONS, read_predictions
from narrowcast.pipeline.stages import STATE_FOLDER, State, check_ready, read_state, refuse_foreign
from narrowcast.pipeline.tasks.train import stage as training
from narrowcast.records import read_record, to_json
from narrowcast.search.front import Front
from narrowcast.search.objectives import QUANTITIES, Objectives
from narrowcast.search.space import Space
from narrowcast.search.trials import JOURNAL, PROBLEM, TRAINED, checksum, open_trials
from narrowcast.targets import device
from narrowcast.tools.vcd import read_activity

TESTS = Path(__file__).parent
sys.path += [str(TESTS / "report"), str(TESTS / "tools")]

CONFIG = """
[data]
path = "readings.csv"
time = "time"
inputs = ["a", "b"]
target = "b"
relative_inputs = ["a"]
known = ["c"]
calendar = ["hour"]
seasons = ["1D", 3]
missing = "interpolate"
longest_hole = "1h"
timezone = "Europe/Berlin"
resample = "5min"
resample_by = {a = "sum"}
window = 5
lead = 1
outputs = 1
scaling = "standard"
split.validation = 0.15
split.test = 2022-01-01
[model]
channels = 4
layers = 1
heads = 2
ffn_channels = 8
pooling = "mean"
kernel = 3
stride = 2
fold = true
relative = true
[quantization]
bits = {"layers.*" = 4, default = 6}
scheme = "adaptive"
input_bits = 8
activation_bits = 7
[train]
epochs = 3
batch = 64
learning_rate = 0.01
seed = 5
[hardware]
device = "xc7s15"
lanes = 4
ways = 1
clock_mhz = 100.0
storage.keys = "block"
[verify]
ghdl_windows = 2
"""
LABELLED = """
task = "classify"
[data]
path = "runs/*.csv"
time = "time"
inputs = ["a", "b"]
target = "activity"
classes = ["walk", "run", "3"]
unlabelled = ["0"]
mixed = "drop"
recording = ["person", "activity"]
window = 8
stride = 4
split.by = "person"
split.test = 0.3
[model]
channels = 4
[train]
class_weights = "balanced"
label_smoothing = 0.1
"""


@dataclass(frozen=True)
class Boundary:
    """What is read, in a folder of its own.

    Attributes:
        prepare: Writes valid files.
        damage: Changes them, and returns what then reads them.
    """

    prepare: Callable[[Path], None]
    damage: Callable[[Path, random.Random], Callable[[], object]]


def _small(folder: Path, *overrides: str) -> Config:
    (folder / "run.toml").write_text(CONFIG)
    return load_config(folder / "run.toml", overrides)


def _configuration(folder: Path, draw: random.Random) -> Callable[[], object]:
    path, overrides = folder / "run.toml", []
    text = draw.choice((CONFIG, CONFIG, LABELLED))
    content = text.encode()
    match draw.choice(("text", "values", "override")):
        case "text":
            content = mutate_bytes(content, draw)
        case "values":
            values = tomllib.loads(text)
            for _ in range(draw.choice((1, 1, 2))):
                mutate_value(values, draw)
            content = _as_toml(values)
        case "override":
            sections = {s: part for s, part in tomllib.loads(text).items() if s != "task"}
            keys = [f"{s}.{k}" for s, part in sections.items() for k in part] + ["task"]
            key = draw.choice([*keys, "x", "data", "data.x.y", "quantization.bits.embed.weight"])
            values = [_as_text(each).encode() for each in VALUES]
            given = f"{key}=".encode() + draw.choice([*values, *TOKENS])
            given = given if draw.random() < 0.7 else mutate_bytes(given, draw)
            overrides = [given.decode(errors="surrogateescape")]
    path.write_bytes(content)
    return lambda: estimate(load_config(path, overrides))


def _as_text(value: Any) -> str:
    return _as_toml({"x": value}).decode().removeprefix("x = ").strip()


def _as_toml(values: Any) -> bytes:
    """Return values as TOML, or as JSON those that TOML does not have."""
    try:
        return tomli_w.dumps(values if isinstance(values, dict) else {"x": values}).encode()
    except TypeError:
        return json.dumps(values, default=str).encode()


GOALS = Objectives.parse("error,energy", "")


def _begin_search(folder: Path) -> None:
    config = _small(folder)
    space = Space.of(config, device.load_device("xc7s15"), {})
    with open_trials(folder, GOALS, config.model_dump(mode="json"), 0, resume=False) as trials:
        for i, parameters in enumerate(space.samples(0, 4)):
            distributions, notes = (
                space.distributions(parameters),
                {
                    **{"label": "x", "costs": dict.fromkeys(QUANTITIES, 5.0 + i), "violations": {}},
                    **{"error": 1.0, "distance": 0.1, "seconds": 3.0},
                },
            )
            trials.keep(TRAINED, parameters, distributions, (1.0, 2.0 + i), notes)
    for name in (JOURNAL, PROBLEM):
        (folder / f"whole.{name}").write_bytes((folder / name).read_bytes())


def _journal(folder: Path, draw: random.Random) -> Callable[[], object]:
    config = _small(folder)
    content = (folder / f"whole.{JOURNAL}").read_bytes()
    problem = (folder / f"whole.{PROBLEM}").read_bytes()
    match draw.choice(("bytes", "sealed", "sealed", "problem", "problem bytes")):
        case "bytes":
            content = mutate_bytes(content, draw)
        case "sealed":
            logs = [json.loads(line) for line in content.splitlines()]
            for log in logs:
                del log["checksum"]
            mutate_value(logs, draw)
            content = _sealed(logs)
        case "problem":
            document = json.loads(problem)
            mutate_value(document, draw)
            problem = json.dumps(document).encode()
        case "problem bytes":
            problem = mutate_bytes(problem, draw)
    (folder / JOURNAL).write_bytes(content)
    (folder / PROBLEM).write_bytes(problem)

    def resume() -> None:
        space = Space.of(config, device.load_device("xc7s15"), {})
        with open_trials(folder, GOALS, config.model_dump(mode="json"), 0, resume=True) as trials:
            trials.check(space.point)
            list(Front.of(config, trials, space, GOALS).table())

    return resume


def _sealed(logs: list[Any]) -> bytes:
    lines, last = [], 0
    for log in logs:
        sealed = log
        if isinstance(log, dict):
            last = checksum(log, last)
            sealed = {**log, "checksum": last}
        lines.append(json.dumps(sealed).encode() + b"\n")
    return b"".join(lines)


def _outputs(folder: Path) -> None:
    """Write what stages leave: records, arrays and states."""
    from report_sample import PLACEMENT, PROGRAM, TRAINING, VERIFICATION

    config = _small(folder)
    records = {"place": PLACEMENT, "program": PROGRAM, "train": TRAINING, "verify": VERIFICATION}
    for name, record in records.items():
        (folder / f"whole.{name}").write_text(json.dumps(to_json(record)))
    (folder / STATE_FOLDER).mkdir()
    digests = {"training.json": "1"}
    state = State({"train": {"seed": 1}}, {"code": "x"}, {"data": "0"}, {}, digests, 1.0)
    (folder / "whole.state").write_text(json.dumps(vars(state)))
    save_state(build(config), folder / "whole.float")
    rows = np.arange(6, dtype=np.int32)
    arrays = dict.fromkeys(("truth", "float", "qat", "integer"), rows.astype(np.float64))
    words = dict.fromkeys(("inputs", "results"), rows.reshape(6, 1))
    restart = np.ones(6, dtype=bool)
    stored = save({**arrays, **words, "row": rows, "restart": restart})
    (folder / "whole.arrays").write_bytes(stored)


def _stage(folder: Path, draw: random.Random) -> Callable[[], object]:
    from report_sample import PLACEMENT, PROGRAM, TRAINING, VERIFICATION

    name = draw.choice(("place", "program", "train", "verify", "state", "owned", "float", "arrays"))
    content = (folder / f"whole.{'state' if name == 'owned' else name}").read_bytes()
    if name not in ("float", "arrays") and draw.random() < 0.6:
        document = json.loads(content)
        mutate_value(document, draw)
        content = json.dumps(document).encode()
    else:
        content = mutate_bytes(content, draw)
    kinds = {"place": PLACEMENT, "program": PROGRAM, "train": TRAINING, "verify": VERIFICATION}
    config = _small(folder)
    if name in kinds:
        path = folder / f"{name}.json"
        path.write_bytes(content)
        return lambda: read_record(path, type(kinds[name]))
    if name == "float":
        (folder / FLOAT_MODEL).write_bytes(content)
        return lambda: load_state(build(config), folder / FLOAT_MODEL)
    if name == "arrays":
        (folder / PREDICTIONS).write_bytes(content)
        return lambda: read_predictions(folder)
    name = {"owned": "owned.json", "state": "train.json"}[name]
    (folder / STATE_FOLDER / name).write_bytes(content)
    (folder / "training.json").write_text("{}")
    (folder / "readings.csv").write_text("time,a,b\n")
    stage = training(config, lambda: None)

    def check() -> None:
        read_state(folder, "train")
        refuse_foreign(folder, [stage])
        check_ready(folder, stage, [stage])

    return check


def _devices(folder: Path) -> None:
    for part in ("devices", "boards"):
        (folder / part).mkdir()
        for file in (Path(device.__file__).parent / part).iterdir():
            (folder / part / file.name).write_bytes(file.read_bytes())


def _device(folder: Path, draw: random.Random) -> Callable[[], object]:
    for part in ("devices", "boards"):
        for file in (Path(device.__file__).parent / part).glob("*.toml"):
            (folder / part / file.name).write_bytes(file.read_bytes())
    path = draw.choice(sorted(folder.glob("*/*.toml")))
    content = path.read_bytes()
    if draw.random() < 0.6:
        values = tomllib.loads(content.decode())
        mutate_value(values, draw)
        content = _as_toml(values)
    else:
        content = mutate_bytes(content, draw)
    path.write_bytes(content)
    name = path.stem if path.parent.name == "devices" else "up5k"

    def use() -> None:
        before, device._FOLDER = device._FOLDER, folder
        device.load_device.cache_clear()
        try:
            estimate(_small(folder, f"hardware.device={name}", "hardware.lanes=auto"))
        finally:
            device._FOLDER = before
            device.load_device.cache_clear()

    return use


def _trace(folder: Path, draw: random.Random) -> Callable[[], object]:
    from test_vcd import CHANGES, HEAD

    content = mutate_bytes((HEAD + CHANGES).encode(), draw)
    path = folder / draw.choice(("a.vcd", "a.vcd.gz"))
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
        content = content if draw.random() < 0.5 else mutate_bytes(content, draw)
    path.write_bytes(content)
    return lambda: read_activity(path)


def _nothing(_: Path) -> None:
    pass


def _compiled(folder: Path) -> None:
    """Make an estimate, for which numba compiles the scheduler."""
    estimate(_small(folder))


BOUNDARIES = {
    "configuration": Boundary(_compiled, _configuration),
    "journal": Boundary(_begin_search, _journal),
    "stage": Boundary(_outputs, _stage),
    "device": Boundary(_devices, _device),
    "vcd": Boundary(_nothing, _trace),
}


def run(name: str, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Return how many inputs were accepted and refused, and those that escaped."""
    draw, boundary = random.Random(f"{name} {seed}"), BOUNDARIES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        boundary.prepare(folder)
        return tally(
            (f"{name} {i}", outcome(boundary.damage(folder, draw), folder)) for i in range(count)
        )


def main() -> None:
    """Run from the command line; the exit code is 1 if an input escaped."""
    parser = argparse.ArgumentParser(description="Damages what narrowcast reads, and reads it.")
    parser.add_argument("boundary", choices=list(BOUNDARIES))
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end(*run(options.boundary, options.count, options.seed))


if __name__ == "__main__":
    main()
