"""The integer graph: the result of training, and the input of the executor and the compiler.

It consists of frozen dataclasses. A graph has tensors, each with its own shape, and operations on
them in order of execution. The arithmetic uses integers only; the scales are for the host, which
converts readings to integers and results to forecasts or decisions. ``docs/integer-model.md`` and
``narrowcast.integer.execute`` define the arithmetic of each operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from narrowcast.integer.arithmetic import integer_range, signed_bits
from narrowcast.integer.calendar import Calendar
from narrowcast.integer.readings import (
    Number,
    check_readings,
    ordered,
    positions_of_series,
    relative_to_last,
)

SCHEMA_VERSION = 10

Array = NDArray[np.int64]
Reals = NDArray[np.float64]
Scalar = int | float | str | bool | None
Values = TypeVar("Values", Array, Reals)


@dataclass(frozen=True)
class Tensor:
    """A quantised tensor of shape [rows, columns]: real = scale * (q - zero_point).

    Attributes:
        name: Unique in its model.
        rows: Number of rows.
        columns: Number of columns.
        bits: Width of its integers, two's complement.
        scale: Real difference of two consecutive integers; for the host only.
        zero_point: The integer that represents 0.
        restricted: Whether the lowest integer is not used, as in keys and values.
        state: Whether its rows are those of successive inferences, see :class:`Append`.
    """

    name: str
    rows: int
    columns: int
    bits: int
    scale: float
    zero_point: int
    restricted: bool = False
    state: bool = False

    @property
    def low(self) -> int:
        """Lowest integer."""
        return integer_range(self.bits, restricted=self.restricted)[0]

    @property
    def high(self) -> int:
        """Highest integer."""
        return integer_range(self.bits)[1]

    @property
    def symmetric(self) -> bool:
        """Whether the zero point is 0."""
        return self.zero_point == 0

    @property
    def size(self) -> int:
        """Number of integers."""
        return self.rows * self.columns

    def quantise(self, real: Reals) -> Array:
        """Return the nearest integers of real numbers, of any shape."""
        integers: Array = np.clip(self._nearest(real), self.low, self.high).astype(np.int64)
        return integers

    def outside(self, real: Reals) -> NDArray[np.bool_]:
        """Return which real numbers, of any shape, are nearest to an integer beyond the range."""
        q = self._nearest(real)
        return (q < self.low) | (q > self.high)

    def _nearest(self, real: Reals) -> Reals:
        """Return the nearest integers without limits, as float64."""
        nearest: Reals = np.rint(real.astype(np.float64) / self.scale) + self.zero_point
        return nearest

    def dequantise(self, integers: Array) -> Reals:
        """Return the real numbers of integers, of any shape."""
        return (integers - self.zero_point).astype(np.float64) * self.scale


def row_sum_tensor(name: str, operand: Tensor) -> Tensor:
    """Return the tensor of the sums over an operand's rows, with the least sufficient width."""
    n = operand.rows
    bits = signed_bits(n * operand.low, n * operand.high)
    return Tensor(name, 1, operand.columns, bits, operand.scale, n * operand.zero_point)


def arg_max_tensor(name: str, operand: Tensor) -> Tensor:
    """Return the tensor of an operand's index and margin, with the least sufficient width."""
    bits = signed_bits(0, max(operand.columns - 1, operand.high - operand.low))
    return Tensor(name, 1, 2, bits, operand.scale, 0)


def l1_norm_tensor(name: str, operand: Tensor) -> Tensor:
    """Return the tensor of an operand's score and flag, with the least sufficient width."""
    return Tensor(name, 1, 2, signed_bits(0, largest_score(operand)), operand.scale, 0)


def largest_score(operand: Tensor) -> int:
    """Return the largest sum of the distances of a row's integers from the zero point."""
    zero = operand.zero_point
    return operand.columns * max(operand.high - zero, zero - operand.low)


