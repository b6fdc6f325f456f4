"""The stage ``compile``: what it takes over from the folder of a build."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from graphs import graph_model
from narrowcast.config import Config, DataConfig
from narrowcast.errors import UserError
from narrowcast.integer import save_model
from narrowcast.pipeline.outputs import PREDICTIONS, VECTORS
from narrowcast.pipeline.tasks.compile import stage
from narrowcast.progress import Progress
from narrowcast.vectors import read_vectors
from words import random_words

Arrays = dict[str, np.ndarray]


def compiled(folder: Path, change: Callable[[Arrays], Arrays]) -> None:
    """Compile a graph beside predictions in which something is changed."""
    model = graph_model("outputs_in_reverse")
    save_model(model, folder)
    inputs, results = random_words(model, 4)
    reals = dict.fromkeys(("truth", "float", "qat", "integer"), np.zeros((4, 1)))
    restart = np.ones(4, dtype=bool)
    words = {"row": np.arange(4), "inputs": inputs, "results": results, "restart": restart}
    save_file(change(reals | words), folder / PREDICTIONS)
    (folder / "work").mkdir()
    config = Config(data=DataConfig(inputs=["x"], target="x", window=4, lead=1))
    stage(config, folder).run(folder / "work", Progress())
    again = read_vectors(folder / "work" / VECTORS, model)
    assert np.array_equal(again[0], inputs) and np.array_equal(again[1], results)


def test_a_graph_compiles(tmp_path: Path) -> None:
    compiled(tmp_path, dict)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {n: x for n, x in a.items() if n != "results"}, "has no results"),
        (lambda a: a | {"inputs": a["inputs"].astype(np.float64) + 0.5}, "has no inputs, or not"),
        (lambda a: a | {"inputs": a["inputs"][:, 0]}, r"words have shape \[4\], not \[windows, 54"),
        (lambda a: a | {"inputs": a["inputs"][:, 1:].copy()}, r"words have shape \[4, 53\], not"),
        (lambda a: a | {"inputs": a["inputs"] + 10**6}, "input input holds 9999"),
        (
            lambda a: a | {"results": a["results"] - 10**6},
            "output last.output holds -1000|holds -9",
        ),
    ],
)
def test_words_of_another_model_are_refused(
    tmp_path: Path, change: Callable[[Arrays], Arrays], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        compiled(tmp_path, change)
    text = str(caught.value)
    assert PREDICTIONS in text and "run 'narrowcast quantize' again" in text and "\n" not in text
    assert not (tmp_path / "work" / VECTORS).exists()
