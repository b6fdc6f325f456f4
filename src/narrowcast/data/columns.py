"""The columns of a file as they were read, before their values are converted."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from narrowcast.config import DataConfig, did_you_mean, is_pattern
from narrowcast.data.values import known_text
from narrowcast.errors import UserError, shown

_LISTED = 240  # characters of names in a message
# What stands before a part of a time, and its number of digits.
_PARTS = (("", 4), ("-", 2), ("-", 2), (" ", 2), (":", 2), (":", 2))
_CLOCK_DIGITS = {"%H%M": 4, "%H%M%S": 6}  # of times of day without a colon; hours have two


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a file, each with one value per row.

    Attributes:
        readings: Inputs and target by name, as text or as Parquet holds them.
        time: The time column; None if there is none.
        others: Columns not in use that may tell series apart, by name: text, or named as an id.
        decimal_comma: Whether the commas in numbers may be decimal ones, as fields are separated
            by another character.
        notes: Remarks on how the file was read, each in one line.
        files: The files and the numbers of their rows, if there are several.
        stems: Names of files that are those of series.
    """

    readings: dict[str, pa.ChunkedArray]
    time: pa.ChunkedArray | None = None
    others: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    files: tuple[tuple[Path, int], ...] = ()
    stems: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.readings.values())))

    @classmethod
    def joined(cls, files: Mapping[Path, "Columns"]) -> "Columns":
        """Return the columns of several files, one below the other.

        Raises:
            UserError: Two files hold values of a column that do not go together, or only some of
                them have it.
        """
        (path, one), *others = files.items()
        if not others:
            return one
        for other, each in others:
            if only := sorted(each.readings.keys() ^ one.readings.keys()):
                raise UserError(
                    f"{other}: of this file and {path.name}, one only has a column "
                    f"{shown(only[0])}: give all files the same columns"
                )
        sizes = [found.rows for found in files.values()]
        times = {each: found.time for each, found in files.items() if found.time is not None}
        shared = set.intersection(*(set(each.others) for each in files.values()))
        return cls(
            readings={
                name: _joined(
                    {each: found.readings.pop(name) for each, found in files.items()}, name
                )
                for name in list(one.readings)
            },
            time=_joined(times, None) if times else None,
            others={
                name: _joined({each: found.others[name] for each, found in files.items()}, name)
                for name in one.others
                if name in shared
            },
            decimal_comma=all(each.decimal_comma for each in files.values()),
            notes=tuple(dict.fromkeys(note for each in files.values() for note in each.notes)),
            files=tuple(zip(files, sizes, strict=True)),
            stems=tuple(stem for each in files.values() for stem in each.stems),
        )


def _joined(columns: Mapping[Path, pa.ChunkedArray], name: str | None) -> pa.ChunkedArray:
    """Return a column of several files, one below the other; see :meth:`Columns.joined`."""
    plain = {
        path: each.cast(each.type.value_type) if pa.types.is_dictionary(each.type) else each
        for path, each in columns.items()
    }
    try:
        tables = [pa.table({"": each}) for each in plain.values()]
        return pa.concat_tables(tables, promote_options="permissive").column(0)
    except pa.ArrowException:
        what = "the column of time stamps" if name is None else f"column {shown(name)}"
        first, *_ = plain.items()
        path, other = next((p, c) for p, c in plain.items() if c.type != first[1].type)
        raise UserError(
            f"{path}: {what} holds values of type {shown(other.type)}, but in {first[0].name} of "
            f"type {shown(first[1].type)}: write the files with the same types"
        ) from None


def times_of(columns: Sequence[pa.ChunkedArray], form: str | None = None) -> pa.ChunkedArray | None:
    """Return the time column of a table: text if several columns hold parts of the times.

    Args:
        columns: The columns that ``config.time_columns`` names: none, one of times, those of dates
            and of times of day, or those of years, months, days and smaller parts.
        form: ``config.time_format``, which tells how many digits a time of day has.
    """
    if len(columns) < 2:
        return next(iter(columns), None)
    if len(columns) > 2:
        return _of_numbers(columns)
    dates, clocks = columns
    if pa.types.is_timestamp(dates.type):
        dates = dates.cast(pa.date32())
    day = known_text(_trimmed(dates))
    return pc.binary_join_element_wise(day, _clock(clocks, form or ""), " ")


