"""Reads a table of sensor readings, and rejects one that no model can be trained on.

Each error message is one line with the file and, where it applies, the column and the row. Rows are
counted from 1, without the header.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from narrowcast.config import HOLIDAY, DataConfig
from narrowcast.data.anomalies import anomalies_of
from narrowcast.data.categories import Category, recordings
from narrowcast.data.columns import Columns, find, selected, times_of
from narrowcast.data.holes import held_rows, with_missing_rows
from narrowcast.data.holidays import holiday_values
from narrowcast.data.interval import (
    check_interval,
    check_same_interval,
    check_unique,
    find_interval,
    steps,
    usual_step,
)
from narrowcast.data.panel import scaled_by_series
from narrowcast.data.parquet import parquet_names, read_parquet
from narrowcast.data.reference import relative_to_reference
from narrowcast.data.remarks import remark_labels, remark_stand_ins
from narrowcast.data.resample import resampled
from narrowcast.data.row_names import RowNames
from narrowcast.data.scaling import Array
from narrowcast.data.series import check_series
from narrowcast.data.series_columns import check_zones, joined, static_inputs, unpivoted, with_id
from narrowcast.data.source import is_parquet, read_source
from narrowcast.data.table import Table
from narrowcast.data.text import HEAD, decode, find_header, read_text
from narrowcast.data.timestamps import time_stamps
from narrowcast.data.values import Notation, numbers
from narrowcast.errors import UserError, boundary, shown
from narrowcast.files import matches, matching_files

SORTED = "the rows are not in order of time: sorted"
"""A remark on a table."""

_ROW = "\0row"  # the index of a row in the files, as a column; none of a file is named so

FEW = 10
"""Rows below which steps that are all wrong may be chance."""


def read_table(config: DataConfig, *, anomalies: bool = False) -> Table:
    """Read the time column, the inputs, the target and what is known ahead from ``config.path``.

    The file is a table in text or Parquet, optionally gzipped; its content says which. See
    docs/tables.md for all that is read and refused.

    Args:
        config: The configuration of the table.
        anomalies: Whether the target says which rows have an anomaly; nothing is learnt from it.

    Raises:
        UserError: The file cannot be read, or a selected column cannot be used for training.
    """
    if config.path is None:
        raise UserError("no file of readings is given: set data.path")
    path = config.path
    with boundary(str(path), "the file is damaged, or no table"):
        columns = read_columns(config, path, config.read)
        table = _converted(columns, config, str(path), anomalies=anomalies)
        return scaled_by_series(table, config) if table.series else table


def read_new_table(
    config: DataConfig, path: Path, *, target: bool, anomalies: bool = False
) -> Table:
    """Read new data for a trained model.

    It is read as :func:`read_table` does, but a column may hold a single value, or none.

    Args:
        config: The configuration of the training, with the interval of the table it had.
        path: The file of new data.
        target: Whether the target must be there. Else it is needed as an input only, and missing
            throughout if it is none.
        anomalies: As for :func:`read_table`.

    Raises:
        UserError: The file cannot be read, lacks a column, or holds what is no reading.
    """
    with boundary(str(path), "the file is damaged, or no table"):
        columns = read_columns(config, path, _needed(config, target))
        return _converted(columns, config, str(path), trained=True, anomalies=anomalies)


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


def new_table(
    frame: pd.DataFrame, config: DataConfig, *, target: bool, anomalies: bool = False
) -> Table:
    """Return new data for a trained model from a frame, as :func:`read_new_table` reads them.

    Times, and what tells series apart, are in the columns of these names, or else in the index.

    Raises:
        UserError: The frame lacks a column, or holds what is no reading.
    """
    place, config = "the frame", config.model_copy(update={"skip_rows": 0})
    with boundary(place, "it is no table of readings"):
        if not len(frame):
            raise UserError(f"{place}: has no rows")
        given, config = with_index(frame, config)
        names = [str(name) for name in given.columns]
        ids = [] if config.id is None or config.series else config.recording
        needed = selected(config, [*_needed(config, target), *ids], names)
        columns = [
            pa.chunked_array([pa.Array.from_pandas(given.iloc[:, each])])
            for each in find([*needed, *config.time_columns], names, place)
        ]
        readings = dict(zip(needed, columns, strict=False))
        read = Columns(readings, times_of(columns[len(needed) :], config.time_format))
        return _converted(read, config, place, trained=True, anomalies=anomalies)


def _with_rows_ahead(
    time: pd.DatetimeIndex, frame: pd.DataFrame, interval: pd.Timedelta, config: DataConfig
) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Add the rows, without readings, whose holidays the forecast from the last row depends on."""
    ahead = np.arange(1, config.lead + config.outputs)
    later = pd.DatetimeIndex(time[-1] + ahead * interval)
    rows = frame.reindex(range(len(frame) + len(ahead)))
    return pd.DatetimeIndex(time.append(later)), rows


