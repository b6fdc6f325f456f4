"""What a table holds: its header, notation, time column, columns of numbers, and holes.

Nothing is read here that :mod:`narrowcast.data.read` would not read: settings are tried until it
accepts the table.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from narrowcast.config import DataConfig, did_you_mean
from narrowcast.config.sections import TIME_KEYS
from narrowcast.data.columns import Columns, places, times_of
from narrowcast.data.parquet import parquet_names, read_parquet
from narrowcast.data.remarks import find_stand_ins
from narrowcast.data.series import is_identifier
from narrowcast.data.source import is_parquet, read_source
from narrowcast.data.text import HEAD, decode, guess_names, is_reading, read_text, without_empty_end
from narrowcast.data.timestamps import find_formats, may_be_excel, time_stamps
from narrowcast.data.values import Notation, as_text, group_mark, known_text, matches_all, numbers
from narrowcast.errors import UserError, boundary, one_line, shown

_ENCODINGS = ("cp1252", "latin-1")  # of text that is not UTF-8
_THOUSANDS = (",", ".", "'", " ")
_MOST_WORDS = 3  # of a column, which stand for missing values
_LONGEST_WORD = 100  # characters, as data.missing_values takes
_UNITS = (1, 2)  # rows of units below a header
_NAMED_TIME = re.compile(
    r"(?i).*(time|date|stamp|datum|zeit|epoch|^ts$|_ts$|^ds$|^t$|^t_[mun]?s$).*"
)
_UNIT = re.compile(r"(?i).*_([mun]?s)")  # of a name such as t_ms
_CLOCK = r"^\d{1,2}[:.]\d\d([:.]\d\d([.,]\d+)?)?( ?[AaPp][Mm])?$"  # a time of day
_NAMED_CLOCK = re.compile(  # of numbers such as 7 or 1330
    r"(?i)(hour|hr|hh|he|time|hhmm|clock|stunde|uhrzeit)([ _.]?(ending|of.day|utc|gmt|local|lst))?"
)
_PARTS = [  # of a time, each in a column of numbers
    re.compile(f"(?i){names}")
    for names in (
        *("years?|yr|yyyy", "months?|mon|mo|mm", "days?|dy|dd"),
        *("hours?|hr|hh", "minutes?|min|mi", "seconds?|sec|ss"),
    )
]
_LEAST_PARTS = 3
_PASSES = 0.9  # of the steps of a time since the start of a recording are positive
_MOST_COLUMNS = 2000
_SERIES = 50  # numbers in a line without names: each line is a series


@dataclass(frozen=True, eq=False)
class Found:
    """What a table holds.

    Attributes:
        path: The file.
        settings: Keys of ``[data]`` that the file needs, except those that name columns.
        time: The time column, or the columns of parts of times; None without any.
        times: Time stamps in the order of the rows, UTC.
        frame: The columns of numbers [rows, columns]; NaN is a missing value.
        left_out: Why each other column is no input.
        stand_ins: Values that recur far outside of the other readings.
        why: Why each key of ``settings`` is needed.
    """

    path: Path
    settings: Mapping[str, Any]
    time: str | list[str] | None
    times: pd.DatetimeIndex | None
    frame: pd.DataFrame
    left_out: Mapping[str, str]
    stand_ins: Sequence[float]
    why: Mapping[str, str]

    def check_target(self, name: str) -> None:
        """Check that the file has a column that may be the target.

        Raises:
            UserError: It has none of that name, or it is the time column.
        """
        if name == self.time or (isinstance(self.time, list) and name in self.time):
            raise UserError(f"{self.path}: column {shown(name)}: holds the time stamps")
        names = [*map(str, self.frame), *self.left_out]
        if name not in names:
            raise UserError(f"{self.path}: no column {shown(name)}{did_you_mean(name, names)}")


def inspect(path: Path, given: Mapping[str, Any]) -> Found:
    """Return what a table holds.

    Args:
        path: The file.
        given: Keys of ``[data]`` that the user states.

    Raises:
        UserError: The file cannot be read, has no names, or no column of numbers.
    """
    with boundary(str(path), "the file is damaged, or no table"):
        content = read_source(path)
        if is_parquet(content):
            names = parquet_names(content, path)
            return _inspect(path, content, names, dict(given), {})
        settings, why = dict(given), {}
        try:
            text = decode(content[:HEAD], _config(settings), path, whole=False)
        except UserError:
            if "encoding" in settings or b"\0" in content[:HEAD]:
                raise
            settings["encoding"] = _encoding(content, path)
            why["encoding"] = "it is not UTF-8: check letters such as umlauts"
            text = decode(content[:HEAD], _config(settings), path, whole=False)
        names = guess_names(text, _config(settings), path)
        no_header = f"{path}: has no header: add a first line with a name for each column"
        if settings.get("layout") != "rows" and all(_is_number(name) for name in names):
            if len(names) < _SERIES:
                raise UserError(no_header)
            settings["layout"], why["layout"] = "rows", "lines have numbers only: each is a series"
        elif settings.get("layout") != "rows" and all(
            _is_number(name) or is_reading(name) for name in names
        ):
            raise UserError(no_header)
        if settings.get("layout") == "rows":
            decoded = decode(content, _config(settings), path)
            rows = sum(1 for line in decoded.split(b"\n") if line.strip())
            names = [str(row) for row in range(rows - settings.get("skip_rows", 0))]
        return _inspect(path, content, names, settings, why)


def _config(settings: Mapping[str, Any], time: str | list[str] | None = None) -> DataConfig:
    """Return a configuration that reads a file; columns and windows do not matter."""
    fixed = {"inputs": ["x"], "target": "x", "window": 2, "lead": 1, "time": time}
    needless = () if time else TIME_KEYS
    given = {key: value for key, value in settings.items() if key not in needless}
    return DataConfig.model_validate({**given, **fixed})


def _encoding(content: bytes, path: Path) -> str:
    for encoding in _ENCODINGS:
        try:
            decode(content, _config({"encoding": encoding}), path)
        except UserError:
            continue
        return encoding
    raise UserError(f"{path}: no known text: state its encoding with --set data.encoding=NAME")


def _is_number(name: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.,]+([eE][+-]?\d+)?|", name.strip()) is not None


def _inspect(
    path: Path, content: bytes, names: list[str], settings: dict[str, Any], why: dict[str, str]
) -> Found:
    known = [name for name, at in places(names).items() if name and len(at) == 1]
    if len(known) > _MOST_COLUMNS:
        raise UserError(
            f"{path}: has {len(known)} columns, more than {_MOST_COLUMNS}: leave some out"
        )
    best: tuple[int, Columns, dict[str, Any], dict[str, Any]] | None = None
    for extra in _tries(settings):
        if best is not None and not _possible(extra, best[1]):
            continue
        config = _config({**settings, **extra})
        if is_parquet(content):
            columns = read_parquet(content, config, known, path)
        else:
            columns = read_text(content, config, known, path)
            ended = without_empty_end(pa.table(columns.readings), known)
            columns = replace(columns, readings={name: ended[name] for name in known})
        values = _numbers(columns, config)
        count = sum(isinstance(each, np.ndarray) for each in values.values())
        if best is None or count > best[0]:
            best = count, columns, extra, values
        if count >= len(known) - 1:
            break
    assert best is not None
    _, columns, extra, values = best
    if "missing_values" not in settings and (words := _words(columns, values)):
        extra = {**extra, "missing_values": words}
        values = _numbers(columns, _config({**settings, **extra}))
    reasons = {
        "missing_values": "they stand among numbers",
        "skip_rows": "the rows below the header hold units",
        "thousands": "this character separates thousands",
        "decimal": "this character separates decimals",
    }
    settings, why = settings | extra, why | {key: reasons[key] for key in extra}
    time, times, form, refused = _time(columns, values, settings, path)
    values |= refused
    settings |= form
    if "time_of_day" in form:
        why["time_of_day"] = "the column of times of day"
    if "time_format" in form:
        why["time_format"] = "time stamps are not ISO 8601: check the order of day and month"
    if "time_unit" in form:
        why["time_unit"] = "as the name of the column says"
    return _sorted_out(path, settings, why, values, time, times)


def _tries(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield settings to try, the plain ones first."""
    yield {}
    if "skip_rows" not in settings:
        yield from ({"skip_rows": rows} for rows in _UNITS)
    if "thousands" not in settings:
        yield from ({"thousands": mark} for mark in _THOUSANDS if mark != settings.get("decimal"))
    if "decimal" not in settings:
        yield {"decimal": ","}


