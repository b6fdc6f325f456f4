"""Readings and forecasts in fixed point: the conversions of the C code, and their twins in NumPy.

A reading is an integer of 32 bits, a count: reading = count / 2^F with F fractional bits. Words are
made of it, and forecasts of words, with one multiplication and one shift each.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import did_you_mean
from narrowcast.errors import UserError, shown
from narrowcast.export.c_types import INT32
from narrowcast.integer import (
    Affine,
    Calendar,
    Classification,
    Detection,
    Forecast,
    Input,
    IntegerModel,
    LastReading,
    Tensor,
)
from narrowcast.integer.calendar import FEATURES
from narrowcast.integer.model import Array, Decoder, Reals

MULTIPLIER_BITS = 30  # so that a product with the difference of three counts has 64 bits
MOST_SHIFT = 60
READING_BITS = 30  # of the largest reading of a column: as much again is room for others
CHANGE_BITS = 20  # of the largest change of a relative column, whose readings are not known
FRACTION_BITS = range(-64, 65)

FractionBits = Mapping[str | None, int]
"""Numbers of fractional bits by column; None: of all other columns."""

_MADE = {Forecast: "forecasts", Classification: "class and margin", Detection: "score and flag"}


def _scaled(factor: Fraction) -> tuple[int, int] | None:
    """Return M and S with factor = M / 2^S, as exact as they can be; None if it is too large."""
    shift = min(MOST_SHIFT, MULTIPLIER_BITS - _exponent(factor))
    if shift >= 1 and abs(round(factor * _power(shift))) == 1 << MULTIPLIER_BITS:
        shift -= 1
    return (round(factor * _power(shift)), shift) if shift >= 1 else None


def _exponent(value: Fraction) -> int:
    """Return the least e with abs(value) < 2^e."""
    value = abs(value)
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if value < _power(guess) else guess + 1


def _power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def counts(real: Reals, fraction_bits: int) -> Array:
    """Return the nearest counts of real numbers, within 32 bits."""
    nearest: Reals = np.clip(np.rint(np.ldexp(real, fraction_bits)), INT32.low, INT32.high)
    return nearest.astype(np.int64)


@dataclass(frozen=True)
class Quantiser:
    """Makes words of the counts of one column.

    ``word = zero + ((count - last - base) * multiplier + bias) / 2^shift``, rounded to the nearest
    and halves to even, as :meth:`Tensor.quantise` does, and clamped.

    Attributes:
        fraction_bits: F.
        base: The offset of the scaling as a count.
        multiplier: At most 30 bits and a sign.
        bias: What ``base`` lacks, and a half.
        shift: From 1 to 60.
        zero: Zero point of the tensor.
        low: Lowest word.
        high: Highest word.
        relative: Whether ``last`` is the count in the last row; else it is 0.
    """

    fraction_bits: int
    base: int
    multiplier: int
    bias: int
    shift: int
    zero: int
    low: int
    high: int
    relative: bool

    def words(self, count: Array, last: Array | int = 0) -> Array:
        """Return the words of counts, int64 of any shape."""
        total = (count - last - self.base) * self.multiplier + self.bias
        word = total >> self.shift
        half = (total & ((1 << self.shift) - 1)) == 0
        word -= half & (word & 1)
        result: Array = np.clip(word + self.zero, self.low, self.high)
        return result


@dataclass(frozen=True)
class Clock:
    """What a clock in the model's time zone shows at each row, int64 [..., rows].

    Attributes:
        minute: Full minutes since midnight.
        weekday: From 1, Monday, to 7.
        day: Of the year, from 1.
    """

    minute: Array
    weekday: Array
    day: Array


@dataclass(frozen=True)
class InputFormat:
    """How the words of an input are made.

    Attributes:
        input: The input.
        tensor: Its tensor.
        readings: Of the columns that are readings.
        masks: The words of a mask that is 0 and 1 [masks, 2].
        calendar: Words of each feature: of every minute, weekday or day [number, columns].
    """

    input: Input
    tensor: Tensor
    readings: tuple[Quantiser, ...]
    masks: Array
    calendar: Mapping[str, Array]

    @property
    def names(self) -> tuple[str, ...]:
        """The column of each reading."""
        return _columns(self.input)

    @property
    def rows(self) -> int:
        """Number of rows of readings."""
        return self.input.window(self.tensor)

    def words(
        self,
        count: Array,
        missing: NDArray[np.bool_] | None = None,
        clock: Clock | None = None,
        last: Array | None = None,
    ) -> Array:
        """Return words of the tensor [windows, rows, columns], as the C code makes them.

        Args:
            count: Counts [windows, rows, readings]; those of earlier readings are not relative.
            missing: Where a reading is missing [windows, rows, readings], if there are masks.
            clock: The time of each row [windows, rows], if there is a calendar.
            last: Counts of the last reading [windows], if these are earlier readings.
        """
        parts = []
        for index, column in enumerate(self.readings):
            before: Array | int = 0
            if column.relative:
                before = count[:, -1:, index] if last is None else last[:, None]
            parts.append(column.words(count[..., index], before)[..., None])
        if missing is not None:
            parts.append(self.masks[np.arange(len(self.masks)), missing.astype(int)])
        if clock is not None:
            at = {"hour": clock.minute, "weekday": clock.weekday - 1, "month": clock.day - 1}
            parts += [table[at[name]] for name, table in self.calendar.items()]
        return self.input.arranged(np.concatenate(parts, axis=-1), self.tensor)


@dataclass(frozen=True)
class Decoding:
    """Makes forecasts of one column of words.

    ``count = base + last + ((word - zero) * multiplier + bias >> shift)``, within 32 bits.

    Attributes:
        base: The offset of the scaling as a count.
        multiplier: At most 30 bits and a sign.
        bias: What ``base`` lacks, and a half.
        shift: From 1 to 60.
    """

    base: int
    multiplier: int
    bias: int
    shift: int


@dataclass(frozen=True)
class RowFormat:
    """How forecasts, or the numbers of a decision, are made of the words of a row of an output.

    Attributes:
        decoder: What the words mean.
        fraction_bits: F of the forecasts, or of margin or score; class and flag are integers.
        columns: Of each column.
        added: The column whose newest reading is added; None if there is none.
    """

    decoder: Decoder
    fraction_bits: int
    columns: tuple[Decoding, ...]
    added: str | None

    @property
    def target(self) -> str:
        """What the row tells of."""
        return ", ".join(_targets(self.decoder))


@dataclass(frozen=True)
class OutputFormat:
    """How the rows of an output are decoded, all of them to the same kind of numbers.

    Attributes:
        tensor: The tensor.
        rows: Of each row.
    """

    tensor: Tensor
    rows: tuple[RowFormat, ...]

    def counts(self, words: Array, last: Array | None = None) -> Array:
        """Return counts [windows, rows, columns], as the C code makes them.

        Args:
            words: Words of the output [windows, rows, columns].
            last: Counts [windows, rows] of the readings that are added, if there are any.
        """
        names = ("base", "multiplier", "bias", "shift")
        base, multiplier, bias, shift = (
            np.array([[getattr(each, name) for each in row.columns] for row in self.rows])
            for name in names
        )
        change = ((words - self.tensor.zero_point) * multiplier + bias) >> shift
        result: Array = change + base + (0 if last is None else last[..., None])
        result = np.clip(result, INT32.low, INT32.high)
        decoder = self.rows[0].decoder
        return decoder.ordered(result) if isinstance(decoder, Forecast) else result

    @property
    def decodings(self) -> list[Decoding]:
        """How each column is made, row by row."""
        return [each for row in self.rows for each in row.columns]

    @property
    def added(self) -> bool:
        """Whether a reading is added to each row."""
        return self.rows[0].added is not None

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Probabilities of the quantiles of each step, if the output has any."""
        decoder = self.rows[0].decoder
        return decoder.quantiles if isinstance(decoder, Forecast) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, if the output is a class."""
        decoder = self.rows[0].decoder
        return decoder.labels if isinstance(decoder, Classification) else ()

    @property
    def kind(self) -> str:
        """What is made of the words."""
        return _MADE[type(self.rows[0].decoder)]


@dataclass(frozen=True)
class Formats:
    """The formats of all readings and forecasts of a model.

    Attributes:
        inputs: Of each input.
        outputs: Of each output that has decoders.
    """

    inputs: tuple[InputFormat, ...]
    outputs: tuple[OutputFormat, ...]


def formats(model: IntegerModel, fraction_bits: FractionBits) -> Formats:
    """Choose the format of each column, unless it is given.

    Readings get as many fractional bits as fit, so that those of the largest and the lowest word
    take up to 30 bits. Of a relative column the changes take up to 20 bits, which leaves room for
    readings 2000 times as large. What is relative to a column has its format.

    Raises:
        UserError: A format is given for a column that does not exist, or one in which its readings
            do not fit, or are too coarse.
    """
    decoders = [decoder for each in model.outputs for decoder in each.decoders]
    targets = {name for each in decoders for name in _targets(each)}
    names = {name for each in model.inputs for name in _columns(each)} | targets
    for name, bits in fraction_bits.items():
        if name is not None and name not in names:
            raise UserError(
                f"--fraction-bits: there is no column {shown(name)}{did_you_mean(name, names)}"
            )
        if bits not in FRACTION_BITS:
            raise UserError(f"--fraction-bits: {bits} is not from -64 to 64")
    sources = {each.tensor: each for each in model.inputs}
    inputs = tuple(_input_format(model, each, sources, fraction_bits) for each in model.inputs)

    def row(tensor: Tensor, decoder: Decoder) -> RowFormat:
        if isinstance(decoder, Forecast):
            return _forecast_format(model, tensor, decoder, sources, fraction_bits)
        return _decision_format(tensor, decoder, fraction_bits)

    outputs = [
        OutputFormat(tensor, tuple(row(tensor, decoder) for decoder in each.decoders))
        for each, tensor in zip(model.outputs, model.output_tensors, strict=True)
        if each.decoders
    ]
    return Formats(inputs, tuple(outputs))


def _targets(decoder: Decoder) -> tuple[str, ...]:
    """Return the names of what a decoder tells of, by which its format can be given."""
    return (decoder.target,) if isinstance(decoder.target, str) else decoder.target


def _columns(each: Input) -> tuple[str, ...]:
    """Return the column of each reading of an input, as a table names it."""
    return each.ahead.columns if each.ahead is not None else each.columns[: each.readings]


def _extremes(tensor: Tensor, scale: float, offset: float) -> tuple[float, float]:
    """Return the readings of the lowest and of the highest word."""
    ends = [
        (q - tensor.zero_point) * tensor.scale * scale + offset for q in (tensor.low, tensor.high)
    ]
    return min(ends), max(ends)


def _automatic(ends: tuple[float, float], bits: int) -> int:
    """Return how many fractional bits a range leaves."""
    return bits - math.frexp(max(map(abs, ends)))[1]


def _range(each: Input, tensor: Tensor, index: int) -> tuple[float, float]:
    """Return the readings, or changes, of a column's lowest and highest word."""
    return _extremes(tensor, each.scaling.scale[index], each.scaling.offset[index])