def with_index(frame: pd.DataFrame, config: DataConfig) -> tuple[pd.DataFrame, DataConfig]:
    """Return a frame with the columns that its index may hold instead, and how it is read.

    These are the times, and the columns that tell series or recordings apart. A level of the index
    is a column if it has its name; the times may also be the only level of time stamps.

    Raises:
        UserError: There are no time stamps, but the configuration names them.
    """
    levels = [frame.index.get_level_values(i) for i in range(frame.index.nlevels)]
    told = [] if config.series else [name for name in config.recording if name not in frame]
    taken = {str(each.name): each for each in levels if each.name in told}
    time, parts = config.time_name, config.time if isinstance(config.time, list) else [config.time]
    lacking = [each for each in parts if each is not None and each not in frame]
    if time is not None and lacking:
        stamps = [each for each in levels if isinstance(each, pd.DatetimeIndex)]
        named = [each for each in levels if each.name == time]
        if len(named or stamps) != 1:
            which = "several levels of times" if stamps else "no times"
            name = shown(lacking[0])
            raise UserError(f"the frame: has no column {name}, and its index holds {which}")
        (taken[time],) = named or stamps
        whole = {"time_of_day": None} if isinstance(taken[time], pd.DatetimeIndex) else {}
        config = config.model_copy(update={"time": time, **whole})
    return frame.reset_index(drop=True).assign(**taken), config


def _needed(config: DataConfig, target: bool) -> list[str]:
    """Return the names of the columns of new data."""
    used = {*config.inputs, *config.known, *(config.targets if target else [])}
    used |= {*config.static, *config.series}
    return [name for name in config.read if name in used]


def check_columns(config: DataConfig) -> None:
    """Check that ``config.path`` has the columns, if it is there. Its rows are not read.

    Raises:
        UserError: A file cannot be read, or lacks a column.
    """
    if config.layout == "rows" or config.path is None:
        return
    for path in matches(config.path):
        if path.is_file():
            _check_columns(config, path)


def _check_columns(config: DataConfig, path: Path) -> None:
    with boundary(str(path), "the file is damaged, or no table"):
        content = read_source(path, HEAD)
        if not is_parquet(content):
            content = decode(content, config, path, whole=False)
            find_header(content, config, config.read, path)
            return
        names = parquet_names(path, path)
        find([*config.read, *config.time_columns], names, path)


def read_columns(config: DataConfig, path: Path, wanted: Sequence[str]) -> Columns:
    """Return the columns of a file, or of all files that a pattern matches.

    Columns that tell recordings apart are read as well, if they are there.

    Raises:
        UserError: A file cannot be read, or lacks a column; or they do not go together.
    """
    found = {}
    for each in matching_files(path):
        content = read_source(each)
        read = read_parquet if is_parquet(content) else read_text
        found[each] = with_id(read(content, config, wanted, each), config, each)
    return Columns.joined(found)


