"""The executor of integer models, in NumPy: the reference for the arithmetic contract.

It is vectorised over windows. Tensors are stored minus their zero points, in float64: its 53 bits
hold every number of a valid model exactly (``narrowcast.integer.validate`` checks it), and its
matrix products are much faster than those of int64.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from narrowcast.integer.arithmetic import Reals, requantise
from narrowcast.integer.model import (
    Append,
    ArgMax,
    Array,
    Context,
    IntegerModel,
    L1Norm,
    Linear,
    RowSum,
    Scores,
    Tensor,
)
from narrowcast.integer.readings import ages
from narrowcast.integer.validate import check_inputs, check_restart, check_state

_BATCH_NUMBERS = 1 << 17  # elements of the largest tensor of a batch, so that it stays in the cache
# Products of this size are not faster with several threads, and much slower on a busy processor.
# The results do not depend on the number of threads, because sums are exact in any order.
_LIBRARIES = ThreadpoolController()

Numbers = dict[str, Reals]  # by name
Flags = NDArray[np.bool_]


@dataclass
class State:
    """What earlier inferences have left to later ones.

    Attributes:
        count: How many of the rows of each state exist, the last ones.
        rows: int64 [rows, columns] of each state by its tensor's name; absent rows are 0.
    """

    count: int
    rows: dict[str, Array]


def reset_state(model: IntegerModel) -> State:
    """Return the state before the first inference."""
    return State(0, {each.name: np.zeros((each.rows, each.columns), int) for each in model.states})


@dataclass(frozen=True)
class _Batch:
    """Consecutive inferences that are computed at once.

    Attributes:
        numbers: Tensors [windows, rows, columns] so far, by name.
        exists: [windows, rows], which rows of the states exist after each inference.
        before: The rows [rows, columns] of each state before the first of the inferences.
    """

    numbers: Numbers
    exists: Flags
    before: Numbers


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


def _append(step: Append, batch: _Batch) -> Reals:
    """Return the last rows of each inference; absent ones are 0."""
    rows = batch.numbers[step.operand][:, 0]
    kept = batch.before[step.output]
    of_all = np.concatenate([kept[1:], rows])
    last = np.lib.stride_tricks.sliding_window_view(of_all, len(kept), axis=0).swapaxes(1, 2)
    return last * batch.exists[..., None]


def _scores(model: IntegerModel, step: Scores, arrays: Numbers, batch: _Batch) -> Reals:
    numbers = batch.numbers
    query, key = (_split_heads(numbers[name], step.heads) for name in (step.operand, step.key))
    score = query @ key.swapaxes(2, 3)
    if step.bias is not None:
        score += arrays[step.bias][:, None]
    partial = model.tensors[step.key].state
    if partial:
        score = np.where(batch.exists[:, None, None], score, -np.inf)
    score -= score.max(axis=-1, keepdims=True)
    score *= step.multiplier
    table = arrays[step.table]
    index = np.minimum(requantise(score, step.shift), len(table) - 1)
    e = table[index.astype(np.intp)]
    if partial:
        e *= batch.exists[:, None, None]
    return e.reshape(len(e), -1, e.shape[-1])


def _context(model: IntegerModel, step: Context, state: Numbers) -> Reals:
    e, output = state[step.operand], model.tensors[step.output]
    e = e.reshape(len(e), step.heads, -1, e.shape[-1])
    acc = e @ _split_heads(state[step.value], step.heads)
    acc *= np.floor(step.numerator / e.sum(axis=-1, keepdims=True))
    y = _clamp(requantise(acc, step.shift), output)
    return y.swapaxes(1, 2).reshape(len(y), output.rows, output.columns)


def _arg_max(x: Reals) -> Reals:
    """Return index and margin [windows, 1, 2] of the largest of each row [windows, 1, columns]."""
    second, first = np.moveaxis(np.partition(x, -2)[..., -2:], -1, 0)
    return np.stack([x.argmax(axis=-1), first - second], axis=-1)


def _l1_norm(step: L1Norm, x: Reals) -> Reals:
    """Return score and flag [windows, 1, 2] of each row [windows, 1, columns]."""
    score = np.abs(x).sum(axis=-1)
    return np.stack([score, score > step.threshold], axis=-1)


def _run(model: IntegerModel, arrays: Numbers, batch: _Batch) -> None:
    """Add the results of all operations to a batch."""
    numbers = batch.numbers
    for step in model.operations:
        match step:
            case Linear():
                numbers[step.output] = _linear(model, step, arrays, numbers)
            case RowSum():
                numbers[step.output] = numbers[step.operand].sum(axis=1, keepdims=True)
            case Append():
                numbers[step.output] = _append(step, batch)
            case Scores():
                numbers[step.output] = _scores(model, step, arrays, batch)
            case Context():
                numbers[step.output] = _context(model, step, numbers)
            case ArgMax():
                numbers[step.output] = _arg_max(numbers[step.operand])
            case L1Norm():
                numbers[step.output] = _l1_norm(step, numbers[step.operand])


def execute(
    model: IntegerModel,
    inputs: Mapping[str, Array],
    observe: Callable[[str, Array], None] | None = None,
    restart: Flags | None = None,
    state: State | None = None,
) -> dict[str, Array]:
    """Run the model on quantised inputs.

    If the model has states, the windows are consecutive inferences. They follow a restart, unless
    ``state`` is given.

    Args:
        model: A valid integer model.
        inputs: int64 [windows, rows, columns] of each input by its tensor's name, as
            :meth:`IntegerModel.quantise` returns.
        observe: Called with the name and the integers [windows, rows, columns] of every result, in
            order of execution, a batch of windows at a time.
        restart: bool [windows], which inferences are the first of a stretch: their states have no
            other rows than their own. None if there is no restart.
        state: What inferences before have left. It is replaced by what these inferences leave.

    Returns:
        int64 [windows, rows, columns] of each output by its tensor's name.

    Raises:
        ValueError: The inputs are not those of the model, or beyond the range of their tensor; so
            are the flags or the state.
    """
    check_inputs(model, inputs)
    windows = len(next(iter(inputs.values())))
    if restart is None:
        restart = np.zeros(windows, bool)
    check_restart(restart, windows)
    state = reset_state(model) if state is None else state
    check_state(model, state.count, state.rows)
    arrays = {name: array.astype(np.float64) for name, array in model.arrays.items()}
    zeros = {name: tensor.zero_point for name, tensor in model.tensors.items()}
    largest = max(tensor.size for tensor in model.tensors.values())
    batch = max(1, _BATCH_NUMBERS // largest)
    result = {
        tensor.name: np.empty((windows, tensor.rows, tensor.columns), np.int64)
        for tensor in model.output_tensors
    }
    for first in range(0, windows, batch):
        part = slice(first, first + batch)
        count = ages(restart[part], state.count) + 1
        kept = model.kept_rows
        exists = np.arange(kept) >= kept - count[:, None]
        given = {name: np.subtract(q[part], zeros[name], dtype=float) for name, q in inputs.items()}
        before = {name: rows.astype(np.float64) for name, rows in state.rows.items()}
        at_once = _Batch(given, exists, before)
        with _LIBRARIES.limit(limits=1, user_api="blas"):
            _run(model, arrays, at_once)
        numbers = at_once.numbers
        state.count = min(int(count[-1]), kept)
        state.rows = {name: numbers[name][-1].astype(np.int64) for name in state.rows}
        for name, integers in result.items():
            integers[part] = numbers[name] + zeros[name]
        if observe is not None:
            for step in model.operations:
                observe(step.output, numbers[step.output].astype(np.int64) + zeros[step.output])
    return result


def execute_words(
    model: IntegerModel, words: Array, restart: Flags | None = None, state: State | None = None
) -> Array:
    """Run the model on the engine's stream: [windows, input_words] -> [windows, output_words].

    Other arguments are those of :func:`execute`.

    Raises:
        ValueError: As :func:`execute` does.
    """
    inputs = model.unpack_inputs(words)
    return model.pack_outputs(execute(model, inputs, restart=restart, state=state))


def forecast(
    model: IntegerModel,
    *readings: Reals,
    restart: Flags | None = None,
    state: State | None = None,
) -> Reals:
    """Forecast with a model whose outputs are forecasts.

    Args:
        model: A valid integer model.
        readings: [windows, rows, columns] of each input, in their own units.
        restart: As that of :func:`execute`.
        state: As that of :func:`execute`, to forecast reading by reading.

    Returns:
        [windows, forecasts], the rows of all outputs side by side, in the targets' own units.

    Raises:
        ValueError: The model has other inputs, or the readings are of another shape or not finite.
    """
    given = {each.tensor: x for each, x in zip(model.inputs, readings, strict=True)}
    integers = execute(model, model.quantise(given), restart=restart, state=state)
    return model.forecasts(integers, given)
