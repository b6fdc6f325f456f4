"""Mutates files of integer models: each mutant is accepted and works, or is refused in one line.

    python tests/integer/mutate_models.py --count 2000 --seed 0

A mutant is sealed anew, so that its digests are right and only its content can be wrong. What is
accepted is executed on random windows. Prints how many were refused, and every mutant that escaped:
another exception than a UserError, a message of several lines or too long, or too much time.
"""

import argparse
import copy
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from integer_graphs import random_inputs, random_spec
from integer_reference import State, infer
from safetensors.numpy import load, save

from damage import end, outcome, places, tally
from graphs import with_decoders
from narrowcast.integer import (
    Affine,
    Calendar,
    EarlierReadings,
    Forecast,
    IntegerModel,
    LastReading,
    ValuesAhead,
    execute,
    load_model,
    save_model,
)
from narrowcast.integer.builder import Pooling, Shape
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.integer.serialise import ARRAYS_NAME, JSON_NAME, seal

Document = dict[str, Any]
Arrays = dict[str, np.ndarray]

VALUES: list[Any] = [
    *(0, 1, -1, 2, 3, 7, 8, 9, 24, 25, 127, -128, 255, 4096, 4097, 1 << 17, 1 << 31, -(1 << 31)),
    *(1 << 53, 1 << 63, -(1 << 64), 10**40, 10**400, 0.0, 0.5, -1.5, 1e308, 5e-324),
    *(float("nan"), float("inf"), -float("inf"), True, False, None),
    *("", "x", "input", "a\nb", 'quo"te', "'", "\x00", "\ud800", "\u2028", "x" * 5000, "1", "../x"),
    *([], {}, [0], [0, 0], [1, 2, 3], [[]], {"kind": "linear"}, {"a": {"b": []}}),
]


def models() -> list[IntegerModel]:
    """Return a few valid models."""
    return [
        random_model(Shape(3, 2, 4, heads=2, outputs=2, relative=(1,)), (4, 8), 1),
        random_model(Shape(2, 1, 2, layers=2), (2, 5), 2),
        *(random_graph(random_spec(seed), (3, 8), seed) for seed in range(4)),
        random_model(Shape(3, 2, 4, layers=2, heads=2, relative=(0,), kind="stream"), (3, 8), 5),
        random_graph(random_spec(14, kept=2), (4, 8), 14),
        with_further_inputs(),
        *(with_decoders(random_graph(random_spec(s, decides=True), (2, 8), s)) for s in range(2)),
        *(random_model(convolution(pooling, fold=fold), (3, 8), 4) for pooling, fold in CHOICES),
        of_series(),
    ]


CHOICES: tuple[tuple[Pooling, bool], ...] = (("last", True), ("mean", False))


def convolution(pooling: Pooling, *, fold: bool) -> Shape:
    """Return a size of models that begin with a row other than 0 of operands and residuals."""
    return Shape(6, 2, 4, 2, 2, 4, pooling=pooling, kernel=3, stride=2, relative=(0,), fold=fold)


def with_further_inputs() -> IntegerModel:
    """Return a model whose inputs are a window, earlier readings and values known ahead."""
    shape = Shape(2, 2, 2, outputs=2, relative=(0,), seasons=1, known=1)
    model = random_model(shape, (3, 8), 3)
    window, earlier, ahead = model.inputs
    return replace(
        model,
        inputs=(
            window,
            replace(earlier, earlier=EarlierReadings(window.tensor, 0, (1, 0))),
            replace(ahead, ahead=ValuesAhead(window.tensor, ("p", "p"), (1, 2))),
        ),
    )


def of_series() -> IntegerModel:
    """Return a model of two series with masks and a calendar, each with a decoder."""
    shape = Shape(3, 6, 2, targets=2, known=2, series=True, shared=2, fold=True)
    model = random_model(shape, (3, 8), 6)
    (window, known), (result,) = model.inputs, model.outputs
    ahead = ValuesAhead(window.tensor, ("p", "q"), (1, 1))
    calendar = Calendar(("month",))
    decoders = tuple(
        Forecast(name, Affine((0.5,), (2.0,)), LastReading(window.tensor, column))
        for column, name in enumerate(("a", "b"))
    )
    columns = ("a", "b", "a missing", "b missing", *calendar.columns)
    filled = replace(
        window,
        columns=columns,
        scaling=Affine((0.0,) * 6, (1.0,) * 6),
        relative=(0, 1),
        calendar=calendar,
        masked=True,
        shared=2,
    )
    return replace(
        model,
        inputs=(filled, replace(known, ahead=ahead, shared=2)),
        outputs=(replace(result, decoders=decoders),),
    )