def _converted(
    columns: Columns,
    config: DataConfig,
    path: str,
    *,
    trained: bool = False,
    grows: bool = False,
    anomalies: bool = False,
) -> Table:
    """Return the table of what was read.

    Args:
        columns: What was read.
        config: The configuration of the table.
        path: The file, for messages.
        trained: Whether a trained model uses the table, so that nothing is learnt from it.
        grows: Whether further rows will come.
        anomalies: As for :func:`read_table`.
    """
    rows = RowNames.of(config.skip_rows, columns.files)
    notation = Notation.of(config, comma=columns.decimal_comma, rows=rows)
    static = {name: columns.readings.pop(name) for name in config.static}
    readings, groups, notes = _parsed(
        columns, config, notation, path, trained=trained, anomalies=anomalies
    )
    rows_of_file = max(map(len, readings.values()), default=0)
    series = None
    if config.id is not None:
        readings, series = _of_series(static, readings, groups, config, notation, path)
    frame = pd.DataFrame(readings, copy=False)
    told = [groups[name] for name in config.recording if name in groups]
    sizes = [size for _, size in columns.files]
    if series is not None:
        recording: NDArray[np.int64] | None = series.codes
    else:
        recording = recordings(told, sizes) if told or sizes else None
    time = None
    if columns.time is not None:
        place = f"{path}, column {shown(config.time_name)}"
        own = recording if len(frame) == rows_of_file else None  # a wide table has its times once
        if series is not None:
            check_zones(columns.time, series, config, notation, place)
        time = time_stamps(columns.time, config, place, rows, series=own, grows=grows)
        time = time[np.arange(len(frame)) % rows_of_file]
    if not told and series is None:
        notes += _other_series(columns, time, path)
    doubts = [] if trained else remark_stand_ins(frame.drop(columns=list(config.categories)))
    row = (np.arange(len(frame)) % rows_of_file).astype(np.float64)
    given = _Rows(time, frame.assign(**{_ROW: row}), recording)
    names_of_series = () if series is None else series.names
    ordered = _in_order(given, config, rows, path, names_of_series, trained=trained, grows=grows)
    time, frame, recording = ordered.rows.time, ordered.rows.frame, ordered.rows.recording
    # Rows that were added have the names and the number of the row before them.
    added = [_ROW, *(name for name in (*config.groups, *config.static_inputs) if name in frame)]
    frame[added] = frame[added].ffill()
    source = frame.pop(_ROW).to_numpy(np.int64)
    notes += ordered.notes(config)
    frame = frame.assign(**{name: np.nan for name in config.targets if name not in frame})
    if not trained and not config.classes and not anomalies:
        remarks = (remark_labels(name, frame[name].to_numpy()) for name in config.targets)
        notes += [each for each in remarks if each]
    notes += doubts
    names = {
        name: tuple(config.classes) if name in config.targets else each.names
        for name, each in groups.items()
    }
    return Table(
        time=time,
        frame=frame,
        interval=ordered.interval,
        jitter=config.jitter,
        notes=tuple(notes),
        recording=recording,
        names=names,
        rows=rows,
        source=source,
        series=names_of_series,
    )


def _parsed(
    columns: Columns,
    config: DataConfig,
    notation: Notation,
    path: str,
    *,
    trained: bool,
    anomalies: bool,
) -> tuple[dict[str, Array], dict[str, Category], list[str]]:
    """Return the readings and the names of each column [rows of the file], and remarks.

    The arguments are those of :func:`_converted`; ``notation`` says how numbers are written.
    """
    readings: dict[str, Array] = {}
    groups: dict[str, Category] = {}
    notes = [*columns.notes]
    for name in list(columns.readings):
        place = f"{path}, column {shown(name)}"
        # Each column is dropped once it is converted: text takes more memory than numbers.
        column = columns.readings.pop(name)
        if anomalies and name in config.targets:
            readings[name] = anomalies_of(column, notation, place)
        elif name not in config.categories:
            varied = not trained and not config.series  # one of many series may be constant
            readings[name], remark = numbers(column, notation, place, varied=varied)
            notes += [remark] if remark else []
        if name not in config.categories:
            continue
        stems = columns.stems if name in config.recording else ()
        category = Category.of(column, notation, place, stems)
        if name in config.groups:
            groups[name] = category.complete(notation, place)
            readings[name] = category.codes.astype(np.float64)
        if name in config.targets and config.classes:
            readings[name] = category.numbered(config, notation, place, varied=not trained)
    return readings, groups, notes


