from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.report import axes

HOUR = 3_600_000_000_000


def nanoseconds(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc]


def labels(axis: axes.Axis) -> list[str]:
    return [tick.label for tick in axis.ticks]


def test_linear_ticks_are_round_and_enclose_the_values() -> None:
    axis = axes.linear([11.3, 24.9])
    assert labels(axis) == ["10", "15", "20", "25"]
    assert (axis.low, axis.high) == (10, 25) and axis.at(17.5) == 0.5
    assert labels(axes.linear([0.02, 0.05], from_zero=True))[0] == "0.00"
    assert labels(axes.linear([-1e9, 1e9]))[0] == "-1e+09"


@pytest.mark.parametrize("value", [0.0, 7.0, -3.5, 1e12])
def test_a_single_value_lies_within_its_axis(value: float) -> None:
    for axis in (axes.linear([value]), axes.adapted([value])):
        assert 0 <= axis.at(value) <= 1
        assert all(0 <= tick.at <= 1 for tick in axis.ticks) and len(axis.ticks) > 1


def test_no_value_has_an_axis() -> None:
    assert axes.linear([]).ticks and axes.adapted([]).ticks


def test_a_wide_range_is_logarithmic_with_ticks_of_one_two_and_five() -> None:
    axis = axes.adapted([0.2, 4.0])
    assert axis.log and labels(axis) == ["0.2", "0.5", "1", "2"]
    assert not axes.adapted([4.0, 7.0]).log and not axes.adapted([-1.0, 1000.0]).log
    assert axis.at(0.2) == pytest.approx(0.03 / 1.06) and 0 < axis.at(4.0) < 1
    far = axes.adapted([1.0, 1e9])
    assert 3 <= len(far.ticks) <= 7 and far.ticks[0].label == "1"


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (5, ["06:00", "07:00", "08:00", "09:00", "10:00", "11:00"]),
        (48, ["12:00", "2 May", "12:00", "3 May"]),
        (24 * 40, ["2 May", "9 May", "16 May", "23 May", "30 May", "6 Jun"]),
        (24 * 365, ["Jul 2024", "Oct 2024", "Jan 2025", "Apr 2025"]),
        (24 * 365 * 12, ["Jan 2026", "Jan 2028", "Jan 2030", "Jan 2032", "Jan 2034", "Jan 2036"]),
    ],
)
def test_ticks_of_time_are_full_hours_days_or_months(hours: int, expected: list[str]) -> None:
    first = nanoseconds(2024, 5, 1, 6)
    axis = axes.time(first, first + hours * HOUR)
    assert labels(axis) == expected
    assert all(0 <= tick.at <= 1 for tick in axis.ticks)


def test_moments_before_1970_and_short_ones_have_ticks() -> None:
    old = nanoseconds(1850, 1, 1)
    assert labels(axes.time(old, old + 24 * HOUR))[0] == "1 Jan"
    assert labels(axes.time(0, 5_000_000_000)) == [
        "1 Jan",
        *(f"00:00:0{second}" for second in range(1, 6)),
    ]
    assert len(axes.time(HOUR, HOUR).ticks) >= 1
    far = 2**62
    assert axes.time(far, far + 1).low < axes.time(far, far + 1).high


def test_durations_have_names() -> None:
    axis = axes.duration(1e-3, 86400)
    assert labels(axis)[0] == "1 ms" and labels(axis)[-1] == "1 day"
    assert axis.at(1.0) == pytest.approx(3 / 7.9365, abs=1e-4)


def test_names_stand_in_the_middle_of_their_units() -> None:
    axis = axes.named("abcd", 4)
    assert labels(axis) == ["a", "b", "c", "d"]
    assert [tick.at for tick in axis.ticks] == [0.125, 0.375, 0.625, 0.875] and axis.at(1) == 0.25
    down = axes.named("abcd", 4, down=True)
    assert [tick.at for tick in down.ticks] == [0.875, 0.625, 0.375, 0.125] and down.at(1) == 0.75
    many = axes.named([str(i) for i in range(128)], 10)
    assert labels(many) == ["0", "20", "40", "60", "80", "100", "120"]
    assert many.ticks[1].at == pytest.approx(20.5 / 128)


def test_ticks_of_rows_are_whole_numbers() -> None:
    assert labels(axes.whole(1, 24)) == ["1", "5", "10", "15", "20"]
    assert labels(axes.whole(3, 5)) == ["3", "4", "5"]
    assert labels(axes.whole(7, 7)) == ["7"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(None, "–"), (0, "0"), (14321, "14,321"), (5.5, "5.5"), (0.51873, "0.5187")],
        *[(2e4, "20,000"), (1e20, "1e+20"), (3.21e-7, "3.21e-07")],
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert axes.number(value) == text


def test_measured_values_have_four_digits() -> None:
    assert [axes.measured(value) for value in (7, 0.5, 226642.4)] == ["7.000", "0.5000", "226,642"]


FINITE = st.floats(-1e290, 1e290)
MOMENTS = st.integers(-(2**63), 2**63 - 1)


def check(axis: axes.Axis) -> None:
    places = [tick.at for tick in axis.ticks]
    assert places == sorted(set(places)) and len(places) <= 12
    assert all(-1e-6 <= place <= 1 + 1e-6 for place in places)


@given(st.lists(FINITE, min_size=1, max_size=4))
@settings(deadline=None)
def test_any_values_lie_within_their_axis(values: list[float]) -> None:
    for axis in (axes.linear(values), axes.linear(values, from_zero=True), axes.adapted(values)):
        check(axis)
        assert len(axis.ticks) > 1
        assert all(-1e-6 <= axis.at(value) <= 1 + 1e-6 for value in values)


@given(MOMENTS, MOMENTS)
@settings(deadline=None)
def test_any_moments_have_an_axis(one: int, other: int) -> None:
    axis = axes.time(min(one, other), max(one, other))
    check(axis)
    assert axis.low < axis.high


@given(st.integers(0, 10**12), st.integers(0, 10**6))
@settings(deadline=None)
def test_any_rows_have_an_axis(first: int, more: int) -> None:
    check(axes.whole(first, first + more))