def _mutate_document(document: Document, names: list[str], draw: random.Random) -> str:
    """Change one place of a document; return what was done."""
    container, key = draw.choice(list(places(document)))
    value = container[key]
    kind = draw.choice(("value", "value", "near", "name", "delete", "repeat", "order", "swap"))
    if kind == "near" and isinstance(value, int | float):
        container[key] = value + draw.choice((-1, 1, -value, value, 1 << 16))
    elif kind == "name" and isinstance(value, str):
        container[key] = draw.choice(names)
    elif kind == "delete":
        del container[key]
    elif kind == "repeat" and isinstance(container, list):
        container.insert(key, copy.deepcopy(value))
    elif kind == "order" and isinstance(value, list):
        draw.shuffle(value)
    elif kind == "swap":
        other, place = draw.choice(list(places(document)))
        container[key], other[place] = copy.deepcopy((other[place], value))
    else:
        container[key] = copy.deepcopy(draw.choice(VALUES))
    return f"{kind} at {key}"


def _mutate_arrays(arrays: Arrays, draw: random.Random) -> str:
    """Change one array; return what was done."""
    name = draw.choice(list(arrays))
    array = arrays[name]
    kind = draw.choice(("value", "value", "shape", "type", "missing", "swap", "more", "fill"))
    match kind:
        case "value":
            flat = array.reshape(-1).copy()
            flat[draw.randrange(flat.size)] = draw.choice(
                (0, 1, -1, 128, -129, 1 << 17, -(1 << 31))
            )
            arrays[name] = flat.reshape(array.shape)
        case "shape":
            shapes: list[Callable[[], np.ndarray]] = [
                lambda: array.reshape(-1),
                lambda: array[None],
                lambda: array.T,
                lambda: array[:-1],
                lambda: array[:0],
                lambda: np.concatenate([array, array]),
                lambda: np.array(array.reshape(-1)[0]),
            ]
            arrays[name] = np.ascontiguousarray(draw.choice(shapes)())
        case "type":
            kinds = (np.int8, np.int64, np.uint32, np.float32, np.float16, np.bool_)
            with np.errstate(over="ignore"):
                arrays[name] = array.astype(draw.choice(kinds))
        case "missing":
            del arrays[name]
        case "swap":
            other = draw.choice(list(arrays))
            arrays[name], arrays[other] = arrays[other], array
        case "more":
            arrays[draw.choice(("more", "a\nb", "", "input"))] = array
        case "fill":
            arrays[name] = np.full_like(array, draw.choice((0, -1, 1, 127, (1 << 31) - 1)))
    return f"{kind} of {name}"


def mutate(source: Path, target: Path, draw: random.Random) -> str:
    """Write a mutant of the model in ``source`` to ``target``; return what was done."""
    document = json.loads((source / JSON_NAME).read_bytes())
    arrays = dict(sorted(load((source / ARRAYS_NAME).read_bytes()).items()))  # in any order
    if draw.random() < 0.25:
        done = _mutate_arrays(arrays, draw)
    else:
        named = (*document["tensors"], *document["operations"])
        names = [*(each["name"] for each in named), *arrays]
        times = draw.choice((1, 1, 1, 2))
        done = ", ".join([_mutate_document(document, names, draw) for _ in range(times)])
    packed = save(arrays)
    (target / ARRAYS_NAME).write_bytes(packed)
    (target / JSON_NAME).write_text(json.dumps(seal(document, packed)))
    return done


def check(model: IntegerModel) -> None:
    """Execute an accepted model: it must give what plain Python integers give."""
    inputs = random_inputs(model, 4)
    results = execute(model, inputs)
    kept: State = {}
    for window in range(4):
        state = infer(model, {name: q[window].tolist() for name, q in inputs.items()}, kept)
        for name, integers in results.items():
            if integers[window].tolist() != state[name]:
                raise AssertionError(f"{name} is wrong")


def run(
    count: int, seed: int, use: Callable[[IntegerModel], None] = check
) -> tuple[Counter[str], list[str]]:
    """Return how many mutants were accepted and refused, and those that escaped.

    Args:
        count: How many mutants.
        seed: Of the draws.
        use: What is done with an accepted one; a UserError refuses it.
    """
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        sources = []
        for i, model in enumerate(models()):
            sources.append(Path(place) / f"source{i}")
            save_model(model, sources[-1])
        target = Path(place) / "mutant"
        target.mkdir()

        def results() -> Iterator[tuple[str, str]]:
            for i in range(count):
                source = draw.choice(sources)
                done = mutate(source, target, draw)
                name = f"mutant {i} of {source.name}, {done}"
                yield name, outcome(lambda: use(load_model(target)), target)

        return tally(results())


def main() -> None:
    """Run from the command line; the exit code is 1 if a mutant escaped."""
    parser = argparse.ArgumentParser(description="Mutates files of integer models.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end(*run(options.count, options.seed))


if __name__ == "__main__":
    main()
