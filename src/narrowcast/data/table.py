"""Reads a table of sensor readings, and rejects one that no model can be trained on.

Each error message is one line with the file and, where it applies, the column and the row. Rows are
counted from 1, without the header.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from narrowcast.config import HOLIDAY, DataConfig
from narrowcast.data.categories import Category, recordings
from narrowcast.data.columns import Columns, find
from narrowcast.data.holes import held_rows, with_missing_rows
from narrowcast.data.holidays import holiday_values
from narrowcast.data.interval import (
    check_interval,
    check_same_interval,
    check_unique,
    find_interval,
    gaps,
    steps,
    usual_step,
)
from narrowcast.data.parquet import parquet_names, read_parquet
from narrowcast.data.reference import relative_to_reference
from narrowcast.data.remarks import remark_labels, remark_stand_ins
from narrowcast.data.resample import resampled
from narrowcast.data.scaling import Array
from narrowcast.data.series import check_series
from narrowcast.data.source import is_parquet, read_source
from narrowcast.data.text import HEAD, decode, find_header, read_text
from narrowcast.data.timestamps import time_stamps
from narrowcast.data.values import Notation, numbers
from narrowcast.errors import UserError, boundary, shown
from narrowcast.files import matching_files

SORTED = "the rows are not in order of time: sorted"
"""A remark on a table."""

_MOST_NOTES = 3  # on recordings

FEW = 10
"""Rows below which steps that are all wrong may be chance."""


@dataclass(frozen=True, eq=False)
class Table:
    """Readings in order of time.

    Attributes:
        time: Time stamps [rows], UTC, strictly increasing; None if the file has none. The rows are
            then assumed to be equidistant.
        frame: Readings [rows, columns], float64: every input, the target and what is known ahead,
            each once. NaN is a missing value.
        interval: Time from one row to the next; None if unknown.
        jitter: Part of the interval by which a time stamp may be off.
        notes: Remarks on how the file was read and on doubtful columns, each in one line.
        recording: Number of each row's recording [rows], ascending; None if all rows are of one.
            Time stamps increase within each recording.
        names: Names of the values of each column of groups; its values in ``frame`` are their
            indices.
    """

    time: pd.DatetimeIndex | None
    frame: pd.DataFrame
    interval: pd.Timedelta | None
    jitter: float = 0.1
    notes: tuple[str, ...] = ()
    recording: NDArray[np.int64] | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Flags [rows]: whether a row is not one interval after the previous row.

        Both time stamps may be off by ``jitter`` intervals. The first row of each recording but the
        first follows a gap.
        """
        if self.time is None or self.interval is None:
            return self.begins
        return gaps(self.time, self.interval, self.jitter) | self.begins

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Flags [rows]: whether a row is the first of a recording, but not of the first one."""
        if self.recording is None:
            return np.zeros(len(self.frame), dtype=np.bool_)
        return np.append(False, np.diff(self.recording) > 0)

    @property
    def missing(self) -> dict[str, int]:
        """The number of missing values in each column."""
        counts = self.frame.isna().sum()
        return {str(name): int(n) for name, n in counts.items() if name not in self.names}


def read_table(config: DataConfig) -> Table:
    """Read the time column, the inputs, the target and what is known ahead from ``config.path``.

    The file is a table in text or Parquet, optionally gzipped; its content says which. See
    docs/tables.md for all that is read and refused.

    Raises:
        UserError: The file cannot be read, or a selected column cannot be used for training.
    """
    if config.path is None:
        raise UserError("no file of readings is given: set data.path")
    path = config.path
    with boundary(str(path), "the file is damaged, or no table"):
        return _converted(_read(config, path, config.read), config, str(path))


def read_new_table(config: DataConfig, path: Path, *, target: bool) -> Table:
    """Read new data for a trained model.

    It is read as :func:`read_table` does, but a column may hold a single value, or none.

    Args:
        config: The configuration of the training, with the interval of the table it had.
        path: The file of new data.
        target: Whether the target must be there. Else it is needed as an input only, and missing
            throughout if it is none.

    Raises:
        UserError: The file cannot be read, lacks a column, or holds what is no reading.
    """
    with boundary(str(path), "the file is damaged, or no table"):
        columns = _read(config, path, _needed(config, target))
        return _converted(columns, config, str(path), trained=True)


def read_rows_so_far(content: bytes, config: DataConfig, path: Path, passed: int) -> Table:
    """Read the last rows of a table in text that still grows, as :func:`read_new_table` does.

    Few rows say nothing about the interval, so that the one of the training is taken.

    Args:
        content: The header and the last rows, in UTF-8.
        config: The configuration of the training, with the interval of the table it had.
        path: The file, for messages.
        passed: Number of rows that came before these.

    Raises:
        UserError: The rows are no table, lack a column, or hold what is no reading.
    """
    with boundary(str(path), "this is no table"):
        whole = config.model_copy(update={"skip_rows": 0, "encoding": None})
        columns = read_text(content, whole, _needed(config, target=False), path, passed)
        numbered = config.model_copy(update={"skip_rows": passed})
        return _converted(columns, numbered, str(path), trained=True, grows=True)


def new_table(frame: pd.DataFrame, config: DataConfig, *, target: bool) -> Table:
    """Return new data for a trained model from a frame, as :func:`read_new_table` reads them.

    The time column is the one of this name, or else the index.

    Raises:
        UserError: The frame lacks a column, or holds what is no reading.
    """
    place, config = "the frame", config.model_copy(update={"skip_rows": 0})
    with boundary(place, "it is no table of readings"):
        given = with_times(frame, config)
        names = [str(name) for name in given.columns]
        needed = _needed(config, target)
        needed += [name for name in config.recording if name in names and name not in needed]
        wanted = [*needed, *([] if config.time is None else [config.time])]
        columns = [
            pa.chunked_array([pa.Array.from_pandas(given.iloc[:, each])])
            for each in find(wanted, names, place)
        ]
        time = None if config.time is None else columns.pop()
        read = Columns(dict(zip(needed, columns, strict=True)), time)
        return _converted(read, config, place, trained=True)


def _with_rows_ahead(
    time: pd.DatetimeIndex, frame: pd.DataFrame, interval: pd.Timedelta, config: DataConfig
) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Add the rows, without readings, whose holidays the forecast from the last row depends on."""
    ahead = np.arange(1, config.lead + config.outputs)
    later = pd.DatetimeIndex(time[-1] + ahead * interval)
    rows = frame.reindex(range(len(frame) + len(ahead)))
    return pd.DatetimeIndex(time.append(later)), rows