def _reading_bits(model: IntegerModel, each: Input, index: int, given: FractionBits) -> int:
    """Return F of a column."""
    if index >= each.readings:
        raise UserError(
            f"column {shown(each.columns[index])} is no reading, but a forecast or an earlier "
            "reading is relative to it"
        )
    bits = given.get(_columns(each)[index], given.get(None))
    if bits is not None:
        return bits
    room = CHANGE_BITS if index in each.relative else READING_BITS
    own = _automatic(_range(each, model.tensors[each.tensor], index), room)
    others = (_automatic(ends, READING_BITS) for ends in _relative_to(model, each, index))
    return min([own, *others])


def _relative_to(model: IntegerModel, source: Input, column: int) -> Iterator[tuple[float, float]]:
    """Yield the ranges of earlier readings and of forecasts that are relative to a column."""
    for each in model.inputs:
        earlier = each.earlier
        if earlier is not None and (earlier.input, earlier.column) == (source.tensor, column):
            tensor = model.tensors[each.tensor]
            yield from (_range(each, tensor, index) for index in range(each.readings))
    last = LastReading(source.tensor, column)
    for result in model.outputs:
        for decoder in result.decoders:
            if isinstance(decoder, Forecast) and decoder.added == last:
                yield from _forecast_ranges(model.tensors[result.tensor], decoder.scaling)


