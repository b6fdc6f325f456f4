"""The axis of the first stretch of the test part."""

import numpy as np
import pytest

from narrowcast.report.stretch import STRETCH, Stretch

SECOND = 1_000_000_000


def test_time_is_the_axis_and_lines_end_at_gaps() -> None:
    row = np.array([5, 6, 7, 12, 13])
    found = Stretch.of({"row": row, "time": row * SECOND})
    assert found.timed and found.label == "Time (UTC), 1970"
    assert [piece.tolist() for piece in found.pieces] == [[0, 1, 2], [3, 4]]
    assert found.line(np.arange(5.0), ahead=2)[1] == [(14 * SECOND, 3.0), (15 * SECOND, 4.0)]
    assert (found.axis(2).low, found.axis(2).high) == (7 * SECOND, 15 * SECOND)
    assert found.interval == found.spacing == SECOND


def test_windows_that_begin_a_stride_apart_are_one_line() -> None:
    row = np.arange(49, 40_000, 25)
    found = Stretch.of({"row": row})
    assert len(found) == STRETCH and len(found.pieces) == 1
    assert (found.spacing, found.interval, found.label) == (25, 1, "Row of the table")


@pytest.mark.parametrize("seconds", [-500, 10**6])
def test_recordings_that_go_back_in_time_or_are_far_apart_have_an_axis_of_rows(
    seconds: int,
) -> None:
    row = np.arange(40)
    time = (row + (row >= 20) * seconds) * SECOND
    found = Stretch.of({"row": row, "time": time})
    assert (found.timed, found.label) == (False, "Row of the table")
    assert found.place.tolist() == row.tolist()


def test_windows_far_apart_in_rows_as_well_are_numbered() -> None:
    row = np.arange(40) + (np.arange(40) >= 20) * 100_000
    found = Stretch.of({"row": row, "time": row[::-1] * SECOND})
    assert found.label == "Window of the test part"
    assert (found.place[0], found.place[-1]) == (1, 40) and len(found.pieces) == 2


def test_a_single_window_has_an_axis() -> None:
    found = Stretch.of({"row": np.array([7])})
    assert found.line(np.array([1.5])) == [[(7, 1.5)]] and found.spacing == 1
