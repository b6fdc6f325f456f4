"""The integer model, executed in NumPy: the arithmetic contract in readable code.

Vectorised over windows. Every operation is on int64 and exact; the matrix products are
evaluated in float64, whose 53 bits hold every sum exactly (checked by the compiler's bounds).
"""

from collections.abc import Callable

import numpy as np

from narrowcast.integer.arithmetic import requantise
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, Scores


def _product(a: Array, b: Array) -> Array:
    """Exact integer ``a @ b`` by way of float64's fast matrix product (sums stay below 2^53)."""
    return np.rint(a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)


def _linear(model: IntegerModel, step: Linear, state: dict[str, Array]) -> Array:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    a = state[step.operand] - operand.zero_point
    if step.pooled:
        a = a.sum(axis=1, keepdims=True)
    acc = _product(a, model.arrays[step.weights].T) + model.arrays[step.bias]
    residual: Array | int = 0
    if step.residual is not None and step.residual_multiplier is not None:
        r = state[step.residual] - model.tensors[step.residual].zero_point
        if step.residual_column is not None:
            r = r[:, -1:, step.residual_column, None]
        residual = (r * model.arrays[step.residual_multiplier]) << step.residual_shift
    y = requantise(
        acc, model.arrays[step.multiplier], step.shift, output.zero_point, residual=residual
    )
    low = output.zero_point if step.relu else output.low
    return np.asarray(np.clip(y, low, output.high))


def _split_heads(x: Array, heads: int) -> Array:
    """[windows, rows, heads * size] -> [windows, heads, rows, size]."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def _scores(model: IntegerModel, step: Scores, state: dict[str, Array]) -> Array:
    query = _split_heads(state[step.operand] - model.tensors[step.operand].zero_point, step.heads)
    key = _split_heads(state[step.key], step.heads)
    score = _product(query, key.swapaxes(2, 3))
    below = score - score.max(axis=-1, keepdims=True)
    table = model.arrays[step.table]
    index = np.clip(requantise(below, step.multiplier, step.shift, 0), 0, len(table) - 1)
    e = table[index] + model.tensors[step.output].zero_point
    return np.asarray(e.reshape(len(e), -1, e.shape[-1]))


def _context(model: IntegerModel, step: Context, state: dict[str, Array]) -> Array:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    e = state[step.operand] - operand.zero_point
    e = e.reshape(len(e), step.heads, -1, operand.columns)
    multiplier = step.numerator // e.sum(axis=-1, keepdims=True)
    acc = _product(e, _split_heads(state[step.value], step.heads))
    y = requantise(acc, multiplier, step.shift, output.zero_point)
    y = np.clip(y, output.low, output.high)
    return np.asarray(y.swapaxes(1, 2).reshape(len(y), output.rows, output.columns))


def execute(
    model: IntegerModel,
    inputs: Array,
    observe: Callable[[str, Array], None] | None = None,
) -> Array:
    """Run the model on quantised inputs.

    Args:
        model: the integer model.
        inputs: int64 [windows, window, inputs], as :meth:`IntegerModel.quantise_inputs` gives.
        observe: called with the name and the integers [windows, rows, columns] of every tensor.

    Returns:
        int64 [windows, outputs], the integers of the result tensor.
    """
    state: dict[str, Array] = {model.input: inputs}
    for step in model.steps:
        if isinstance(step, Linear):
            state[step.output] = _linear(model, step, state)
        elif isinstance(step, Scores):
            state[step.output] = _scores(model, step, state)
        else:
            state[step.output] = _context(model, step, state)
        if observe is not None:
            observe(step.output, state[step.output])
    return state[model.output][:, 0, :]


def forecast(model: IntegerModel, readings: np.ndarray, batch: int = 1024) -> np.ndarray:
    """Readings [windows, window, inputs] in their own units -> forecasts [windows, outputs]."""
    parts = [
        execute(model, model.quantise_inputs(readings[i : i + batch]))
        for i in range(0, len(readings), batch)
    ]
    return model.dequantise_outputs(np.concatenate(parts))