@dataclass(frozen=True)
class Linear:
    """``output = requantise(operand @ weights.T + bias, M, S) + residual``, clamped.

    With ``kernel`` and ``stride`` it is a convolution over rows: ``kernel`` successive rows of the
    operand take the place of one, and the next begin ``stride`` rows later. The operand and the
    residual may have more rows than are read.

    Attributes:
        name: Unique among the operations.
        operand: Tensor [at least operand_row + (rows - 1) * stride + kernel, inner / kernel].
        output: Tensor [rows, columns].
        weights: Array [columns, inner].
        weight_bits: Width of the weights, which are symmetric and restricted.
        bias: Array [columns] or [rows, columns].
        multiplier: Array [columns] of M.
        shift: S.
        operand_row: First row of the operand that is read.
        kernel: Number of successive rows of the operand that each row of the output reads.
        stride: Rows of the operand from one row of the output to the next.
        residual: Tensor [at least rows, columns], or any tensor with ``residual_element``; or None.
        residual_multiplier: Array [columns] of R, or None.
        residual_shift: Q.
        residual_row: First row of the residual that is read.
        residual_element: (row, column) of the one element of the residual that is added everywhere.
        relu: Whether the lower bound of the clamp is the output's zero point.
    """

    name: str
    operand: str
    output: str
    weights: str
    weight_bits: int
    bias: str
    multiplier: str
    shift: int
    operand_row: int = 0
    kernel: int = 1
    stride: int = 1
    residual: str | None = None
    residual_multiplier: str | None = None
    residual_shift: int = 0
    residual_row: int = 0
    residual_element: tuple[int, int] | None = None
    relu: bool = False

    @property
    def convolves(self) -> bool:
        """Whether it is a convolution over rows, and not a product row by row."""
        return self.kernel > 1 or self.stride > 1


@dataclass(frozen=True)
class RowSum:
    """``output[0, c] = sum over i of operand[i, c]``, exact.

    The output's zero point is the operand's multiplied by its rows. Its width holds every sum.

    Attributes:
        name: Unique among the operations.
        operand: Tensor [rows, columns].
        output: Tensor [1, columns].
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class Append:
    """The rows of the last inferences: the operand's only row is the last row of the output.

    The output is a state. Its rows are those of the last inferences since a restart, oldest first.
    Fewer inferences than rows leave the first rows absent.

    Attributes:
        name: Unique among the operations.
        operand: Tensor [1, columns].
        output: State [rows, columns].
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class Scores:
    """``output = table[clamp((score - max) * M + 2^(S-1) >> S)]``, row by row, head by head.

    ``score = operand @ key.T + bias`` at full precision, ``max`` the largest of its row. M is
    negative, as ``score - max`` is never positive. The output's integers are ``e + zero_point``.
    The absent rows of a state have no score, and their e is 0.

    Attributes:
        name: Unique among the operations.
        operand: Queries [rows, heads * size].
        key: Keys [keys, heads * size].
        output: Unnormalised probabilities [heads * rows, keys].
        heads: Number of heads.
        multiplier: M.
        shift: S.
        table: Array of e, unsigned.
        bias: Array [heads, keys] that is added to the scores, or None.
    """

    name: str
    operand: str
    key: str
    output: str
    heads: int
    multiplier: int
    shift: int
    table: str
    bias: str | None = None


@dataclass(frozen=True)
class Context:
    """``output = requantise(e @ value, floor(numerator / sum(e)), S)``, head by head.

    Attributes:
        name: Unique among the operations.
        operand: Unnormalised probabilities [heads * rows, keys], the output of a ``Scores``.
        value: Values [keys, heads * size].
        output: Tensor [rows, heads * size].
        heads: Number of heads.
        numerator: Numerator of the row's multiplier.
        shift: S.
    """

    name: str
    operand: str
    value: str
    output: str
    heads: int
    numerator: int
    shift: int


