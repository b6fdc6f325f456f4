"""The column that says which rows have an anomaly."""

import numpy as np
import pyarrow as pa

from narrowcast.data.categories import Category
from narrowcast.data.scaling import Array
from narrowcast.data.values import Notation, as_text, first, is_value, numbers
from narrowcast.errors import UserError, shown

_RIGHT = "the target of task = 'detect' is 1 or true in rows with an anomaly, else 0 or false"


def anomalies_of(column: pa.ChunkedArray, notation: Notation, place: str) -> Array:
    """Return which rows have an anomaly [rows]: 1, 0, or NaN where that is unknown.

    Args:
        column: The column as it was read.
        notation: How numbers and missing values are written.
        place: The file and the column, for messages.

    Raises:
        UserError: The column holds something else. The message names the first such row.
    """
    if as_text(column) is not None:
        words = Category.of(column, notation, place)
        other = [i for i, name in enumerate(words.names) if not is_value(name)]
        if (wrong := first(np.isin(words.codes, other))) is not None:
            name = shown(words.names[words.codes[wrong]])
            raise UserError(f"{place}, row {notation.rows[wrong]}: is {name}, but {_RIGHT}")
    values, _ = numbers(column, notation, place, varied=False)
    if (wrong := first(~np.isnan(values) & ~np.isin(values, (0, 1)))) is not None:
        raise UserError(f"{place}, row {notation.rows[wrong]}: is {values[wrong]:g}, but {_RIGHT}")
    return values
