"""Words of a model's streams, for tests of what computes them."""

import numpy as np

from narrowcast.integer import IntegerModel, execute_words
from narrowcast.integer.model import Array


def random_words(model: IntegerModel, count: int) -> tuple[Array, Array]:
    """Draw the inputs of windows, and say what the integer model makes of them.

    Returns:
        Words [count, input_words], all lowest in the first window and all highest in the second,
        and words [count, output_words].
    """
    of_word = [tensor for tensor in model.input_tensors for _ in range(tensor.size)]
    low, high = np.array([(tensor.low, tensor.high) for tensor in of_word]).T
    random = np.random.default_rng(5)
    inputs = random.integers(low, high + 1, (count, model.input_words))
    inputs[0], inputs[1:2] = low, high
    return inputs, execute_words(model, inputs)


def stream_words(model: IntegerModel, count: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Draw the inputs of consecutive inferences, and say what the integer model makes of them.

    Returns:
        Words [count, input_words]; which inferences follow a restart, a few by chance, at least one
        of them after the states have been full if there are enough; words [count, output_words].
    """
    of_word = [tensor for tensor in model.input_tensors for _ in range(tensor.size)]
    low, high = np.array([(tensor.low, tensor.high) for tensor in of_word]).T
    random = np.random.default_rng([5, seed])
    inputs = random.integers(low, high + 1, (count, model.input_words))
    rows = model.kept_rows
    restart = random.random(count) < 2 / rows
    restart[: rows + 3] = False
    restart[rows + 3 : rows + 4] = True
    return inputs, restart, execute_words(model, inputs, restart)
