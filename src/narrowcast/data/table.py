"""Reads a table of sensor readings, and rejects one that no model can be trained on.

Each error message is one line with the file and, where it applies, the column and the row. Rows are
counted from 1, without the header.
"""

import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from narrowcast.config import DataConfig, did_you_mean
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError, one_line

_MISSING = ["", "NA", "N/A", "null", "NULL"]
_PARQUET = {".parquet", ".pq"}
# A step counts as a gap if it is off by more than this: clocks jitter, and months differ.
_TOLERANCE = 0.1


@dataclass(frozen=True, eq=False)
class Table:
    """Readings in order of time.

    Attributes:
        time: Time stamps [rows], UTC, strictly increasing; None if the file has none. The rows are
            then assumed to be equidistant.
        frame: Readings [rows, columns], float64: every input and the target, each once. NaN is a
            missing value.
        interval: Time from one row to the next; None if unknown.
    """

    time: pd.DatetimeIndex | None
    frame: pd.DataFrame
    interval: pd.Timedelta | None

    @property
    def gaps(self) -> NDArray[np.bool_]:
        """Flags [rows]: whether a row is not one interval (within 10 %) after the previous row."""
        if self.time is None or self.interval is None:
            return np.zeros(len(self.frame), dtype=np.bool_)
        step = _steps(self.time) / self.interval.as_unit("ns").value
        return np.concatenate(([False], np.abs(step - 1) > _TOLERANCE))

    @property
    def missing(self) -> dict[str, int]:
        """The number of missing values in each column."""
        return {str(name): int(count) for name, count in self.frame.isna().sum().items()}


def read_table(config: DataConfig) -> Table:
    """Read the time column, the inputs and the target from ``config.path``.

    The file is CSV, optionally gzipped (``.gz``) and separated by comma, semicolon or tab, or
    Parquet (``.parquet``, ``.pq``). Time stamps are ISO 8601 (UTC if they name no zone) or seconds
    since 1970. An empty field and the texts NA, N/A and null are missing values. NaN and infinity
    are errors, because they result from a faulty computation.

    Raises:
        UserError: The file cannot be read, or a selected column cannot be used for training.
    """
    if config.path is None:
        raise UserError("no file of readings is given: set data.path")
    path = config.path
    wanted = list(dict.fromkeys((*config.inputs, config.target)))
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a file of readings")
        if config.layout == "rows":
            raw = _read_rows(path, wanted)
        else:
            raw = _read_columns(path, wanted, config.time)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a readable gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from None
    if raw.empty:
        raise UserError(f"{path}: has no readings, only a header")

    frame = pd.DataFrame({name: _numbers(raw[name], path, name) for name in wanted})
    stated = None if config.interval is None else pd.Timedelta(config.interval)
    if config.time is None:
        return Table(None, frame, stated)
    time = _time_stamps(raw[_TIME], path, config.time)
    return Table(time, frame, _interval(time, stated, path))


_TIME = 0  # the time column's key in a raw frame, where all others are text


def _read_columns(path: Path, wanted: Sequence[str], time: str | None) -> pd.DataFrame:
    """Return the wanted columns unconverted, and the time column as ``_TIME``."""
    if path.suffix in _PARQUET:
        # pandas stores an unnamed index under this name, and CSV without one.
        names = ["" if name == "__index_level_0__" else name for name in _schema(path)]
        keys = {_find(name, names, path): name for name in wanted}
        key = None if time is None else _find(time, names, path)
        raw = _read_parquet(path, [*keys] if key is None else [*keys, key])
    else:
        content = _content(path)
        header = content.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
        separator = _separator(header)
        names = [name.strip() for name in next(csv.reader([header], delimiter=separator))]
        keys = {_find(name, names, path): name for name in wanted}
        key = None if time is None else _find(time, names, path)
        raw = _read_csv(path, content, separator, len(names), key)
    columns: dict[str | int, pd.Series] = {name: raw[each] for each, name in keys.items()}
    if key is not None:
        columns[_TIME] = raw[key]
    return pd.DataFrame(columns)


def _read_csv(
    path: Path, content: bytes, separator: str, fields: int, time: int | None
) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # All columns are read: with a selection, pandas lets lines with extra fields pass.
            raw = pd.read_csv(
                io.BytesIO(content),
                sep=separator,
                header=None,
                names=range(fields),
                skiprows=1,
                index_col=False,
                dtype=None if time is None else {time: str},
                na_values=_MISSING,
                keep_default_na=False,
                skipinitialspace=True,
                # In a file with one column, a blank line is a missing value.
                skip_blank_lines=fields > 1,
                low_memory=False,
                encoding="utf-8",
            )
    except pd.errors.ParserWarning:
        raise UserError(f"{path}: the rows have more fields than the header's {fields}") from None
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise UserError(f"{path}: not a regular table: {reason}") from None
    if raw[fields - 1].isna().any():
        _refuse_short_rows(path, content, separator, fields)
    return raw


def _refuse_short_rows(path: Path, content: bytes, separator: str, fields: int) -> None:
    """Reject rows with too few fields: a truncated row is not a row with missing values."""
    lines = (line for line in io.TextIOWrapper(io.BytesIO(content), "utf-8") if line.strip())
    for row, values in enumerate(csv.reader(lines, delimiter=separator)):
        if len(values) < fields:
            raise UserError(
                f"{path}: row {row} has {len(values)} fields, the header {fields}: complete the "
                "row, or delete it"
            )


