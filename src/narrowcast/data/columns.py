"""The columns of a file as they were read, before their values are converted."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from narrowcast.config import did_you_mean
from narrowcast.errors import UserError, shown

_LISTED = 240  # characters of names in a message


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
        files: Number of each row's file, if there are several.
    """

    readings: dict[str, pa.ChunkedArray]
    time: pa.ChunkedArray | None = None
    others: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    files: NDArray[np.int64] | None = None

    @classmethod
    def joined(cls, files: Sequence["Columns"]) -> "Columns":
        """Return the columns of several files, one below the other."""
        if len(files) == 1:
            return files[0]
        tables = [pa.table({**each.readings, **_named(each.time)}) for each in files]
        rows = pa.concat_tables(tables, promote_options="permissive")
        return cls(
            readings={name: rows[name] for name in files[0].readings},
            time=rows[_TIME] if files[0].time is not None else None,
            decimal_comma=all(each.decimal_comma for each in files),
            notes=tuple(dict.fromkeys(note for each in files for note in each.notes)),
            files=np.repeat(np.arange(len(files)), [len(each) for each in tables]),
        )


_TIME = "\0time"  # no column of a file is named so


def _named(time: pa.ChunkedArray | None) -> dict[str, pa.ChunkedArray]:
    return {} if time is None else {_TIME: time}


def places(names: Sequence[str]) -> dict[str, list[int]]:
    """Return where each name is. A column without one is also found as pandas would call it."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        found.setdefault(name, []).append(position)
        if not name:
            found.setdefault(f"Unnamed: {position}", []).append(position)
    return found


def with_optional(
    wanted: Sequence[str], optional: Sequence[str], names: Sequence[str]
) -> list[str]:
    """Return the wanted columns, and the optional ones that are among the names, each once."""
    return list(dict.fromkeys((*wanted, *(each for each in optional if each in names))))


def find(wanted: Sequence[str], names: Sequence[str], path: Path | str) -> list[int]:
    """Return the positions of columns.

    Raises:
        UserError: No column, or more than one, has one of the names.
    """
    found = places(names)
    for name in wanted:
        if name not in found:
            _refuse(name, names, path)
        if len(found[name]) > 1:
            raise UserError(f"{path}: {len(found[name])} columns are named {shown(name)}")
    return [found[name][0] for name in wanted]


def _refuse(name: str, names: Sequence[str], path: Path | str) -> None:
    lengths = itertools.accumulate(len(shown(each)) for each in names)
    count = max(1, sum(length <= _LISTED for length in lengths))
    there = ", ".join(shown(each) for each in names[:count])
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    guess = did_you_mean(name, [each for each in names[:1000] if len(each) <= 100])
    raise UserError(f"{path}: no column {shown(name)}{guess}: there are {there}{rest}")