def with_times(frame: pd.DataFrame, config: DataConfig) -> pd.DataFrame:
    """Return a frame with the time column, which may be its index.

    Raises:
        UserError: There are no time stamps, but the configuration names them.
    """
    if config.time is None or config.time in frame.columns:
        return frame
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise UserError(
            f"the frame: has no column {shown(config.time)}, and its index holds no times"
        )
    return frame.reset_index(drop=True).assign(**{config.time: frame.index})


def _needed(config: DataConfig, target: bool) -> list[str]:
    """Return the names of the columns of new data."""
    used = {*config.inputs, *config.known, *(config.targets if target else [])}
    return [name for name in config.read if name in used]


def check_columns(config: DataConfig) -> None:
    """Check that ``config.path``, if it is a file, has the columns. Its rows are not read.

    Raises:
        UserError: The file cannot be read, or lacks a column.
    """
    path = None if config.path is None else matching_files(config.path)[0]
    if path is None or not path.is_file() or config.layout == "rows":
        return
    with boundary(str(path), "the file is damaged, or no table"):
        content = read_source(path, HEAD)
        if not is_parquet(content):
            content = decode(content, config, path, whole=False)
            find_header(content, config, config.read, path)
            return
        names = parquet_names(path, path)
        time = [] if config.time is None else [config.time]
        find([*config.read, *time], names, path)


