"""Columns that tell several series in one table apart, which would be read as a single series."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from narrowcast.data.values import is_value
from narrowcast.errors import UserError, shown

_THINGS = (
    "series|sensor|station|device|node|logger|site|store|shop|item|product|sku|meter|location|"
    "customer|client|user|subject|person|participant|patient|recording|session|trial|machine|asset|ticker|symbol|house|household|vehicle|"
    "turbine|inverter"
)
_IDENTIFIER = re.compile(
    rf"(.*[^a-z])?(id|uid|uuid|guid)|({_THINGS})[^a-z]*(id|name|no|nr|number|code|key)?"
)
_MANY = 0.1  # of the rows have a time that stands there before
_ADVICE = "set data.id = [{0}] for a model of all series, or data.recording = [{0}] for runs of one"


def is_identifier(name: str) -> bool:
    """Return whether a column's name is that of something that there are several of."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return _IDENTIFIER.fullmatch(words.lower().strip()) is not None


def may_tell_series(name: str, sample: Sequence[str]) -> bool:
    """Return whether a column may tell series apart: it holds text, or numbers of identifiers."""
    named = is_identifier(name) and all(re.fullmatch(r"\s*\d*\s*", each) for each in sample)
    return named or not all(is_value(each) for each in sample)


def check_series(
    others: Mapping[str, pa.ChunkedArray], times: pd.DatetimeIndex | None, place: str
) -> str | None:
    """Reject a table of several series, and return a remark on one that may be such.

    Args:
        others: Columns not in use that may tell series apart.
        times: Time stamps in the order of the rows; None if there are none.
        place: The file, for messages.

    Raises:
        UserError: A column whose name is that of an identifier holds values that repeat, or a time
            stamp occurs several times with different values of a column.
    """
    codes = {name: codes for name, each in others.items() if (codes := _repeated(each)) is not None}
    repeated = times is not None and np.asarray(times.duplicated()).mean() > _MANY
    names = ", ".join(shown(name) for name in list(codes)[:5])
    several = "columns" if len(codes) > 1 else "column"
    rows = pd.DataFrame(codes).assign(**{"": times})
    if codes and repeated and not rows.duplicated().any():
        raise UserError(
            f"{place}: several series in time, told apart by {several} {names}: "
            f"{_ADVICE.format(names)}, or keep the rows of one"
        )
    for name, code in codes.items():
        count = int(code.max()) + 1
        if is_identifier(name):
            raise UserError(
                f"{place}: column {shown(name)} has {count} values that repeat, as the names of "
                f"series do: {_ADVICE.format(shown(name))}, or leave the column out of the file if "
                "it is one series"
            )
    if not codes:
        return None
    return (
        f"{several} {names} not in use: text that repeats; if it names series, the rows of several "
        "are read as one"
    )


def _repeated(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """Return a number for each row's value; None unless there are several that repeat."""
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    codes, values = pd.factorize(plain.to_pandas())
    if (codes < 0).any() or not 2 <= len(values) <= len(codes) // 2:
        return None
    return np.asarray(codes, dtype=np.int64)
