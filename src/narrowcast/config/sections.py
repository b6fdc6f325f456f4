"""The sections of a configuration file, with their default and allowed values."""

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from narrowcast.config.notation import Encoding, MissingValue, Separator, TimeFormat, TimeZone
from narrowcast.config.precision import QuantizationConfig, flat_items
from narrowcast.config.regions import check_region
from narrowcast.config.section import Section
from narrowcast.config.shape import (
    MOST_BATCH_VALUES,
    MOST_VALUES,
    MOST_WEIGHTS,
    Monitors,
    Stream,
    shape_of,
    sizes_of,
)
from narrowcast.errors import shown
from narrowcast.integer.builder import Kind, Pooling
from narrowcast.integer.calendar import Calendar, calendar_columns

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h|D|W)")
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "D": 86400, "W": 604800}
_INTERVAL_SECONDS = 1e-6, 100 * 366 * 86400  # shortest and longest
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TIME_KEYS = (  # which need a time column
    *("time_of_day", "time_unit", "time_format", "timezone"),
    *("calendar", "resample", "holidays"),
)
_MOST_ROWS = 10**7  # of a season or a hole
_MOST_PATH = 4096  # characters, as in Linux


def _column_name(value: object) -> object:
    # In the layout 'rows' a series is named by its row number; TOML reads a bare 0 as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _iso(value: object) -> object:
    # TOML reads a bare 2022-01-01 as a date.
    return value.isoformat() if isinstance(value, datetime.date) else value


def _boundary(value: float | str) -> float | str:
    if isinstance(value, str):
        datetime.datetime.fromisoformat(value)
    elif not 0 < value < 1:
        raise ValueError
    return value


def _interval(value: str) -> str:
    match = _INTERVAL.fullmatch(value)
    shortest, longest = _INTERVAL_SECONDS
    if not match or not shortest <= float(match[1]) * _SECONDS[match[2]] <= longest:
        raise ValueError
    return value


def _file_name(value: Path | None) -> Path | None:
    if value is None:
        return None
    if value == Path() or _CONTROL.search(str(value)) or len(str(value)) > _MOST_PATH:
        raise ValueError
    return value


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError
    return values


def _ascending(values: list[float]) -> list[float]:
    if any(a >= b for a, b in pairwise((0.0, *values, 1.0))):
        raise ValueError
    return values


def _one_or_several(value: str | list[str]) -> str | list[str]:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _by_static(value: object) -> object:
    # A column without a list of its values holds numbers.
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: [] for name in _unique(value)}
    return _by_column(value)