def _forecast_ranges(tensor: Tensor, scaling: Affine) -> list[tuple[float, float]]:
    """Return the forecasts of the lowest and the highest word of each column."""
    return [_extremes(tensor, *both) for both in zip(scaling.scale, scaling.offset, strict=True)]


def _input_format(
    model: IntegerModel, each: Input, sources: Mapping[str, Input], given: FractionBits
) -> InputFormat:
    tensor = model.tensors[each.tensor]
    quantisers = []
    for index in range(each.readings):
        if each.earlier is None:
            bits, relative = _reading_bits(model, each, index, given), index in each.relative
        else:
            source = sources[each.earlier.input]
            bits, relative = _reading_bits(model, source, each.earlier.column, given), True
        quantisers.append(_quantiser(each, tensor, index, bits, relative))
    k = len(quantisers)
    masks = k if each.masked else 0
    of_mask = np.broadcast_to(np.array([[0.0], [1.0]]), (2, len(each.columns)))
    words = tensor.quantise(each.scaling.apply(of_mask))[:, k : k + masks].T
    return InputFormat(each, tensor, tuple(quantisers), words, _calendar(each, tensor, k + masks))


def _calendar(each: Input, tensor: Tensor, first: int) -> dict[str, Array]:
    """Return the words of each feature, converted in double precision."""
    features = () if each.calendar is None else each.calendar.features
    scaling, found = each.scaling, {}
    for name in features:
        after = first + len(FEATURES[name])
        at = np.arange({"hour": 1440, "weekday": 7, "month": 366}[name])
        values = Calendar((name,)).values(at, at + 1, at + 1)
        own = Affine(scaling.offset[first:after], scaling.scale[first:after])
        found[name] = tensor.quantise(own.apply(values))
        first = after
    return found


