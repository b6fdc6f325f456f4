"""Columns whose values are no quantities: labels of classes, and the names of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from narrowcast.config import did_you_mean
from narrowcast.data.scaling import Array
from narrowcast.data.values import Notation, as_text, known_text
from narrowcast.errors import UserError, shown

_LISTED = 12  # labels in a message


@dataclass(frozen=True, eq=False)
class Category:
    """A column of names.

    Attributes:
        codes: Index of each row's name in ``names`` [rows]; -1 where it is missing.
        names: The names in the order in which they first occur.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, column: pa.ChunkedArray, notation: Notation, place: str) -> "Category":
        """Return a column of text, whole numbers or truth values.

        Args:
            column: The column as it was read.
            notation: Says which texts stand for a missing value.
            place: The file and the column, for messages.

        Raises:
            UserError: The column holds something else.
        """
        text = as_text(column)
        if text is None:
            kind = column.type
            if pa.types.is_floating(kind) and pc.all(pc.equal(pc.floor(column), column)).as_py():
                column, kind = pc.cast(column, pa.int64()), pa.int64()
            if not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
                raise UserError(f"{place}: holds values of type {shown(kind)}, not names")
            text = pc.cast(column, pa.string())
        codes, names = pd.factorize(known_text(text, notation.words).to_pandas())
        return cls(np.asarray(codes, dtype=np.int64), tuple(map(str, names)))

    def complete(self, notation: Notation, place: str) -> "Category":
        """Return the column itself.

        Raises:
            UserError: A name is missing. The message names the row.
        """
        if (missing := np.flatnonzero(self.codes < 0)).size:
            row = notation.row(int(missing[0]))
            raise UserError(f"{place}, row {row}: is empty: name the recording or part of each row")
        return self

    def numbered(self, classes: Sequence[str], notation: Notation, place: str) -> Array:
        """Return the number of each row's label in ``classes`` [rows], NaN where it is missing.

        Raises:
            UserError: A label is not among the classes. The message names the first one and its
                row.
        """
        number = {name: i for i, name in enumerate(classes)}
        unknown = [i for i, name in enumerate(self.names) if name not in number]
        if unknown:
            row = int(np.flatnonzero(np.isin(self.codes, unknown))[0])
            name = self.names[self.codes[row]]
            there = ", ".join(map(shown, self.names[:_LISTED]))
            more = f" and {len(self.names) - _LISTED} more" if len(self.names) > _LISTED else ""
            raise UserError(
                f"{place}, row {notation.row(row)}: the label {shown(name)} is not among "
                f"data.classes{did_you_mean(name, classes)}: the column has {there}{more}; add it, "
                "or name it in data.missing_values if such rows have no label"
            )
        table = np.array([*(number[name] for name in self.names), np.nan])
        found: Array = table[self.codes]
        return found


def recordings(columns: Sequence[Category], files: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the number of each row's recording [rows], in the order in which they first occur.

    Args:
        columns: The columns that tell recordings apart.
        files: Number of each row's file; None for a single one.
    """
    keys = [each.codes for each in columns] + ([] if files is None else [files])
    of_row = pd.DataFrame(dict(enumerate(keys)))
    found = of_row.groupby(list(of_row.columns), sort=False).ngroup()
    return np.asarray(found, dtype=np.int64)