def _of_series(
    static: Mapping[str, pa.ChunkedArray],
    readings: dict[str, Array],
    groups: dict[str, Category],
    config: DataConfig,
    notation: Notation,
    path: str,
) -> tuple[dict[str, Array], Category]:
    """Return the readings of a panel, and the series of each row.

    Args:
        static: Columns that are constant in each series, as they were read.
        readings: Readings [rows of the file] of the other columns.
        groups: The columns that tell series apart, unless the table is wide.
        config: The configuration of the table.
        notation: How numbers are written.
        path: The file, for messages.
    """
    if config.series:
        found, series = unpivoted(readings, config, path)
        return {**found, config.recording[0]: series.codes.astype(np.float64)}, series
    series, found = joined([groups[name] for name in config.recording]), dict(readings)
    for each, column in static.items():
        place = f"{path}, column {shown(each)}"
        found |= static_inputs(each, column, series, config, notation, place)
    return found, series


def _other_series(columns: Columns, time: pd.DatetimeIndex | None, path: str) -> list[str]:
    """Return remarks on columns that may tell apart series in a file, and refuse what does."""
    if not columns.files:
        remark = check_series(columns.others, time, path)
        return [remark] if remark else []
    found, begin = [], 0
    for name, size in columns.files:
        others = {each: column.slice(begin, size) for each, column in columns.others.items()}
        some = None if time is None else time[begin : begin + size]
        found.append(check_series(others, some, str(name)))
        begin += size
    return list(dict.fromkeys(each for each in found if each))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a table: their times, readings, and the number of each one's recording."""

    time: pd.DatetimeIndex | None
    frame: pd.DataFrame
    recording: NDArray[np.int64] | None

    def of(self, rows: NDArray[np.int64] | slice) -> "_Rows":
        """Return some of the rows, in their order."""
        return _Rows(
            None if self.time is None else self.time[rows],
            self.frame.iloc[rows].reset_index(drop=True),
            None if self.recording is None else self.recording[rows],
        )

    def by_recording(self) -> tuple["_Rows", NDArray[np.int64]]:
        """Return the rows recording by recording, and the first row of each."""
        assert self.recording is not None
        order = np.argsort(self.recording, kind="stable")
        return self.of(order), np.flatnonzero(np.diff(self.recording[order], prepend=-1))


@dataclass(frozen=True, eq=False)
class _Ordered:
    """Rows in order of time, in each recording.

    Attributes:
        rows: The rows.
        interval: The interval between them.
        remark: A remark on the interval.
        recordings: Number of recordings, if there may be several.
        disordered: Number of recordings whose rows had to be sorted.
        before: Number of rows before they were grouped to bins.
        bins: Number of bins.
        added: Number of missing rows that were added.
    """

    rows: _Rows
    interval: pd.Timedelta | None
    remark: str | None = None
    recordings: int | None = None
    disordered: int = 0
    before: int = 0
    bins: int = 0
    added: int = 0

    @classmethod
    def joined(cls, parts: Sequence["_Ordered"], interval: pd.Timedelta | None) -> "_Ordered":
        """Return the rows of several recordings, which are numbered."""
        times = [each.rows.time for each in parts if each.rows.time is not None]
        numbers = [each.rows.recording for each in parts if each.rows.recording is not None]
        return cls(
            rows=_Rows(
                pd.DatetimeIndex(times[0].append(times[1:])) if times else None,
                pd.concat([each.rows.frame for each in parts], ignore_index=True),
                np.concatenate(numbers),
            ),
            interval=interval or parts[0].interval,
            remark=next((each.remark for each in parts if each.remark), None),
            recordings=int(numbers[-1][-1]) + 1,
            disordered=sum(each.disordered for each in parts),
            before=sum(each.before for each in parts),
            bins=sum(each.bins for each in parts),
            added=sum(each.added for each in parts),
        )

    def notes(self, config: DataConfig) -> list[str]:
        """Return what was done to the rows, in one line each."""
        found = []
        if self.recordings is not None and config.id is not None:
            found.append(f"{self.recordings} series")
        elif self.recordings is not None:
            found.append(f"{self.recordings} recording{'s'[: self.recordings > 1]}")
        if self.disordered:
            found.append(SORTED)
        if self.bins:
            empty = self.bins - (len(self.rows.frame) - self.added)
            found.append(
                f"{self.before} rows became {self.bins} bins of {config.resample}, "
                f"of which {empty} are empty"
            )
        if self.remark:
            found.append(self.remark)
        if self.added:
            most = held_rows(config, self.interval)
            found.append(f"{self.added} rows are missing in gaps of at most {most} rows: added")
        return found