def _possible(extra: Mapping[str, Any], columns: Columns) -> bool:
    """Return whether some value is written as settings say that numbers are."""
    if "thousands" in extra:
        pattern = rf"^[+-]?[1-9]\d{{0,2}}({group_mark(extra['thousands'])}\d{{3}})+([.,]\d+)?$"
    elif "decimal" in extra:
        pattern = r"^[+-]?(0|[1-9]\d*)?,\d+$"
    else:
        return True
    texts = (as_text(column) for column in columns.readings.values())
    return any(
        text is not None and pc.any(pc.match_substring_regex(text, pattern)).as_py()
        for text in texts
    )


def _words(columns: Columns, values: Mapping[str, Any]) -> list[str]:
    """Return the words that stand for a missing value in columns that hold numbers otherwise."""
    found: dict[str, None] = {}
    for name, column in columns.readings.items():
        text = as_text(column) if isinstance(values[name], str) else None
        if text is None or not len(text):
            continue
        counted = pc.value_counts(known_text(text).drop_null())
        fields = (counted.field(each).to_pylist() for each in ("values", "counts"))
        several = dict(zip(*fields, strict=True))
        words = [word for word in several if re.fullmatch(rf"\D{{1,{_LONGEST_WORD}}}", word)]
        rest = sum(count for word, count in several.items() if word not in words)
        few = len(words) <= _MOST_WORDS and sum(several[word] for word in words) < rest
        title = text[0].as_py() in words and several[text[0].as_py()] == 1
        if few and not title and all(_is_number(word) for word in several.keys() - words):
            found |= dict.fromkeys(words)
    return list(found)


