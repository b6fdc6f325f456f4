"""Scores of anomalies: charts and tables on the page, and lines on how well they tell them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.report import axes
from narrowcast.report.charts import Chart, Line, Point
from narrowcast.report.schema import Report
from narrowcast.report.stretch import Stretch
from narrowcast.report.task import Arrays, Task
from narrowcast.training_records import DETECTORS, Detection, detection_line, error_name

MOST_POINTS = 200  # thresholds in a chart
_BEFORE = 60  # windows that are drawn before the first one of interest

Flags = NDArray[np.bool_]


def _content(report: Report, known: Mapping[str, Detection], predictions: Arrays) -> dict[str, Any]:
    windows = _Windows.of(predictions)
    threshold = report.model["threshold"]
    assert isinstance(threshold, float)
    simple = {
        name: known[name].error
        for name in DETECTORS
        if name in known and known[name].roc_auc is not None
    }
    drawn = windows.drawn()
    stretch = Stretch.of({name: each[drawn:] for name, each in predictions.items()})
    return {
        "known": known,
        "best_simple": min(simple, key=lambda name: simple[name], default=None),
        "labelled": windows.anomaly is not None,
        "anomalies": windows.anomaly is not None and bool(windows.anomaly.any()),
        "threshold": threshold,
        "stretch": len(stretch),
        "first": drawn + 1,
        "strip": _strip(stretch, windows.part(drawn, len(stretch)), threshold),
        "shares": _shares(windows, threshold),
    }


@dataclass(frozen=True)
class _Windows:
    """The windows of the test part, as the integer model scores them.

    Attributes:
        score: Scores [windows].
        flag: Whether the score is above the threshold [windows].
        anomaly: Whether there is an anomaly [windows]; None without labels.
        normal: Whether there is none [windows]; where neither is true, it is unknown.
    """

    score: NDArray[np.float64]
    flag: Flags
    anomaly: Flags | None
    normal: Flags | None

    @classmethod
    def of(cls, predictions: Arrays) -> "_Windows":
        """Return what stands in the arrays of the test part."""
        score, flag = predictions["integer"].T
        truth = predictions["truth"]
        labels = (truth > 0, truth == 0) if truth.ndim == 1 else (None, None)
        return cls(score, flag > 0, *labels)

    def drawn(self) -> int:
        """Return the first window that is drawn, some before the first anomaly or flag."""
        of_interest = self.flag if self.anomaly is None or not self.anomaly.any() else self.anomaly
        return max(0, int(of_interest.argmax()) - _BEFORE)

    def part(self, first: int, count: int) -> "_Windows":
        """Return some successive windows."""
        which = slice(first, first + count)
        labels = (None if each is None else each[which] for each in (self.anomaly, self.normal))
        return _Windows(self.score[which], self.flag[which], *labels)


def _strip(stretch: Stretch, windows: _Windows, threshold: float) -> Chart:
    """Return a chart of the score, with the threshold, flags and anomalies."""
    y = axes.linear([*windows.score.tolist(), threshold], from_zero=True)
    ends = [float(stretch.place[0]), float(stretch.place[-1])]
    flagged = [
        [(float(x), float(score))]
        for x, score in zip(stretch.place[windows.flag], windows.score[windows.flag], strict=True)
    ]
    lines = [
        Line("Threshold", "truth", [[(x, threshold) for x in ends]]),
        Line("Score", "integer", stretch.line(windows.score)),
        Line("With a flag", "wrong", flagged),
    ]
    return Chart(
        "Scores of some windows",
        f"A line over {stretch.over}: the score of each window, and the threshold. Windows above "
        "it are marked, and those with an anomaly shaded.",
        stretch.axis(),
        y,
        x_label=stretch.label,
        y_label="Score",
        lines=[each for each in lines if each.pieces],
        areas=_shaded(stretch, windows.anomaly, y.high),
        height=300,
        step=stretch.spacing,
        time=stretch.timed,
    )


def _shaded(stretch: Stretch, anomaly: Flags | None, high: float) -> list[Line]:
    """Return the outlines of the windows with an anomaly."""
    if anomaly is None or not anomaly.any():
        return []
    boxes: list[list[Point]] = []
    for piece in stretch.pieces:
        for run in np.split(piece, np.flatnonzero(np.diff(anomaly[piece])) + 1):
            if anomaly[run[0]]:
                left, right = (float(stretch.place[run[i]]) for i in (0, -1))
                boxes.append([(left, 0.0), (left, high), (right, high), (right, 0.0)])
    return [Line("Anomaly", "area", boxes)]


def _shares(windows: _Windows, threshold: float) -> Chart:
    """Return a chart of the windows that would have a flag, by threshold."""
    kinds = {"All windows": np.ones(len(windows.score), dtype=np.bool_)}
    anomaly, normal = windows.anomaly, windows.normal
    if anomaly is not None and anomaly.any() and normal is not None and normal.any():
        kinds = {"With an anomaly": anomaly, "Without one": normal}
    quantiles = np.linspace(0, 1, MOST_POINTS)
    thresholds = np.unique(np.quantile(windows.score, quantiles))
    lines = []
    for (name, which), style in zip(kinds.items(), ("integer", "float"), strict=False):
        scores = np.sort(windows.score[which])
        above = 1 - np.searchsorted(scores, thresholds, side="right") / len(scores)
        points = zip(thresholds.tolist(), (100 * above).tolist(), strict=True)
        lines.append(Line(name, style, [list(points)]))
    y = axes.linear([0.0, 100.0])
    at = Line("Threshold", "truth", [[(threshold, 0.0), (threshold, 100.0)]])
    return Chart(
        "Windows with a flag by threshold",
        "The share of the windows that would have a flag, with each threshold.",
        axes.linear([*thresholds.tolist(), threshold], from_zero=True),
        y,
        x_label="Threshold",
        y_label="Windows with a flag, %",
        lines=[at, *lines],
        step=0,
    )


def _lines(_: Report, known: Mapping[str, Detection]) -> Iterator[str]:
    rounded, exact = known["integer"], known["float"]
    yield (
        f"test part:  {detection_line(rounded)} in integers; {detection_line(exact)} in floating "
        "point"
    )
    if rounded.false_alarms_per_day is not None:
        alarms = f"{rounded.false_alarms_per_day:.3g} false ones in a day without anomalies"
        yield f"alarms:     {alarms}"
    if rounded.events:
        late = rounded.delay_rows
        delay = "" if late is None else f", {late:.3g} rows late on average"
        yield f"found:      {rounded.events_detected} of {rounded.events} anomalies{delay}"


TASK = Task(
    kind=Detection,
    template="report/templates/detection.html.j2",
    result="decision",
    error=lambda data: error_name("detect", data.target).full,
    loss="Loss",
    losses={
        "float": "Floating point, squared difference from the readings",
        "integer": "Integers, squared difference from the float's",
    },
    content=_content,
    lines=_lines,
    score=detection_line,
)
