"""Charts as static SVG that is as wide as its place, without a script.

A drawing that is scaled as a whole has no legible text on a phone. Here the height is fixed, and
everything that has a horizontal position states it as a percentage of the width and an offset in
pixels, so that text keeps its size at any width. Only the lines are scaled, in a drawing of their
own below it, whose strokes are not. Charting libraries have no such output. Colours and strokes are
classes of the page's style sheet, which has a light and a dark form.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from narrowcast.report.axes import Axis

WIDE, HIGH = 4000, 1000  # units of the drawing of the lines
NARROW, BROAD = 200.0, 1200.0  # pixels: the least and the greatest width between a chart's axes

_CHARACTER, _LINE = 7.0, 14.0  # pixels: a bound of a digit's width, and the height of a label
_TOP, _BOTTOM, _RIGHT = 10, 28, 18  # margins in pixels
FRAME = _TOP + _BOTTOM  # what the height of a chart without rules has beside its axes

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: Its name in the legend.
        style: Class of the style sheet.
        pieces: Points [x, y] of each uninterrupted piece, in the units of the axes.
        dots: Points [x, y] that are marked.
    """

    name: str
    style: str
    pieces: Sequence[Sequence[Point]]
    dots: Sequence[Point] = ()


@dataclass(frozen=True)
class Mark:
    """A single point of a chart.

    Attributes:
        x: Its value on the horizontal axis.
        y: Its value on the vertical axis.
        title: Text that the browser shows under the pointer.
        key: Identifier in the page of what the mark links to.
        label: Text beside the mark; it is left out where there is no room for it.
    """

    x: float
    y: float
    title: str
    key: str
    label: str


@dataclass(frozen=True)
class Rule:
    """A vertical line across a chart, such as a limit.

    Attributes:
        x: Its value on the horizontal axis.
        label: Text at its top.
    """

    x: float
    label: str


@dataclass(frozen=True)
class Cell:
    """A filled cell of a chart, one unit of each axis wide and high.

    Attributes:
        x: Where it begins on the horizontal axis.
        y: Where it begins on the vertical axis.
        shade: Strength of its colour, from 0 to 1.
        style: Class of the style sheet.
        label: Text in it.
    """

    x: int
    y: int
    shade: float
    style: str
    label: str = ""


@dataclass(frozen=True)
class Place:
    """A horizontal position: ``share`` of the drawing's width and ``offset`` pixels.

    Attributes:
        share: Part of the width, in per cent.
        offset: Distance to add, in pixels.
    """

    share: float
    offset: float


@dataclass(frozen=True)
class Label:
    """The text beside a mark.

    Attributes:
        text: The text.
        place: Horizontal position of the anchor.
        y: Vertical position of the base line, in pixels.
        anchor: ``start``, ``middle`` or ``end``.
    """

    text: str
    place: Place
    y: float
    anchor: str


