"""Forecasts: their tiles, charts and tables on the page, and lines on their errors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.report import axes
from narrowcast.report.charts import Chart, Line, Point
from narrowcast.report.labels import LABELS
from narrowcast.report.panel import page_of
from narrowcast.report.schema import Report
from narrowcast.report.stretch import STRETCH, Stretch
from narrowcast.report.task import Arrays, Task
from narrowcast.training_records import (
    BASELINES,
    PANEL_BASELINES,
    Errors,
    Intervals,
    error_name,
    intervals_line,
    target_names,
)

MOST_STEPS = 24  # steps ahead that are drawn, each on its own


def _content(report: Report, known: Mapping[str, Errors], predictions: Arrays) -> dict[str, Any]:
    simple = {name: known[name].error for name in (*BASELINES, *PANEL_BASELINES) if name in known}
    stretch = Stretch.of(predictions)
    targets = [
        _target(name, i, known, predictions, stretch, report)
        for i, name in enumerate(target_names(report.data.target))
    ]
    return {
        "known": known,
        "panel": page_of(known, predictions, report.data.target)
        if isinstance(report.data.target, str)
        else None,
        "best_simple": min(simple, key=lambda name: simple[name], default=None),
        "targets": targets,
        "choices": list(targets[0].forecasts),
        "stretch": len(stretch),
    }


@dataclass(frozen=True)
class _Target:
    """What the page says of one target.

    Attributes:
        name: Name of the column.
        errors: Its errors by forecaster.
        by_step: Chart of its errors by step ahead; None for a single step.
        forecasts: Charts of its forecasts by the number of rows ahead.
        intervals: How well its quantiles are forecast, by forecaster; none if there are none.
        reliability: Chart of that; None without quantiles.
    """

    name: str
    errors: dict[str, Errors]
    by_step: Chart | None
    forecasts: dict[int, Chart]
    intervals: dict[str, Intervals]
    reliability: Chart | None


def _target(
    name: str,
    index: int,
    known: Mapping[str, Errors],
    predictions: Arrays,
    stretch: Stretch,
    report: Report,
) -> _Target:
    constant = report.accuracy.constant_width
    every = {**known, **({} if constant is None else {"constant_width": constant})}
    of_each = {key: e.by_target[name] if e.by_target else e for key, e in every.items()}
    intervals = {
        key: each.intervals for key, each in of_each.items() if each.intervals and key != "qat"
    }
    errors = {key: of_each[key] for key in known}
    quantiles = intervals["integer"].quantiles if intervals else (0.5,)
    several = {
        key: predictions[key].reshape(
            len(predictions[key]), -1, report.data.outputs, 1 if key == "truth" else len(quantiles)
        )[:STRETCH, index]
        for key in ("truth", "float", "integer")
    }
    return _Target(
        name,
        errors,
        _by_step(errors, report.data.lead, name),
        _forecasts(several, quantiles, stretch, report.data.lead, name),
        intervals,
        _reliability(intervals) if intervals else None,
    )


def _reliability(intervals: Mapping[str, Intervals]) -> Chart:
    """Return a chart of the share of the targets below each quantile."""
    ends = [(0.0, 0.0), (100.0, 100.0)]
    found = {
        name: [(100 * a, 100 * b) for a, b in zip(each.quantiles, each.below, strict=True)]
        for name, each in intervals.items()
    }
    return Chart(
        "Reliability of the quantiles",
        "The share of the targets below each quantile, beside the share that is asked.",
        axes.linear([0.0, 100.0]),
        axes.linear([0.0, 100.0]),
        x_label="Quantile, %",
        y_label="Targets at or below it, %",
        lines=[
            Line("As asked", "truth", [ends]),
            *(Line(LABELS[name], name, [line], dots=line) for name, line in found.items()),
        ],
        step=0,
        unit="%",
    )


def _forecasts(
    quantiles: Arrays, levels: Sequence[float], stretch: Stretch, lead: int, target: str
) -> dict[int, Chart]:
    """Return a chart for each step ahead that is drawn, by its number of rows ahead."""
    several = {
        name: each[:, :, 0 if name == "truth" else levels.index(0.5)]
        for name, each in quantiles.items()
    }
    band = quantiles["integer"][:, :, [0, -1]]
    outputs = several["truth"].shape[1]
    drawn = np.unique(np.linspace(0, outputs - 1, min(outputs, MOST_STEPS)).round().astype(int))
    every = (*several.values(), band)
    y = axes.linear(np.concatenate([each[:, drawn].ravel() for each in every]).tolist())
    found = {}
    for step in drawn.tolist():
        ahead = lead + step
        lines = [
            Line(label, name, stretch.line(several[name][:, step], step))
            for name, label in (
                ("truth", "Truth"),
                ("float", LABELS["float"]),
                ("integer", LABELS["integer"]),
            )
        ]
        found[ahead] = Chart(
            f"Forecast and truth, {ahead} step{'' if ahead == 1 else 's'} ahead",
            f"Lines of {target} over {stretch.over}: the "
            f"truth, the forecasts in floating point, and those of the integer model.",
            stretch.axis(step),
            y,
            x_label=stretch.label,
            y_label=target,
            lines=lines,
            areas=[]
            if len(levels) == 1
            else [
                Line(
                    f"{levels[-1] - levels[0]:.0%} interval of the integers",
                    "area",
                    _outlines(stretch, band[:, step], step),
                )
            ],
            height=340,
            step=stretch.interval,
            time=stretch.timed,
        )
    return found


def _outlines(stretch: Stretch, ends: NDArray[Any], ahead: int) -> list[list[Point]]:
    """Return the outlines of a band from its lower and upper ends [windows, 2]."""
    lower, upper = (stretch.line(end, ahead) for end in ends.T)
    return [there + back[::-1] for there, back in zip(lower, upper, strict=True)]


def _by_step(known: Mapping[str, Errors], lead: int, target: str) -> Chart | None:
    """Return the errors of all forecasters by step ahead; None for a single step."""
    drawn = {name: e.by_step for name, e in known.items() if e.by_step and name != "qat"}
    if not drawn:
        return None
    steps = range(lead, lead + len(drawn["integer"]))
    order = sorted(drawn, key=("integer", "float").__contains__)  # those in front are drawn last
    return Chart(
        "Error by step ahead",
        f"RMSE of {len(drawn)} forecasters for {len(steps)} steps ahead.",
        axes.whole(steps[0], steps[-1]),
        axes.linear([value for name in drawn for value in drawn[name]], from_zero=True),
        x_label="Steps ahead",
        y_label=f"RMSE of {target}",
        lines=[_line(name, steps, drawn[name]) for name in order],
    )


def _line(name: str, x: Iterable[float], y: Sequence[float]) -> Line:
    return Line(LABELS[name], name, [list(zip(x, y, strict=True))])


def _lines(report: Report, known: Mapping[str, Errors]) -> Iterator[str]:  # noqa: ARG001
    rounded, exact = known["integer"], known["float"]
    unit = ", of all targets in units of their scales" if rounded.by_target else ""
    pairs = [("test RMSE:" if rounded.rmsse is None else "test RMSSE:", rounded, exact, unit)]
    if rounded.by_target and exact.by_target:
        pairs += [
            (f"  {k}:", each, exact.by_target[k], "") for k, each in rounded.by_target.items()
        ]
    for name, found, base, of_all in pairs:
        both = f"{_score(found)} in integers, {_score(base)} in floating point"
        yield f"{name:<11} {both}{of_all}"
    if rounded.intervals is not None:
        yield f"intervals:  {intervals_line(rounded.intervals)}"


def _score(errors: Errors) -> str:
    return f"{errors.error:.4g}"


TASK = Task(
    kind=Errors,
    template="report/templates/forecasts.html.j2",
    result="forecast",
    error=lambda data: error_name("forecast", data.target, panel=data.series is not None).full,
    loss="Loss of the scaled forecasts",
    losses={"float": "Floating point, from the truth", "integer": "Integers, from the float's"},
    content=_content,
    lines=_lines,
    score=_score,
)