def _read(config: DataConfig, path: Path, wanted: Sequence[str]) -> Columns:
    """Return the columns of a file, or of all files that a pattern matches.

    Columns that tell recordings apart are read as well, if they are there.
    """
    found = []
    for each in matching_files(path):
        content = read_source(each)
        read = read_parquet if is_parquet(content) else read_text
        found.append(read(content, config, wanted, each, optional=config.recording))
    return Columns.joined(found)


def _converted(
    columns: Columns,
    config: DataConfig,
    path: str,
    *,
    trained: bool = False,
    grows: bool = False,
) -> Table:
    """Return the table of what was read.

    Args:
        columns: What was read.
        config: The configuration of the table.
        path: The file, for messages.
        trained: Whether a trained model uses the table, so that nothing is learnt from it.
        grows: Whether further rows will come.
    """
    notation = Notation.of(config, comma=columns.decimal_comma)
    readings: dict[str, Array] = {}
    groups: dict[str, Category] = {}
    notes = [*columns.notes]
    for name in list(columns.readings):
        place = f"{path}, column {shown(name)}"
        # Each column is dropped once it is converted: text takes more memory than numbers.
        column = columns.readings.pop(name)
        if name not in config.categories:
            readings[name], remark = numbers(column, notation, place, varied=not trained)
            notes += [remark] if remark else []
            continue
        category = Category.of(column, notation, place)
        if name in config.groups:
            groups[name] = category.complete(notation, place)
            readings[name] = category.codes.astype(np.float64)
        if name in config.targets and config.classes:
            readings[name] = category.numbered(config.classes, notation, place)
    frame = pd.DataFrame(readings, copy=False)
    time = None
    if columns.time is not None:
        time = time_stamps(columns.time, config, f"{path}, column {shown(config.time)}")
    told = [groups[name] for name in config.recording if name in groups]
    recording = recordings(told, columns.files) if told or columns.files is not None else None
    if recording is None and (remark := check_series(columns.others, time, path)):
        notes.append(remark)
    doubts = [] if trained else remark_stand_ins(frame.drop(columns=list(config.categories)))
    ordered = _in_order(_Rows(time, frame, recording), config, path, trained=trained, grows=grows)
    time, frame, recording = ordered.rows.time, ordered.rows.frame, ordered.rows.recording
    notes += ordered.notes
    frame = frame.assign(**{name: np.nan for name in config.targets if name not in frame})
    if not trained and not config.classes:
        remarks = (remark_labels(name, frame[name].to_numpy()) for name in config.targets)
        notes += [each for each in remarks if each]
    notes += doubts
    names = {
        name: tuple(config.classes) if name in config.targets else each.names
        for name, each in groups.items()
    }
    return Table(time, frame, ordered.interval, config.jitter, tuple(notes), recording, names)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a table: their times, readings, and the number of each one's recording."""

    time: pd.DatetimeIndex | None
    frame: pd.DataFrame
    recording: NDArray[np.int64] | None

    def of(self, rows: NDArray[np.int64]) -> "_Rows":
        """Return some of the rows, in their order."""
        return _Rows(
            None if self.time is None else self.time[rows],
            self.frame.iloc[rows].reset_index(drop=True),
            None if self.recording is None else self.recording[rows],
        )


@dataclass(frozen=True, eq=False)
class _Ordered:
    """Rows in order of time, in each recording, the interval between them, and remarks."""

    rows: _Rows
    interval: pd.Timedelta | None
    notes: list[str]