@dataclass(frozen=True)
class ArgMax:
    """``output = (index of the largest integer, its margin to the largest of the others)``.

    Among equal integers, the one with the lowest index is the largest, and the margin is 0. The
    operand is made by a ``Linear`` for this only, and the output is one of the model.

    Attributes:
        name: Unique among the operations.
        operand: Tensor [1, at least 2 columns].
        output: Tensor [1, 2], see :func:`arg_max_tensor`.
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class L1Norm:
    """``output = (score, 1 if score > threshold else 0)``, score = sum of |q - zero_point|.

    The operand is made by a ``Linear`` for this only, and the output is one of the model.

    Attributes:
        name: Unique among the operations.
        operand: Tensor [1, columns].
        output: Tensor [1, 2], see :func:`l1_norm_tensor`.
        threshold: The largest score without a flag, as an integer.
    """

    name: str
    operand: str
    output: str
    threshold: int


Decision = ArgMax | L1Norm  # reduces a row that a Linear makes to an output of two integers
Operation = Linear | RowSum | Append | Scores | Context | Decision


def operands_read(operation: Operation) -> tuple[str, ...]:
    """Return the names of all tensors that an operation reads."""
    match operation:
        case Linear():
            residual = () if operation.residual is None else (operation.residual,)
            return (operation.operand, *residual)
        case RowSum() | Append() | ArgMax() | L1Norm():
            return (operation.operand,)
        case Scores():
            return (operation.operand, operation.key)
        case Context():
            return (operation.operand, operation.value)


@dataclass(frozen=True)
class Affine:
    """A host-side scaling: ``scaled = (reading - offset) / scale``.

    Attributes:
        offset: Offsets, one per column.
        scale: Scales, one per column.
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]

    def apply(self, values: Reals) -> Reals:
        """Scale values of shape [..., columns]."""
        scaled: Reals = (values - np.array(self.offset)) / np.array(self.scale)
        return scaled

    def invert(self, scaled: Reals) -> Reals:
        """Convert scaled values of shape [..., columns] back to their own units."""
        values: Reals = scaled * np.array(self.scale) + np.array(self.offset)
        return values


@dataclass(frozen=True)
class EarlierReadings:
    """Readings of one column in earlier rows, relative to the last row of an input.

    A reading that is missing, or before the first row of all, counts as equal to the last one.

    Attributes:
        input: Name of the input's tensor.
        column: Index of the column.
        rows: How many rows before the last one each reading is.
    """

    input: str
    column: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ValuesAhead:
    """Values of columns known ahead, such as set points, in rows after the last one of an input.

    Attributes:
        input: Name of the input's tensor.
        columns: Name of the column of each value.
        rows: How many rows after the last one each value is.
    """

    input: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Input:
    """A tensor that a host fills with readings.

    A row of the tensor is one of the window, or, with ``shared``, a series: all readings of one
    column, the oldest first, their masks, and what the last row of the window has in the columns
    that all series share. Values known ahead are shared, all of them.

    Attributes:
        tensor: Name of the tensor.
        columns: Names of the columns.
        scaling: Scaling from readings to the tensor's real numbers.
        relative: Indices of the columns that are given relative to their last row.
        calendar: The last columns, which a host computes from time stamps; None if there are none.
        earlier: What the columns of an input with one row are, if they are earlier readings.
        held: For how many rows in succession the last reading stands in for a missing one.
        masked: Whether each column of readings has one that is 1 where the reading is missing.
        interpolated: Whether a host interpolates missing readings that it knows the next one of.
        ahead: What the columns of an input with one row are, if they are known ahead.
        shared: How many of the last columns all series share, if the rows of the tensor are series;
            None if they are those of the window.
    """

    tensor: str
    columns: tuple[str, ...]
    scaling: Affine
    relative: tuple[int, ...] = ()
    calendar: Calendar | None = None
    earlier: EarlierReadings | None = None
    held: int = 0
    masked: bool = False
    interpolated: bool = False
    ahead: ValuesAhead | None = None
    shared: int | None = None

    @property
    def readings(self) -> int:
        """Number of columns that are readings; they come first, then masks and the calendar."""
        others = 0 if self.calendar is None else len(self.calendar.columns)
        return (len(self.columns) - others) // (2 if self.masked else 1)

    def window(self, tensor: Tensor) -> int:
        """Return the rows of a window, from which the input's tensor is made."""
        if self.shared is None:
            return tensor.rows
        of_each = (len(self.columns) - self.shared) // tensor.rows  # readings, or those and masks
        return (tensor.columns - self.shared) // of_each if of_each else 1

    def real(self, readings: Reals) -> Reals:
        """Convert readings [windows, rows, columns] to real numbers, in the same order."""
        return self.scaling.apply(relative_to_last(readings, self.relative))

    def arranged(self, window: Values, tensor: Tensor) -> Values:
        """Return numbers of windows [windows, rows, columns] as the rows of the tensor."""
        if self.shared is None:
            return window
        rows, columns = window.shape[1:]
        at = positions_of_series(rows, columns, tensor.rows, self.shared)
        arranged: Values = window.reshape(len(window), rows * columns)[:, at]
        return arranged


@dataclass(frozen=True)
class LastReading:
    """The reading of one column in the last row of an input.

    Attributes:
        input: Name of the input's tensor.
        column: Index of the column.
    """

    input: str
    column: int