def _numbers(columns: Columns, config: DataConfig) -> dict[str, NDArray[np.float64] | str]:
    """Return each column as numbers, or why it is none."""
    notation = Notation.of(config, comma=columns.decimal_comma)
    found: dict[str, NDArray[np.float64] | str] = {}
    for name, column in columns.readings.items():
        try:
            found[name], _ = numbers(column, notation, "", varied=False)
        except UserError as error:
            found[name] = _without_place(error)
        except (ValueError, TypeError) as error:
            found[name] = one_line(error)
    return found


def _without_place(error: UserError) -> str:
    """Return the message on a column whose place is empty."""
    return re.sub(r"^(, |: )", "", str(error))


def _time(
    columns: Columns, values: Mapping[str, Any], settings: Mapping[str, Any], path: Path
) -> tuple[str | list[str] | None, pd.DatetimeIndex | None, dict[str, str], dict[str, str]]:
    """Return the time column, its time stamps, the key that says how to read them if they need one.

    At last, it says why other columns that are named as such hold no time stamps.

    Raises:
        UserError: The only column of times has a row without one.
    """
    refused: dict[str, str] = {}
    if settings.get("layout") == "rows":
        return None, None, {}, refused
    named = [name for name in values if _NAMED_TIME.fullmatch(name)]
    texts = [name for name in values if not isinstance(values[name], np.ndarray)]
    dates = [name for name in values if _are_dates(values[name])]
    likely = (*(each for each in texts if each in named), *named, *texts, *dates, *list(values)[:1])
    for name in dict.fromkeys(likely):
        column = columns.readings[name]
        numeric = isinstance(values[name], np.ndarray)
        increases = numeric and _increases(values[name]) and not _counts_rows(values[name])
        if numeric and not increases and name not in (*named, *dates):
            continue
        excel = numeric and name in named and may_be_excel(values[name])
        stated = settings.get("time_format") or settings.get("time_unit")
        forms = [{}] if stated else _formats(column, excel=excel)
        if not stated and numeric and (unit := _UNIT.fullmatch(name)):
            forms.insert(1, {"time_unit": unit[1].lower()})
        for form in forms:
            try:
                times = time_stamps(column, _config({**settings, **form}, name), "")
            except UserError as error:
                if name in named and not numeric:
                    refused.setdefault(name, _without_place(error))
                continue
            alone = name in named or not numeric or not times.duplicated().any()
            days = alone or name in dates
            several = bool(times.duplicated().any())
            if days and (clock := _clock(columns, values, name, settings, several=several)):
                return name, *clock, {}
            if not times.duplicated().all() and alone:
                return name, times, form, {}
    if parts := _parts(columns, values, settings):
        return *parts, {}, {}
    for name, reason in refused.items():
        if "delete the row" in reason and _begins(columns.readings[name], name, settings):
            raise UserError(f"{path}, column {shown(name)}, {reason}")
    return None, None, {}, refused


