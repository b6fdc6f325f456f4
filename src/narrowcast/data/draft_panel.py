"""First configurations of panels: the series of a long table, or of a wide one."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from narrowcast.config import DataConfig
from narrowcast.data.categories import Category
from narrowcast.data.inspection import Found
from narrowcast.data.read import read_columns
from narrowcast.data.series import is_identifier
from narrowcast.data.series_columns import joined
from narrowcast.data.values import Notation
from narrowcast.errors import UserError, shown

_FEWEST = 3  # rows of a series, in the mean
_COLUMNS = 5  # with names that are alike
_MOST_IDS = 3  # columns
_MOST_VALUES = 20  # of a static column

Keys = dict[str, tuple[Any, str]]


def ids_of(found: Found, path: Path, stated: list[str] | None) -> tuple[list[str], Category] | None:
    """Return the columns that tell series apart, with the series of each row; None without any.

    Args:
        found: What the table holds.
        path: The table.
        stated: Names of the columns, if they are stated.

    Raises:
        UserError: There is no column of that name, or it is empty in some rows.
    """
    names = [*map(str, found.frame), *found.left_out]
    for name in stated or ():
        if name not in names:
            raise UserError(f"{path}: no column {shown(name)} that could tell series apart")
    if found.times is None or (not stated and not found.times.duplicated().any()):
        return None
    texts = [name for name in names if name in found.left_out]
    known = {}
    for name in stated or sorted(texts, key=lambda each: not is_identifier(each)):
        category = _category(found, path, name)
        if category is not None and (category.codes >= 0).all():
            known[name] = category
        elif stated:
            raise UserError(
                f"{path}: column {shown(name)} does not tell series apart: some rows have no name "
                "there"
            )
    if stated:
        return stated, joined([known[name] for name in stated])
    known = {name: each for name, each in known.items() if len(each.names) > 1}
    sizes = range(1, min(len(known), _MOST_IDS) + 1)
    for some in itertools.chain.from_iterable(combinations(known, size) for size in sizes):
        series = joined([known[name] for name in some])
        unique = not pd.DataFrame({0: series.codes, 1: found.times}).duplicated().any()
        if unique and len(series.names) <= len(series.codes) / _FEWEST:
            return list(some), series
    return None


def static_columns(
    found: Found, path: Path, series: Category, ids: Sequence[str]
) -> dict[str, Any]:
    """Return the columns that are constant in each series: their values, or none for numbers."""
    static: dict[str, Any] = {}
    for name, values in found.frame.items():
        if str(name) not in ids and _constant(values.to_numpy(np.float64), series):
            static[str(name)] = []
    for name in found.left_out:
        if name in ids:
            continue
        category = _category(found, path, name)
        if category is not None and 2 <= len(category.names) <= _MOST_VALUES:
            codes = np.where(category.codes < 0, np.nan, category.codes)
            if _constant(codes, series):
                static[name] = sorted(category.names)
    return static


def columns_alike(found: Found) -> str | None:
    """Return a pattern of names that most columns of numbers have, such as ``store_*``; or None."""
    stems = Counter(re.sub(r"\d+$", "", str(name)) for name in found.frame)
    stem, count = stems.most_common(1)[0]
    return f"{stem}*" if stem and count >= max(_COLUMNS, len(found.frame.columns) // 2) else None


def _category(found: Found, path: Path, name: str) -> Category | None:
    """Return a column as names; None if it holds something else."""
    config = DataConfig.model_validate(
        {**found.settings, "inputs": ["x"], "target": "x", "window": 2, "lead": 1}
        | {"time": found.time}
    )
    try:
        column = read_columns(config, path, [name]).readings[name]
        return Category.of(column, Notation.of(config, comma=False), "")
    except UserError:
        return None


def _constant(values: Any, series: Category) -> bool:
    """Return whether values [rows] are known, and the same in each series, but not in all."""
    if np.isnan(values).any():
        return False
    groups = pd.Series(values).groupby(series.codes)
    return bool((groups.nunique() == 1).all() and len(np.unique(values)) > 1)