def _clock(column: pa.ChunkedArray, form: str) -> pa.ChunkedArray:
    """Return times of day as text; whole numbers such as 7 and 930 get the zeros they lack."""
    text = known_text(_whole(column) if pa.types.is_floating(column.type) else _trimmed(column))
    digits = _CLOCK_DIGITS.get(form.rpartition(" ")[2], 2)
    padded = pc.utf8_lpad(text, digits, "0")
    return pc.if_else(pc.match_substring_regex(text, r"^\d+$"), padded, text)


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(column.cast(pa.string()))


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers as text, without a fraction that is 0, as Parquet may hold floats."""
    return pc.replace_substring_regex(_trimmed(column), r"\.0*$", "")


def _of_numbers(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Return text such as 2010-01-31 07:05 from columns of a year, a month, a day, ..."""
    found = None
    for column, (mark, digits) in zip(columns, _PARTS, strict=False):
        part = pc.utf8_lpad(known_text(_whole(column)), digits, "0")
        found = part if found is None else pc.binary_join_element_wise(found, part, mark)
    return found


def places(names: Sequence[str]) -> dict[str, list[int]]:
    """Return where each name is. A column without one is also found as pandas would call it."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        found.setdefault(name, []).append(position)
        if not name:
            found.setdefault(f"Unnamed: {position}", []).append(position)
    return found


def selected(config: DataConfig, wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the columns to read, each once.

    Args:
        config: Names the columns that tell recordings apart, which are read if they are there, and
            those of a wide table that are series, with wildcards.
        wanted: The columns that have to be there.
        names: Names of all columns of the file.
    """
    optional = [name for name in config.recording if name in names and not config.series]
    patterns = [name for name in config.series if is_pattern(name)]
    others = {*config.time_columns, *config.inputs, *config.known}
    series = [
        name
        for name in names
        if name and name not in others and any(matches_name(each, name) for each in patterns)
    ]
    return list(dict.fromkeys((*wanted, *optional, *series)))


def matches_name(pattern: str, name: str) -> bool:
    """Return whether a name is one that a pattern with the wildcards ``*`` and ``?`` stands for."""
    wildcards = {"*": ".*", "?": "."}
    plain = "".join(wildcards.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(plain, name, re.DOTALL) is not None


def find(wanted: Sequence[str], names: Sequence[str], path: Path | str) -> list[int]:
    """Return the positions of columns.

    Raises:
        UserError: No column, or more than one, has one of the names.
    """
    found = places(names)
    for name in wanted:
        if name not in found:
            _refuse([each for each in dict.fromkeys(wanted) if each not in found], names, path)
        if len(found[name]) > 1:
            raise UserError(f"{path}: {len(found[name])} columns are named {shown(name)}")
    return [found[name][0] for name in wanted]


def _refuse(absent: Sequence[str], names: Sequence[str], path: Path | str) -> None:
    guess = did_you_mean(absent[0], [each for each in names[:1000] if len(each) <= 100])
    what = f"column {shown(absent[0])}{guess}" if len(absent) == 1 else f"columns {listed(absent)}"
    raise UserError(f"{path}: no {what}: there are {listed(names)}")


def listed(names: Sequence[str], most: int = _LISTED) -> str:
    """Return the first of several names for a message, and how many more there are.

    Args:
        names: At least one name.
        most: Most characters of the names.
    """
    lengths = itertools.accumulate(len(shown(each)) + len(", ") for each in names)
    count = max(1, sum(length <= most for length in lengths))
    there = ", ".join(shown(each) for each in names[:count])
    return f"{there} and {len(names) - count} more" if len(names) > count else there
