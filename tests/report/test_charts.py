import re
from itertools import combinations

import numpy as np
import pytest

from narrowcast.report import axes
from narrowcast.report.charts import BROAD, HIGH, NARROW, WIDE, Chart, Line, Mark, Rule


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