def _read_rows(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    """Return the wanted series of a file with one series per row."""
    if path.suffix in _PARQUET:
        raw = _read_parquet(path, range(len(_schema(path))))
        names = [str(row) for row in range(len(raw))]
        return pd.DataFrame({name: raw.iloc[_find(name, names, path)].array for name in wanted})
    lines = _content(path).decode("utf-8-sig").splitlines()
    separator = _separator(lines[0])
    names = [str(row) for row in range(len(lines))]
    series = {name: lines[_find(name, names, path)].split(separator) for name in wanted}
    for name, fields in series.items():
        if len(fields) != len(series[wanted[0]]):
            raise UserError(
                f"{path}: the series {name!r} has {len(fields)} values, "
                f"but {wanted[0]!r} has {len(series[wanted[0]])}"
            )
    return pd.DataFrame(series, dtype=str)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if not content.strip():
        raise UserError(f"{path}: the file is empty")
    return content


def _schema(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a readable Parquet file: {one_line(error)}") from None


def _read_parquet(path: Path, columns: Sequence[int]) -> pd.DataFrame:
    """Return columns selected and labelled by position, because names may occur twice."""
    names = _schema(path)
    try:
        table = pq.read_table(path, columns=[names[column] for column in columns])
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file: {one_line(error)}") from None
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_floating(values.type):
            # pandas does not distinguish NaN from null
            bad = pc.index(pc.fill_null(pc.is_nan(values), False), True).as_py()
            if bad >= 0:
                raise UserError(f"{path}, column {name!r}, row {bad + 1}: 'nan' is not a number")
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame.set_axis(list(columns), axis=1)


def _separator(line: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(",;\t", key=unquoted.count)


def _find(name: str, names: Sequence[str], path: Path) -> int:
    """Return the position of a column, by its name or by the one that pandas gives if unnamed."""
    positions = [i for i, each in enumerate(names) if name == (each or f"Unnamed: {i}")]
    positions = positions or [i for i, each in enumerate(names) if name == each]
    if len(positions) == 1:
        return positions[0]
    if positions:
        raise UserError(f"{path}: {len(positions)} columns are named {name!r}")
    shown = ", ".join(repr(each) for each in names[:20])
    rest = f" and {len(names) - 20} more" if len(names) > 20 else ""
    raise UserError(
        f"{path}: no column {name!r}{did_you_mean(name, names)}: there are {shown}{rest}"
    )


def _numbers(column: pd.Series, path: Path, name: str) -> Array:
    """Return a column as float64, NaN where a value is missing."""
    place = f"{path}, column {name!r}"
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        text = column.astype(str).str.strip()
        missing = column.isna() | text.isin(_MISSING)
        numbers = pd.to_numeric(text.mask(missing), errors="coerce")
        values = numbers.to_numpy(np.float64, na_value=np.nan)
        if (bad := _first(np.isnan(values) & ~missing.to_numpy())) is not None:
            raise UserError(f"{place}, row {bad + 1}: {text.iloc[bad]!r} is not a number")
    if (bad := _first(np.isinf(values))) is not None:
        raise UserError(f"{place}, row {bad + 1}: the value is infinite")
    known = values[~np.isnan(values)]
    if not len(known):
        raise UserError(f"{place}: has no values at all")
    if len(values) > 1 and known.min() == known.max():
        raise UserError(f"{place}: has the constant value {known[0]:g}: leave the column out")
    return values


def _time_stamps(column: pd.Series, path: Path, name: str) -> pd.DatetimeIndex:
    place = f"{path}, column {name!r}"
    seconds = column
    if not pd.api.types.is_datetime64_any_dtype(column):
        seconds = pd.to_numeric(column, errors="coerce")
    if pd.api.types.is_numeric_dtype(seconds) and not seconds.isna().any():
        column = seconds
        times = pd.to_datetime(seconds, utc=True, unit="s", errors="coerce")
    else:
        times = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
    if (bad := _first(times.isna().to_numpy())) is not None:
        value = column.iloc[bad]
        given = "the time stamp is missing" if pd.isna(value) else f"{str(value)!r} is no time"
        raise UserError(f"{place}, row {bad + 1}: {given}: ISO 8601 or seconds since 1970 are read")
    index = pd.DatetimeIndex(times)
    steps = _steps(index)
    if (bad := _first(steps < 0)) is not None:
        raise UserError(
            f"{place}, row {bad + 2}: {index[bad + 1]} comes after {index[bad]}: "
            "sort the rows by time"
        )
    if (bad := _first(steps == 0)) is not None:
        raise UserError(
            f"{place}, row {bad + 2}: {index[bad]} stands there for the second time "
            f"({int((steps == 0).sum())} duplicates in all): keep one row for each time"
        )
    return index


def _interval(
    time: pd.DatetimeIndex, stated: pd.Timedelta | None, path: Path
) -> pd.Timedelta | None:
    """Return the stated interval, or else the most frequent step (the shortest if several are)."""
    if len(time) < 2:
        return stated
    steps, counts = np.unique(_steps(time), return_counts=True)
    usual = pd.Timedelta(int(steps[counts.argmax()]), unit="ns")
    if stated is None:
        return usual
    if (np.abs(steps / stated.as_unit("ns").value - 1) > _TOLERANCE).all():
        raise UserError(
            f"{path}: no two rows are {_readable(stated)} apart, as data.interval says: "
            f"most are {_readable(usual)} apart"
        )
    return stated


def _readable(step: pd.Timedelta) -> str:
    return str(step).removeprefix("0 days ")


def _steps(time: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the steps [rows - 1] in nanoseconds."""
    return np.diff(time.as_unit("ns").asi8)


def _first(where: NDArray[np.bool_]) -> int | None:
    return int(where.argmax()) if where.any() else None
