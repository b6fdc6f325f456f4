"""The columns of a file as they were read, before their values are converted."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

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
    """

    readings: dict[str, pa.ChunkedArray]
    time: pa.ChunkedArray | None = None
    others: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def positions(name: str, names: Sequence[str]) -> list[int]:
    """Return where a column is, by its name or by the one that pandas gives it if it has none."""
    exact = [i for i, each in enumerate(names) if name == (each or f"Unnamed: {i}")]
    return exact or [i for i, each in enumerate(names) if name == each]


def find(name: str, names: Sequence[str], path: Path) -> int:
    """Return the position of a column.

    Raises:
        UserError: No column, or more than one, has this name.
    """
    found = positions(name, names)
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{path}: {len(found)} columns are named {shown(name)}")
    lengths = itertools.accumulate(len(shown(each)) for each in names)
    count = max(1, sum(length <= _LISTED for length in lengths))
    there = ", ".join(shown(each) for each in names[:count])
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    guess = did_you_mean(name, [each for each in names[:1000] if len(each) <= 100])
    raise UserError(f"{path}: no column {shown(name)}{guess}: there are {there}{rest}")
