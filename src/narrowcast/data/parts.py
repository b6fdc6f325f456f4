"""The part of the data that each row belongs to: training, validation or test."""

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import SplitConfig
from narrowcast.data.table import Table
from narrowcast.errors import UserError, shown

PARTS = ("training", "validation", "test")
_NAMES = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}

Codes = NDArray[np.int64]


def parts_of_rows(table: Table, split: SplitConfig) -> Codes:
    """Return the index in ``PARTS`` of each row [rows].

    Raises:
        UserError: A boundary is not within the readings or needs time stamps, or a column has too
            few values or other names than those of the parts.
    """
    if split.part is not None:
        return _stated(table, split.part)
    if split.by is not None:
        return _of_groups(table, split)
    # In a panel, the parts are fractions of all times, the same for all series.
    order = table.moments if table.series else np.arange(len(table.frame))
    count = int(order.max()) + 1
    if isinstance(split.test, float):
        test = order >= count - round(split.test * count)
    else:
        test = _from(table, "test", split.test)
    if isinstance(split.validation, float):
        # A fraction of what is before the test part, in its order.
        earlier = np.zeros(count, dtype=np.bool_)
        earlier[order[~test]] = True
        before = int(earlier.sum())
        validation = np.cumsum(earlier)[order] > before - round(split.validation * before)
    else:
        validation = _from(table, "validation", split.validation)
    return np.where(test, 2, np.where(validation, 1, 0))


def in_one_part(codes: Codes, low: Codes, high: Codes) -> NDArray[np.bool_]:
    """Return whether all rows from ``low`` to ``high`` [windows] are of one part."""
    changes = np.cumsum(np.append(False, codes[1:] != codes[:-1]))
    found: NDArray[np.bool_] = changes[low] == changes[high]
    return found


def _from(table: Table, part: str, rule: str) -> NDArray[np.bool_]:
    """Return which rows are not before a time stamp."""
    time = table.time
    if time is None:
        raise UserError(f"a split at {rule!r} needs time stamps: set data.time")
    stamp = pd.Timestamp(datetime.fromisoformat(rule))
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    if not time.min() < stamp <= time.max():
        raise UserError(
            f"data.split.{part}: {rule} is not within the readings, which are from "
            f"{time.min().isoformat()} to {time.max().isoformat()}"
        )
    return np.asarray(time >= stamp)


def _stated(table: Table, column: str) -> Codes:
    """Return the parts that a column names."""
    names = [each.strip().lower() for each in table.names[column]]
    if unknown := sorted(set(names) - _NAMES.keys()):
        rows = np.flatnonzero(table.frame[column] == names.index(unknown[0]))
        place = f" in row {table.place(int(rows[0]))}" if len(rows) else ""
        raise UserError(
            f"data.split.part: column {shown(column)} has {shown(unknown[0])}{place}, which is no "
            "part: each row needs 'train', 'validation' or 'test'"
        )
    of_name = np.array([_NAMES[each] for each in names])
    found: Codes = of_name[table.frame[column].to_numpy(np.int64)]
    for i, name in enumerate(PARTS):
        if not (found == i).any():
            raise UserError(
                f"data.split.part: no row of column {shown(column)} is in the {name} part"
            )
    return found


def _of_groups(table: Table, split: SplitConfig) -> Codes:
    """Return the parts that whole values of a column make."""
    assert split.by is not None
    assert isinstance(split.test, float)
    assert isinstance(split.validation, float)
    # Names are numbered as they first occur, and one may occur in rows before bins only.
    several, group = np.unique(table.frame[split.by].to_numpy(np.int64), return_inverse=True)
    count = len(several)
    if count < len(PARTS):
        raise UserError(
            f"data.split.by: column {shown(split.by)} has {count} value"
            f"{'' if count == 1 else 's'}, but {len(PARTS)} parts need one each: split in another "
            "way"
        )
    test = min(max(1, round(split.test * count)), count - 2)
    validation = min(max(1, round(split.validation * (count - test))), count - test - 1)
    of_group = np.where(np.arange(count) < count - test, 1, 2)
    of_group[: count - test - validation] = 0
    found: Codes = of_group[group]
    return found
