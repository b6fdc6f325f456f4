import re
from itertools import combinations

import numpy as np
import pytest

from narrowcast.report import axes
from narrowcast.report.charts import (
    BROAD,
    HIGH,
    NARROW,
    WIDE,
    Cell,
    Chart,
    Line,
    Mark,
    Rule,
    text_width,
)


def points_of(path: str) -> list[list[tuple[int, int]]]:
    """Return the points of each piece of a path."""
    pieces = []
    for piece in path.split("M")[1:]:
        numbers = [int(each) for each in re.findall(r"-?\d+", piece)]
        moves = np.array(numbers).reshape(-1, 2)
        pieces.append([tuple(each) for each in moves.cumsum(axis=0).tolist()])
    return pieces


def test_the_path_of_a_line_returns_its_values() -> None:
    values = [(0.0, 12.0), (10.0, 18.5), (20.0, 11.0)]
    line = Line("x", "integer", [values[:2], values[2:]])
    chart = Chart("t", "d", axes.whole(0, 20), axes.linear([10, 20]), lines=[line])
    first, second = points_of(chart.path(line))
    expected = [(round(WIDE * x / 20), round(HIGH * (20 - y) / 10)) for x, y in values]
    assert first == expected[:2]
    assert second == [expected[2], expected[2]]  # a single point is drawn, too


def test_rounding_does_not_add_up_along_a_line() -> None:
    values = [(float(i), np.sin(i / 7)) for i in range(240)]
    line = Line("x", "integer", [values])
    chart = Chart("t", "d", axes.whole(0, 239), axes.linear([-1, 1]), lines=[line])
    (found,) = points_of(chart.path(line))
    for (x, y), (px, py) in zip(values, found, strict=True):
        assert abs(px - WIDE * x / 239) <= 0.5
        assert abs(py - HIGH * (1 - y) / 2) <= 0.5


def front(count: int, seed: int) -> Chart:
    generator = np.random.default_rng(seed)
    x, y = np.sort(generator.random(count)), np.sort(generator.random(count))[::-1]
    marks = [Mark(a, b, "", f"p{i}", str(i)) for i, (a, b) in enumerate(zip(x, y, strict=True))]
    return Chart("t", "d", axes.linear([0, 1]), axes.linear([0, 1]), marks=marks)


@pytest.mark.parametrize("count", [1, 12, 60])
@pytest.mark.parametrize("width", [NARROW, 300, 700, BROAD])
def test_labels_of_marks_do_not_overlap_at_any_width(count: int, width: float) -> None:
    for seed in range(5):
        chart = front(count, seed)
        boxes = []
        for label in chart.labels():
            x = label.place.share / 100 * (width + chart.margins) + label.place.offset
            start = {"start": 0.0, "middle": -0.5, "end": -1.0}[label.anchor]
            boxes.append((x + 6.5 * len(label.text) * start, label.y, 6.5 * len(label.text)))
            assert boxes[-1][0] >= 0 and boxes[-1][0] + boxes[-1][2] <= width + chart.margins
        for (x, y, wide), (u, v, wider) in combinations(boxes, 2):
            assert x + wide <= u or u + wider <= x or abs(y - v) >= 13
        assert len(boxes) >= min(count, 8) - 1


def test_the_points_of_a_cloud_are_lines_of_no_length() -> None:
    chart = Chart("t", "d", axes.whole(0, 20), axes.linear([10, 20]), cloud=[(5, 20), (20, 10)])
    assert chart.dots() == f"M{WIDE // 4} 0h0M{WIDE} {HIGH}h0"


def test_equal_cells_of_a_row_are_one_piece() -> None:
    cells = [Cell(0, 0, 0.5, "a"), Cell(1, 0, 0.5, "a", "1"), Cell(3, 0, 0.5, "a")]
    cells += [Cell(0, 1, 0.5, "a"), Cell(1, 1, 0.7, "a"), Cell(2, 1, 0.7, "b")]
    axis, down = axes.named("abcd", 4), axes.named("ab", 2, down=True)
    chart = Chart("t", "d", axis, down, cells=cells, mesh=2)
    assert chart.shades() == {
        ("a", 0.5): "M0 0H2000V500H0zM3000 0H4000V500H3000zM0 500H1000V1000H0z",
        ("a", 0.7): "M1000 500H2000V1000H1000z",
        ("b", 0.7): "M2000 500H3000V1000H2000z",
    }
    assert chart.grid() == "M0 0H4000M0 0V1000M0 500H4000M2000 0V1000M0 1000H4000M4000 0V1000"


def test_a_wide_text_has_a_wide_bound() -> None:
    assert text_width("iii") < text_width("III") < text_width("mmm") < text_width("風風風")


def test_ticks_that_have_no_room_in_a_narrow_chart_are_minor() -> None:
    chart = Chart("t", "d", axes.linear([0, 8_000_000], 8), axes.linear([0, 1]))
    shown = [i for i in range(len(chart.x.ticks)) if not chart.minor(i)]
    assert shown[0] == 0 and len(shown) * (7 * 9 + 12) <= NARROW + 75
    few = Chart("t", "d", axes.whole(1, 3), axes.linear([0, 1]))
    assert not any(few.minor(i) for i in range(3))


def test_labels_at_the_ends_of_an_axis_stay_inside() -> None:
    chart = Chart("t", "d", axes.linear([0, 1]), axes.linear([0, 1]))
    assert chart.anchor(0.0, "a long label of an axis") == "start"
    assert chart.anchor(1.0, "a long label of an axis") == "end"
    assert chart.anchor(0.5, "0.5") == "middle"


def test_rules_have_room_above_the_chart() -> None:
    plain = Chart("t", "d", axes.linear([0, 1]), axes.linear([0, 1]))
    ruled = Chart("t", "d", plain.x, plain.y, rules=[Rule(0.3, "limit"), Rule(0.3, "device")])
    assert ruled.top == plain.top + 28 and ruled.bottom == plain.bottom
