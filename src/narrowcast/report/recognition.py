"""Labels of windows: tiles, charts and tables on the page, and lines on how well they are found."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.report import axes
from narrowcast.report.axes import Axis
from narrowcast.report.charts import FRAME, Cell, Chart, Line, Point, text_width
from narrowcast.report.labels import LABELS
from narrowcast.report.schema import Report
from narrowcast.report.stretch import Stretch
from narrowcast.report.task import Arrays, Task
from narrowcast.training_records import CLASSIFIERS, Recognition, error_name, recognition_line

MOST_WRITTEN = 20  # classes with whose confusion matrix the counts are written
MOST_MISTAKES = 3  # pairs of labels that are named because one is often taken for the other
MOST_MARGINS, MOST_POINTS = 10, 200  # margins in a table and in a chart

# Pixels: the least width between the axes of a chart beside a table and of one on its own, and what
# the page has beside such a chart. The style sheet has the other widths.
_BESIDE, _ALONE, _PAGE = 370, 960, 82

_LABEL = 98  # pixels: width of a label beside a chart
_ROW, _LOW, _HIGH = 28, 120, 480  # pixels: height of a row of classes, of few and of many of them

Numbers = NDArray[np.int64]


def _content(
    report: Report, known: Mapping[str, Recognition], predictions: Arrays
) -> dict[str, Any]:
    classes, stretch = report.data.classes, Stretch.of(predictions)
    names = Names.of(classes)
    simple = {name: known[name].error for name in CLASSIFIERS if name in known}
    models = {name: np.array(known[name].confusion) for name in ("integer", "float")}
    width = max(map(_width, models.values()))
    matrices = {
        name: _matrix(counts, names, name, written=width <= _ALONE)
        for name, counts in models.items()
    }
    decisions = Decisions.of(predictions)
    return {
        "known": known,
        "best_simple": min(simple, key=lambda name: simple[name], default=None),
        "choices": list(matrices),
        "matrices": matrices,
        "written": width <= _ALONE,
        "beside": width <= _BESIDE or width > _ALONE,
        "narrowest": width + matrices["integer"].margins + _PAGE if width <= _ALONE else 0,
        "mistakes": _mistakes(models["integer"], classes),
        "classes": _classes(models["integer"], names, report),
        "stretch": len(stretch),
        "strip": _strip(stretch, decisions, names),
        "medians": decisions.medians(),
        "margins": decisions.at_least(MOST_MARGINS),
        "reliability": _reliability(decisions),
    }


@dataclass(frozen=True)
class Names:
    """What the page calls the classes; where their labels are long, by their numbers as well.

    Attributes:
        full: Names in tables.
        short: Names beside charts.
        below: Names below charts.
    """

    full: tuple[str, ...]
    short: tuple[str, ...]
    below: tuple[str, ...]

    @classmethod
    def of(cls, classes: Sequence[str]) -> "Names":
        """Return the names of classes, from their labels."""
        longest = max(map(text_width, classes))
        if longest <= _LABEL and len(classes) * (longest + 6) <= _BESIDE:
            return cls(tuple(classes), tuple(classes), tuple(classes))
        full = tuple(f"{i} {label}" for i, label in enumerate(classes))
        return cls(full, tuple(map(_short, full)), tuple(map(str, range(len(classes)))))

    def only(self, which: Sequence[int]) -> "Names":
        """Return the names of some of the classes."""
        return Names(*(tuple(each[i] for i in which) for each in astuple(self)))

    @property
    def indent(self) -> int:
        """Margin in pixels that the names take beside a chart."""
        return round(12 + max(map(text_width, self.short)))

    @property
    def height(self) -> int:
        """Height in pixels of a chart with the classes beside it."""
        size = len(self.full)
        return max(_LOW, _ROW * size) if size <= MOST_WRITTEN else _HIGH

    def beside(self) -> Axis:
        """Return a vertical axis of this height, with the first class at the top."""
        return axes.named(self.short, self.height // 14, self.full, down=True)


def _short(name: str) -> str:
    """Return a name, or as much of it as there is room for beside a chart."""
    if text_width(name) <= _LABEL:
        return name
    return next(
        short
        for end in range(len(name), 0, -1)
        if text_width(short := f"{name[:end].rstrip()}…") <= _LABEL
    )


def _width(counts: Numbers) -> float:
    """Return how wide a confusion matrix must be for its counts to be written, in pixels."""
    if len(counts) > MOST_WRITTEN:
        return math.inf
    return float(len(counts) * (7 * len(str(counts.max())) + 4))


def _matrix(counts: Numbers, names: Names, model: str, *, written: bool) -> Chart:
    """Return a confusion matrix: rows are true classes, columns those that are found."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shade = np.ceil(20 * (0.1 + 0.9 * share)) / 20  # a single window is visible, too
    size = len(counts)
    return Chart(
        f"Confusion matrix, {LABELS[model]}",
        "Rows are true labels, columns those that are found. Cells are shaded by the share of the "
        "windows with the true label.",
        axes.named(names.below, size if size <= MOST_WRITTEN else 10, names.full),
        names.beside(),
        x_label="Label that is found",
        y_label="True label",
        cells=[
            Cell(
                column,
                row,
                float(shade[row, column]),
                "right" if row == column else "wrong",
                f"{counts[row, column]}" if written else "",
            )
            for row, column in np.argwhere(counts).tolist()
        ],
        mesh=size if size <= MOST_WRITTEN else 1,
        indent=names.indent,
        height=names.height + FRAME,
    )


