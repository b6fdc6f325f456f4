"""The integer model, executed in NumPy: the arithmetic contract in readable code.

Vectorised over windows. Integers are kept in float64, whose 53 bits hold every number of a valid
model exactly (``narrowcast.integer.validate`` proves it), as its matrix products are much faster
than those of int64.
"""

from collections.abc import Callable, Mapping

import numpy as np

from narrowcast.integer.arithmetic import Reals, requantise
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, RowSum, Scores

BATCH = 256  # windows at once, of which the integers stay in the processor's cache

State = dict[str, Reals]  # integers [windows, rows, columns] by tensor


def _linear(model: IntegerModel, step: Linear, state: State) -> Reals:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    acc = (state[step.operand] - operand.zero_point) @ model.arrays[step.weights].T.astype(float)
    acc += model.arrays[step.bias]
    acc *= model.arrays[step.multiplier]
    if step.residual is not None and step.residual_multiplier is not None:
        r = state[step.residual] - model.tensors[step.residual].zero_point
        if step.residual_element is not None:
            row, column = step.residual_element
            r = r[:, row, column, None, None]
        acc += r * (model.arrays[step.residual_multiplier] << step.residual_shift)
    y = requantise(acc, step.shift, output.zero_point)
    return np.clip(y, output.zero_point if step.relu else output.low, output.high, out=y)


def _split_heads(x: Reals, heads: int) -> Reals:
    """[windows, rows, heads * size] -> [windows, heads, rows, size]."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def _scores(model: IntegerModel, step: Scores, state: State) -> Reals:
    query = _split_heads(state[step.operand] - model.tensors[step.operand].zero_point, step.heads)
    key = _split_heads(state[step.key], step.heads)
    score = query @ key.swapaxes(2, 3)
    score -= score.max(axis=-1, keepdims=True)
    score *= step.multiplier
    table = model.arrays[step.table] + model.tensors[step.output].zero_point
    index = np.clip(requantise(score, step.shift, 0), 0, len(table) - 1).astype(np.intp)
    e = table.astype(float)[index]
    return e.reshape(len(e), -1, e.shape[-1])


def _context(model: IntegerModel, step: Context, state: State) -> Reals:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    e = state[step.operand] - operand.zero_point
    e = e.reshape(len(e), step.heads, -1, operand.columns)
    acc = e @ _split_heads(state[step.value], step.heads)
    acc *= np.floor(step.numerator / e.sum(axis=-1, keepdims=True))
    y = requantise(acc, step.shift, output.zero_point)
    y = np.clip(y, output.low, output.high, out=y)
    return y.swapaxes(1, 2).reshape(len(y), output.rows, output.columns)


def _run(model: IntegerModel, state: State) -> State:
    for step in model.operations:
        match step:
            case Linear():
                state[step.output] = _linear(model, step, state)
            case RowSum():
                state[step.output] = state[step.operand].sum(axis=1, keepdims=True)
            case Scores():
                state[step.output] = _scores(model, step, state)
            case Context():
                state[step.output] = _context(model, step, state)
    return state


def execute(
    model: IntegerModel,
    inputs: Mapping[str, Array],
    observe: Callable[[str, Array], None] | None = None,
) -> dict[str, Array]:
    """Run the model on quantised inputs.

    Args:
        model: A valid integer model.
        inputs: int64 [windows, rows, columns] of each input by its tensor's name, as
            :meth:`IntegerModel.quantise` gives.
        observe: Called with the name and the integers [windows, rows, columns] of every result, in
            order of execution, a batch of windows at a time.

    Returns:
        int64 [windows, rows, columns] of each output by its tensor's name.
    """
    windows = len(next(iter(inputs.values())))
    parts: dict[str, list[Reals]] = {each.tensor: [] for each in model.outputs}
    for first in range(0, max(windows, 1), BATCH):
        batch = {name: each[first : first + BATCH].astype(float) for name, each in inputs.items()}
        state = _run(model, batch)
        for name, results in parts.items():
            results.append(state[name])
        if observe is not None:
            for step in model.operations:
                observe(step.output, state[step.output].astype(np.int64))
    return {name: np.concatenate(each).astype(np.int64) for name, each in parts.items()}


def execute_words(model: IntegerModel, words: Array) -> Array:
    """Run the model on the engine's stream: [windows, input_words] -> [windows, output_words]."""
    return model.pack_outputs(execute(model, model.unpack_inputs(words)))


def forecast(model: IntegerModel, readings: Reals) -> Reals:
    """Forecast with a model of one input and one output.

    Args:
        model: A valid integer model.
        readings: [windows, rows, columns] of the input, in their own units.

    Returns:
        [windows, outputs], the first row of the output in the target's own unit.

    Raises:
        ValueError: The model has several inputs or outputs.
    """
    (source,), (result,) = model.inputs, model.outputs
    integers = execute(model, model.quantise({source.tensor: readings}))
    return model.decode(integers)[result.tensor][:, 0]
