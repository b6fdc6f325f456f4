"""Columns whose values are no quantities: labels of classes, and the names of recordings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from narrowcast.config import DataConfig, did_you_mean
from narrowcast.config.sections import MOST_CLASSES
from narrowcast.data.columns import listed
from narrowcast.data.scaling import Array
from narrowcast.data.values import Notation, as_text, known_text
from narrowcast.errors import UserError, shown

_COMPARED = 200  # characters of a label
_LISTED = 120  # characters of labels in a message


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
    def of(
        cls, column: pa.ChunkedArray, notation: Notation, place: str, names: Sequence[str] = ()
    ) -> "Category":
        """Return a column of text, whole numbers or truth values.

        Args:
            column: The column as it was read.
            notation: Says which texts stand for a missing value.
            place: The file and the column, for messages.
            names: Names that never stand for a missing value.

        Raises:
            UserError: The column holds something else.
        """
        text = as_text(column)
        if text is None:
            kind = column.type
            if pa.types.is_null(kind):
                kind = pa.int64()
            elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
                known = pc.drop_null(pc.cast(column, pa.float64()))
                known = pc.filter(known, pc.invert(pc.is_nan(known)))
                whole = pc.and_(pc.equal(pc.floor(known), known), pc.less(pc.abs(known), 2.0**63))
                if not pc.all(whole).as_py():
                    raise UserError(
                        f"{place}: holds quantities, not whole numbers: names and labels are text "
                        "or whole numbers"
                    )
                kind = pa.float64()
            elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
                raise UserError(f"{place}: holds values of type {shown(kind)}, not names")
            text = _whole(column, kind)
        text = known_text(text, notation.words, names)
        codes, found = pd.factorize(text.to_pandas())
        return cls(np.asarray(codes, dtype=np.int64), tuple(map(str, found)))

    def complete(self, notation: Notation, place: str) -> "Category":
        """Return the column itself.

        Raises:
            UserError: A name is missing. The message names the row.
        """
        if (missing := np.flatnonzero(self.codes < 0)).size:
            row = notation.rows[int(missing[0])]
            raise UserError(f"{place}, row {row}: is empty: name the recording or part of each row")
        return self

    def numbered(
        self, config: DataConfig, notation: Notation, place: str, *, varied: bool
    ) -> Array:
        """Return the number of each row's label in ``data.classes`` [rows], NaN where it has none.

        Args:
            config: Names the classes, and the labels that stand for none.
            notation: Says how rows are numbered.
            place: The file and the column, for messages.
            varied: Whether there must be several labels.

        Raises:
            UserError: A label is not among the classes. The message names the first one and its
                row. Or there is a single label, or none.
        """
        number = {name: float(i) for i, name in enumerate(config.classes)}
        number |= dict.fromkeys(config.unlabelled, np.nan)
        unknown = [i for i, name in enumerate(self.names) if name not in number]
        if unknown:
            self._refuse(unknown, config.classes, notation, place)
        labels = [name for name in self.names if name not in config.unlabelled]
        if varied and len(labels) < 2:
            only = f"the single label {shown(labels[0])}" if labels else "no labels at all"
            raise UserError(f"{place}: has {only}: a model learns to tell at least 2 apart")
        table = np.array([*(number[name] for name in self.names), np.nan])
        found: Array = table[self.codes]
        return found

    def _refuse(
        self, unknown: Sequence[int], classes: Sequence[str], notation: Notation, place: str
    ) -> None:
        """Report the first label that is not among the classes."""
        if len(self.names) > MOST_CLASSES:
            kind = "text"
            if all(_is_number(name) for name in self.names):
                kind = "numbers, which seem to be a quantity"
            raise UserError(
                f"{place}: has {len(self.names)} different values, {kind}, but at most "
                f"{MOST_CLASSES} labels can be told apart: name a column of labels in data.target, "
                "or leave out task = 'classify' to forecast it"
            )
        row = int(np.flatnonzero(np.isin(self.codes, unknown))[0])
        name = self.names[self.codes[row]]
        raise UserError(
            f"{place}, row {notation.rows[row]}: the label {shown(name)} is not among "
            f"data.classes{did_you_mean(name[:_COMPARED], classes)}: the column has "
            f"{listed(self.names, _LISTED)}; add it, or name it in data.unlabelled if such rows "
            "have no label"
        )


def recordings(columns: Sequence[Category], files: Sequence[int]) -> NDArray[np.int64]:
    """Return the number of each row's recording [rows], in the order in which they first occur.

    Args:
        columns: The columns that tell recordings apart.
        files: Number of rows of each file, if there are several.
    """
    keys = [each.codes for each in columns]
    if files:
        keys.append(np.repeat(np.arange(len(files)), files))
    of_row = pd.DataFrame(dict(enumerate(keys)))
    found = of_row.groupby(list(of_row.columns), sort=False).ngroup()
    return np.asarray(found, dtype=np.int64)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None


def _whole(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return whole numbers or truth values as text; NaN is null."""
    if pa.types.is_floating(kind):
        values = pc.cast(column, kind)
        missing = pc.is_nan(values)
        column = pc.cast(pc.if_else(missing, pa.scalar(None, kind), values), pa.int64())
    return pc.cast(column, pa.string())