@dataclass(frozen=True)
class Forecast:
    """The decoder of forecasts: ``forecast = scale * (q - zero_point) * scaling + offset``.

    Attributes:
        target: Name of the forecast quantity.
        scaling: Scaling from the tensor's real numbers to the target's unit, one entry per column.
        added: Reading that the host adds, if the tensor holds changes from it; else None.
        quantiles: Probabilities, ascending, of the quantiles that as many successive columns
            forecast, step by step. The host puts those of a step in ascending order. None of them
            if each column is a forecast of its own.
    """

    target: str
    scaling: Affine
    added: LastReading | None = None
    quantiles: tuple[float, ...] = ()

    def ordered(self, forecasts: NDArray[Number]) -> NDArray[Number]:
        """Return forecasts [..., columns] with the quantiles of each step in ascending order."""
        return ordered(forecasts, len(self.quantiles)) if self.quantiles else forecasts

    def base(self, readings: Mapping[str, Reals]) -> Reals:
        """Return what the host adds to each window's forecasts, [windows, 1, 1] or 0.

        Args:
            readings: Readings [windows, rows, columns] of each input by its tensor's name.
        """
        if self.added is None:
            return np.zeros((1, 1, 1))
        return readings[self.added.input][:, -1:, self.added.column, None]

    def decode(self, tensor: Tensor, integers: Array, readings: Mapping[str, Reals]) -> Reals:
        """Convert the integers [windows, rows, columns] of a tensor to forecasts."""
        change = self.scaling.invert(tensor.dequantise(integers))
        return self.ordered(change + self.base(readings))


@dataclass(frozen=True)
class Classification:
    """The decoder of an ``ArgMax``: the class, and ``margin = scale * q``.

    Attributes:
        target: Name of the quantity whose class is told.
        labels: Names of the classes, one per column of the operand.
    """

    target: str
    labels: tuple[str, ...]

    def decode(self, tensor: Tensor, integers: Array, _: Mapping[str, Reals]) -> Reals:
        """Convert integers to (index of the label, margin in the operand's real units)."""
        real: Reals = integers * np.array([1.0, tensor.scale])
        return real


@dataclass(frozen=True)
class Detection:
    """The decoder of an ``L1Norm``: ``score = scale * q``, and the flag.

    Attributes:
        target: Names of the quantities whose deviations the score sums up.
    """

    target: tuple[str, ...]

    def decode(self, tensor: Tensor, integers: Array, _: Mapping[str, Reals]) -> Reals:
        """Convert integers to (score in the operand's real units, flag)."""
        real: Reals = integers * np.array([tensor.scale, 1.0])
        return real


Decoder = Forecast | Classification | Detection


