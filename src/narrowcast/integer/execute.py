"""The executor of integer models, in NumPy: the reference for the arithmetic contract.

It is vectorised over windows. Tensors are stored minus their zero points, in float64: its 53 bits
hold every number of a valid model exactly (``narrowcast.integer.validate`` checks it), and its
matrix products are much faster than those of int64.
"""

from collections.abc import Callable, Mapping

import numpy as np
from threadpoolctl import ThreadpoolController

from narrowcast.integer.arithmetic import Reals, requantise
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, RowSum, Scores, Tensor
from narrowcast.integer.validate import check_inputs

_BATCH_NUMBERS = 1 << 17  # elements of the largest tensor of a batch, so that it stays in the cache
# Products of this size are not faster with several threads, and much slower on a busy processor.
# The results do not depend on the number of threads, because sums are exact in any order.
_LIBRARIES = ThreadpoolController()

Numbers = dict[str, Reals]  # by name


def _clamp(y: Reals, tensor: Tensor, *, relu: bool = False) -> Reals:
    """Clamp integers minus their zero point, in place."""
    low = 0 if relu else tensor.low - tensor.zero_point
    return np.clip(y, low, tensor.high - tensor.zero_point, out=y)


def _convolved(step: Linear, x: Reals, rows: int) -> Reals:
    """Return what each row of a product reads, [windows, rows, inner]."""
    if not step.convolves:
        return x[:, step.operand_row : step.operand_row + rows]
    of_kernel = np.lib.stride_tricks.sliding_window_view(x, step.kernel, axis=1)
    read = of_kernel[:, step.operand_row :: step.stride][:, :rows].swapaxes(2, 3)
    return read.reshape(len(x), rows, -1)


def _linear(model: IntegerModel, step: Linear, arrays: Numbers, state: Numbers) -> Reals:
    rows = model.tensors[step.output].rows
    x = _convolved(step, state[step.operand], rows)
    weights = arrays[step.weights]
    of_all = x.reshape(-1, x.shape[-1])  # one product for all windows
    acc = (of_all @ weights.T).reshape(*x.shape[:-1], len(weights))
    acc += arrays[step.bias]
    acc *= arrays[step.multiplier]
    if step.residual is not None and step.residual_multiplier is not None:
        r = state[step.residual]
        if step.residual_element is not None:
            row, column = step.residual_element
            r = r[:, row, column, None, None]
        else:
            r = r[:, step.residual_row : step.residual_row + rows]
        acc += r * (arrays[step.residual_multiplier] * 2.0**step.residual_shift)
    return _clamp(requantise(acc, step.shift), model.tensors[step.output], relu=step.relu)


def _split_heads(x: Reals, heads: int) -> Reals:
    """[windows, rows, heads * size] -> [windows, heads, rows, size]."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def _scores(step: Scores, arrays: Numbers, state: Numbers) -> Reals:
    query, key = (_split_heads(state[name], step.heads) for name in (step.operand, step.key))
    score = query @ key.swapaxes(2, 3)
    score -= score.max(axis=-1, keepdims=True)
    score *= step.multiplier
    table = arrays[step.table]
    index = np.minimum(requantise(score, step.shift), len(table) - 1)
    e = table[index.astype(np.intp)]
    return e.reshape(len(e), -1, e.shape[-1])


def _context(model: IntegerModel, step: Context, state: Numbers) -> Reals:
    e, output = state[step.operand], model.tensors[step.output]
    e = e.reshape(len(e), step.heads, -1, e.shape[-1])
    acc = e @ _split_heads(state[step.value], step.heads)
    acc *= np.floor(step.numerator / e.sum(axis=-1, keepdims=True))
    y = _clamp(requantise(acc, step.shift), output)
    return y.swapaxes(1, 2).reshape(len(y), output.rows, output.columns)


def _run(model: IntegerModel, arrays: Numbers, state: Numbers) -> None:
    """Add the results of all operations to ``state``."""
    for step in model.operations:
        match step:
            case Linear():
                state[step.output] = _linear(model, step, arrays, state)
            case RowSum():
                state[step.output] = state[step.operand].sum(axis=1, keepdims=True)
            case Scores():
                state[step.output] = _scores(step, arrays, state)
            case Context():
                state[step.output] = _context(model, step, state)


def execute(
    model: IntegerModel,
    inputs: Mapping[str, Array],
    observe: Callable[[str, Array], None] | None = None,
) -> dict[str, Array]:
    """Run the model on quantised inputs.

    Args:
        model: A valid integer model.
        inputs: int64 [windows, rows, columns] of each input by its tensor's name, as
            :meth:`IntegerModel.quantise` returns. If the model has states, the windows are
            consecutive inferences, of which the first follows a reset.
        observe: Called with the name and the integers [windows, rows, columns] of every result, in
            order of execution, a batch of windows at a time.

    Returns:
        int64 [windows, rows, columns] of each output by its tensor's name.

    Raises:
        ValueError: The inputs are not those of the model, or beyond the range of their tensor.
    """
    check_inputs(model, inputs)
    windows = len(next(iter(inputs.values())))
    arrays = {name: array.astype(np.float64) for name, array in model.arrays.items()}
    zeros = {name: tensor.zero_point for name, tensor in model.tensors.items()}
    kept = {
        tensor.name: np.zeros((1, tensor.rows, tensor.columns))
        for tensor in model.tensors.values()
        if tensor.state
    }
    largest = max(tensor.size for tensor in model.tensors.values())
    batch = 1 if kept else max(1, _BATCH_NUMBERS // largest)
    result = {
        tensor.name: np.empty((windows, tensor.rows, tensor.columns), np.int64)
        for tensor in model.output_tensors
    }
    for first in range(0, windows, batch):
        part = slice(first, first + batch)
        state = {name: np.subtract(q[part], zeros[name], dtype=float) for name, q in inputs.items()}
        state |= kept
        with _LIBRARIES.limit(limits=1, user_api="blas"):
            _run(model, arrays, state)
        kept = {name: state[name] for name in kept}
        for name, integers in result.items():
            integers[part] = state[name] + zeros[name]
        if observe is not None:
            for step in model.operations:
                observe(step.output, state[step.output].astype(np.int64) + zeros[step.output])
    return result


def execute_words(model: IntegerModel, words: Array) -> Array:
    """Run the model on the engine's stream: [windows, input_words] -> [windows, output_words].

    Raises:
        ValueError: As :func:`execute` does.
    """
    return model.pack_outputs(execute(model, model.unpack_inputs(words)))


def forecast(model: IntegerModel, *readings: Reals) -> Reals:
    """Forecast with a model of one output.

    Args:
        model: A valid integer model.
        readings: [windows, rows, columns] of each input, in their own units.

    Returns:
        [windows, outputs], the first row of the output in the target's own unit.

    Raises:
        ValueError: The model has other inputs or several outputs, or the readings are of another
            shape or not finite.
    """
    (result,) = model.outputs
    given = {each.tensor: x for each, x in zip(model.inputs, readings, strict=True)}
    return model.decode(execute(model, model.quantise(given)), given)[result.tensor][:, 0]