def _in_order(
    rows: _Rows,
    config: DataConfig,
    names: RowNames,
    path: str,
    series: Sequence[str],
    *,
    trained: bool,
    grows: bool,
) -> _Ordered:
    """Return the rows in order of time, with their bins, missing rows and holidays.

    The arguments are those of :func:`_converted`; ``names`` are the numbers of rows in messages,
    and ``series`` the names of the recordings, if these are the series of a panel.

    Raises:
        UserError: The time stamps are not regular. The message names the recording, if there are
            several.
    """
    interval = None if config.interval is None else pd.Timedelta(config.interval)
    column = "" if rows.time is None else f", column {shown(config.time_name)}"
    if rows.recording is None:
        return _one_recording(
            rows, config, interval, names, f"{path}{column}", trained=trained, grows=grows
        )
    every, begins = rows.by_recording()
    steps_of = _equal_steps(every.time, begins)
    if interval is None and config.resample is None and every.time is not None:
        interval = _common_interval(every.time, begins, steps_of)
    few = np.diff(begins, append=len(every.frame)) == 1
    if series and config.short_series == "refuse" and not trained:
        few[:] = False  # refused below
    regular = few | (steps_of == (0 if interval is None else interval.as_unit("ns").value))
    if config.resample or config.reference or config.holidays:
        regular[:] = False
    found = []
    for first, last in _runs(regular):
        end = len(every.frame) if last == len(begins) else int(begins[last])
        one, number = every.of(slice(int(begins[first]), end)), first
        if regular[first]:  # nothing is to be done, and one by one many would take long
            found.append(_Ordered(one, interval))
            continue
        begin = names[int(one.frame[_ROW].iloc[0])]
        what = f"series {shown(series[number])}" if series else f"recording {number + 1}"
        place = f"{path}{column}, {what} (which begins in row {begin})"
        if series and len(one.frame) < 2 and config.short_series == "refuse" and not trained:
            raise UserError(
                f"{place}: has a single row: leave it out, or set data.short_series = 'keep'"
            )
        known = interval is not None and config.resample is None
        ordered = _one_recording(
            one, config, interval, names, place, trained=trained, grows=grows, known=known
        )
        numbers = np.full(len(ordered.rows.frame), number)
        found.append(replace(ordered, rows=replace(ordered.rows, recording=numbers)))
    return _Ordered.joined(found, interval)


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of successive true flags, and of each false one."""
    changes = np.flatnonzero(~(flags[1:] & flags[:-1])) + 1
    yield from itertools.pairwise([0, *changes.tolist(), len(flags)])


def _equal_steps(time: pd.DatetimeIndex | None, begins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the only step of each recording [recordings] in nanoseconds; -1 if it has several.

    Args:
        time: Time stamps [rows], recording by recording; without them no recording has any step.
        begins: First row of each recording.
    """
    found = np.full(len(begins), -1)
    if time is None or len(time) == len(begins):
        return found
    taken = steps(time)
    lengths = np.diff(begins, append=len(time)) - 1
    several = np.flatnonzero(lengths)
    within = np.delete(taken, begins[1:] - 1)  # without those from one recording to the next
    starts = np.cumsum(lengths[several]) - lengths[several]
    least, most = (each.reduceat(within, starts) for each in (np.minimum, np.maximum))
    found[several] = np.where((least == most) & (least > 0), least, -1)
    return found


