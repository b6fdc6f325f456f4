"""The keys of a first configuration for a table of labels."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.config.sections import MOST_CLASSES
from narrowcast.data.categories import Category, recordings
from narrowcast.data.inspection import Found
from narrowcast.data.interval import usual_step
from narrowcast.data.read import read_columns, read_table
from narrowcast.data.series import is_identifier
from narrowcast.data.table import Table
from narrowcast.data.timestamps import time_stamps
from narrowcast.data.values import Notation
from narrowcast.data.windows import Dataset, make_windows
from narrowcast.errors import UserError, shown

Keys = dict[str, tuple[Any, str]]
"""Values with comments, by key of ``[data]``."""

_WINDOW = 50
_LEAST_WINDOW = 4
_WINDOWS_OF_A_LABEL = 4  # at least, in the usual stretch of rows with one label
_MOST_INPUTS = 16
_REPEATS = 5  # rows of each label, on average
_PERIODS = tuple(f"{each}{unit}" for unit in ("ms", "s") for each in (1, 2, 5, 10, 20, 50, 100))
_NEARLY = 0.95  # of a step: a period that is little shorter has its readings, too


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of a table of labels.

    Attributes:
        label: The column of labels.
        groups: Columns that name persons, devices and the like.
        times: Time stamps in the order of the rows; None without a time column.
        files: Number of rows of each file, if there are several.
    """

    label: Category
    groups: Mapping[str, Category]
    times: pd.DatetimeIndex | None
    files: Sequence[int]

    @classmethod
    def of(cls, found: Found, path: Path, target: str) -> "Labelled":
        """Read the names in a table.

        Raises:
            UserError: There is no such column, or it holds no labels.
        """
        found.check_target(target)
        names = [*map(str, found.frame), *found.left_out]
        groups = [name for name in names if is_identifier(name) and name != target]
        config = DataConfig.model_validate(
            {**found.settings, "inputs": ["x"], "target": target, "window": 2, "lead": 1}
            | {"time": found.time}
        )
        columns = read_columns(config, path, [target, *groups])
        notation = Notation.of(config, comma=False)
        place = f"{path}, column"
        every = {
            name: Category.of(column, notation, f"{place} {shown(name)}")
            for name, column in columns.readings.items()
        }
        label = every.pop(target)
        if not 2 <= len(label.names) <= min(MOST_CLASSES, len(label.codes) // 2):
            values = f"{len(label.names) or 'no'} different value{'s'[len(label.names) == 1 :]}"
            raise UserError(
                f"{place} {shown(target)}: has {values} in "
                f"{len(label.codes)} rows, but labels are 2 to {MOST_CLASSES} that repeat"
            )
        several = {
            name: each
            for name, each in every.items()
            if 2 <= len(each.names) <= len(each.codes) // 2 and (each.codes >= 0).all()
        }
        times = None
        if columns.time is not None:
            times = time_stamps(columns.time, config, f"{place} {shown(config.time_name)}")
        return cls(label, several, times, [size for _, size in columns.files])

    def recordings(self, columns: Sequence[str], target: str) -> NDArray[np.int64]:
        """Return the number of each row's recording [rows], told apart by some columns."""
        told = [self.label if name == target else self.groups[name] for name in columns]
        if not told and not self.files:
            return np.zeros(len(self.label.codes), dtype=np.int64)
        return recordings(told, self.files)

    def ambiguous(self, recording: NDArray[np.int64]) -> bool:
        """Return whether a time stamp stands twice in a recording."""
        if self.times is None:
            return False
        return bool(pd.DataFrame({0: recording, 1: self.times}).duplicated().any())


def label_keys(
    found: Found, path: Path, target: str, keys: Keys
) -> tuple[Keys, Table, Dataset, list[str]]:
    """Return the keys of a configuration that classifies windows.

    A window has at most 50 rows, and at most a quarter of the usual stretch of rows with one label.
    Windows begin half a window apart.

    Args:
        found: What the first file holds.
        path: The table, or a pattern of files.
        target: The column of labels.
        keys: The keys that say how the file is written.

    Returns:
        All keys, the table and windows that they give, and what was found in one line each.

    Raises:
        UserError: The table cannot be used for training.
    """
    known = Labelled.of(found, path, target)
    columns = list(known.groups)
    recording = known.recordings(columns, target)
    if known.ambiguous(recording):  # each label has a time of its own
        columns.append(target)
        recording = known.recordings(columns, target)
    classes = sorted(known.label.names, key=_natural)
    inputs = [str(name) for name in found.frame if name not in (target, *known.groups)]
    if not inputs:
        raise UserError(f"{path}: has no column of numbers besides the labels to tell them by")
    keys = dict(keys)
    keys["inputs"] = inputs[:_MOST_INPUTS], "columns that the decision rests on"
    keys["target"] = target, "the column of labels"
    keys["classes"] = classes, "the labels, in the order of their numbers"
    if columns:
        keys["recording"] = columns, "rows that differ there are never in one window"
    window = _window(known.label.codes, recording)
    keys["window"] = window, "rows: at most 50, and a quarter of the usual stretch of a label"
    keys["stride"] = max(1, window // 2), "windows begin half a window apart"
    keys["mixed"] = "majority", 'the label of most rows; or "last", "drop", "refuse"'
    table, dataset, chosen = _first_that_works(_choices(known, recording, keys), path)
    names = {
        "recording": columns,
        "split.by": [chosen["split.by"][0]] if "split.by" in chosen else [],
    }
    lines = [
        f"labels:    {len(classes)} in {shown(target)}",
        f"told apart: recordings by {_listed(names['recording'])}, parts by "
        f"{_listed(names['split.by'], 'their order')}",
    ]
    return chosen, table, dataset, lines


def may_be_labels(found: Found, path: Path) -> str | None:
    """Return the name of a column that seems to hold labels of classes; None without one."""
    for name, reason in found.left_out.items():
        if is_identifier(name) or "is not a number" not in reason:
            continue
        try:
            label = Labelled.of(found, path, name).label
        except UserError:
            continue
        if len(label.codes) >= _REPEATS * len(label.names):
            return name
    return None


def _choices(known: Labelled, recording: NDArray[np.int64], keys: Keys) -> Iterator[Keys]:
    """Yield keys to try: split by persons or the like first, and with times as they are first."""
    period = _period(known.times, recording)
    steps: list[Keys] = [{}]
    if period is not None:
        steps.append({"resample": (period, "steps differ: the longest usual one, rounded")})
        steps[-1]["missing"] = "hold", "bins may be empty"
    for name, each in known.groups.items():
        if len(each.names) >= 3:
            comment = "no two parts have rows of the same value"
            yield from ({**keys, **step, "split.by": (name, comment)} for step in steps)
    yield from ({**keys, **step} for step in steps)


def _first_that_works(choices: Iterator[Keys], path: Path) -> tuple[Table, Dataset, Keys]:
    """Return the table and windows of the first keys that give some.

    Raises:
        UserError: None do; the message is that of the last ones.
    """
    refused: UserError | None = None
    for keys in choices:
        try:
            config = DataConfig.model_validate({**nested(keys), "path": path, "lead": 0})
            table = read_table(config)
            return table, make_windows(table, config), keys
        except UserError as error:
            refused = error
    assert refused is not None
    raise refused


def nested(keys: Keys) -> dict[str, Any]:
    """Return the values of keys of ``[data]``, those with dots in sections of their own."""
    plain = {key: value for key, (value, _) in keys.items() if value is not None}
    by = plain.pop("split.by", None)
    return plain if by is None else {**plain, "split": {"by": by}}


def _period(times: pd.DatetimeIndex | None, recording: NDArray[np.int64]) -> str | None:
    """Return a round period that is about the longest usual step of a recording."""
    if times is None:
        return None
    usual = [
        usual_step(times[recording == number].sort_values())[0]
        for number, count in enumerate(np.bincount(recording))
        if count > 1
    ]
    longest = max(usual, default=pd.Timedelta(0))
    return next((each for each in _PERIODS if pd.Timedelta(each) >= _NEARLY * longest), None)


def _window(codes: NDArray[np.int64], recording: NDArray[np.int64]) -> int:
    order = np.argsort(recording, kind="stable")
    both = codes[order], recording[order]
    edges = np.any([each[1:] != each[:-1] for each in both], axis=0)
    lengths = np.diff(np.concatenate(([0], np.flatnonzero(edges) + 1, [len(codes)])))
    usual = int(np.median(lengths)) // _WINDOWS_OF_A_LABEL
    return max(_LEAST_WINDOW, min(_WINDOW, usual))


def _natural(name: str) -> tuple[float, str]:
    """Return a key that sorts 10 behind 9, and numbers before words."""
    return (float(name), "") if re.fullmatch(r"[+-]?\d+", name) else (np.inf, name)


def _listed(names: Sequence[str], otherwise: str = "nothing") -> str:
    return ", ".join(map(shown, names)) or otherwise