def _in_order(
    rows: _Rows, config: DataConfig, path: str, *, trained: bool, grows: bool
) -> _Ordered:
    """Return the rows in order of time, with their bins, missing rows and holidays.

    The arguments are those of :func:`_converted`.

    Raises:
        UserError: The time stamps are not regular. The message names the recording, if there are
            several.
    """
    interval = None if config.interval is None else pd.Timedelta(config.interval)
    if rows.recording is None:
        return _one_recording(rows, config, interval, path, trained=trained, grows=grows)
    order = np.argsort(rows.recording, kind="stable")
    pieces = np.split(order, np.flatnonzero(np.diff(rows.recording[order])) + 1)
    if interval is None and config.resample is None and rows.time is not None:
        interval = _common_interval([rows.of(piece) for piece in pieces])
    found = []
    for number, piece in enumerate(pieces):
        place = f"{path}, recording {number + 1}, which begins in row {piece[0] + 1}"
        one = rows.of(piece)
        if interval is not None and config.resample is None and one.time is not None:
            check_same_interval(one.time, interval, config.jitter, place)
        found.append(_one_recording(one, config, interval, place, trained=trained, grows=grows))
    notes = list(dict.fromkeys(note for each in found for note in each.notes))
    left = len(notes) - _MOST_NOTES
    more = [f"{left} more remarks like these on other recordings"] if left > 0 else []
    times = [each.rows.time for each in found if each.rows.time is not None]
    sizes = [len(each.rows.frame) for each in found]
    return _Ordered(
        _Rows(
            pd.DatetimeIndex(times[0].append(times[1:])) if times else None,
            pd.concat([each.rows.frame for each in found], ignore_index=True),
            np.repeat(np.arange(len(found)), sizes),
        ),
        interval or found[0].interval,
        [f"{len(found)} recordings", *notes[:_MOST_NOTES], *more],
    )


def _common_interval(recordings: Sequence[_Rows]) -> pd.Timedelta | None:
    """Return the interval that most rows have; None if no recording has two."""
    usual = Counter[pd.Timedelta]()
    for each in recordings:
        if each.time is not None and len(each.time) > 1:
            usual[usual_step(each.time.sort_values())[0]] += len(each.time)
    return usual.most_common(1)[0][0] if usual else None


def _one_recording(
    rows: _Rows,
    config: DataConfig,
    interval: pd.Timedelta | None,
    path: str,
    *,
    trained: bool,
    grows: bool,
) -> _Ordered:
    """Do the same for the rows of one recording, whose interval is given if it is known."""
    time, frame = rows.time, rows.frame
    if time is None:
        referred = relative_to_reference(frame, config, path)
        return _Ordered(_Rows(None, referred, None), interval, [])
    notes: list[str] = []
    place = f"{path}, column {shown(config.time)}"
    check_unique(time, config.skip_rows, place)
    if len(time) > 1 and (steps(time) < 0).any():
        order = np.argsort(time.asi8, kind="stable")
        time, frame = time[order], frame.iloc[order].reset_index(drop=True)
        notes.append(SORTED)
    remark = None
    if grows and interval is not None:
        if len(frame) >= FEW:
            check_interval(time, interval, config.jitter, place)
    elif config.resample is None:
        interval, remark = find_interval(time, interval, config.jitter, place)
    else:
        interval = pd.Timedelta(config.resample)
        time, frame, remark = resampled(time, frame, config, place)
    notes += [remark] if remark else []
    if (most := held_rows(config, interval)) and interval is not None:
        before = len(frame)
        time, frame = with_missing_rows(time, frame, interval, config.jitter, most)
        groups = [name for name in config.groups if name in frame]
        frame[groups] = frame[groups].ffill()
        if (added := len(frame) - before) and not grows:
            notes.append(f"{added} rows are missing in gaps of at most {most} rows: added")
    frame = relative_to_reference(frame, config, path)
    if trained and config.holidays is not None and interval is not None:
        time, frame = _with_rows_ahead(time, frame, interval, config)
    if config.holidays is not None:
        frame[HOLIDAY] = holiday_values(config.holidays, config.timezone or "UTC", time)
    return _Ordered(_Rows(time, frame, None), interval, notes)
