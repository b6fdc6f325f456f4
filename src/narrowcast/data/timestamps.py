"""Time stamps: text, numbers since 1970, dates as whole numbers, and those of Parquet and Excel."""

import functools
import itertools
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.row_names import RowNames
from narrowcast.data.values import as_text, first, is_numeric, is_whole, known_text
from narrowcast.errors import UserError, shown
from narrowcast.integer.calendar import is_timezone

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
# Numbers since 1970 are recognised if they lie in these years, in seconds since 1970.
_EARLIEST, _LATEST = 315_532_800, 4_102_444_800  # 1980, 2100
_EXCEL = (29_221, 73_051)  # the same years in days since 1899-12-30
_EXCELS_EPOCH = "1899-12-30"
# Dates written as whole numbers, by the number of digits.
_DIGITS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_YEARS = (1800, 2200)  # of such dates
# Those whose year has two digits, which may also be times since 1970.
_SHORT = {6: "%y%m%d", 10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S"}
_LEAST_SPAN = 100  # of numbers: minutes and seconds from 60 to 99 would occur if they were no dates
# The years 2000 to 2050 in ticks of .NET, 100 ns since the year 1; as nanoseconds since 1970, these
# are the days around the first half of 1990.
_TICKS = (630_822_816_000_000_000, 646_602_048_000_000_000)
# Formats of whole numbers, of which the zero at the begin may be lost, as in 1012024.
_DIRECTIVES = re.compile("(%[YymdHMS])+")
# Directives that are no numbers of one or two digits.
_SHAPES = {"%Y": r"\d{1,4}", "%f": r"\d{1,9}", "%b": ".+", "%B": ".+", "%p": ".+"}
_NOW = ("now", "today")  # which pandas takes for the present time
# Periods from one time to another, of which the first is taken.
_PERIOD = r"^(?P<begin>.+?)(?: - |/)(?P<end>.+)$"
_LIMITS = (pd.Timestamp("1678-01-01"), pd.Timestamp("2262-01-01"))  # of nanoseconds in 64 bits
_SAMPLE = 1000  # rows, to choose formats by
_MOST = 0.9  # of the rows: where so many are times, the others are mistakes
_UTC = r"(Z|z|[+-]00(:?00)?)$"
# 24:00, the end of a day: behind a date, also without a blank.
_END_OF_DAY = (
    r"^(?P<date>.*[T ]|\d{8})24"
    r"(?P<rest>([:.]?00){0,2}([.,]0+)?( ?(Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?)$"
)
# Formats to suggest for text that is not ISO 8601.
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
_YEAR_FIRST = ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d")
_NAMED_MONTHS = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_CLOCKS = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %H:%M:%S.%f",
    " %H:%M:%S,%f",
    " %H.%M.%S",
    " %H.%M",
    " %H%M",
    " %H%M%S",
)

ZONE = r"\d[T ]\d.*?(Z|z|[+-]\d{2}(?::?\d{2})?)$"
"""A time stamp with a zone; the group is the zone."""


def time_stamps(
    column: pa.ChunkedArray,
    config: DataConfig,
    place: str,
    rows: RowNames | None = None,
    *,
    series: NDArray[np.int64] | None = None,
    grows: bool = False,
) -> pd.DatetimeIndex:
    """Return time stamps [rows] in UTC, with a resolution of nanoseconds, in the order of the rows.

    Args:
        column: Time stamps, numbers or text.
        config: States the unit, the format and the time zone, where the values do not.
        place: The file and the column, for messages.
        rows: The numbers of rows in messages, if there are several files.
        series: Number of each row's series or recording [rows], whose order says what an hour is
            that a change of clocks repeats; None if all rows are of one.
        grows: Whether rows arrive in pieces. Where one ends must not decide what a local time
            means, so that none may be in an hour that a change of clocks repeats.

    Raises:
        UserError: A value is missing, is no time, or may be several; or it is outside of the years
            1678 to 2261.
    """
    names = rows or RowNames(config.skip_rows)
    return _TimeColumn(config, place, names, series, grows=grows).read(column)