def _length(value: object) -> object:
    if isinstance(value, str):
        return _interval(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_ROWS:
        raise ValueError
    return value


def _by_column(value: object) -> object:
    # TOML nests an unquoted name with a dot, such as PM2.5.
    return dict(flat_items(value)) if isinstance(value, dict) else value


Aggregate = Literal["mean", "sum", "last", "min", "max"]
Season = Annotated[str | int, BeforeValidator(_length)]
ColumnName = Annotated[str, BeforeValidator(_column_name), Field(max_length=1000)]
ColumnNames = Annotated[list[ColumnName], AfterValidator(_unique)]
Label = Annotated[str, BeforeValidator(_column_name), Field(min_length=1, max_length=100)]
Boundary = Annotated[float | str, BeforeValidator(_iso), AfterValidator(_boundary)]
Memory = Literal["auto", "block", "distributed"]
MOST_CLASSES = 128
MOST_SERIES = 127
MOST_TARGETS = 64  # of a model with a head for each
HOLIDAY = "holiday"  # name of the column that data.holidays adds
Loss = Literal["mse", "mae", "huber"]
Task = Literal["forecast", "classify", "detect"]
InterfaceName = Literal["uart", "spi"]


def is_pattern(name: str) -> bool:
    """Return whether a name has wildcards, and stands for all names that it matches."""
    return "*" in name or "?" in name


def _static_inputs(static: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the names of the inputs that are made of static columns with their values."""
    return tuple(
        name
        for column, values in static.items()
        for name in ([f"{column} = {value}" for value in values] or [column])
    )


class SplitConfig(Section):
    """The boundaries of the validation and test parts; see ``narrowcast.data.windows``.

    With ``by``, the parts are made of whole values of a column, such as persons: the last ones in
    the order in which they first occur are the test part, those before them the validation part.
    ``test`` is then a fraction of all values, and ``validation`` of those before. With ``part``, a
    column says ``train``, ``validation`` or ``test`` for each row. With either, a window lies in
    one part as a whole.
    """

    validation: Boundary = Field(
        default=0.15,
        description="a fraction between 0 and 1 of the rows before the test part, "
        "or an ISO time stamp such as '2021-10-01'",
    )
    test: Boundary = Field(
        default=0.2,
        description="a fraction between 0 and 1 of all rows, "
        "or an ISO time stamp such as '2022-01-01'",
    )
    by: ColumnName | None = Field(
        default=None, description="the name of a column, of at most 1000 characters"
    )
    part: ColumnName | None = Field(
        default=None, description="the name of a column, of at most 1000 characters"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.by is not None and self.part is not None:
            raise ValueError("by and part exclude each other: leave out one")
        if self.by is not None and str in map(type, (self.validation, self.test)):
            raise ValueError(
                f"by = {shown(self.by)} needs validation and test as fractions of its values"
            )
        return self


class DataConfig(Section):
    """The table of readings, its columns, and the windows cut from it.

    A window consists of the ``window`` rows that end at row t. Its targets are ``outputs`` values
    of the column ``target``, in row t + ``lead`` and in the rows that follow. If ``target`` names
    several columns, one model forecasts all of them. If the column ``time`` holds dates only,
    ``time_of_day`` names the one with the times of day; a list such as ``["year", "month", "day",
    "hour"]`` names columns with the parts of each time as numbers. The keys from ``time_unit`` to
    ``jitter`` say how the file is written, where its content does not show it; see docs/tables.md.

    The columns in ``relative_inputs`` enter the model relative to their last reading in the window,
    so that a series which drifts does not leave the range of its integers. If the target is one
    of them, the host adds its last reading to the forecast change. Of several targets, either all
    or none are relative.

    With ``calendar``, the time of each row is an input, too: ``hour`` is the time of day, ``month``
    the day of the year, read off a clock in ``timezone``, or else in UTC.

    With ``holidays``, a column ``holiday``, 1 on public holidays of a country or of a part of one,
    is among the ``inputs`` and ``known``: of the rows of the window, and of each time that is
    forecast. Days begin as clocks in ``timezone`` say. The library ``holidays`` knows the days.

    With ``seasons``, the model also receives the target's readings that are so much earlier than
    each time that is forecast, relative to its last reading: ``["1D", "7D"]`` are those of the
    day and of the week before. A season that is shorter than the time ahead counts several times.
    By default, a calendar with ``hour`` brings the day, and one with ``weekday`` the week.

    The columns in ``known`` are known ahead, as set points, prices and weather forecasts are: the
    model also receives their values at each time that is forecast. A column that is among the
    ``inputs`` as well is a column of the window, too.

    With ``missing = "hold"`` the last reading stands in for a missing one, and for those of missing
    rows, in at most ``longest_hole``: by default for as many rows as a window has. With ``"mask"``
    a further input for each column says so: 1 where the reading is missing, else 0. With
    ``"interpolate"`` a hole that ends within a window is bridged by a straight line, and at the end
    of a window the last reading stands in. With ``"drop"`` windows with holes are left out, as are
    those with missing targets in any case.

    With ``resample``, rows are grouped to bins of that period before all else. A bin has the
    readings after its start and up to its end, which is its time stamp: what is known then.
    ``resample_by`` says what it has of each column: their mean unless given.

    Rows that differ in a column of ``recording``, such as a person or a run, are of different
    recordings, each in order of time on its own. So are rows of different files, if ``path`` is a
    pattern such as ``"runs/*.csv"``. No window reaches from one recording into another.

    To classify windows, ``target`` is a column of labels, text or numbers, and ``classes`` lists
    them in the order of their numbers. Rows with a label in ``unlabelled`` have none. Where the
    rows of a window have several labels, ``mixed`` says which one it has: the most frequent one (of
    several, the first in ``classes``), or that of its last row; ``"drop"`` leaves such windows out,
    and ``"refuse"`` does not accept them. Rows without a label do not count, but a window whose
    last row has none has none, and is left out. Windows begin ``stride`` rows apart, from the first
    row of each recording on.

    **Panels.** With ``id``, rows that differ in this column, or in one of several, are of different
    series, each in order
    of time on its own, and one model forecasts all of them. ``layout = "long"`` stands for ``id``,
    ``time`` and ``target`` named ``unique_id``, ``ds`` and ``y``, unless they are given. With
    ``series``, the columns of a wide table that have these names, in which ``*`` and ``?`` are
    wildcards, are the series; ``target`` is then a name for their values. Files of a pattern that
    have no such column are a series each. The only input is the target unless ``inputs`` are given,
    and it is among the ``relative_inputs`` unless these are given. The parts are parts of time, the
    same for all series, and a window belongs to the part in which all its targets lie: earlier
    parts are known by then.

    With ``local_scaling``, each series has its own level and spread, the mean and the standard
    deviation of its target in the training part; a series without a training part has those of
    its first window. ``static`` names columns that are constant in each series and are inputs, too:
    a list of columns of numbers, or a table of each column with its values, such as
    ``{Type = ["A", "B"]}``, each of which is an input of 0 or 1. A series with a single row, or one
    that ends before the test part, is refused, unless ``short_series`` is ``"keep"``.

    With ``reference``, the mean of so many first rows of each recording is subtracted from its
    inputs, and unless ``reference_scale`` is false they are divided by the standard deviation of
    these rows. So recordings at different levels look alike. No window has any of these rows.
    """

    path: Annotated[Path | None, AfterValidator(_file_name)] = Field(
        default=None,
        strict=False,
        description="the path of a file, of at most 4096 characters and without control characters",
    )
    layout: Literal["columns", "rows", "long"] = Field(
        default="columns", description="'columns', 'rows' or 'long'"
    )
    time: (
        Annotated[str, Field(max_length=1000)]
        | Annotated[ColumnNames, Field(min_length=3, max_length=6)]
        | None
    ) = Field(
        default=None,
        description="the name of the column of time stamps, of at most 1000 characters, or a list "
        "of 3 to 6 columns of numbers: year, month, day, hour, minute, second",
    )
    interval: Annotated[str, AfterValidator(_interval)] | None = Field(
        default=None,
        description="a step in time such as '30s', '5min', '1h' or '1D', of at most 100 years",
    )
    resample: Annotated[str, AfterValidator(_interval)] | None = Field(
        default=None,
        description="a period such as '10min', '1h' or '1D', of at most 100 years",
    )
    resample_by: Annotated[
        Aggregate | Annotated[dict[ColumnName, Aggregate], Field(max_length=5000)],
        BeforeValidator(_by_column),
    ] = Field(
        default="mean",
        description="'mean', 'sum', 'last', 'min' or 'max', or a table of such by column",
    )
    inputs: ColumnNames = Field(
        min_length=1,
        max_length=4096,
        description="a list of 1 to 4096 column names, each named once and of at most 1000 "
        "characters",
    )
    target: Annotated[
        ColumnName | Annotated[ColumnNames, Field(max_length=MOST_SERIES)],
        AfterValidator(_one_or_several),
    ] = Field(
        description="the name of a column, of at most 1000 characters, or a list of at most 127, "
        "each named once"
    )
    relative_inputs: ColumnNames = Field(
        default=[], description="a list of names from inputs, each named once"
    )
    known: ColumnNames = Field(
        default=[],
        max_length=4096,
        description="a list of at most 4096 column names, each named once and of at most 1000 "
        "characters",
    )
    calendar: Annotated[list[Literal["hour", "weekday", "month"]], AfterValidator(_unique)] = Field(
        default=[], description="a list of 'hour', 'weekday' and 'month', each named once"
    )
    holidays: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = Field(
        default=None,
        description="a country such as 'DE', or a part of one such as 'AU-VIC'",
    )
    seasons: list[Season] | None = Field(
        default=None,
        max_length=8,
        description="a list of at most 8 steps in time such as '1D', or whole numbers of rows",
    )
    missing: Literal["drop", "hold", "mask", "interpolate"] = Field(
        default="drop", description="'drop', 'hold', 'mask' or 'interpolate'"
    )
    longest_hole: Annotated[str | int, BeforeValidator(_length)] | None = Field(
        default=None,
        description="a step in time such as '6h', or a whole number of rows, at least 1",
    )
    window: int = Field(ge=2, le=4096, description="a whole number of rows from 2 to 4096")
    lead: int = Field(ge=0, le=10**6, description="a whole number of rows from 0 to 1000000")
    outputs: int = Field(
        default=1, ge=1, le=4096, description="a whole number of rows from 1 to 4096"
    )
    recording: ColumnNames = Field(
        default=[],
        max_length=16,
        description="a list of at most 16 column names, each named once and of at most 1000 "
        "characters",
    )
    id: (
        Annotated[
            ColumnName | Annotated[ColumnNames, Field(min_length=1, max_length=16)],
            AfterValidator(_one_or_several),
        ]
        | None
    ) = Field(
        default=None,
        description="the name of a column, of at most 1000 characters, or a list of at most 16, "
        "each named once",
    )
    series: ColumnNames = Field(
        default=[],
        max_length=20_000,
        description="a list of at most 20000 column names, each named once and of at most 1000 "
        "characters; '*' and '?' are wildcards",
    )
    static: Annotated[
        dict[ColumnName, Annotated[list[Label], AfterValidator(_unique), Field(max_length=100)]],
        BeforeValidator(_by_static),
    ] = Field(
        default={},
        max_length=100,
        description="a list of at most 100 column names, or a table of such with the values of "
        "each, at most 100",
    )
    local_scaling: bool = Field(default=True, description="true or false")
    short_series: Literal["refuse", "keep"] = Field(
        default="refuse", description="'refuse' or 'keep'"
    )
    classes: Annotated[list[Label], AfterValidator(_unique)] = Field(
        default=[],
        max_length=MOST_CLASSES,
        description="a list of at most 128 labels, each named once and of at most 100 characters",
    )
    unlabelled: Annotated[list[Label], AfterValidator(_unique)] = Field(
        default=[],
        max_length=MOST_CLASSES,
        description="a list of at most 128 labels, each named once and of at most 100 characters",
    )
    mixed: Literal["majority", "last", "drop", "refuse"] = Field(
        default="majority", description="'majority', 'last', 'drop' or 'refuse'"
    )
    stride: int = Field(
        default=1, ge=1, le=4096, description="a whole number of rows from 1 to 4096"
    )
    reference: int | None = Field(
        default=None, ge=2, le=10**6, description="a whole number of rows from 2 to 1000000"
    )
    reference_scale: bool = Field(default=True, description="true or false")
    split: SplitConfig = Field(
        default=SplitConfig(), description="a section with validation and test"
    )
    scaling: Literal["min-max", "standard"] = Field(
        default="standard", description="'min-max' or 'standard'"
    )
    time_of_day: str | None = Field(
        default=None,
        max_length=1000,
        description="the name of the column of times of day, of at most 1000 characters",
    )
    time_unit: Literal["s", "ms", "us", "ns"] | None = Field(
        default=None, description="'s', 'ms', 'us' or 'ns', the unit of a time since 1970"
    )
    time_format: TimeFormat | None = Field(
        default=None,
        description="a format of time stamps in the notation of strptime, such as "
        "'%d.%m.%Y %H:%M', with a year, and with %I and %p only together; or 'excel'",
    )
    timezone: TimeZone | None = Field(
        default=None, description="the IANA name of a time zone, such as 'Europe/Berlin'"
    )
    decimal: Literal[".", ","] | None = Field(default=None, description="'.' or ','")
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        default=None, description="',', '.', ' ' or \"'\""
    )
    separator: Separator | None = Field(
        default=None, description="one character between fields, such as ';' or '|'"
    )
    skip_rows: int = Field(
        default=0, ge=0, le=1_000_000, description="a whole number of rows, from 0 to 1000000"
    )
    encoding: Encoding | None = Field(
        default=None, description="the name of a character encoding, such as 'latin-1' or 'cp1252'"
    )
    missing_values: list[MissingValue] = Field(
        default=[],
        max_length=100,
        description="a list of at most 100 numbers or texts, such as [-999, 'void']",
    )
    jitter: float = Field(
        default=0.1, ge=0, le=0.24, description="a part of the interval, from 0 to 0.24"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns that are forecast."""
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)

    @property
    def target_columns(self) -> tuple[int, ...]:
        """Index of each target among the inputs; none if one of them is no input."""
        if not set(self.targets) <= set(self.inputs):
            return ()
        return tuple(map(self.inputs.index, self.targets))

    @property
    def time_columns(self) -> tuple[str, ...]:
        """Names of the column of time stamps, or of those of parts of them."""
        if isinstance(self.time, list):
            return tuple(self.time)
        return tuple(each for each in (self.time, self.time_of_day) if each is not None)

    @property
    def time_name(self) -> str | None:
        """What messages and results call the time; None without any."""
        return "/".join(self.time) if isinstance(self.time, list) else self.time

    @property
    def clock(self) -> Calendar | None:
        """The calendar columns; None without any."""
        return Calendar(tuple(self.calendar), self.timezone or "UTC") if self.calendar else None

    @property
    def season_lengths(self) -> tuple[Season, ...]:
        """The seasons, stated or those of the calendar."""
        if self.seasons is not None:
            return tuple(self.seasons)
        if not self.target_columns:
            return ()
        lengths = {"hour": "1D", "weekday": "7D"}
        return tuple(length for name, length in lengths.items() if name in self.calendar)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the columns whose values make recordings or parts, each once."""
        given = (self.split.by, self.split.part)
        return tuple(dict.fromkeys((*self.recording, *(name for name in given if name))))

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the columns whose values are no quantities, each once."""
        labels = self.targets if self.classes else ()
        return tuple(dict.fromkeys((*self.groups, *labels)))

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the columns of the table that are in use, each once."""
        return tuple(dict.fromkeys((*self.inputs, *self.targets, *self.known, *self.groups)))

    @property
    def indicators(self) -> dict[str, tuple[str, str]]:
        """The inputs of 0 or 1 that are made of static columns: a column and a value of each."""
        return {
            f"{column} = {value}": (column, value)
            for column, values in self.static.items()
            for value in values
        }

    @property
    def static_inputs(self) -> tuple[str, ...]:
        """Names of the inputs that are constant in each series."""
        return _static_inputs(self.static)

    @property
    def read(self) -> tuple[str, ...]:
        """Names of the columns that the file has to have besides the time, each once.

        Those of a wide table that wildcards stand for are not among them.
        """
        made = {*self.indicators, *([] if self.holidays is None else [HOLIDAY])}
        listed = [name for name in self.series if not is_pattern(name)]
        if self.series:
            made |= {*self.targets, *self.recording}
        elif self.id is not None and self.path is not None and is_pattern(self.path.name):
            made |= {*self.recording}
        used = dict.fromkeys((*self.used, *self.static, *listed))
        return tuple(name for name in used if name not in made)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the model's inputs: columns of the table, their masks, those of the calendar."""
        masks = [f"{name} missing" for name in self.inputs] if self.missing == "mask" else []
        return (*self.inputs, *masks, *calendar_columns(self.calendar))

    def resampling(self, column: str) -> Aggregate:
        """Return what a bin of ``resample`` has of a column; of names and labels the last one."""
        if column in self.categories:
            return "last"
        rule = self.resample_by
        return rule.get(column, "mean") if isinstance(rule, dict) else rule

    @model_validator(mode="before")
    @classmethod
    def _of_a_panel(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        long = {"id": "unique_id", "time": "ds"} if values.get("layout") == "long" else {}
        if not long and not values.get("series") and values.get("id") is None:
            return values
        panel = {"id": "unique_id", **long, "target": "y", **values}
        given = panel.get("target")
        told = panel["id"] if isinstance(panel["id"], list) else [panel["id"]]
        panel = {"inputs": [given], "recording": told, **panel}
        inputs, static = panel["inputs"], panel.get("static", {})
        if isinstance(inputs, list) and isinstance(static, dict | list):
            made = _static_inputs(static if isinstance(static, dict) else dict.fromkeys(static, ()))
            panel["inputs"] = [*inputs, *(name for name in made if name not in inputs)]
            if given in panel["inputs"] and panel.get("missing") != "mask":
                panel = {"relative_inputs": [given], **panel}
        return panel

    @model_validator(mode="before")
    @classmethod
    def _with_holidays(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("holidays"):
            return values
        lists = {key: values.get(key, []) for key in ("inputs", "known")}
        added = {
            key: [*names, HOLIDAY]
            for key, names in lists.items()
            if isinstance(names, list) and HOLIDAY not in names
        }
        return {**values, **added}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.thousands is not None and self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        if self.time_unit is not None and self.time_format is not None:
            raise ValueError("time_unit and time_format exclude each other: leave out one")
        if self.longest_hole is not None and self.missing == "drop":
            raise ValueError(
                "longest_hole needs missing = 'hold', 'mask' or 'interpolate': with 'drop' holes "
                "are left out"
            )
        for key in TIME_KEYS:
            if self.time is None and getattr(self, key):
                raise ValueError(f"{key} needs the name of the time column: set time")
        for key in ("time_of_day", "time_unit", "time_format"):
            if isinstance(self.time, list) and getattr(self, key):
                raise ValueError(f"{key} is for a single column of times, not a list: leave it out")
        if self.holidays is not None:
            check_region(self.holidays)
        return self

    @model_validator(mode="after")
    def _resampled(self) -> Self:
        if self.resample is None:
            if self.resample_by != "mean":
                raise ValueError("resample_by needs a period: set resample, such as '10min'")
            return self
        if self.interval is not None:
            raise ValueError(
                f"resample = {self.resample!r} is the interval of the rows: leave out interval"
            )
        if isinstance(self.resample_by, dict):
            for name in self.resample_by:
                if name not in self.used:
                    raise ValueError(
                        f"resample_by names {shown(name)}, which is neither an input nor the "
                        "target nor known: add it to inputs, or leave it out"
                    )
                if name in self.categories:
                    raise ValueError(
                        f"resample_by names {shown(name)}, which has names or labels: a bin has "
                        "the last one, so leave it out"
                    )
        return self

    @model_validator(mode="after")
    def _one_panel(self) -> Self:
        if self.id is None:
            _refuse_given(
                "is for the series of a panel: set id, the column that tells them apart",
                ("static", self.static),
                ("local_scaling = false", not self.local_scaling),
                ("short_series = 'keep'", self.short_series == "keep"),
            )
            return self
        if self.recording != ([self.id] if isinstance(self.id, str) else self.id):
            raise ValueError(
                f"recording = {shown(self.recording)} beside id = {shown(self.id)}: each series is "
                "one recording, so leave out recording"
            )
        if len(self.targets) != 1:
            raise ValueError(
                f"target names {len(self.targets)} columns, but a panel has one, in all its "
                "series: name one"
            )
        _refuse_given(
            "is not possible in a panel, whose parts are parts of time: leave it out",
            ("split.by", self.split.by),
            ("split.part", self.split.part),
        )
        if self.time is None and not self.series:
            raise ValueError(
                "id needs the name of the time column, as the parts are parts of time: set time"
            )
        if self.series:
            _refuse_given(
                "is not possible with series: a wide table has no column with a value for each",
                ("static", self.static),
            )
            if set(self.time_columns) & set(self.series) or set(self.series) & {
                *self.inputs,
                *self.known,
            }:
                raise ValueError(
                    "series names the time column, or one that is among inputs or known: leave it "
                    "out there"
                )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := set(self.categories) & {*self.inputs, *self.known}:
            raise ValueError(
                f"the column {shown(min(both))} names recordings, parts or labels, so that it "
                "cannot be an input nor known: leave it out there"
            )
        given = [name for name in self.targets if name in self.inputs]
        if self.lead == 0 and given:
            raise ValueError(
                f"with lead = 0 the target {shown(given[0])} must not be among the inputs: "
                "the window would hold the answer; take it out of inputs, or forecast with lead = 1"
            )
        if unknown := set(self.relative_inputs) - set(self.inputs):
            raise ValueError(
                f"relative_inputs names {shown(min(unknown))}, which is not among the inputs: "
                "add it there, or leave it out"
            )
        if forecast := set(self.known) & set(self.targets):
            raise ValueError(
                f"known names the target {shown(min(forecast))}, which is what is forecast: leave "
                "it out"
            )
        relative = set(self.relative_inputs) & set(self.targets)
        if relative and (others := set(self.targets) - relative):
            raise ValueError(
                f"relative_inputs names the target {shown(min(relative))}, but not the target "
                f"{shown(min(others))}: name all targets there, or none"
            )
        if both := set(self.known) & set(self.relative_inputs):
            raise ValueError(
                f"known names {shown(min(both))}, which is among relative_inputs: values ahead are "
                "not relative to the last reading, so leave it out of one of them"
            )
        if self.missing == "mask" and self.relative_inputs:
            raise ValueError(
                "missing = 'mask' is not possible with relative_inputs: choose 'hold', or leave "
                "them out"
            )
        if self.seasons and (others := set(self.targets) - set(self.inputs)):
            raise ValueError(
                f"seasons are earlier readings of the target {shown(min(others))}, which is not "
                "among the inputs: add it there, or leave out seasons"
            )
        # A label may tell recordings apart, if each has one of its own.
        parts = {self.split.by, self.split.part}
        if both := set(self.targets) & (parts if self.classes else {*parts, *self.recording}):
            raise ValueError(
                f"the target {shown(min(map(str, both)))} cannot name recordings or parts as well: "
                "leave it out there"
            )
        if self.groups and self.layout == "rows" and not self.series:
            raise ValueError(
                "layout = 'rows' has no columns that name recordings or parts: leave out "
                "recording, split.by and split.part"
            )
        if both := set(self.classes) & set(self.unlabelled):
            raise ValueError(
                f"{shown(min(both))} is among classes and among unlabelled: leave it out of one"
            )
        if taken := [name for name in self.time_columns if name in self.used]:
            raise ValueError(
                f"the time column {shown(taken[0])} can be neither an input nor target nor known"
            )
        if self.time is not None and self.layout == "rows":
            raise ValueError("layout = 'rows' has no time stamps: leave out time")
        if self.time is None and str in map(type, (self.split.validation, self.split.test)):
            raise ValueError(
                "a split at a time stamp needs the name of the time column: set time, "
                "or give the split as a fraction"
            )
        return self


_LEAST_CHANNELS = 2  # of a detector that reconstructs, by default
_MOST_HEADS = 4  # by default
_KERNEL = 4  # by default
_LONGEST_TOKEN = 8  # rows, of a classifier, by default
_LEAST_TOKENS = 6  # without overlap, of a classifier whose tokens have more rows than those


class ModelConfig(Section):
    """The size of the Transformer.

    With ``kind = "window"`` each forecast is computed from a whole window. With ``"stream"`` the
    model takes one reading at a time and keeps the keys and values of the last ``data.window``
    tokens, to which the newest one attends; in place of positions, each head has a bias for each
    age of a token. The forecast is read from the newest token. A gap or a missing value starts
    anew.

    Unless given, ``ffn_channels`` is 4 x ``channels``, and ``heads`` is 4, or as many of these as
    divide ``channels``. With ``pooling = "last"`` the forecast is read from the last token, and the
    last layer computes that token only; with "mean", from the mean of all tokens. That is the
    default for ``task = "classify"``, where what tells a label may be anywhere in the window.

    Each token embeds ``kernel`` successive rows of the window, 4 unless given, and the next one
    begins ``stride`` rows later, half as many unless given: a convolution over rows. To classify
    windows of 30 rows and more, it is a sixth of them, up to 8, by default. With as many
    rows in both, a token is a patch of rows, and a long window has few tokens. In a stream each
    token embeds the last ``kernel`` readings, and there is no ``stride``.

    With ``tokens = "series"`` each token is a series, one of several targets, which are then all of
    the inputs: it embeds all readings of its column in the window, and the calendar of the last
    row, with the same weights for each series. Attention goes across series, a bias for each of
    them takes the place of positions, and the forecasts of a series are read from its token: a
    linear map of its readings, plus a head with the same weights for all tokens. With ``relative``,
    the training begins with the last reading in place of that map. There is no ``kernel``, no
    ``stride`` and no ``pooling``.

    With ``fold``, the quantised network computes linear maps with nothing between them as one
    product where that takes fewer multiplications; in real numbers it is the same function.

    With ``relative`` the model forecasts the change from the target's last known value. This is
    the default if all targets are among the inputs, and impossible otherwise.

    With ``quantiles = [0.1, 0.5, 0.9]`` the model forecasts these quantiles of each target in place
    of its mean: the target should be below the first one with a probability of 10 %, and between
    the first and the last one with 80 %. The median, 0.5, is the forecast whose error is compared
    with those of others.
    """

    kind: Kind = Field(default="window", description="'window' or 'stream'")
    tokens: Literal["rows", "series"] = Field(default="rows", description="'rows' or 'series'")
    channels: int = Field(default=32, ge=1, le=4096, description="a whole number from 1 to 4096")
    layers: int = Field(default=1, ge=1, le=100, description="a whole number from 1 to 100")
    heads: int = Field(
        default=_MOST_HEADS,
        ge=1,
        le=4096,
        description="a whole number from 1 to 4096 that divides channels",
    )
    pooling: Pooling | None = Field(default=None, description="'last' or 'mean'")
    kernel: int | None = Field(
        default=None, ge=1, le=4096, description="a whole number of rows from 1 to 4096"
    )
    stride: int | None = Field(
        default=None, ge=1, le=4096, description="a whole number of rows from 1 to 4096"
    )
    fold: bool = Field(default=True, description="true or false")
    ffn_channels: int = Field(
        default=4 * 32, ge=1, le=16384, description="a whole number from 1 to 16384"
    )
    relative: bool | None = Field(default=None, description="true or false")
    quantiles: Annotated[list[float], AfterValidator(_ascending)] = Field(
        default=[],
        max_length=9,
        description="a list of at most 9 numbers between 0 and 1 in ascending order",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_channels(cls, values: object) -> object:
        channels = values.get("channels") if isinstance(values, dict) else None
        if isinstance(values, dict) and isinstance(channels, int) and 0 < channels <= 4096:
            heads = math.gcd(channels, _MOST_HEADS)
            return {"ffn_channels": 4 * channels, "heads": heads, **values}
        return values

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.channels % self.heads:
            raise ValueError(
                f"heads = {self.heads} must divide channels = {self.channels} without remainder"
            )
        return self

    @model_validator(mode="after")
    def _with_median(self) -> Self:
        if self.quantiles and 0.5 not in self.quantiles:
            raise ValueError(
                "quantiles has no 0.5, the median, which is the forecast that is compared with "
                "others: add it"
            )
        return self

    @property
    def series(self) -> bool:
        """Whether each token is a series."""
        return self.tokens == "series"

    @model_validator(mode="after")
    def _of_series(self) -> Self:
        if not self.series:
            return self
        if self.kind == "stream":
            raise ValueError(
                "tokens = 'series' is not possible with kind = 'stream', in which each reading is "
                "a token: leave out one of them"
            )
        for key in ("kernel", "stride", "pooling"):
            if key in self.model_fields_set and getattr(self, key) not in (None, "last"):
                raise ValueError(
                    f"{key} = {getattr(self, key)!r} is not possible with tokens = 'series', each "
                    "of which has all rows of a window: leave it out"
                )
        return self

    @model_validator(mode="after")
    def _streaming(self) -> Self:
        if self.kind == "stream":
            if self.pooling == "mean":
                raise ValueError(
                    "pooling = 'mean' is not possible with kind = 'stream', which computes the "
                    "newest token only: leave it out"
                )
            if self.stride is not None:
                raise ValueError(
                    f"stride = {self.stride} is not possible with kind = 'stream', in which each "
                    "reading begins a token: leave it out"
                )
        return self


class TrainConfig(Section):
    """Training in floating point, then fine-tuning with fake quantisation.

    ``loss`` is that of the scaled forecasts in floating point: the mean squared error, the mean
    absolute error, whose best forecast is a median, or Huber's loss, which is the first below one
    standard deviation and the second above. The weights of the epoch with the least loss on the
    validation part are kept. Quantiles have the pinball loss instead.

    With ``conformal``, the distance of each quantile from the median is multiplied by a constant
    after the training, such that on the validation part the share of the targets below it is as
    stated. The factor is a part of the last weights.

    With ``refit``, the model is then trained anew on the training and the validation part together,
    for the number of epochs that validation has chosen, and fine-tuned on both. Errors on the
    validation part are those of the model before. ``search`` and ``fit`` compare models without it.

    Training in floating point ends after ``patience`` epochs without a lower loss on the validation
    part. ``finetune_epochs`` is by default what gives about 10,000 batches, but at most 100.

    ``weight_decay`` is that of AdamW, and ``dropout`` applies to the residual branches, both in
    floating point only.

    Classes have the cross-entropy as their loss. With ``class_weights = "balanced"`` all classes
    weigh the same in it, whatever the number of their windows. With ``label_smoothing``, this share
    of the probability is spread over all classes.

    ``level_shift`` augments the training of models that forecast a change. Each window is shifted
    with its targets, in the target's column, by a random offset. ``level_shift`` is the standard
    deviation of the offset, in units of the scaled input. This teaches the model relations that
    hold at any level of the target. If the target is among ``data.relative_inputs``, all
    differences of a window are multiplied by a random factor instead; ``level_shift`` is the
    standard deviation of its natural logarithm.

    ``flip`` names inputs whose scaled readings have a random sign in each window of the training,
    each column of its own. This suits sensors that may be mounted either way round, such as the
    axes of an accelerometer, if the result does not depend on it.
    """

    epochs: int = Field(default=30, ge=1, le=10**6, description="a whole number from 1 to 1000000")
    finetune_epochs: int | None = Field(
        default=None, ge=1, le=10**6, description="a whole number from 1 to 1000000"
    )
    batch: int = Field(
        default=64, ge=2, le=65536, description="a whole number of windows from 2 to 65536"
    )
    loss: Loss = Field(default="mse", description="'mse', 'mae' or 'huber'")
    learning_rate: float = Field(default=5e-3, gt=0, description="a number above 0")
    weight_decay: float = Field(default=0.1, ge=0, description="a number, at least 0")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="a number from 0 to below 1")
    level_shift: float = Field(default=0.5, ge=0, description="a number, at least 0")
    patience: int = Field(
        default=10, ge=1, le=10**6, description="a whole number of epochs from 1 to 1000000"
    )
    flip: ColumnNames = Field(
        default=[],
        max_length=4096,
        description="a list of names from data.inputs, each named once",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="'none' or 'balanced'"
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="a number from 0 to below 1"
    )
    refit: bool = Field(default=True, description="true or false")
    conformal: bool = Field(default=True, description="true or false")
    seed: int = Field(
        default=0, ge=0, le=2**63 - 1, description="a whole number from 0 to 2**63 - 1"
    )


class DetectConfig(Section):
    """The detection of anomalies, with ``task = "detect"``.

    The model computes the newest ``rows`` of each window, and the score of a window is how far the
    readings in ``columns``, by default all ``data.inputs``, are from that: the mean over all of
    them of the distance, each divided by its mean distance in the training part. With ``method =
    "forecast"`` the model reads the rows before those only; with ``"reconstruct"`` it reads the
    whole window, and few ``model.channels`` keep it from copying: by default half as many as there
    are inputs, at least 2. ``"auto"`` trains both with so many, and takes the one whose score tells
    faults that are put into the validation part.

    A window whose score is above the threshold has a flag. The threshold is the ``quantile`` of the
    scores of the validation part, in which there should be no anomaly. ``false_alarms_per_day``
    states it by the flags that readings without anomalies may have in a day instead.

    ``data.target``, if there is one, is a column that is 1 in rows with an anomaly, else 0, and
    empty where that is unknown. Scores of the test part need it, and nothing else uses it.
    """

    columns: ColumnNames = Field(
        default=[],
        max_length=4096,
        description="a list of names from data.inputs, each named once",
    )
    method: Literal["auto", "forecast", "reconstruct"] = Field(
        default="auto", description="'auto', 'forecast' or 'reconstruct'"
    )
    rows: int = Field(default=4, ge=1, le=64, description="a whole number of rows from 1 to 64")
    quantile: float = Field(default=0.995, gt=0.5, lt=1, description="a number between 0.5 and 1")
    false_alarms_per_day: float | None = Field(
        default=None, gt=0, le=10**6, description="a number above 0 and at most 1000000"
    )


class StorageConfig(Section):
    """The memory type of each group of buffers: block or distributed RAM, or 'auto'.

    ``weights = "spram"`` is for an iCE40UP5K: a host loads the weights into its SPRAM before the
    first inference, see ``docs/targets.md``. ``"auto"`` does so if the design does not fit
    otherwise.
    """

    weights: Memory | Literal["spram"] = Field(
        default="auto", description="'auto', 'block', 'distributed' or 'spram'"
    )
    activations: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    keys: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    values: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    parameters: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    exponentials: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    softmax: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    program: Memory = Field(default="auto", description="'auto', 'block' or 'distributed'")
    buffers: dict[str, Memory] = Field(
        default={}, max_length=1000, description="a table of at most 1000 single buffers"
    )


class HardwareConfig(Section):
    """The device and the hardware options of the accelerator."""

    device: Annotated[str, AfterValidator(str.lower)] = Field(
        default="xc7s15",
        min_length=1,
        max_length=100,
        description="the name of a device, in upper or lower case",
    )
    lanes: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = Field(
        default="auto", description="a whole number from 1 to 4096, or 'auto'"
    )
    # A Literal of 1 and 2 would take true, which equals 1.
    ways: Annotated[int, Field(ge=1, le=2)] | Literal["auto"] = Field(
        default="auto", description="1, 2 or 'auto'"
    )
    pairs: bool | Literal["auto"] = Field(default="auto", description="true, false or 'auto'")
    second_way: Literal["dsp", "tables", "auto"] = Field(
        default="auto", description="'dsp', 'tables' or 'auto'"
    )
    clock_mhz: Annotated[float, Field(ge=0.001, le=1000)] | Literal["auto"] = Field(
        default="auto", description="a frequency in MHz, from 0.001 to 1000, or 'auto'"
    )
    state_access: bool = Field(default=False, description="true or false")
    interface: InterfaceName = Field(default="uart", description="'uart' or 'spi'")
    storage: StorageConfig = Field(
        default=StorageConfig(), description="a section of kinds of memory"
    )

    def choices(self) -> dict[str, Any]:
        """Return the hardware options as keyword arguments; None leaves one to the compiler."""
        return {
            "lanes": None if self.lanes == "auto" else self.lanes,
            "ways": None if self.ways == "auto" else self.ways,
            "pairs": None if self.pairs == "auto" else self.pairs,
            "tables": None if self.second_way == "auto" else self.second_way == "tables",
            "state_access": self.state_access,
            "storage": self.storage.model_dump(exclude={"buffers"}) | self.storage.buffers,
        }


class VerifyConfig(Section):
    """The extent of the simulation.

    GHDL simulates ``ghdl_windows`` windows, and Verilator all of them. Of a stream, GHDL simulates
    so many readings after the ones that fill its states.
    """

    ghdl_windows: int = Field(
        default=2, ge=2, le=10**6, description="a whole number of windows from 2 to 1000000"
    )


def _refuse_given(reason: str, *keys: tuple[str, object]) -> None:
    """Refuse the first key that is given, each with whether it is."""
    for key, given in keys:
        if given:
            raise ValueError(f"{key} {reason}")


def _narrow(values: dict[str, Any]) -> dict[str, Any]:
    """Return the section ``model`` of a detector with its default number of channels."""
    model, detect = values.get("model", {}), values.get("detect", {})
    inputs = values["data"].get("inputs")
    if not (isinstance(model, dict) and isinstance(detect, dict) and isinstance(inputs, list)):
        return {}  # refused elsewhere
    if "channels" in model or detect.get("method") == "forecast":
        return {}
    return {"model": {"channels": max(_LEAST_CHANNELS, (len(inputs) + 1) // 2), **model}}


class Config(Section):
    """The configuration of a run. ``model_dump(mode="json")`` gives plain JSON for digests.

    With ``task = "forecast"`` the model forecasts the column ``data.target``. With ``"classify"``
    it tells the label of each window, one of ``data.classes`` in that column. With ``"detect"`` it
    tells how unusual the newest readings of each window are, see ``detect``.
    """

    task: Task = Field(default="forecast", description="'forecast', 'classify' or 'detect'")
    data: DataConfig = Field(description="a section")
    model: ModelConfig = Field(default=ModelConfig(), description="a section")
    quantization: QuantizationConfig = Field(default=QuantizationConfig(), description="a section")
    train: TrainConfig = Field(default=TrainConfig(), description="a section")
    detect: DetectConfig = Field(default=DetectConfig(), description="a section")
    hardware: HardwareConfig = Field(default=HardwareConfig(), description="a section")
    verify: VerifyConfig = Field(default=VerifyConfig(), description="a section")

    @model_validator(mode="before")
    @classmethod
    def _of_the_window(cls, values: Any) -> Any:
        # The label, or the score, is that of the window itself.
        data = values.get("data") if isinstance(values, dict) else None
        if not isinstance(data, dict):
            return values
        task = values.get("task")
        model = values.get("model")
        if isinstance(model, dict) and model.get("tokens") == "series":
            data = {"seasons": [], **data}  # those of a calendar would be further inputs
            values = {**values, "data": data}
        if task in ("classify", "detect"):
            if data.get("id") or data.get("series") or data.get("layout") == "long":
                raise ValueError(
                    "a panel, with data.id, data.series or data.layout = 'long', is for "
                    f"forecasts, not for task = {task!r}: name the columns that tell runs apart "
                    "in data.recording"
                )
            unlabelled: dict[str, list[str]] = {"target": []} if task == "detect" else {}
            narrow = _narrow(values) if task == "detect" else {}
            return {**values, **narrow, "data": {"lead": 0, **unlabelled, **data}}
        if data.get("classes") and "lead" not in data:
            raise ValueError("data.classes needs task = 'classify'")
        return values

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.model.series:
            self._check_series()
        self._check_task()
        others = [name for name in self.data.targets if name not in self.data.inputs]
        if self.model.relative and others:
            raise ValueError(
                f"model.relative = true needs the target {shown(others[0])} among the "
                "inputs: add it there, or leave out relative"
            )
        if self.model.kind == "stream":
            self._check_stream()
        elif self.hardware.state_access:
            raise ValueError(
                "hardware.state_access = true is for streams, which have states: leave it out, or "
                "take model.kind = 'stream'"
            )
        if not self.model.series and len(self.data.targets) > MOST_TARGETS:
            raise ValueError(
                f"data.target names {len(self.data.targets)} columns, but a model has a head for "
                f"each of at most {MOST_TARGETS}: name fewer, or take model.tokens = 'series', "
                "with one head for all"
            )
        self._check_tokens()
        self._check_sizes()
        if self.model.relative is False and set(self.data.targets) & set(self.data.relative_inputs):
            raise ValueError(
                "data.relative_inputs names the target, so the change is forecast: leave out "
                "model.relative = false"
            )
        if self.model.quantiles and self.train.loss != "mse":
            raise ValueError(
                f"train.loss = {self.train.loss!r} does not apply to model.quantiles, which have "
                "the pinball loss: leave it out"
            )
        self.quantization.check_names(shape_of(self))
        return self

    def _check_task(self) -> None:
        """Refuse what does not go together with the task, or what it lacks."""
        data, detect = self.data, self.detect
        if self.task != "classify":
            _refuse_given(
                "needs task = 'classify'",
                ("data.classes", data.classes),
                ("data.unlabelled", data.unlabelled),
                (f"data.mixed = {data.mixed!r}", data.mixed != "majority"),
                ("train.class_weights = 'balanced'", self.train.class_weights != "none"),
                ("train.label_smoothing", self.train.label_smoothing),
            )
        if self.task != "detect" and not data.targets:
            raise ValueError(
                "data.target names no column, but only task = 'detect' can do without one"
            )
        if self.task != "detect" and detect != DetectConfig():
            raise ValueError("[detect] needs task = 'detect'")
        if self.task == "classify":
            self._check_classes()
        if self.task == "detect":
            if unknown := set(detect.columns) - set(data.inputs):
                raise ValueError(
                    f"detect.columns names {shown(min(unknown))}, which is not among data.inputs: "
                    "add it there, or leave it out"
                )
            if detect.rows >= data.window - (detect.method != "reconstruct"):
                raise ValueError(
                    f"detect.rows = {detect.rows} leaves too little of a window of {data.window} "
                    "rows to compute them from: choose fewer, or a longer window"
                )
        if self.task != "forecast":
            self._check_of_the_window()
        elif data.reference is not None:
            raise ValueError(
                "data.reference is for task = 'classify' and 'detect': data.relative_inputs makes "
                "forecasts follow the level of a series"
            )
        if not data.reference_scale and data.reference is None:
            raise ValueError("data.reference_scale needs a number of rows: set data.reference")
        if unknown := set(self.train.flip) - set(data.inputs):
            raise ValueError(
                f"train.flip names {shown(min(unknown))}, which is not among data.inputs: leave it "
                "out"
            )
        if self.train.flip and self.task == "forecast":
            raise ValueError(
                "train.flip is for task = 'classify' and 'detect': a forecast has the sign of its "
                "readings"
            )

    def _check_of_the_window(self) -> None:
        """Refuse keys of forecasts if results are of the window itself."""
        data = self.data
        _refuse_given(
            f"is not possible with task = {self.task!r}: leave it out",
            ("data.target, which names several columns,", len(data.targets) > 1),
            (f"data.lead = {data.lead}", data.lead > 0),
            (f"data.outputs = {data.outputs}", data.outputs > 1),
            ("data.holidays", data.holidays),
            ("data.known", data.known),
            ("data.seasons", data.seasons),
            ("data.relative_inputs", data.relative_inputs and self.task == "detect"),
            ("model.quantiles", self.model.quantiles),
            ("model.relative = true", self.model.relative and self.task == "detect"),
            (f"train.loss = {self.train.loss!r}", self.train.loss != "mse"),
        )

    def _check_classes(self) -> None:
        """Refuse labels that are no classes."""
        data = self.data
        if len(data.classes) < 2:
            raise ValueError(
                f"data.classes has {len(data.classes) or 'no'} label{'s'[: not data.classes]}, but "
                "task = 'classify' needs at least 2, those of the column "
                f"{shown(data.targets[0])} in the order of their "
                "numbers, such as ['still', 'moving']: 'narrowcast init' writes them"
            )

    @property
    def outputs(self) -> int:
        """Columns of the model's results for each target: steps ahead, classes or differences."""
        if self.monitors is not None:
            return self.monitors.rows * len(self.monitors.columns)
        return len(self.data.classes) or self.data.outputs

    @property
    def subjects(self) -> list[str]:
        """Columns that the results are of: what is forecast, the labels, or what is compared."""
        if self.task != "detect":
            return list(self.data.targets)
        return self.detect.columns or self.data.inputs

    @property
    def monitors(self) -> Monitors | None:
        """What a model compares that detects anomalies; None for other tasks."""
        if self.task != "detect":
            return None
        columns = tuple(map(self.data.inputs.index, self.subjects))
        hidden = self.detect.method == "forecast"
        return Monitors(columns, self.detect.rows, hidden)

    @property
    def refits(self) -> bool:
        """Whether the model is trained anew; a threshold needs readings that it has not seen."""
        return self.train.refit and self.task != "detect"

    @property
    def kernel(self) -> int:
        """Rows of the window that each token embeds; in short windows fewer by default."""
        if self.model.series:
            return 1
        hidden = self.detect.rows if self.task == "detect" else 0
        usual = min(_KERNEL, max(1, (self.data.window - hidden) // 2))
        if self.task == "classify" and self.model.kind == "window":
            longer = self.data.window // _LEAST_TOKENS
            usual = max(usual, min(_LONGEST_TOKEN, longer))
        return self.model.kernel or usual

    @property
    def pooling(self) -> Pooling:
        """What the results are read from, as ``model.pooling``, with its default."""
        labels = self.task == "classify" and self.model.kind == "window"
        return self.model.pooling or ("mean" if labels else "last")

    @property
    def stride(self) -> int:
        """Rows from one token to the next; by default half of those that a token embeds."""
        return self.model.stride or (1 if self.model.kind == "stream" else (self.kernel + 1) // 2)

    @property
    def stream(self) -> Stream | None:
        """What the model of a stream reads; None for windows."""
        if self.model.kind == "window":
            return None
        shape = shape_of(self)
        return Stream(shape.rows, shape.reach + shape.rows - 1)

    def _check_series(self) -> None:
        """Refuse what does not go together with a token for each series."""
        data, needs = self.data, "model.tokens = 'series'"
        if self.task != "forecast":
            raise ValueError(f"{needs} is for task = 'forecast', not {self.task!r}: leave it out")
        _refuse_given(
            f"is not possible with {needs}: leave it out",
            ("data.holidays", data.holidays),
            ("data.seasons", data.seasons),
        )
        if len(data.targets) < 2:
            raise ValueError(
                f"{needs} needs several series, but data.target names one: list them all there, or "
                "leave out tokens"
            )
        if tuple(data.inputs) != data.targets:
            pairs = zip_longest(data.inputs, data.targets)
            place, (given, wanted) = next(
                (i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1]
            )
            found = ["nothing" if each is None else shown(each) for each in (given, wanted)]
            raise ValueError(
                f"{needs} needs the same list of columns in data.inputs and data.target: entry "
                f"{place} is {found[0]} in inputs, and {found[1]} in target"
            )

    def _check_stream(self) -> None:
        """Refuse what needs several readings at a time, if each token has only one."""
        if self.kernel == 1 and self.data.relative_inputs:
            raise ValueError(
                "data.relative_inputs with model.kernel = 1 leaves nothing of a reading of a "
                "stream, which is the last one itself: choose a kernel of at least 2, or leave out "
                "relative_inputs"
            )
        if self.task == "detect" and self.detect.method == "auto":
            raise ValueError(
                "detect.method = 'auto' is not possible with model.kind = 'stream': choose "
                "'reconstruct' or 'forecast'"
            )
        hidden = self.detect.method == "forecast"
        if self.task == "detect" and not hidden and self.detect.rows > self.kernel:
            raise ValueError(
                f"detect.rows = {self.detect.rows} are more than each token of a stream embeds, "
                f"model.kernel = {self.kernel}: choose fewer, or a larger kernel"
            )
        if self.data.stride > 1:
            raise ValueError(
                f"data.stride = {self.data.stride} is not possible with model.kind = 'stream', in "
                "which each reading has a result: leave it out"
            )
        if self.kernel == 1 and self.data.missing == "interpolate":
            raise ValueError(
                "data.missing = 'interpolate' with model.kernel = 1 bridges no hole of a stream, "
                "whose earlier readings do not come back: choose 'hold'"
            )

    def _check_tokens(self) -> None:
        """Refuse a kernel that leaves less than two tokens."""
        hides = self.task == "detect" and self.detect.method != "reconstruct"
        shape = replace(shape_of(self), hidden=hides)
        if shape.kind == "window" and shape.tokens < 2:
            before = f" without its newest {shape.compared} rows" if hides else ""
            raise ValueError(
                f"model.kernel = {shape.kernel} and model.stride = {shape.stride} leave less than "
                f"2 tokens of a window of {shape.window}{before}: choose smaller ones, or a longer "
                "window"
            )

    def _check_sizes(self) -> None:
        """Refuse a model far beyond what small FPGAs are for, before anything is made of it."""
        weights, values = sizes_of(shape_of(self))
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"model.channels: the model has {weights} weights, but at most {MOST_WEIGHTS} are "
                "allowed: choose fewer channels, ffn_channels, layers or outputs"
            )
        if values > MOST_VALUES:
            raise ValueError(
                f"data.window: the model's tensors have {values} values, but at most "
                f"{MOST_VALUES} are allowed: choose a shorter window, or fewer channels, heads or "
                "layers"
            )
        if self.train.batch * values > MOST_BATCH_VALUES:
            raise ValueError(
                f"train.batch: {self.train.batch} windows have {self.train.batch * values} values "
                f"in the model's tensors, but at most {MOST_BATCH_VALUES} are allowed: choose at "
                f"most {MOST_BATCH_VALUES // values}"
            )

    @property
    def relative_columns(self) -> tuple[int, ...]:
        """Index of each target among the inputs if the model adds its last value, else none."""
        relative = set(self.data.targets) & set(self.data.relative_inputs)
        if self.model.relative is False or relative:
            return ()
        return self.data.target_columns
