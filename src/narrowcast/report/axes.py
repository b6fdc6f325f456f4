"""Axes of charts: which part of a chart a value lies at, and which values have a tick."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DECADES = 0.9  # a range of more decades than this is drawn on a logarithmic axis
_LEAST = 1e-290  # less is drawn as 0: a step between ticks would have too few digits
_MOMENT = 10_000  # nanoseconds; far from 1970, times that are closer may be the same float
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = (
    *(1e-3, 1e-2, 0.1, 1, 5, 15, 30, 60, 300, 900, 1800),
    *(3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400),
)
_DURATIONS = {
    1e-6: "1 µs",
    1e-3: "1 ms",
    0.1: "100 ms",
    1.0: "1 s",
    10.0: "10 s",
    60.0: "1 min",
    600.0: "10 min",
    3600.0: "1 h",
    86400.0: "1 day",
}
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400)


@dataclass(frozen=True)
class Tick:
    """A labelled position of an axis.

    Attributes:
        at: Position, from 0 at the axis' start to 1 at its end.
        label: Text of the label.
        title: What the label stands for, where it is shortened; else empty.
    """

    at: float
    label: str
    title: str = ""


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
        low: Value at the start; its logarithm if ``log``.
        high: Value at the end; its logarithm if ``log``.
        ticks: The ticks, in order.
        log: Whether the axis is logarithmic.
    """

    low: float
    high: float
    ticks: tuple[Tick, ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value, from 0 to 1 within the axis."""
        value = math.log10(value) if self.log else value
        return (value - self.low) / (self.high - self.low)


def number(value: float | None) -> str:
    """Format a number with separators of thousands, or with four significant digits."""
    if value is None:
        return "–"
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-4:
        return f"{value:.3g}"
    if isinstance(value, int) or float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def measured(value: float) -> str:
    """Format a measured value with four significant digits, of which the last may be zero."""
    return number(value) if abs(value) >= 1000 or 0 < abs(value) < 1e-4 else f"{value:#.4g}"


def percent(share: float, digits: int = 0) -> str:
    """Format a share in per cent."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def score(value: float) -> str:
    """Format a score between 0 and 1."""
    return f"{value:.3f}"


def linear(values: Iterable[float], count: int = 5, *, from_zero: bool = False) -> Axis:
    """Return a linear axis over values, with about ``count`` ticks at round numbers."""
    low, high = _range(values)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        wider = abs(low) / 2 or 0.5
        low, high = low - wider, high + wider
    step = _round_step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    values = [each * step for each in range(first, last + 1)]
    ticks = [Tick(i / (last - first), _tick_label(value, digits)) for i, value in enumerate(values)]
    return Axis(first * step, last * step, tuple(ticks))


def whole(first: int, last: int, count: int = 8) -> Axis:
    """Return a linear axis from one whole number to another, with ticks at whole numbers."""
    if first == last:
        return Axis(first - 0.5, first + 0.5, (Tick(0.5, f"{first:,}"),))
    step = max(1, round(_round_step((last - first) / count)))
    values = sorted({first, *range(step * math.ceil((first + step / 2) / step), last + 1, step)})
    span = last - first
    return Axis(first, last, tuple(Tick((each - first) / span, f"{each:,}") for each in values))


def named(names: Sequence[str], most: int, full: Sequence[str] = (), *, down: bool = False) -> Axis:
    """Return an axis with a unit for each name, which stands in the middle of its unit.

    Args:
        names: The names.
        most: Number of names that there is room for; with more, only each second, fifth or tenth
            of them or fewer have a tick.
        full: What the names stand for, if some of them are shortened.
        down: Whether the axis goes from its end to its start, as the rows of a table do.
    """
    count = len(names)
    step = next(each for each in (1, 2, 5, 10, 20, 50, count) if count <= each * most)
    low, high = (count, 0) if down else (0, count)
    places = [(i + 0.5) / count for i in range(0, count, step)]
    whole_names = full or names
    ticks = [
        Tick(1 - at if down else at, name, title if title != name else "")
        for at, name, title in zip(places, names[::step], whole_names[::step], strict=True)
    ]
    return Axis(low, high, tuple(ticks))


def adapted(values: Iterable[float], count: int = 5) -> Axis:
    """Return a logarithmic axis if the values span about a decade or more, else a linear one.

    The ticks of a logarithmic axis are at 1, 2 and 5 times powers of ten, or at powers alone.
    """
    values = list(values)
    low, high = _range(values)
    if low <= 0 or math.log10(high) - math.log10(low) < _DECADES:
        return linear(values, count)
    start, end = math.log10(low), math.log10(high)
    margin = 0.03 * (end - start)
    decades = range(math.floor(start), math.ceil(end) + 1)
    start, end = start - margin, end + margin
    for digits in ((1, 2, 5), (1, 3), (1,)):
        places = [digit * 10.0**decade for decade in decades for digit in digits]
        inside = [each for each in places if start <= math.log10(each) <= end]
        if len(inside) <= count + 2:
            break
    inside = inside[:: math.ceil(len(inside) / (count + 2))]
    ticks = [Tick((math.log10(each) - start) / (end - start), number(each)) for each in inside]
    return Axis(start, end, tuple(ticks), log=True)


def duration(first: float, last: float) -> Axis:
    """Return a logarithmic axis from one duration to a longer one, both in seconds."""
    low, high = math.log10(first), math.log10(last)
    places = {(math.log10(each) - low) / (high - low): name for each, name in _DURATIONS.items()}
    ticks = [Tick(at, name) for at, name in places.items() if -1e-9 <= at <= 1 + 1e-9]
    return Axis(low, high, tuple(ticks), log=True)


def time(first: int, last: int, count: int = 7) -> Axis:
    """Return an axis of time, with ticks at full seconds, hours, days, months or years.

    Args:
        first: Time at the start, in nanoseconds since 1970.
        last: Time at the end, in nanoseconds since 1970.
        count: Largest number of ticks.
    """
    if last - first < _MOMENT:
        first, last = first - 500_000_000, last + 500_000_000
    low, high = first / 1e9, last / 1e9
    step = next((each for each in _SECONDS if (high - low) / each <= count), None)
    if step is not None:
        places = [each * step for each in range(math.ceil(low / step), int(high // step) + 1)]
    else:
        places = _months(low, high, count)
    ticks = [Tick((each - low) / (high - low), _time_label(each, step)) for each in places]
    return Axis(float(first), float(last), tuple(ticks))


def _range(values: Iterable[float]) -> tuple[float, float]:
    known = [float(each) if abs(each) > _LEAST else 0.0 for each in values if math.isfinite(each)]
    return (min(known), max(known)) if known else (0.0, 1.0)


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= least * (1 - 1e-9))


def _tick_label(value: float, digits: int) -> str:
    if digits > 4 or abs(value) >= 1e7:
        return f"{value:.4g}" if value else "0"
    return f"{value + 0.0:,.{digits}f}"


def _months(low: float, high: float, count: int) -> list[float]:
    """Return the starts of months, or of every few of them, in seconds since 1970."""
    start, end = (_EPOCH + timedelta(seconds=each) for each in (low, high))
    first, last = (each.year * 12 + each.month - 1 for each in (start, end))
    step = next((each for each in _MONTHS if (last - first) / each <= count), _MONTHS[-1])
    months = range(-(-first // step) * step, last + 1, step)
    places = [
        (datetime(each // 12, each % 12 + 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()
        for each in months
    ]
    return [each for each in places if low <= each <= high]


def _time_label(seconds: float, step: float | None) -> str:
    moment = _EPOCH + timedelta(seconds=seconds)
    if step is None:
        return f"{moment:%b %Y}"
    if step >= 86400 or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment.day} {moment:%b}"
    if step >= 60:
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M:%S}" if step >= 1 else f"{moment:%S.%f}"[:6]