def may_be_excel(values: NDArray[np.float64]) -> bool:
    """Return whether numbers may be days of Excel, in the years 1980 to 2100."""
    return bool((values >= _EXCEL[0]).all() and (values < _EXCEL[1]).all())


def find_formats(column: pa.ChunkedArray) -> list[str]:
    """Return the formats of ``data.time_format`` that all time stamps of a column of text have."""
    return _fitting(_begins(column).to_pandas())


def _fitting(texts: pd.Series) -> list[str]:
    """Return formats that all texts have."""
    dates = (*_DATES, *_YEAR_FIRST, *_NAMED_MONTHS)
    forms = ["".join(each) for each in itertools.product(dates, _CLOCKS)]
    return [form for form in (*forms, *_SHORT.values()) if _fits(texts, form)]


def _fits(texts: pd.Series, form: str) -> bool:
    """Return whether all texts have a format."""
    if len(texts) and _shape(form).fullmatch(str(texts.iloc[0])) is None:
        return False
    some = (texts[:1], texts[:_SAMPLE], texts)  # most formats do not fit the first one
    return all(_parsed(each, form).notna().all() for each in some)


@functools.cache
def _shape(form: str) -> re.Pattern[str]:
    """Return a pattern that every text of a format matches, which is quickly tried."""
    parts = re.split("(%[A-Za-z])", form)
    parts[::2] = [re.escape(each).replace(r"\ ", r"\s*") for each in parts[::2]]
    parts[1::2] = [_SHAPES.get(each, r"\d{1,2}") for each in parts[1::2]]
    return re.compile("".join(parts), re.IGNORECASE)


def _parsed(texts: pd.Series, form: str, *, utc: bool = False) -> pd.Series:
    """Return texts as times, NaT for those that are none; 24:00 is the begin of the next day.

    Args:
        texts: Time stamps, or their dates and times of day.
        form: Their format.
        utc: Whether times without a zone are in UTC; otherwise they have none.
    """
    texts = texts.mask(texts.isin(_NOW))
    if _DIRECTIVES.fullmatch(form):
        texts = texts.str.zfill(2 * form.count("%") + 2 * form.count("%Y"))
    times = pd.to_datetime(texts, format=form, errors="coerce", utc=utc)
    failed = times.isna()
    if failed.any():
        parts = texts[failed].astype(str).str.extract(_END_OF_DAY)
        begun = (parts["date"] + "00" + parts["rest"]).dropna()
        days = pd.to_datetime(begun, format=form, errors="coerce", utc=utc)
        times[days.index] = days + pd.Timedelta(days=1)
    return times