def _common_interval(
    time: pd.DatetimeIndex, begins: NDArray[np.int64], equal: NDArray[np.int64]
) -> pd.Timedelta | None:
    """Return the interval that most rows have; None if no recording has two.

    Args:
        time: Time stamps [rows], recording by recording.
        begins: First row of each recording.
        equal: Steps [recordings], as :func:`_equal_steps` returns them.
    """
    sizes = np.diff(begins, append=len(time))
    found = []  # the first recording with a step, the step, and the number of rows
    for step in np.unique(equal[equal > 0]).tolist():
        alike = np.flatnonzero(equal == step)
        found.append((int(alike[0]), pd.Timedelta(step, "ns"), int(sizes[alike].sum())))
    for number in np.flatnonzero((equal < 0) & (sizes > 1)).tolist():
        own = time[begins[number] :][: sizes[number]].unique()  # duplicates are refused later
        if len(own) > 1:
            found.append((number, usual_step(own.sort_values())[0], len(own)))
    usual = Counter[pd.Timedelta]()
    for _, common, rows in sorted(found):
        usual[common] += rows
    return usual.most_common(1)[0][0] if usual else None


def _one_recording(
    rows: _Rows,
    config: DataConfig,
    interval: pd.Timedelta | None,
    names: RowNames,
    place: str,
    *,
    trained: bool,
    grows: bool,
    known: bool = False,
) -> _Ordered:
    """Do the same for the rows of one recording.

    Args:
        rows: The rows.
        config: The configuration of the table.
        interval: The interval, if it is stated or known from other recordings.
        names: The numbers of rows in messages.
        place: The file, the column and the recording, for messages.
        trained: As in :func:`_converted`.
        grows: As in :func:`_converted`.
        known: Whether the interval is known, so that a few rows say nothing about it.
    """
    time, frame = rows.time, rows.frame
    if time is None:
        rows = _Rows(None, relative_to_reference(frame, config, place), rows.recording)
        return _Ordered(rows, interval)
    advice = "keep one row for each time"
    if config.id is not None:
        advice += ", or add a column that tells series apart to data.id"
    elif rows.recording is not None or config.recording:
        advice += ", or add a column that tells recordings apart to data.recording"
    check_unique(time, frame[_ROW].to_numpy(np.int64), names, place, advice)
    if known and interval is not None and len(time) >= FEW:
        other = (
            "leave out data.time if that does not matter" if config.id is None else "leave it out"
        )
        check_same_interval(time, interval, config.jitter, place, other)
    disordered = len(time) > 1 and bool((steps(time) < 0).any())
    if disordered:
        order = np.argsort(time.asi8, kind="stable")
        time, frame = time[order], frame.iloc[order].reset_index(drop=True)
    remark, before, bins, added = None, 0, 0, 0
    if config.resample is not None:
        interval, before = pd.Timedelta(config.resample), len(frame)
        row, starts = frame.pop(_ROW).to_numpy(), time
        time, frame, bins = resampled(time, frame, config, place)
        frame[_ROW] = row[starts.searchsorted(time, side="right") - 1]
    elif interval is None or not (grows or known):
        interval, remark = find_interval(time, interval, config.jitter, place)
    elif len(frame) >= FEW:
        check = check_interval if grows else find_interval
        check(time, interval, config.jitter, place)
    if (most := held_rows(config, interval)) and interval is not None:
        rows_before = len(frame)
        time, frame = with_missing_rows(time, frame, interval, config.jitter, most)
        added = 0 if grows else len(frame) - rows_before
    frame = relative_to_reference(frame, config, place)
    if trained and config.holidays is not None and interval is not None:
        time, frame = _with_rows_ahead(time, frame, interval, config)
    if config.holidays is not None:
        frame[HOLIDAY] = holiday_values(config.holidays, config.timezone or "UTC", time)
    return _Ordered(
        rows=_Rows(time, frame, None),
        interval=interval,
        remark=remark,
        disordered=int(disordered),
        before=before,
        bins=bins,
        added=added,
    )