@dataclass(frozen=True)
class Output:
    """A tensor that a host reads.

    Attributes:
        tensor: Name of the tensor.
        decoders: Conversion of the integers of each row to real values by the host; none for plain
            integers.
    """

    tensor: str
    decoders: tuple[Decoder, ...] = ()

    def decode(self, tensor: Tensor, integers: Array, readings: Mapping[str, Reals]) -> Reals:
        """Convert integers [windows, rows, columns] to real values.

        Args:
            tensor: The tensor.
            integers: Its integers.
            readings: Readings [windows, rows, columns] of each input by its tensor's name.
        """
        if not self.decoders:
            return integers.astype(np.float64)
        rows = [
            decoder.decode(tensor, integers[:, i : i + 1], readings)
            for i, decoder in enumerate(self.decoders)
        ]
        return np.concatenate(rows, axis=1)


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A complete integer model.

    Attributes:
        inputs: Tensors that a host writes, in the order of the engine's stream.
        outputs: Tensors that a host reads, in the order of the engine's stream.
        tensors: All tensors by name.
        operations: All operations in order of execution.
        arrays: Integers by name: weights, biases, multipliers, tables.
        metadata: Description of the architecture for reports; it does not affect results.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    tensors: Mapping[str, Tensor]
    operations: tuple[Operation, ...]
    arrays: Mapping[str, Array] = field(repr=False)
    metadata: Mapping[str, Scalar] = field(default_factory=dict)

    @cached_property
    def input_tensors(self) -> tuple[Tensor, ...]:
        """The tensors of the inputs, in the order of the stream."""
        return tuple(self.tensors[each.tensor] for each in self.inputs)

    @cached_property
    def output_tensors(self) -> tuple[Tensor, ...]:
        """The tensors of the outputs, in the order of the stream."""
        return tuple(self.tensors[each.tensor] for each in self.outputs)

    @cached_property
    def states(self) -> tuple[Tensor, ...]:
        """The tensors that hold rows of successive inferences."""
        return tuple(tensor for tensor in self.tensors.values() if tensor.state)

    @property
    def kept_rows(self) -> int:
        """Number of rows of each state; 0 if there are no states."""
        return self.states[0].rows if self.states else 0

    @property
    def input_words(self) -> int:
        """Number of input words of one inference."""
        return sum(tensor.size for tensor in self.input_tensors)

    @property
    def output_words(self) -> int:
        """Number of output words of one inference."""
        return sum(tensor.size for tensor in self.output_tensors)

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates of one inference."""
        total = 0
        for operation in self.operations:
            match operation:
                case Linear():
                    rows = self.tensors[operation.output].rows
                    total += rows * self.arrays[operation.weights].size
                case Scores():
                    query = self.tensors[operation.operand]
                    total += query.size * self.tensors[operation.key].rows
                case Context():
                    output = self.tensors[operation.output]
                    total += output.size * self.tensors[operation.value].rows
        return total

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        linear = [each for each in self.operations if isinstance(each, Linear)]
        names = {name for each in linear for name in (each.weights, each.bias)}
        return sum(self.arrays[name].size for name in names)

    def quantise(self, readings: Mapping[str, Reals]) -> dict[str, Array]:
        """Convert readings in their own units to integers.

        Args:
            readings: Readings [windows, rows, columns] of each input by its tensor's name.

        Raises:
            ValueError: Readings are of another shape or not finite.
        """
        result = {}
        for each in self.inputs:
            tensor = self.tensors[each.tensor]
            real = check_readings(readings[each.tensor], each.window(tensor), each.columns)
            result[each.tensor] = each.arranged(tensor.quantise(each.real(real)), tensor)
        return result

    def decode(
        self, results: Mapping[str, Array], readings: Mapping[str, Reals]
    ) -> dict[str, Reals]:
        """Convert the integers [windows, rows, columns] of the outputs to real values.

        Those of decisions are (index, margin) and (score, flag).

        Args:
            results: Integers of each output by its tensor's name.
            readings: Readings from which they result, as in :meth:`quantise`.
        """
        return {
            each.tensor: each.decode(self.tensors[each.tensor], results[each.tensor], readings)
            for each in self.outputs
        }

    def forecasts(self, results: Mapping[str, Array], readings: Mapping[str, Reals]) -> Reals:
        """Return the decoded rows of all outputs side by side, [windows, forecasts].

        The arguments are those of :meth:`decode`.
        """
        decoded = self.decode(results, readings).values()
        return np.concatenate([row for each in decoded for row in each.swapaxes(0, 1)], axis=1)

    def pack_inputs(self, inputs: Mapping[str, Array]) -> Array:
        """Return the words [windows, input_words] of the engine's stream, row by row."""
        return _pack([inputs[each.tensor] for each in self.inputs])

    def pack_outputs(self, results: Mapping[str, Array]) -> Array:
        """Return the words [windows, output_words] of the engine's stream, row by row."""
        return _pack([results[each.tensor] for each in self.outputs])

    def unpack_inputs(self, words: Array) -> dict[str, Array]:
        """Return the inputs [windows, rows, columns] by tensor from words of the stream.

        Raises:
            ValueError: The words are of another shape.
        """
        return _unpack(self.input_tensors, words)

    def unpack_outputs(self, words: Array) -> dict[str, Array]:
        """Return the outputs [windows, rows, columns] by tensor from words of the stream.

        Raises:
            ValueError: The words are of another shape.
        """
        return _unpack(self.output_tensors, words)


def _pack(tensors: list[Array]) -> Array:
    return np.concatenate([each.reshape(len(each), -1) for each in tensors], axis=1)


def _unpack(tensors: tuple[Tensor, ...], words: Array) -> dict[str, Array]:
    wanted = sum(tensor.size for tensor in tensors)
    if words.ndim != 2 or words.shape[1] != wanted:
        raise ValueError(f"words have shape {list(words.shape)}, not [windows, {wanted}]")
    result, first = {}, 0
    for tensor in tensors:
        part = words[:, first : first + tensor.size]
        result[tensor.name] = part.reshape(len(words), tensor.rows, tensor.columns)
        first += tensor.size
    return result
