"""Values of a column: numbers in several notations, truth values, and missing values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.row_names import RowNames
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError, shown

ERRORS = ("#na", "#n/a", "#nv", "#value!", "#div/0!", "#num!", "#ref!", "#name?", "#null!")
"""Errors of spreadsheets, in lower case."""

MISSING = frozenset(
    ("", "-", "--", "?", ".", "na", "n/a", "n.a.", "<na>", "nan", "-nan", "nat", *ERRORS)
) | frozenset(("none", "null", "nil", "1.#qnan", "-1.#ind"))
"""Words for a missing value, in lower case."""

LARGEST = 1e150
"""Largest size of a reading, and inverse of the smallest range of a column: squares are finite."""

_TRUE, _FALSE = ("true", "on", "yes", "t", "y"), ("false", "off", "no", "f", "n")
_INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "∞", "1.#inf")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = r"^[+-]?\d+$"
# A decimal comma, and a comma that could as well stand between thousands.
_COMMA = r"^[+-]?(0|[1-9]\d*)?,\d+([eE][+-]?\d+)?$"
_GROUPED = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"
_MOST_UNITS = 5  # rows of units below a header
_SPACES = "[ \u00a0\u2009\u202f]"
_APOSTROPHES = "['\u2019]"
_MINUS = "\u2212"  # the sign, which some languages write in place of the hyphen
# Points that could as well stand between thousands, and numbers that have no thousands.
_POINTED, _SMALL = r"^[+-]?[1-9]\d{0,2}\.\d{3}$", r"^[+-]?\d{1,3}$"
# A number with a unit, a currency or quotation marks beside it.
_BESIDE = r"(?![+-]?[\d.,]+$)[^\w.,+-]*[+-]?\d[\d.,]*[^\d.,:+-]*"


@dataclass(frozen=True)
class Notation:
    """How numbers and missing values are written.

    Attributes:
        decimal: Character before the decimals; None if it is found column by column.
        comma: Whether commas may be decimal ones, if ``decimal`` is None.
        thousands: Character between groups of three digits; None if there is none.
        words: Further texts for a missing value.
        numbers: Numbers for a missing value.
        rows: The numbers of rows in messages.
    """

    decimal: str | None
    comma: bool
    thousands: str | None
    words: tuple[str, ...]
    numbers: tuple[float, ...]
    rows: RowNames

    @classmethod
    def of(cls, config: DataConfig, *, comma: bool, rows: RowNames | None = None) -> "Notation":
        """Return the notation that a configuration states, of a single file unless given."""
        words = tuple(each for each in config.missing_values if isinstance(each, str))
        numbers = [float(each) for each in config.missing_values if not isinstance(each, str)]
        numbers += [float(each) for each in words if re.match(_NUMBER, each)]
        rows = RowNames(config.skip_rows) if rows is None else rows
        return cls(config.decimal, comma, config.thousands, words, tuple(numbers), rows)


def is_value(text: str) -> bool:
    """Return whether a text is a number, a truth value, a missing value or a time."""
    word = text.strip().lower()
    return (
        word in MISSING
        or word in (*_TRUE, *_FALSE, *_INFINITE)
        or re.match(r"^[+-]?[\d.,'\s]*\d(e[+-]?\d+)?%?$", word) is not None
        or re.match(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|^\d{1,2}:\d\d", word) is not None
    )


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of text without surrounding blanks; None if it holds something else."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string_view(kind):
        column, kind = column.cast(pa.string()), pa.string()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.utf8_trim_whitespace(column)
    return None


def known_text(
    text: pa.ChunkedArray, words: Sequence[str] = (), names: Sequence[str] = ()
) -> pa.ChunkedArray:
    """Return a column of text with null where a value is missing.

    Args:
        text: The column.
        words: Further texts for a missing value.
        names: Texts that never stand for one.
    """
    missing = pc.is_in(pc.utf8_lower(text), pa.array(sorted(MISSING), text.type))
    if words:
        missing = pc.or_(missing, pc.is_in(text, pa.array(words, text.type)))
    if names:
        missing = pc.and_not(missing, pc.is_in(text, pa.array(names, text.type)))
    return pc.if_else(missing, pa.scalar(None, text.type), text)


def is_whole(text: pa.ChunkedArray) -> bool:
    """Return whether all known values are whole numbers."""
    return matches_all(text, _WHOLE)


def is_numeric(text: pa.ChunkedArray) -> bool:
    """Return whether all known values are numbers, with a decimal point or a decimal comma."""
    return matches_all(pc.replace_substring(text, ",", "."), _NUMBER)


def matches_all(text: pa.ChunkedArray, pattern: str) -> bool:
    """Return whether all known values match a regular expression."""
    return pc.all(pc.match_substring_regex(text, pattern)).as_py() is True


def numbers(
    column: pa.ChunkedArray, notation: Notation, place: str, *, varied: bool = True
) -> tuple[Array, str | None]:
    """Return a column as float64, NaN where a value is missing, and a remark on its notation.

    Args:
        column: Numbers, truth values or text.
        notation: How numbers are written.
        place: The file and the column, for messages.
        varied: Whether the column must hold several different values.

    Raises:
        UserError: A value is no number, infinite, or too large to be scaled; or the column holds
            no values, or a single one, and must be varied.
    """
    kind, remark = column.type, None
    if (text := as_text(column)) is not None:
        values, remark = _from_text(known_text(text, notation.words), notation, place)
    elif pa.types.is_null(kind):
        values = np.full(len(column), np.nan)
    elif pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        whole = pc.cast(column, pa.uint8()) if pa.types.is_boolean(kind) else column
        values = _as_floats(pc.cast(whole, pa.float64(), safe=False))
    elif pa.types.is_decimal(kind):
        values = _as_floats(pc.cast(column, pa.float64()))
    else:
        raise UserError(f"{place}: holds values of type {shown(kind)}, not numbers")
    values[np.isin(values, notation.numbers)] = np.nan
    _check_sizes(values, notation, place)
    if varied:
        _check_range(values, place)
    return values, remark


def first(where: NDArray[np.bool_]) -> int | None:
    """Return the index of the first true flag; None if there is none."""
    return int(where.argmax()) if where.any() else None


def _from_text(text: pa.ChunkedArray, notation: Notation, place: str) -> tuple[Array, str | None]:
    lower = pc.utf8_lower(text)
    true, false = (pc.is_in(lower, pa.array(each, text.type)) for each in (_TRUE, _FALSE))
    either = pc.or_(true, false)
    if text.null_count < len(text) and pc.all(pc.or_(either, pc.is_null(text))).as_py():
        truth = pc.if_else(pc.is_null(text), pa.scalar(None, pa.float64()), true.cast(pa.float64()))
        return _as_floats(truth), None
    text = _ungrouped(pc.replace_substring(text, _MINUS, "-"), notation)
    decimal, remark = notation.decimal or ("," if notation.thousands == "." else "."), None
    if notation.decimal is None and notation.thousands not in (".", ",") and notation.comma:
        decimal, remark = _found_decimal(text, place)
    number = pc.match_substring_regex(text, _number(decimal))
    wrong = pc.index(number, False).as_py()
    if wrong >= 0:
        if pc.any(either).as_py() and not pc.any(number).as_py():  # all but some are truth values
            number = pc.if_else(pc.is_null(text), pa.scalar(None, pa.bool_()), either)
            wrong = pc.index(number, False).as_py()
        _refuse(text, number, wrong, notation, place)
    return _as_floats(pc.replace_substring(text, ",", ".").cast(pa.float64())), remark


def _number(decimal: str) -> str:
    """Return the pattern of a number with this character before its decimals."""
    mark = re.escape(decimal)
    return rf"^[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?$"


def group_mark(thousands: str) -> str:
    """Return the pattern of the character between groups of three digits."""
    return {" ": _SPACES, "'": _APOSTROPHES}.get(thousands, re.escape(thousands))


def _ungrouped(text: pa.ChunkedArray, notation: Notation) -> pa.ChunkedArray:
    """Return numbers without the characters between groups of three digits."""
    if notation.thousands is None:
        return text
    group = group_mark(notation.thousands)
    grouped = pc.match_substring_regex(text, rf"^[+-]?[1-9]\d{{0,2}}({group}\d{{3}})+([.,eE]|$)")
    return pc.if_else(grouped, pc.replace_substring_regex(text, group, ""), text)


def _found_decimal(text: pa.ChunkedArray, place: str) -> tuple[str, str | None]:
    """Return the character before the decimals, and a remark if it could be another one."""
    comma = pc.match_substring_regex(text, _COMMA)
    pointed = pc.and_(pc.match_substring_regex(text, _NUMBER), pc.match_substring(text, "."))
    if not pc.any(comma).as_py() or pc.any(pointed).as_py():
        grouped = pc.match_substring_regex(text, _POINTED)
        whole = pc.match_substring_regex(text, _SMALL)
        if not pc.any(grouped).as_py() or not pc.all(pc.or_(grouped, whole)).as_py():
            return ".", None
        value = pc.filter(text, grouped)[0].as_py()
        return ".", (
            f"{place}: the point in {shown(value)} is read as a decimal one: set data.thousands = "
            "'.' if it separates thousands"
        )
    values = pc.filter(text, comma)
    if not pc.all(pc.match_substring_regex(values, _GROUPED)).as_py():
        return ",", None
    value = values[0].as_py()
    return ",", (
        f"{place}: {shown(value)} is read as {value.replace(',', '.')}: set data.thousands = ',' "
        "if the comma separates thousands"
    )


def _refuse(
    text: pa.ChunkedArray, number: pa.ChunkedArray, wrong: int, notation: Notation, place: str
) -> None:
    """Report the value ``wrong``, which is no number, with the key that helps."""
    value = text[wrong].as_py()
    where = f"{place}, row {notation.rows[wrong]}"
    if value.lower() in _INFINITE:
        raise UserError(f"{where}: the value is infinite")
    advice = "correct it, or add it to data.missing_values if it stands for a missing value"
    units = wrong + 1 if wrong == 0 else 0
    while 0 < units < _MOST_UNITS and number[units : units + 1].to_pylist() == [False]:
        units += 1
    if units and pc.all(number[units:]).as_py():
        advice = (
            f"set data.skip_rows = {notation.rows.number(units - 1)} if the first rows hold units"
        )
    elif re.match(r"^[+-]?[1-9]\d{0,2}([,.'\u2019 \u00a0\u2009\u202f]\d{3})+([.,]\d+)?$", value):
        mark = next(each for each in value if not each.isdigit() and each not in "+-")
        mark = {"\u2019": "'"}.get(mark, mark if mark in ",.'" else " ")
        advice = f"set data.thousands = {mark!r} if that separates thousands"
        if re.match(_COMMA, value):
            advice += ", or data.decimal = ',' if it is a decimal comma"
    elif re.match(_COMMA, value):
        advice = "set data.decimal = ',' if this is a decimal comma"
    elif re.fullmatch(_BESIDE, value):
        advice = "write the numbers alone, without units and other signs beside them"
    raise UserError(f"{where}: {shown(value)} is not a number: {advice}")


def _as_floats(values: pa.ChunkedArray) -> Array:
    """Return float64 that can be changed, with NaN for null."""
    return np.array(values.to_numpy(), dtype=np.float64)


def _check_sizes(values: Array, notation: Notation, place: str) -> None:
    """Reject values that cannot be scaled."""
    if (wrong := first(np.isinf(values))) is not None:
        raise UserError(f"{place}, row {notation.rows[wrong]}: the value is infinite")
    if (wrong := first(np.abs(values) > LARGEST)) is not None:
        raise UserError(
            f"{place}, row {notation.rows[wrong]}: the value {values[wrong]:g} is beyond what "
            f"can be scaled, {LARGEST:g}: correct it, or use another unit"
        )


def _check_range(values: Array, place: str) -> None:
    """Reject columns that cannot be scaled."""
    known = values[~np.isnan(values)]
    if not len(known):
        raise UserError(f"{place}: has no values at all")
    low, high = known.min(), known.max()
    if len(values) > 1 and low == high:
        raise UserError(f"{place}: has the constant value {low:g}: leave the column out")
    if len(values) > 1 and high - low < 1 / LARGEST:
        raise UserError(
            f"{place}: its values differ by {high - low:g}, less than what can be scaled, "
            f"{1 / LARGEST:g}: use another unit"
        )