@dataclass(frozen=True)
class Chart:
    """A chart with a horizontal and a vertical axis.

    Attributes:
        title: What it shows, for readers who do not see it.
        description: What can be read from it, for the same.
        x: Horizontal axis.
        y: Vertical axis.
        x_label: Quantity and unit of the horizontal axis.
        y_label: Quantity and unit of the vertical axis.
        lines: Lines, from back to front.
        areas: Filled areas behind the lines; each piece of such a line is an outline.
        cloud: Points [x, y] behind the marks, which have neither a name nor a link.
        marks: Single points, from back to front.
        rules: Vertical lines.
        cells: Filled cells, row by row from the left to the right.
        mesh: Number of equal columns and of rows that thin lines divide the chart into, instead of
            a line at each tick of the vertical axis; 0 for the latter.
        indent: Least margin at the left in pixels, for a chart below another.
        height: Height in pixels.
        step: Least distance of two points of a line on the horizontal axis; 0 if it varies.
        unit: Unit of the horizontal axis, where the pointer reads its value.
        time: Whether the horizontal axis is in nanoseconds since 1970.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    x_label: str = ""
    y_label: str = ""
    lines: Sequence[Line] = ()
    areas: Sequence[Line] = ()
    cloud: Sequence[Point] = ()
    marks: Sequence[Mark] = ()
    rules: Sequence[Rule] = ()
    cells: Sequence[Cell] = ()
    mesh: int = 0
    indent: int = 30
    height: int = 260
    step: float = 1.0
    unit: str = ""
    time: bool = False

    @property
    def top(self) -> int:
        """Upper margin in pixels."""
        return _TOP + round(_LINE) * len(self.rules)

    @property
    def left(self) -> int:
        """Left margin in pixels, which holds the labels of the vertical axis."""
        longest = max((len(tick.label) for tick in self.y.ticks), default=1)
        return max(self.indent, round(12 + _CHARACTER * longest))

    @property
    def margins(self) -> int:
        """Sum of the left and the right margin in pixels."""
        return self.left + _RIGHT

    @property
    def plot_height(self) -> int:
        """Distance from the top of the vertical axis to its bottom, in pixels."""
        return self.height - self.top - _BOTTOM

    @property
    def bottom(self) -> int:
        """Vertical position of the horizontal axis, in pixels."""
        return self.top + self.plot_height

    def across(self, at: float) -> Place:
        """Return the horizontal position of a part of the axis, from 0 to 1."""
        return Place(round(100 * at, 3), round(self.left - at * self.margins, 1))

    def down(self, at: float) -> float:
        """Return the vertical position in pixels of a part of the axis, from 0 to 1."""
        return round(self.bottom - at * self.plot_height, 1)

    def anchor(self, at: float, label: str) -> str:
        """Return how a label is anchored that is centred unless it would be cut."""
        half = _CHARACTER * len(label) / 2
        if at * NARROW + self.left < half:
            return "start"
        return "end" if (1 - at) * NARROW + _RIGHT < half else "middle"

    def minor(self, index: int) -> bool:
        """Return whether a tick of the horizontal axis has no label in a narrow chart."""
        longest = max(len(tick.label) for tick in self.x.ticks)
        room = int(NARROW // (_CHARACTER * longest + 12)) or 1
        return index % -(-len(self.x.ticks) // room) != 0

    def path(self, line: Line) -> str:
        """Return the data of a line's SVG path, in units of the drawing."""
        parts = []
        for piece in line.pieces:
            points = [self._drawn(*each) for each in piece]
            x, y = points[0]
            moves = [f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(points)] or ["0 0"]
            parts.append(f"M{x} {y}l{' '.join(moves)}".replace(" -", "-"))
        return "".join(parts)

    def dots(self) -> str:
        """Return the data of the SVG path of the cloud: lines without length, with round ends."""
        return "".join(f"M{x} {y}h0" for x, y in (self._drawn(*each) for each in self.cloud))

    def _drawn(self, x: float, y: float) -> tuple[int, int]:
        return round(WIDE * self.x.at(x)), round(HIGH * (1 - self.y.at(y)))

    def grid(self) -> str:
        """Return the data of the SVG path of all thin lines, in the same units."""
        if self.mesh:
            shares = [i / self.mesh for i in range(self.mesh + 1)]
            return "".join(
                f"M0 {round(HIGH * each)}H{WIDE}M{round(WIDE * each)} 0V{HIGH}" for each in shares
            )
        return "".join(f"M0 {round(HIGH * (1 - tick.at))}H{WIDE}" for tick in self.y.ticks)

    def shades(self) -> dict[tuple[str, float], str]:
        """Return the data of an SVG path for the cells of each style and shade.

        Equal neighbours of a row are one piece of the path.
        """
        runs: list[tuple[Cell, int]] = []  # first cell and number of cells
        for cell in self.cells:
            first, size = runs[-1] if runs else (cell, 0)
            if cell == replace(first, x=first.x + size, label=cell.label):
                runs[-1:] = [(first, size + 1)]
            else:
                runs.append((cell, 1))
        paths: dict[tuple[str, float], str] = {}
        for cell, size in runs:
            (left, top), (right, bottom) = (
                self._drawn(cell.x + i * size, cell.y + i) for i in (0, 1)
            )
            key = (cell.style, cell.shade)
            paths[key] = paths.get(key, "") + f"M{left} {top}H{right}V{bottom}H{left}z"
        return paths

    def labels(self) -> list[Label]:
        """Return the labels of marks that overlap neither each other nor a mark."""
        spots = [(self.x.at(mark.x), self.down(self.y.at(mark.y))) for mark in self.marks]
        taken = [(at, (-5.0, y - 5, 5.0, y + 5)) for at, y in spots]
        found = []
        for mark, own, (at, y) in zip(self.marks, tuple(taken), spots, strict=True):
            for anchor, dx, dy in (
                *(("middle", 0, -8), ("start", 8, 4), ("end", -8, 4), ("middle", 0, 17)),
                *(("start", 6, -6), ("end", -6, -6), ("start", 6, 15), ("end", -6, 15)),
            ):
                box = _text_box(mark.label, anchor, dx, y + dy)
                fits = self._inside(at, box)
                if fits and not any(_collide(at, box, *other) for other in taken if other != own):
                    taken.append((at, box))
                    place = self.across(at)
                    place = Place(place.share, round(place.offset + dx, 1))
                    found.append(Label(mark.label, place, round(y + dy, 1), anchor))
                    break
        return found

    def _inside(self, at: float, box: Box) -> bool:
        """Return whether a box around a mark lies within the drawing at any width."""
        left, top, right, bottom = box
        return (
            at * NARROW + left >= 0
            and (1 - at) * NARROW + _RIGHT >= right
            and self.top - 10 <= top
            and bottom <= self.bottom
        )


def text_width(text: str) -> float:
    """Return a bound of the width of a text, in pixels; charts have text of 12 pixels."""

    def width(character: str) -> float:
        if unicodedata.east_asian_width(character) in "WF":
            return 13.0
        if character in "mwMW@%…":
            return 12.0
        return 9.0 if character.isupper() else 7.5

    return sum(map(width, text))


def _text_box(text: str, anchor: str, dx: float, base: float) -> Box:
    """Return a box [left, top, right, bottom] around a text; x counts from the mark."""
    width = _CHARACTER * len(text)
    left = dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, base - 0.75 * _LINE, left + width, base + 0.25 * _LINE


def _collide(at: float, box: Box, other_at: float, other: Box) -> bool:
    """Return whether two boxes, each around a part of the axis, touch at some width."""
    if box[3] <= other[1] or other[3] <= box[1]:
        return False
    for width in (NARROW, BROAD):
        apart = (other_at - at) * width
        if apart + other[0] < box[2] and box[0] < apart + other[2]:
            return True
    before = [(other_at - at) * width + other[0] >= box[2] for width in (NARROW, BROAD)]
    return before[0] != before[1]