def _begins(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the begins of periods such as ``01.01.2024 00:00 - 01.01.2024 01:00``.

    Texts are left as they are, unless all of them are two that differ in their digits alone.
    """
    if not len(text) or re.match(_PERIOD, text[0].as_py() or "") is None:
        return text
    periods = pc.extract_regex(text, _PERIOD)
    begins, ends = (pc.struct_field(periods, each) for each in ("begin", "end"))
    shapes = [pc.replace_substring_regex(each, r"\d", "0") for each in (begins, ends)]
    return begins if pc.all(pc.equal(*shapes), skip_nulls=False).as_py() else text


class _TimeColumn:
    """Reads one column; the attributes are the arguments of :func:`time_stamps`."""

    def __init__(
        self,
        config: DataConfig,
        place: str,
        rows: RowNames,
        series: NDArray[np.int64] | None,
        *,
        grows: bool,
    ) -> None:
        self._config, self._place, self._rows = config, place, rows
        self._series, self._grows = series, grows

    def read(self, column: pa.ChunkedArray) -> pd.DatetimeIndex:
        kind = column.type
        if pa.types.is_timestamp(kind):
            self._check_zone(kind.tz)
            naive = column.cast(pa.int64()).cast(pa.timestamp(kind.unit))
            times = self._limited(pd.DatetimeIndex(naive.to_numpy()), column)
            return times.tz_localize("UTC") if kind.tz else self._localised(times)
        if pa.types.is_date(kind):
            days = column.cast(pa.timestamp("ms"))
            return self._localised(self._limited(pd.DatetimeIndex(days.to_numpy()), column))
        text = as_text(column)
        if pa.types.is_decimal(kind):
            kind = pa.float64() if kind.scale else pa.int64()
            column = column.cast(kind)
        if text is None and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise UserError(f"{self._place}: holds values of type {shown(kind)}, not times")
        if text is not None:
            column = text = _begins(known_text(text))
        if (bad := first(pc.is_null(column).to_numpy())) is not None:
            raise UserError(
                f"{self._row(bad)}: the time stamp is missing: complete it, delete the row, or set "
                "data.skip_rows if the first rows hold no readings"
            )
        if self._config.time_format not in (None, "excel"):
            return self._formatted(column.cast(pa.string()))
        return self._numeric(column.to_numpy(), column) if text is None else self._of_text(column)

    def _of_text(self, text: pa.ChunkedArray) -> pd.DatetimeIndex:
        if is_whole(text):
            return self._numeric(self._integers(text), text)
        if is_numeric(text):
            plain = pc.replace_substring(text, ",", ".").cast(pa.float64())
            return self._numeric(plain.to_numpy(), text)
        if self._config.time_unit or self._config.time_format:
            bad = pc.index(pc.match_substring_regex(text, r"^[+-]?[\d.,]+$"), False).as_py()
            raise UserError(f"{self._row(bad)}: {shown(text[bad].as_py())} is not a number")
        return self._iso(text)

    def _row(self, index: int) -> str:
        return f"{self._place}, row {self._rows[index]}"

    def _check_zone(self, name: str | None) -> None:
        if name is None or re.fullmatch(r"[+-]\d{2}:?\d{2}", name) or is_timezone(name):
            return
        raise UserError(
            f"{self._place}: is in the time zone {shown(name)}, which does not exist: write the "
            "file again with times in UTC"
        )

    def _integers(self, text: pa.ChunkedArray) -> NDArray[np.int64]:
        long = pc.match_substring_regex(text, r"^[+-]?(\d{20,}|9\d{18})$")  # beyond int64
        if (bad := first(np.asarray(long.to_numpy()))) is not None:
            raise UserError(
                f"{self._row(bad)}: {shown(text[bad].as_py())} is no time: too many digits"
            )
        return np.asarray(text.cast(pa.int64()).to_numpy())

    def _numeric(
        self, values: NDArray[np.int64] | NDArray[np.float64], column: pa.ChunkedArray
    ) -> pd.DatetimeIndex:
        """Return times given as numbers: since 1970, as dates of digits, or of Excel."""
        if (bad := first(~np.isfinite(values))) is not None:
            raise UserError(f"{self._row(bad)}: the time stamp is no finite number")
        if values.dtype.kind == "f" and (np.abs(values) < 2**53).all() and (values % 1 == 0).all():
            values = values.astype(np.int64)
        if self._config.time_format == "excel":
            return self._localised(self._of_excel(values))
        if self._config.time_unit is not None:
            return self._since_1970(values, self._config.time_unit)
        low, high = float(values.min()), float(values.max())
        units = [
            unit
            for unit, scale in _NANOSECONDS.items()
            if low * scale >= _EARLIEST * 10**9 and high * scale < _LATEST * 10**9
        ]
        dates, short = self._digits(values), self._two_digits(values)
        if units and (dates is not None or (short and high - low >= _LEAST_SPAN)):
            form = short if dates is None else _DIGITS[len(str(values[0]))]
            raise UserError(
                f"{self._row(0)}: {values[0]} may be a date or a time since 1970: set "
                f"data.time_format = '{form}' or data.time_unit = '{units[0]}'"
            )
        if units == ["ns"] and _TICKS[0] <= low and high < _TICKS[1]:
            raise UserError(
                f"{self._row(0)}: {values[0]} may be nanoseconds since 1970 or ticks of .NET since "
                "the year 1: set data.time_unit = 'ns', or write the times as text"
            )
        if dates is not None:
            return self._localised(dates)
        if units:
            return self._since_1970(values, units[0])
        value = shown(column[0].as_py())
        if may_be_excel(np.array([low, high])):
            raise UserError(
                f"{self._row(0)}: {value} is no time since 1970, but may be a day of Excel: set "
                "data.time_format = 'excel'"
            )
        if short:
            raise UserError(
                f"{self._row(0)}: {value} is no time since 1970, but may be a date: set "
                f"data.time_format = '{short}'"
            )
        raise UserError(
            f"{self._row(0)}: {value} is no date, and no time since 1970 that lies in the years "
            "1980 to 2100 in all rows: set data.time_unit, or data.time_format, or leave out "
            "data.time if it counts rows"
        )

    def _digits(self, values: NDArray[np.int64] | NDArray[np.float64]) -> pd.DatetimeIndex | None:
        """Return whole numbers such as 20231120 as dates; None if one of them is none."""
        low, high = int(values.min()), int(values.max())
        form = _DIGITS.get(len(str(low)))
        if values.dtype.kind == "f" or low <= 0 or form is None or len(str(high)) != len(str(low)):
            return None
        texts = pd.Series(values.astype(str))
        if not _fits(texts, form):
            return None
        times = _parsed(texts, form)
        return (
            pd.DatetimeIndex(times).as_unit("ns") if times.dt.year.between(*_YEARS).all() else None
        )

    def _two_digits(self, values: NDArray[np.int64] | NDArray[np.float64]) -> str | None:
        """Return the format of whole numbers that may be dates whose year has two digits."""
        width = len(str(int(values.min())))
        width += width % 2  # of a year such as 05, the zero is lost
        form = _SHORT.get(width)
        if values.dtype.kind == "f" or form is None or len(str(int(values.max()))) > width:
            return None
        return form if _fits(pd.Series(values.astype(str)), form) else None

    def _since_1970(
        self, values: NDArray[np.int64] | NDArray[np.float64], unit: str
    ) -> pd.DatetimeIndex:
        scale = _NANOSECONDS[unit]
        if (bad := first(np.abs(values.astype(np.float64)) > 9.2e18 / scale)) is not None:
            raise UserError(
                f"{self._row(bad)}: {values[bad]} {unit} since 1970 is beyond 1678 to 2261"
            )
        if values.dtype.kind == "f":
            # A float64 of seconds is exact to a microsecond only.
            scaled = np.round(values * (scale / 1000)).astype(np.int64) * 1000
        else:
            scaled = values.astype(np.int64) * scale
        return pd.DatetimeIndex(scaled.view("M8[ns]")).tz_localize("UTC")

    def _of_excel(self, values: NDArray[np.int64] | NDArray[np.float64]) -> pd.DatetimeIndex:
        days = values.astype(np.float64)
        if (bad := first((days < 1) | (days >= 10**5))) is not None:
            raise UserError(f"{self._row(bad)}: {values[bad]} is no day of Excel, from 1 to 99999")
        # Excel's days have few digits: whole seconds are meant.
        seconds = np.round(days * 86_400).astype(np.int64) * 10**9
        return pd.DatetimeIndex(np.datetime64(_EXCELS_EPOCH, "ns") + seconds.view("m8[ns]"))

    def _formatted(self, text: pa.ChunkedArray) -> pd.DatetimeIndex:
        form = str(self._config.time_format)
        zoned = "%z" in form or "%Z" in form
        series = text.to_pandas()
        times = _parsed(series, form, utc=zoned)
        if (bad := first(times.isna().to_numpy())) is not None:
            raise UserError(
                f"{self._row(bad)}: {shown(text[bad].as_py())} has not the format of "
                f"data.time_format, {shown(form)}"
            )
        if zoned:
            return self._limited(pd.DatetimeIndex(times).tz_localize(None), text).tz_localize("UTC")
        return self._localised(self._limited(pd.DatetimeIndex(times), text))

    def _iso(self, text: pa.ChunkedArray) -> pd.DatetimeIndex:
        text = pc.replace_substring_regex(text, r"\s+(UTC|GMT)$", "Z")
        series = text.to_pandas()
        times = _parsed(series, "ISO8601", utc=True)
        if (bad := first(times.isna().to_numpy())) is not None:
            if isinstance(self._config.time, list):
                raise UserError(
                    f"{self._row(bad)}: {shown(text[bad].as_py())} is no time: data.time lists "
                    "columns of whole numbers, in the order year, month, day, hour, minute, second"
                )
            fitting = _fitting(series[:_SAMPLE])
            if not fitting and bad and times.notna().mean() > _MOST:
                raise UserError(
                    f"{self._row(bad)}: {shown(text[bad].as_py())} is no time: correct it, or "
                    "delete the row"
                )
            fitting = fitting or _fitting(series[bad : bad + 1])
            advice = " or ".join(map(repr, fitting[:2])) or "'%d.%m.%Y %H:%M', or correct it"
            if bad == 0 and len(times) > 1 and times[1:].notna().all():
                advice = f"data.skip_rows = {1 + self._config.skip_rows} if this row holds units"
                raise UserError(
                    f"{self._row(bad)}: {shown(text[bad].as_py())} is no time: {advice}"
                )
            raise UserError(
                f"{self._row(bad)}: {shown(text[bad].as_py())} is no time in ISO 8601: set "
                f"data.time_format, such as {advice}"
            )
        naive = self._limited(pd.DatetimeIndex(times).tz_localize(None), text)
        zoned = np.asarray(pc.match_substring_regex(text, ZONE).to_numpy())
        if not zoned.any():
            return self._localised(naive)
        if (bad := first(~zoned)) is not None:
            where = (
                f"{self._row(bad)}: {shown(text[bad].as_py())} names no time zone, but others do"
            )
            if self._config.timezone is not None:
                raise UserError(
                    f"{where}: leave out data.timezone to take it for UTC, or complete it"
                )
            if (zoned & ~np.asarray(pc.match_substring_regex(text, _UTC).to_numpy())).any():
                raise UserError(f"{where}, and not UTC: complete it")
        return naive.tz_localize("UTC")

    def _limited(self, times: pd.DatetimeIndex, column: pa.ChunkedArray) -> pd.DatetimeIndex:
        """Return times with a resolution of nanoseconds, if that can hold them."""
        if (bad := first(np.asarray(times.isna()))) is not None:
            raise UserError(
                f"{self._row(bad)}: the time stamp is missing: complete it, or delete the row"
            )
        if (bad := first(np.asarray((times < _LIMITS[0]) | (times >= _LIMITS[1])))) is not None:
            raise UserError(
                f"{self._row(bad)}: {shown(str(column[bad].as_py()))} is outside of the years 1678 "
                "to 2261"
            )
        return times.as_unit("ns")

    def _localised(self, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return times without a zone as those of the stated zone, or of UTC."""
        zone = self._config.timezone
        if zone is None:
            return times.tz_localize("UTC")
        local = times.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
        series = np.zeros(len(times), dtype=np.int64) if self._series is None else self._series
        unclear = np.isin(series, series[np.asarray(local.isna())])
        order = np.flatnonzero(unclear)[np.argsort(series[unclear], kind="stable")]
        found = local.asi8.copy()
        for rows in np.split(order, np.flatnonzero(np.diff(series[order])) + 1):
            found[rows] = self._in_order(times, rows, zone).asi8
        return pd.DatetimeIndex(pd.to_datetime(found, unit=local.unit, utc=True))

    def _in_order(
        self, times: pd.DatetimeIndex, rows: NDArray[np.intp], zone: str
    ) -> pd.DatetimeIndex:
        """Return the times of some rows, of one series, of which some are in a change of clocks."""
        own = times[rows]
        descending = len(own) > 1 and own[0] > own[-1]
        ordered = own[::-1] if descending else own
        try:
            local = ordered.tz_localize(zone, ambiguous="raise" if self._grows else "infer")
        except Exception:  # of several types, as pandas changed them
            marked = own.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
            bad = int(rows[first(np.asarray(marked.isna())) or 0])
            raise UserError(
                f"{self._row(bad)}: {times[bad]} is in {zone} an hour that a change of clocks "
                "skips or repeats, and the rows do not tell which is meant: give times in UTC"
            ) from None
        return (local[::-1] if descending else local).tz_convert("UTC")
