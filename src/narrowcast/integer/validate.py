"""Validates an integer graph: names, types, shapes, ranges, widths, references and order.

A digest shows that a file is complete, not that its content is valid. A valid graph can be executed
exactly. The compiler either compiles it, or names the operation that the engine does not support.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.errors import shown
from narrowcast.integer.arithmetic import MAX_SHIFT, MULTIPLIER_BITS, integer_range, signed_bits
from narrowcast.integer.bounds import Bounds
from narrowcast.integer.calendar import FEATURES, is_timezone
from narrowcast.integer.model import (
    Affine,
    Append,
    ArgMax,
    Array,
    Classification,
    Context,
    Decision,
    Decoder,
    Detection,
    EarlierReadings,
    Forecast,
    Input,
    IntegerModel,
    L1Norm,
    Linear,
    Operation,
    Output,
    RowSum,
    Scores,
    Tensor,
    ValuesAhead,
    arg_max_tensor,
    l1_norm_tensor,
    largest_score,
    operands_read,
)

MOST_ROWS = 4096
MOST_COLUMNS = 1 << 16
TENSOR_BITS = range(2, 25)
LANE_BITS = range(2, 9)  # of weights, keys and values
ARRAY_BITS = 32
EXACT_BITS = 53  # integers that float64 holds exactly
RECIPROCAL_BITS = 17  # of floor(numerator / sum)
MOST_TABLE_ENTRIES = 4096
MOST_RESIDUAL_SHIFT = 2 * MAX_SHIFT
MOST_METADATA = 100
MOST_STEPS = 10**7  # rows before or after the window's last one
MOST_TEXT = 1000

_DECODERS: dict[type[Operation], type[Decoder]] = {ArgMax: Classification, L1Norm: Detection}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}", re.ASCII)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def check_structure(model: IntegerModel) -> None:
    """Check everything except the bounds of sums.

    Raises:
        ValueError: The message names the tensor or operation and the mistake.
    """
    _check_tensors(model)
    _check_arrays(model.arrays)
    _check_interface(model)
    _check_order(model)
    _check_states(model)
    for step in model.operations:
        where = f"{type(step).__name__} {step.name}"
        try:
            _check_numbers(step)
            match step:
                case Linear():
                    _check_linear(model, step)
                case RowSum():
                    _check_row_sum(model, step)
                case Append():
                    _check_append(model, step)
                case Scores():
                    _check_scores(model, step)
                case Context():
                    _check_context(model, step)
                case ArgMax():
                    _check_arg_max(model, step)
                case L1Norm():
                    _check_l1_norm(model, step)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    _check_decoded_rows(model)
    _check_all_used(model)
    _check_metadata(model.metadata)


def refuse_wide_sums(step: Operation, bounds: Bounds) -> None:
    """Reject an operation whose numbers may need more bits than are exact.

    Raises:
        ValueError: The message names the operation.
    """
    bits = max(bounds.sum_bits, bounds.biased_bits, bounds.total_bits)
    _require(
        bits <= EXACT_BITS,
        f"{type(step).__name__} {step.name}: its sums may take {bits} bits, more than {EXACT_BITS}",
    )


def _check_name(name: object, what: str) -> None:
    _require(
        isinstance(name, str) and _NAME.fullmatch(name) is not None,
        f"{what}: {shown(name)} is no name of letters, digits, '_' and '.'",
    )


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_int(value: object, lowest: int, highest: int, what: str) -> None:
    _require(
        _is_int(value) and lowest <= value <= highest,  # type: ignore[operator]
        f"{what} is {shown(value)}, not a whole number from {lowest} to {highest}",
    )


def _check_real(value: object, what: str) -> None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    _require(
        real and math.isfinite(value),  # type: ignore[arg-type]
        f"{what} is {shown(value)}, not a finite number",
    )


def _check_tensors(model: IntegerModel) -> None:
    for name, tensor in model.tensors.items():
        _check_name(name, "a tensor")
        where = f"tensor {name}"
        _require(isinstance(tensor, Tensor) and tensor.name == name, f"{where}: has another name")
        _check_int(tensor.rows, 1, MOST_ROWS, f"{where}: rows")
        _check_int(tensor.columns, 1, MOST_COLUMNS, f"{where}: columns")
        _check_int(tensor.bits, TENSOR_BITS.start, TENSOR_BITS.stop - 1, f"{where}: bits")
        for flag in ("restricted", "state"):
            _require(isinstance(getattr(tensor, flag), bool), f"{where}: {flag} is no boolean")
        _check_int(tensor.zero_point, tensor.low, tensor.high, f"{where}: zero_point")
        _check_real(tensor.scale, f"{where}: scale")
        _require(tensor.scale > 0, f"{where}: scale is {tensor.scale}, not above 0")


def _check_arrays(arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        _check_name(name, "an array")
        where = f"array {name}"
        _require(
            isinstance(array, np.ndarray) and array.dtype == np.int64, f"{where}: is not of int64"
        )
        _require(array.ndim in (1, 2) and array.size > 0, f"{where}: has shape {array.shape}")
        bits = signed_bits(int(array.min()), int(array.max()))
        _require(bits <= ARRAY_BITS, f"{where}: holds an integer of more than {ARRAY_BITS} bits")


def _check_interface(model: IntegerModel) -> None:
    _require(bool(model.inputs), "there is no input")
    _require(bool(model.outputs), "there is no output")
    check_distinct([each.tensor for each in model.inputs], "two inputs are tensor")
    check_distinct([each.tensor for each in model.outputs], "two outputs are tensor")
    made = {step.output for step in model.operations}
    each: Input | Output
    for each in model.inputs:
        tensor = _tensor(model, each.tensor)
        where = f"input {each.tensor}"
        _require(each.tensor not in made, f"{where}: an operation makes it, too")
        calendar = _check_calendar(each, where)
        _check_columns(each, tensor, calendar, where)
        for column in each.columns:
            _check_text(column, f"{where}: a column's name")
        _check_scaling(each.scaling, len(each.columns), where)
        given = len(each.columns) - calendar
        _check_int(each.held, 0, MOST_STEPS, f"{where}: held")
        for name in ("masked", "interpolated"):
            _require(isinstance(getattr(each, name), bool), f"{where}: {name} is no boolean")
        if each.masked:
            _require(given % 2 == 0, f"{where}: {given} columns are no readings with masks")
        for index in each.relative:
            _check_int(index, 0, each.readings - 1, f"{where}: a relative column")
        check_distinct(map(str, each.relative), f"{where}: two relative columns are")
        _check_elements(model, each, where)
    for each in model.outputs:
        tensor = _tensor(model, each.tensor)
        where = f"output {each.tensor}"
        _require(each.tensor in made, f"{where}: no operation makes it")
        for decoder in each.decoders:
            _check_decoder(model, tensor, decoder, where)


def _check_columns(each: Input, tensor: Tensor, calendar: int, where: str) -> None:
    """Check that the columns of an input, the last of them of a calendar, make its tensor."""
    columns, shared = len(each.columns), each.shared
    if shared is None:
        _require(columns == tensor.columns, f"{where}: names {columns} columns of {tensor.columns}")
        return
    _check_int(shared, 0, columns, f"{where}: shared")
    _require(each.earlier is None, f"{where}: earlier readings are of no series")
    if each.ahead is not None:
        _require(
            shared == columns == tensor.columns,
            f"{where}: {shared} columns are shared, but {columns} values are known ahead, for "
            f"{tensor.columns} columns",
        )
        return
    _require(
        shared == calendar, f"{where}: {shared} columns are shared, but the calendar has {calendar}"
    )
    parts = 2 if each.masked else 1
    _require(
        columns - shared == parts * tensor.rows,
        f"{where}: {columns - shared} columns are no {parts} of each of {tensor.rows} series",
    )
    of_rows = tensor.columns - shared
    _require(
        of_rows > 0 and of_rows % parts == 0,
        f"{where}: {tensor.columns} columns are no window of a series and {shared} shared columns",
    )


def _columns_of(model: IntegerModel, name: str) -> int:
    """Return the number of columns of the readings of an input."""
    return next(len(each.columns) for each in model.inputs if each.tensor == name)


def _check_decoded_rows(model: IntegerModel) -> None:
    """Check that outputs have a decoder for each row or none, and that those are alike."""
    for each, tensor in zip(model.outputs, model.output_tensors, strict=True):
        where, rows = f"output {each.tensor}", len(each.decoders)
        _require(rows in (0, tensor.rows), f"{where}: has {rows} decoders for {tensor.rows} rows")
        forecasts = [decoder for decoder in each.decoders if isinstance(decoder, Forecast)]
        alike = {(decoder.quantiles, decoder.added is None) for decoder in forecasts}
        _require(
            len(alike) < 2, f"{where}: its rows have other quantiles, or not all add a reading"
        )


def _check_decoder(model: IntegerModel, tensor: Tensor, decoder: Decoder, where: str) -> None:
    """Check that a decoder is of the kind that an output needs, and belongs to its columns."""
    maker = next(step for step in model.operations if step.output == tensor.name)
    wanted = _DECODERS.get(type(maker), Forecast)
    _require(
        isinstance(decoder, wanted),
        f"{where}: has a {type(decoder).__name__}, but {type(maker).__name__} {maker.name} makes "
        f"it, which a {wanted.__name__} decodes",
    )
    match decoder:
        case Forecast():
            _check_text(decoder.target, f"{where}: the target's name")
            _check_scaling(decoder.scaling, tensor.columns, where)
            if (added := decoder.added) is not None:
                read = {source.tensor for source in model.inputs}
                _require(added.input in read, f"{where}: {shown(added.input)} is no input")
                last = _columns_of(model, added.input) - 1
                _check_int(added.column, 0, last, f"{where}: the added column")
            _check_quantiles(decoder.quantiles, tensor.columns, where)
        case Classification():
            _check_text(decoder.target, f"{where}: the target's name")
            for label in decoder.labels:
                _check_text(label, f"{where}: a label")
            check_distinct(decoder.labels, f"{where}: two labels are")
            columns = _tensor(model, maker.operand).columns
            _require(
                len(decoder.labels) == columns,
                f"{where}: has {len(decoder.labels)} labels for {columns} columns",
            )
        case Detection():
            for name in decoder.target:
                _check_text(name, f"{where}: a target's name")


def _check_quantiles(quantiles: tuple[float, ...], columns: int, where: str) -> None:
    """Check the probabilities of quantiles, if there are any."""
    for each in quantiles:
        _check_real(each, f"{where}: a quantile")
    _require(
        all(a < b for a, b in pairwise((0.0, *quantiles, 1.0))),
        f"{where}: the quantiles are not ascending between 0 and 1",
    )
    _require(
        not quantiles or columns % len(quantiles) == 0,
        f"{where}: {columns} columns are no steps of {len(quantiles)} quantiles",
    )


def _check_calendar(each: Input, where: str) -> int:
    """Check the calendar columns of an input, and return their number."""
    if each.calendar is None:
        return 0
    features, timezone = each.calendar.features, each.calendar.timezone
    for name in features:
        _require(name in FEATURES, f"{where}: {shown(name)} is no feature of a calendar")
    check_distinct(features, f"{where}: two features of the calendar are")
    _require(is_timezone(timezone), f"{where}: {shown(timezone)} is no time zone")
    last = each.calendar.columns
    _require(
        len(last) < len(each.columns) and each.columns[-len(last) :] == last,
        f"{where}: the last columns are not {', '.join(last)}, those of the calendar",
    )
    return len(last)


def _check_elements(model: IntegerModel, each: Input, where: str) -> None:
    """Check what the elements of an input of one row are, if it says so."""
    earlier, ahead = each.earlier, each.ahead
    _require(earlier is None or ahead is None, f"{where}: has earlier readings and values ahead")
    if earlier is not None:
        _check_rows(model, each, earlier, where, ("an earlier reading", "earlier readings"))
        last = _columns_of(model, earlier.input) - 1
        _check_int(earlier.column, 0, last, f"{where}: the column of earlier readings")
    if ahead is not None:
        _check_rows(model, each, ahead, where, ("a value ahead", "values ahead"))
        _require(
            len(ahead.columns) == len(ahead.rows),
            f"{where}: names {len(ahead.columns)} columns of {len(ahead.rows)} values ahead",
        )
        for name in ahead.columns:
            _check_text(name, f"{where}: the column of a value ahead")


def _check_rows(
    model: IntegerModel,
    each: Input,
    given: EarlierReadings | ValuesAhead,
    where: str,
    words: tuple[str, str],
) -> None:
    """Check that each element has a row, counted from the last one of another input."""
    others = {source.tensor for source in model.inputs} - {each.tensor}
    _require(given.input in others, f"{where}: {shown(given.input)} is no other input")
    rows, columns = each.window(_tensor(model, each.tensor)), len(each.columns)
    _require(
        rows == 1 and len(given.rows) == columns,
        f"{where}: has {len(given.rows)} {words[1]} for {rows} x {columns} elements",
    )
    for row in given.rows:
        _check_int(row, 0, MOST_STEPS, f"{where}: the row of {words[0]}")


def check_distinct(names: Iterable[str], what: str) -> None:
    """Reject names that occur twice.

    Raises:
        ValueError: The message names the first duplicate.
    """
    seen: set[str] = set()
    for name in names:
        _require(name not in seen, f"{what} {shown(name)}")
        seen.add(name)


def _check_text(text: object, what: str) -> None:
    _require(isinstance(text, str) and len(text) <= MOST_TEXT, f"{what} is {shown(text)}")


def _check_scaling(scaling: Affine, columns: int, where: str) -> None:
    for name in ("offset", "scale"):
        numbers = getattr(scaling, name)
        _require(
            len(numbers) == columns,
            f"{where}: scaling.{name} has {len(numbers)} numbers for {columns} columns",
        )
        for number in numbers:
            _check_real(number, f"{where}: scaling.{name}")
            _require(name == "offset" or number != 0, f"{where}: scaling.scale is 0")


def _tensor(model: IntegerModel, name: str) -> Tensor:
    _require(name in model.tensors, f"there is no tensor {shown(name)}")
    return model.tensors[name]


def _check_order(model: IntegerModel) -> None:
    """Check that each operand is an input or an earlier result, and results are unique."""
    for step in model.operations:
        _check_name(step.name, "an operation")
    check_distinct([step.name for step in model.operations], "two operations are called")
    known = {each.tensor for each in model.inputs}
    later = {step.output for step in model.operations}
    made: set[str] = set()
    for step in model.operations:
        where = f"{type(step).__name__} {step.name}"
        for name in (*operands_read(step), step.output):
            _require(name in model.tensors, f"{where}: there is no tensor {shown(name)}")
        for name in operands_read(step):
            _require(
                name in known,
                f"{where}: reads {name} before it is made"
                if name in later
                else f"{where}: reads {name}, which nothing makes",
            )
        _require(step.output not in made, f"{where}: {step.output} is made for the second time")
        made.add(step.output)
        known.add(step.output)


def _check_states(model: IntegerModel) -> None:
    """Check that states are what appends make, of equal rows, and read as keys or values only."""
    made = {step.output for step in model.operations if isinstance(step, Append)}
    ends = {each.tensor for each in model.outputs}
    for name, tensor in model.tensors.items():
        _require(
            tensor.state == (name in made),
            f"tensor {name}: is a state, but no append makes it"
            if tensor.state
            else f"tensor {name}: an append makes it, but it is no state",
        )
        _require(not tensor.state or name not in ends, f"output {name}: cannot be a state")
    for tensor in model.states:
        rows = model.states[0].rows
        _require(tensor.rows >= 2, f"state {tensor.name}: has less than 2 rows")
        _require(
            tensor.rows == rows,
            f"state {tensor.name}: has {tensor.rows} rows, but {model.states[0].name} has {rows}",
        )
    for step in model.operations:
        attends = isinstance(step, Scores | Context)
        for name in (step.operand,) if attends else operands_read(step):
            _require(
                not model.tensors[name].state,
                f"{type(step).__name__} {step.name}: reads state {name}, but not as keys or values",
            )


def _check_all_used(model: IntegerModel) -> None:
    read = {name for step in model.operations for name in operands_read(step)}
    ends = {each.tensor for each in model.outputs}
    known = {each.tensor for each in model.inputs} | {s.output for s in model.operations}
    for name in model.tensors:
        _require(name in known, f"tensor {name}: nothing makes it")
        _require(name in read or name in ends, f"tensor {name}: nothing reads it")
    used: set[str] = set()
    for step in model.operations:
        match step:
            case Linear():
                used |= {step.weights, step.bias, step.multiplier}
                used |= {step.residual_multiplier} if step.residual_multiplier else set()
            case Scores():
                used |= {step.table} if step.bias is None else {step.table, step.bias}
    for name in model.arrays:
        _require(name in used, f"array {name}: nothing uses it")


def _check_numbers(step: Operation) -> None:
    """Check the types of all fields, and the ranges of the common fields."""
    optional = {"residual", "residual_multiplier"} | (
        {"bias"} if isinstance(step, Scores) else set()
    )
    for each in fields(step):
        value: Any = getattr(step, each.name)
        if each.name in ("shift", "multiplier") and _is_int(value):
            continue
        if each.name in optional:
            _require(value is None or isinstance(value, str), f"{each.name} is {shown(value)}")
        elif each.name in ("name", "operand", "output", "key", "value", "weights", "bias", "table"):
            _require(isinstance(value, str), f"{each.name} is {shown(value)}, not a name")
    if isinstance(step, Linear | Scores | Context):
        _check_int(step.shift, 1, MAX_SHIFT, "shift")


def _array(model: IntegerModel, name: str, what: str, *shapes: tuple[int, ...]) -> Array:
    _require(name in model.arrays, f"there is no array {shown(name)}")
    array = model.arrays[name]
    allowed = " or ".join(str(list(shape)) for shape in shapes)
    _require(
        not shapes or array.shape in shapes,
        f"{what} {name} have shape {list(array.shape)}, not {allowed}",
    )
    return array


def _check_within(array: Array, low: int, high: int, what: str) -> None:
    least, most = int(array.min()), int(array.max())
    _require(
        low <= least and most <= high,
        f"{what} lie between {least} and {most}, not between {low} and {high}",
    )


def _check_multipliers(model: IntegerModel, name: str, what: str, columns: int) -> None:
    factors = _array(model, name, what, (columns,))
    _check_within(factors, *integer_range(MULTIPLIER_BITS), f"{what} {name}")


def _check_linear(model: IntegerModel, step: Linear) -> None:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    for name, number in (("kernel", step.kernel), ("stride", step.stride)):
        _check_int(number, 1, operand.rows, name)
    _check_read(step.operand_row, operand, output, "operand_row", (step.kernel, step.stride))
    _check_int(step.weight_bits, LANE_BITS.start, LANE_BITS.stop - 1, "weight_bits")
    inner = step.kernel * operand.columns
    weights = _array(model, step.weights, "weights", (output.columns, inner))
    limits = integer_range(step.weight_bits, restricted=True)
    _check_within(weights, *limits, f"weights {step.weights} of {step.weight_bits} bits")
    _array(model, step.bias, "biases", (output.columns,), (output.rows, output.columns))
    _check_multipliers(model, step.multiplier, "multipliers", output.columns)
    _require(isinstance(step.relu, bool), "relu is no boolean")
    _check_int(step.residual_shift, 0, MOST_RESIDUAL_SHIFT, "residual_shift")
    if step.residual is None:
        numbers = step.residual_shift or None, step.residual_row or None
        rest = (step.residual_multiplier, step.residual_element, *numbers)
        _require(rest == (None,) * 4, "has parts of a residual, but no residual")
        return
    _require(step.residual_multiplier is not None, "has a residual without multipliers")
    _check_multipliers(model, str(step.residual_multiplier), "residual multipliers", output.columns)
    residual = model.tensors[step.residual]
    if step.residual_element is None:
        _check_shape(residual, residual.rows, output.columns)
        _check_read(step.residual_row, residual, output, "residual_row")
        return
    _require(step.residual_row == 0, "has both residual_row and residual_element")
    _require(
        isinstance(step.residual_element, tuple) and len(step.residual_element) == 2,
        f"residual_element is {shown(step.residual_element)}, not a row and a column",
    )
    row, column = step.residual_element
    _check_int(row, 0, residual.rows - 1, "the row of residual_element")
    _check_int(column, 0, residual.columns - 1, "the column of residual_element")


def _check_read(
    first: object, tensor: Tensor, output: Tensor, what: str, windows: tuple[int, int] = (1, 1)
) -> None:
    """Check that a tensor has the rows that an output of some kernel and stride reads."""
    kernel, stride = windows
    needed = (output.rows - 1) * stride + kernel
    of_rows = f"{output.rows} rows" + (f" made of {needed}" if needed != output.rows else "")
    _require(
        needed <= tensor.rows,
        f"{output.name} has {of_rows}, more than the {tensor.rows} of {tensor.name}",
    )
    _check_int(first, 0, tensor.rows - needed, what)


def _check_shape(tensor: Tensor, rows: int, columns: int) -> None:
    _require(
        (tensor.rows, tensor.columns) == (rows, columns),
        f"{tensor.name} has shape [{tensor.rows}, {tensor.columns}], not [{rows}, {columns}]",
    )


def _check_row_sum(model: IntegerModel, step: RowSum) -> None:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    _check_shape(output, 1, operand.columns)
    n = operand.rows
    _require(
        output.low <= n * operand.low and n * operand.high <= output.high,
        f"{step.output} has {output.bits} bits, too few for a sum of {n} rows",
    )
    zero = n * operand.zero_point
    _require(
        output.zero_point == zero, f"{step.output} has zero point {output.zero_point}, not {zero}"
    )


def _check_append(model: IntegerModel, step: Append) -> None:
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    _check_shape(operand, 1, output.columns)
    for name in ("bits", "scale", "zero_point", "restricted"):
        own, given = getattr(output, name), getattr(operand, name)
        _require(own == given, f"{output.name} has {name} {own}, but {operand.name} has {given}")
    _check_lane_operand(operand)


def _check_lane_operand(tensor: Tensor) -> None:
    _require(
        tensor.restricted and tensor.zero_point == 0 and tensor.bits in LANE_BITS,
        f"{tensor.name} takes the place of weights: it must be restricted, with zero point 0 "
        f"and {LANE_BITS.start} to {LANE_BITS.stop - 1} bits",
    )


def _check_heads(step: Scores | Context, columns: int) -> None:
    _check_int(step.heads, 1, columns, "heads")
    _require(columns % step.heads == 0, f"{step.heads} heads do not divide {columns} columns")


def _check_scores(model: IntegerModel, step: Scores) -> None:
    query, key, output = (model.tensors[n] for n in (step.operand, step.key, step.output))
    _check_heads(step, query.columns)
    _check_shape(key, key.rows, query.columns)
    _check_lane_operand(key)
    _check_shape(output, step.heads * query.rows, key.rows)
    _require(
        output.bits in LANE_BITS and output.zero_point == output.low and not output.restricted,
        f"{output.name} holds probabilities: it must have 2 to 8 bits and its lowest integer as "
        "zero point",
    )
    _require(
        not key.state or query.rows == 1,
        f"{query.rows} rows of {query.name} read a state; only one can",
    )
    _check_int(step.multiplier, -(1 << (MULTIPLIER_BITS - 1)), -1, "multiplier")
    table = _array(model, step.table, "table")
    full = (1 << output.bits) - 1
    _require(
        table.ndim == 1 and len(table) <= MOST_TABLE_ENTRIES,
        f"table {step.table} has shape {list(table.shape)}",
    )
    _check_within(table, 0, full, f"entries of table {step.table}")
    _require(
        int(table[0]) == full, f"table {step.table} begins with {int(table[0])}, not with {full}"
    )
    if step.bias is not None:
        _array(model, step.bias, "biases", (step.heads, key.rows))


def _check_context(model: IntegerModel, step: Context) -> None:
    e, value, output = (model.tensors[n] for n in (step.operand, step.value, step.output))
    scores = next((s for s in model.operations if s.output == step.operand), None)
    _require(
        isinstance(scores, Scores) and scores.heads == step.heads,
        f"{step.operand} is not what scores of {shown(step.heads)} heads make",
    )
    _check_heads(step, output.columns)
    _check_shape(value, e.columns, output.columns)
    assert isinstance(scores, Scores)
    key = model.tensors[scores.key]
    _require(
        key.state == value.state,
        f"{value.name} and the keys {key.name} have to be states both, or none",
    )
    _check_lane_operand(value)
    _check_shape(output, e.rows // step.heads, output.columns)
    full = e.high - e.zero_point
    most = (full << RECIPROCAL_BITS) - 1
    _check_int(step.numerator, 1, most, "numerator")


def _check_arg_max(model: IntegerModel, step: ArgMax) -> None:
    operand = model.tensors[step.operand]
    _require(operand.columns >= 2, f"{operand.name} has a single column")
    _check_decision(model, step, arg_max_tensor(step.output, operand))


def _check_l1_norm(model: IntegerModel, step: L1Norm) -> None:
    operand = model.tensors[step.operand]
    _check_int(step.threshold, 0, largest_score(operand), "threshold")
    _check_decision(model, step, l1_norm_tensor(step.output, operand))


def _check_decision(model: IntegerModel, step: Decision, wanted: Tensor) -> None:
    """Check what a decision reads, and that its output is as wanted and for a host only."""
    operand, output = model.tensors[step.operand], model.tensors[step.output]
    ends = {each.tensor for each in model.outputs}
    made = {each.output for each in model.operations if isinstance(each, Linear)}
    _require(operand.name in made, f"reads {operand.name}, which no Linear makes")
    _require(operand.name not in ends, f"reads {operand.name}, which is an output")
    _require(output.name in ends, f"{output.name} is no output of the model")
    for other in model.operations:
        read = operands_read(other)
        _require(
            other is step or operand.name not in read,
            f"reads {operand.name}, which {other.name} reads, too",
        )
        _require(output.name not in read, f"{other.name} reads {output.name}, which is for a host")
    _check_shape(operand, 1, operand.columns)
    _check_shape(output, wanted.rows, wanted.columns)
    for name in ("bits", "scale", "zero_point", "restricted"):
        own, needed = getattr(output, name), getattr(wanted, name)
        _require(own == needed, f"{output.name} has {name} {own}, not {needed}")


def _check_metadata(metadata: Mapping[str, object]) -> None:
    _require(len(metadata) <= MOST_METADATA, f"metadata has {len(metadata)} entries")
    for key, value in metadata.items():
        _check_text(key, "a key of the metadata")
        what = f"metadata {shown(key)}"
        if isinstance(value, str):
            _check_text(value, what)
        elif isinstance(value, float):
            _check_real(value, what)
        elif value is not None and not isinstance(value, bool):
            _check_int(value, -(1 << 63), (1 << 63) - 1, what)


def check_inputs(model: IntegerModel, inputs: Mapping[str, Array]) -> None:
    """Check that there are integers [windows, rows, columns] for each input, and for no other.

    Raises:
        ValueError: An array is missing, unknown, of another shape or type, or holds an integer
            beyond the range of its tensor.
    """
    _check_integers("input", model.input_tensors, inputs)


def check_outputs(model: IntegerModel, results: Mapping[str, Array]) -> None:
    """Check that there are integers [windows, rows, columns] for each output, and for no other.

    Raises:
        ValueError: As ``check_inputs`` does.
    """
    _check_integers("output", model.output_tensors, results)


def check_restart(restart: NDArray[np.bool_], windows: int) -> None:
    """Check that there is a flag for each window.

    Raises:
        ValueError: There are others.
    """
    _require(
        isinstance(restart, np.ndarray) and restart.dtype == np.bool_,
        f"restart is {shown(restart)}, not an array of bool",
    )
    _require(
        restart.shape == (windows,), f"restart has shape {list(restart.shape)}, not [{windows}]"
    )


def check_state(model: IntegerModel, count: int, rows: Mapping[str, Array]) -> None:
    """Check that the rows of all states are there, and how many exist.

    Raises:
        ValueError: The state is not one of the model.
    """
    _check_int(count, 0, model.kept_rows, "the count of a state")
    _check_integers("state", model.states, {name: each[None] for name, each in rows.items()})


def _check_integers(what: str, tensors: Sequence[Tensor], arrays: Mapping[str, Array]) -> None:
    names = {tensor.name for tensor in tensors}
    _require(
        arrays.keys() == names,
        f"{what}s {sorted(arrays)} are given, but the model has {sorted(names)}",
    )
    windows = {len(each) for each in arrays.values()}
    _require(len(windows) == 1 or not arrays, f"{what}s have {sorted(windows)} windows")
    for tensor in tensors:
        array, where = arrays[tensor.name], f"{what} {tensor.name}"
        wanted = [*windows, tensor.rows, tensor.columns]
        _require(
            list(array.shape) == wanted, f"{where} has shape {list(array.shape)}, not {wanted}"
        )
        _require(array.dtype.kind in "iu", f"{where} is of {array.dtype}, not of integers")
        for extreme in (array.min(), array.max()) if array.size else ():
            _require(
                tensor.low <= extreme <= tensor.high,
                f"{where} holds {extreme}, which is not from {tensor.low} to {tensor.high}",
            )
