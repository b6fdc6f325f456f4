"""Words whose results are known, for a program that compares what the C code computes."""

from pathlib import Path

import numpy as np

from narrowcast.errors import UserError
from narrowcast.integer import IntegerModel, execute_words
from narrowcast.integer.execute import Flags
from narrowcast.integer.model import Array
from narrowcast.vectors import MANIFEST, read_vectors


def bench_words(
    model: IntegerModel, vectors: Path, windows: int
) -> tuple[Array, Array, Flags | None]:
    """Return the first test vectors of a model, or if it has none, words that are drawn.

    Args:
        model: The model.
        vectors: Folder of the test vectors, which need not exist.
        windows: How many windows are wanted.

    Returns:
        Words [windows, input_words] and [windows, output_words], and which windows follow a
        restart; None if the model has no states.

    Raises:
        UserError: There are no windows, or the vectors are those of another model.
    """
    if windows < 1:
        raise UserError(f"--bench: {windows} windows are too few")
    if (vectors / MANIFEST).exists():
        given, expected, restart = read_vectors(vectors, model)
        first = slice(windows)
        return given[first], expected[first], None if restart is None else restart[first]
    of_word = [tensor for tensor in model.input_tensors for _ in range(tensor.size)]
    low, high = np.array([(tensor.low, tensor.high) for tensor in of_word]).T
    drawn = np.random.default_rng(0).integers(low, high + 1, (windows, len(of_word)))
    restart = np.arange(windows) == 0 if model.states else None
    return drawn, execute_words(model, drawn, restart), restart
