import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from narrowcast.errors import UserError
from narrowcast.integer import IntegerModel
from narrowcast.integer.builder import Shape
from narrowcast.integer.model import Affine, Array, Input, Linear, Output, Tensor
from narrowcast.integer.random_model import random_model
from narrowcast.vectors import read_vectors, write_vectors


def model_of(inputs: dict[str, int], outputs: dict[str, int]) -> IntegerModel:
    """A model with these widths at its streams; what it computes does not matter here."""
    tensors = {
        name: Tensor(name, rows=2, columns=3, bits=bits, scale=1.0, zero_point=0)
        for name, bits in {**inputs, **outputs}.items()
    }
    return IntegerModel(
        inputs=tuple(Input(name, ("a", "b", "c"), Affine((0.0,), (1.0,))) for name in inputs),
        outputs=tuple(map(Output, outputs)),
        tensors=tensors,
        operations=(Linear("step", "x", "y", "w", 4, "b", "m", 0),),
        arrays={},
    )


def draw(tensors: tuple[Tensor, ...], windows: int) -> Array:
    random = np.random.default_rng(0)
    parts = [random.integers(t.low, t.high + 1, (windows, t.size)) for t in tensors]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_round_trip(tmp_path: Path, bits: int) -> None:
    model = model_of({"x": bits}, {"y": 16})
    inputs, expected = draw(model.input_tensors, 5), draw(model.output_tensors, 5)
    write_vectors(tmp_path, model, inputs, expected)
    again = read_vectors(tmp_path, model)
    assert np.array_equal(again[0], inputs) and np.array_equal(again[1], expected)
    assert len((tmp_path / "inputs.hex").read_text().split()) == inputs.size


def test_a_stream_of_several_tensors_has_words_of_one_width(tmp_path: Path) -> None:
    model = model_of({"x": 3, "state": 12}, {"y": 16, "next": 12})
    inputs, expected = draw(model.input_tensors, 4), draw(model.output_tensors, 4)
    inputs[0, 0] = -1
    write_vectors(tmp_path, model, inputs, expected)
    again = read_vectors(tmp_path, model)
    assert np.array_equal(again[0], inputs) and np.array_equal(again[1], expected)
    words = (tmp_path / "inputs.hex").read_text().split()
    assert {len(word) for word in words} == {3} and words[0] == "fff"
    manifest = json.loads((tmp_path / "vectors.json").read_text())
    assert manifest["windows"] == 4
    assert manifest["inputs.hex"]["bits"] == 12 and manifest["expected.hex"]["bits"] == 16
    assert manifest["inputs.hex"]["layout"] == [
        {"tensor": "x", "rows": 2, "columns": 3, "bits": 3},
        {"tensor": "state", "rows": 2, "columns": 3, "bits": 12},
    ]


@pytest.mark.parametrize("content", ["00\n", "0g\n" * 6])
def test_damage(tmp_path: Path, content: str) -> None:
    model = model_of({"x": 8}, {"y": 16})
    write_vectors(tmp_path, model, draw(model.input_tensors, 2), draw(model.output_tensors, 2))
    (tmp_path / "inputs.hex").write_text(content)
    with pytest.raises(UserError, match=r"inputs\.hex: damaged"):
        read_vectors(tmp_path, model)
    (tmp_path / "inputs.hex").write_text("00\n" * 6)
    with pytest.raises(UserError, match="1 windows go in and 2 results come out"):
        read_vectors(tmp_path, model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.ravel(), r"words have shape \[30\], not \[windows, 6\]"),
        (lambda w: w[:, 1:], r"words have shape \[5, 5\], not \[windows, 6\]"),
        (lambda w: w + 0.5, r" is of float64, not of integers"),
        (lambda w: w * 0 + 10**6, r" holds 1000000, which is not from "),
    ],
)
def test_only_words_of_the_model_are_written(
    tmp_path: Path, change: Callable[[Array], Array], message: str
) -> None:
    model = model_of({"x": 8}, {"y": 16})
    inputs, expected = draw(model.input_tensors, 5), draw(model.output_tensors, 5)
    with pytest.raises(ValueError, match=message):
        write_vectors(tmp_path, model, change(inputs), expected)
    with pytest.raises(ValueError, match=message):
        write_vectors(tmp_path, model, inputs, change(expected))
    assert not list(tmp_path.iterdir())


def test_a_stream_has_flags_of_restarts(tmp_path: Path) -> None:
    model = random_model(Shape(3, 2, 4, kind="stream"))
    inputs, expected = draw(model.input_tensors, 6), draw(model.output_tensors, 6)
    restart = np.array([True, False, False, True, False, False])
    write_vectors(tmp_path, model, inputs, expected, restart)
    assert (tmp_path / "restart.txt").read_text() == "1\n0\n0\n1\n0\n0\n"
    again = read_vectors(tmp_path, model)
    assert again[2] is not None and np.array_equal(again[2], restart)
    write_vectors(tmp_path, model, inputs, expected)
    again = read_vectors(tmp_path, model)
    assert again[2] is not None and again[2].tolist() == [True] + 5 * [False]
    with pytest.raises(ValueError, match="restart has shape"):
        write_vectors(tmp_path, model, inputs, expected, restart[1:])
    for text in ("1\n0\n", "1\n0\n0\n2\n0\n0\n", ""):
        (tmp_path / "restart.txt").write_text(text)
        with pytest.raises(UserError, match=r"restart\.txt: damaged: run 'narrowcast compile'"):
            read_vectors(tmp_path, model)
    (tmp_path / "restart.txt").unlink()
    with pytest.raises(UserError, match=r"restart\.txt: cannot be read"):
        read_vectors(tmp_path, model)