def _mistakes(counts: Numbers, classes: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return the most frequent mistakes: number of windows, true label, and the one found."""
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(int(wrong[pair]), classes[pair[0]], classes[pair[1]]) for pair in pairs if wrong[pair]]


@dataclass(frozen=True)
class _Class:
    """How well a class is recognised in the test part.

    Attributes:
        name: What the page calls it.
        windows: Its windows by part.
        recall: Share of its windows whose label is found; None if it has none.
        precision: Share of the windows with this label that are its own; None if it is never found.
        f1: F1 score, the harmonic mean of both; None if it neither occurs nor is found.
    """

    name: str
    windows: Mapping[str, int]
    recall: float | None
    precision: float | None
    f1: float | None


def _classes(counts: Numbers, names: Names, report: Report) -> list[_Class]:
    windows = report.data.windows.by_class
    assert windows is not None
    right, true, found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)

    def share(part: float, whole: float) -> float | None:
        return float(part / whole) if whole else None

    return [
        _Class(
            name,
            windows[label],
            share(right[i], true[i]),
            share(right[i], found[i]),
            share(2 * right[i], true[i] + found[i]),
        )
        for i, (name, label) in enumerate(zip(names.full, report.data.classes, strict=True))
    ]


def _strip(stretch: Stretch, decisions: "Decisions", names: Names) -> list[Chart]:
    """Return charts of the labels and of the margin, one below the other.

    Labels that neither occur nor are found in this stretch have no row.
    """
    windows = slice(len(stretch))
    both = np.stack((decisions.true[windows], decisions.found[windows]))
    occurring, places = np.unique(both, return_inverse=True)
    true, found = places.reshape(both.shape) + 0.5
    drawn = names.only(occurring.astype(int).tolist())
    right, margin = decisions.right[windows], decisions.margin[windows]
    every = np.full(len(stretch), True)
    labels = Chart(
        "Labels of the first windows",
        f"Lines over {stretch.over}: the true label, and the label that the integer model finds, "
        "where it is right and where it is wrong.",
        stretch.axis(),
        drawn.beside(),
        x_label=stretch.label,
        y_label="Label",
        lines=[
            Line("True", "truth", _runs(stretch, true, every)),
            *_marked(stretch, found, right, "Found, right", _runs(stretch, found, right)),
        ],
        height=drawn.height + FRAME,
        step=stretch.spacing,
        time=stretch.timed,
    )
    margins = Chart(
        "Margins of the first windows",
        f"A line over {stretch.over}: the difference of the integer model's largest result and the "
        "next one. Windows whose label is wrong are marked.",
        stretch.axis(),
        axes.linear(margin.tolist(), from_zero=True),
        x_label=stretch.label,
        y_label="Margin of the label that is found",
        lines=_marked(stretch, margin, right, "Margin", stretch.line(margin)),
        height=200,
        step=stretch.spacing,
        time=stretch.timed,
    )
    return [replace(each, indent=max(drawn.indent, margins.left)) for each in (labels, margins)]


def _marked(
    stretch: Stretch,
    values: NDArray[Any],
    right: NDArray[np.bool_],
    name: str,
    line: list[list[Point]],
) -> list[Line]:
    """Return a line, and the values of the windows whose label is wrong; only what is not empty."""
    wrong = [[(x, y)] for x, y in zip(stretch.place[~right], values[~right], strict=True)]
    lines = [Line(name, "integer", line), Line("Found, wrong", "wrong", wrong)]
    return [each for each in lines if each.pieces]


def _runs(stretch: Stretch, values: NDArray[Any], drawn: NDArray[np.bool_]) -> list[list[Point]]:
    """Return the points of the windows that are drawn; a line ends where its value changes."""
    found = []
    for piece in stretch.pieces:
        changes = (np.diff(values[piece]) != 0) | np.diff(drawn[piece])
        for run in np.split(piece, np.flatnonzero(changes) + 1):
            if drawn[run[0]]:
                found.append([(float(stretch.place[i]), float(values[i])) for i in run])
    return found


@dataclass(frozen=True)
class AtLeast:
    """The windows whose margin is at least so large.

    Attributes:
        margin: The least margin.
        windows: Number of windows.
        share: Share of all windows.
        right: Share of these windows whose label is right.
    """

    margin: float
    windows: int
    share: float
    right: float


@dataclass(frozen=True)
class Decisions:
    """What the integer model finds in the windows of the test part.

    Attributes:
        true: Number of the true class [windows].
        found: Number of the class that is found [windows].
        margin: Difference of its result and the next one [windows].
    """

    true: NDArray[Any]
    found: NDArray[Any]
    margin: NDArray[Any]

    @classmethod
    def of(cls, predictions: Arrays) -> "Decisions":
        """Return what stands in the arrays of the test part."""
        return cls(predictions["truth"], *predictions["integer"].T)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the label of each window is right [windows]."""
        return np.asarray(self.found == self.true)

    def medians(self) -> tuple[float, float] | None:
        """Return the median margin of right and of wrong labels; None if there are not both."""
        right = self.right
        if right.all() or not right.any():
            return None
        return float(np.median(self.margin[right])), float(np.median(self.margin[~right]))

    def at_least(self, most: int) -> list[AtLeast]:
        """Return the windows of at least some margins, with about as many between each two.

        Args:
            most: Number of margins, at most; those that occur, from the least one on.
        """
        margins, which = np.unique(self.margin, return_inverse=True)
        windows = np.bincount(which)[::-1].cumsum()[::-1]
        right = np.bincount(which, self.right)[::-1].cumsum()[::-1]
        shares = windows / len(self.true)
        # The first margin with at most each of these shares.
        rows = np.searchsorted(-shares, -np.linspace(1, 1 / most, most) - 1e-9)
        return [
            AtLeast(float(margins[i]), int(windows[i]), float(shares[i]), right[i] / windows[i])
            for i in np.unique(rows[rows < len(margins)]).tolist()
        ]


def _reliability(decisions: Decisions) -> Chart:
    """Return a chart of the labels that are right by least margin, and of how many these are."""
    every = decisions.at_least(MOST_POINTS)
    return Chart(
        "Right labels by least margin",
        "Of the windows with at least some margin, the share whose label is right; and the share "
        "of these windows of all.",
        axes.linear([each.margin for each in every], from_zero=True),
        axes.linear([0.0, 100.0]),
        x_label="Margin, at least",
        y_label="Share, %",
        lines=[
            Line(
                "Right, of these windows", "integer", [[(x.margin, 100 * x.right) for x in every]]
            ),
            Line("These windows, of all", "float", [[(x.margin, 100 * x.share) for x in every]]),
        ],
        step=0,
    )


def _lines(report: Report, known: Mapping[str, Recognition]) -> Iterator[str]:
    rounded, exact = (recognition_line(known[name]) for name in ("integer", "float"))
    yield f"test part:  {rounded} in integers; {exact} in floating point"
    rows = zip(report.data.classes, known["integer"].confusion, strict=True)
    found = [
        (row[i] / sum(row), row[i], sum(row), label)
        for i, (label, row) in enumerate(rows)
        if any(row)
    ]
    recall, right, windows, label = min(found)
    yield f"hardest:    {label!r}, with a recall of {recall:.1%} ({right} of {windows})"


TASK = Task(
    kind=Recognition,
    template="report/templates/recognition.html.j2",
    result="decision",
    error=lambda data: error_name("classify", data.target).full,
    loss="Loss",
    losses={
        "float": "Floating point, cross-entropy with the truth",
        "integer": "Integers, squared difference from the float's",
    },
    content=_content,
    lines=_lines,
    score=recognition_line,
)