def _begins(column: pa.ChunkedArray, name: str, settings: Mapping[str, Any]) -> bool:
    """Return whether the first row has a time, so that the column is one of times."""
    first = column.slice(0, 1)
    for form in _formats(first, excel=False):
        with suppress(UserError):
            return bool(len(time_stamps(first, _config({**settings, **form}, name), "")))
    return False


def _parts(
    columns: Columns, values: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[list[str], pd.DatetimeIndex] | None:
    """Return the columns of years, months, days and what follows, and their time stamps, if any."""
    found: list[str] = []
    for part in _PARTS:
        fitting = (each for each in values if part.fullmatch(each.strip()))
        name = next((each for each in fitting if isinstance(values[each], np.ndarray)), None)
        if name is None:
            break
        found.append(name)
    if len(found) < _LEAST_PARTS or settings.get("time_format") or settings.get("time_unit"):
        return None
    column = times_of([columns.readings[each] for each in found])
    assert column is not None
    try:
        times = time_stamps(column, _config(settings, found), "")
    except UserError:
        return None
    return None if times.duplicated().all() else (found, times)


def _clock_form(
    column: pa.ChunkedArray, name: str, values: NDArray[np.float64] | str
) -> str | None:
    """Return how a column holds times of day, an end of ``time_format``; None if it holds none.

    Args:
        column: The column.
        name: Its name.
        values: Its numbers, or why it holds none.

    Returns:
        An empty text where the formats of the table's time stamps tell.
    """
    if isinstance(values, str):
        text = as_text(column)
        return "" if text is not None and matches_all(text, _CLOCK) else None
    if _NAMED_CLOCK.fullmatch(name) is None or np.isnan(values).any():
        return None
    for form, unit in ((" %H", 1), (" %H%M", 100), (" %H%M%S", 10_000)):
        hours, rest = np.divmod(values, unit)
        if ((hours >= 0) & (hours <= 24) & (rest % 100 < 60) & (rest // 100 < 60)).all():
            return form if (values % 1 == 0).all() else None
    return None


def _clock(
    columns: Columns,
    values: Mapping[str, NDArray[np.float64] | str],
    name: str,
    settings: Mapping[str, Any],
    *,
    several: bool,
) -> tuple[pd.DatetimeIndex, dict[str, str]] | None:
    """Return time stamps of dates and times of day, and the keys that read them; None without.

    Args:
        columns: What was read.
        values: The numbers of each column, or why it holds none.
        name: The column of dates.
        settings: Keys that the file needs.
        several: Whether a date has several rows, which numbers may tell apart.
    """
    for other, found in values.items():
        if other == name or not (several or isinstance(found, str)):
            continue
        if (end := _clock_form(columns.readings[other], other, found)) is None:
            continue
        column = times_of([columns.readings[name], columns.readings[other]], end)
        assert column is not None
        for form in [{}] if settings.get("time_format") else _formats(column, excel=False):
            if len(end) > len(" %H") and not form.get("time_format", "").endswith(end):
                continue  # the zeros that numbers lack are known by their format
            keys = {"time_of_day": other, **form}
            try:
                return time_stamps(column, _config({**settings, **keys}, name), ""), keys
            except UserError:
                continue
    return None


def _formats(column: pa.ChunkedArray, *, excel: bool) -> list[dict[str, str]]:
    """Return the formats of time stamps to try; the first one needs no key."""
    text = as_text(column)
    forms = ["excel"] if excel else [] if text is None else find_formats(known_text(text))
    return [{}, *({"time_format": form} for form in forms)]


def _are_dates(values: NDArray[np.float64] | str) -> bool:
    """Return whether values are numbers of eight digits that begin with a year, as 20250309."""
    if isinstance(values, str) or np.isnan(values).any():
        return False
    return bool(((values % 1 == 0) & (values // 10**4 >= 1800) & (values // 10**4 < 2200)).all())


def _counts_rows(values: NDArray[np.float64]) -> bool:
    """Return whether values count the rows, forwards or backwards."""
    steps = np.diff(values)
    return len(steps) > 1 and abs(steps[0]) == 1 and bool((steps == steps[0]).all())


def _increases(values: NDArray[np.float64]) -> bool:
    return len(values) > 1 and bool((np.diff(values) > 0).all())


def _passes(name: str, values: NDArray[np.float64]) -> bool:
    """Return whether a column is the time since some start, by its name and its values."""
    return _NAMED_TIME.fullmatch(name) is not None and bool((np.diff(values) > 0).mean() > _PASSES)


def _sorted_out(
    path: Path,
    settings: dict[str, Any],
    why: dict[str, str],
    values: Mapping[str, NDArray[np.float64] | str],
    time: str | list[str] | None,
    times: pd.DatetimeIndex | None,
) -> Found:
    """Return what was found, without the columns that no model can learn from."""
    left_out: dict[str, str] = {}
    readings: dict[str, NDArray[np.float64]] = {}
    for name, column in values.items():
        if name in (*(time if isinstance(time, list) else [time]), settings.get("time_of_day")):
            continue
        if isinstance(column, str):
            left_out[name] = column
            continue
        several = np.unique(column[~np.isnan(column)])
        if len(several) < 2:
            left_out[name] = "constant" if len(several) else "no values at all"
        elif _counts_rows(column):
            left_out[name] = "counts the rows"
        elif _passes(name, column):
            left_out[name] = "a time in an unknown unit: data.time and data.time_unit read it"
        elif is_identifier(name) and (several % 1 == 0).all():
            left_out[name] = "named as the number of something that there are several of"
        else:
            readings[name] = column
    if not readings:
        reasons = "; ".join(f"{shown(name)}: {each}" for name, each in list(left_out.items())[:3])
        reasons = reasons or "there is only that of the time stamps"
        raise UserError(f"{path}: no column of numbers that vary ({reasons})")
    frame = pd.DataFrame(readings)
    stand_ins = list(find_stand_ins(frame))
    if stand_ins and ("missing_values" not in settings or "missing_values" in why):
        frame = frame.mask(frame.isin(stand_ins))
    return Found(path, settings, time, times, frame, left_out, stand_ins, why)