def _quantiser(each: Input, tensor: Tensor, index: int, bits: int, relative: bool) -> Quantiser:
    name, scaling = each.columns[index], each.scaling
    what = f"{'changes' if relative else 'readings'} of {shown(name)}"
    _check_fit(_range(each, tensor, index), bits, what)
    word = Fraction(tensor.scale) * Fraction(scaling.scale[index]) * _power(bits)  # in counts
    scaled = _scaled(1 / word)
    if scaled is None:
        raise UserError(f"{bits} fractional bits are too few for {what}: all are equal")
    multiplier, shift = scaled
    offset = Fraction(scaling.offset[index]) * _power(bits)
    base = round(offset)
    bias = round((base - offset) / word * _power(shift)) + (1 << (shift - 1))
    ends = tensor.zero_point, tensor.low, tensor.high
    return Quantiser(bits, base, multiplier, bias, shift, *ends, relative)


def _check_fit(ends: tuple[float, float], bits: int, what: str) -> None:
    """Refuse a format in which some numbers do not fit 32 bits."""
    most = _automatic(ends, 31)
    if bits > most:
        raise UserError(
            f"{bits} fractional bits are too many for {what}, from {ends[0]:.6g} to "
            f"{ends[1]:.6g}: they fit 32 bits with up to {most}"
        )


def _decision_format(tensor: Tensor, decoder: Decoder, given: FractionBits) -> RowFormat:
    """Return the format of a decision: one of its numbers is an integer, the other one has F bits.

    That of a score can be given by one of the quantities that it sums up.
    """
    ends = _extremes(tensor, 1.0, 0.0)
    names = [name for name in (*_targets(decoder), None) if name in given]
    bits = given[names[0]] if names else _automatic(ends, READING_BITS)
    is_class = isinstance(decoder, Classification)
    what = "margins" if is_class else "scores"
    _check_fit(ends, bits, what)
    integer, real = _scaled(Fraction(1)), _scaled(Fraction(tensor.scale) * _power(bits))
    if integer is None or real is None:
        raise UserError(f"{bits} fractional bits are too many for {what}")
    whole, amount = (Decoding(0, m, 1 << (shift - 1), shift) for m, shift in (integer, real))
    columns = (whole, amount) if is_class else (amount, whole)
    return RowFormat(decoder, bits, columns, None)


def _forecast_format(
    model: IntegerModel,
    tensor: Tensor,
    decoder: Forecast,
    sources: Mapping[str, Input],
    given: FractionBits,
) -> RowFormat:
    scaling, added = decoder.scaling, decoder.added
    ranges = _forecast_ranges(tensor, scaling)
    name = None
    if added is not None:
        source = sources[added.input]
        name = source.columns[added.column]
        bits = _reading_bits(model, source, added.column, given)
    else:
        chosen = given.get(decoder.target, given.get(None))
        bits = min(_automatic(ends, READING_BITS) for ends in ranges) if chosen is None else chosen
    what = f"forecasts of {shown(decoder.target)}"
    columns = []
    for ends, scale, offset in zip(ranges, scaling.scale, scaling.offset, strict=True):
        _check_fit(ends, bits, what)
        scaled = _scaled(Fraction(tensor.scale) * Fraction(scale) * _power(bits))
        if scaled is None:
            raise UserError(f"{bits} fractional bits are too many for {what}")
        multiplier, shift = scaled
        exact = Fraction(offset) * _power(bits)
        base = round(exact)
        bias = round((exact - base) * _power(shift)) + (1 << (shift - 1))
        columns.append(Decoding(base, multiplier, bias, shift))
    return RowFormat(decoder, bits, tuple(columns), name)
