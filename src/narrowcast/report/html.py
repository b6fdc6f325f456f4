"""``report.html``: the results of a run, for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.estimate.duty_cycle import ALWAYS_ON, CLOCK_STOPPED, POWER_OFF, DutyCycle
from narrowcast.report import axes
from narrowcast.report.charts import Chart, Line, Point, Rule
from narrowcast.report.page import render
from narrowcast.report.schema import Report
from narrowcast.training_records import (
    BASELINES,
    Errors,
    History,
    Intervals,
    TensorSummary,
    error_of,
    target_names,
)

STRETCH = 240  # windows of the test part that are drawn; with more, single forecasts are invisible
MOST_STEPS = 24  # steps ahead that are drawn, each on its own

LABELS = {
    "float": "Float",
    "qat": "Quantised, in training",
    "integer": "Integer (the FPGA's)",
    "persistence": "Persistence",
    "seasonal_naive": "Seasonal naive",
    "nlinear": "NLinear",
    "ridge": "Ridge",
    "ridge_quadratic": "Ridge, quadratic",
    "constant_width": "Constant width around the float's median",
    "lut": "LUT",
    "ff": "FF",
    "bram36": "BRAM36",
    "bram": "BRAM",
    "dsp": "DSP",
    "train": "Training",
    "quantize": "Quantisation",
    "compile": "Compilation",
    "verify": "Verification",
    "synth": "Synthesis",
    "place": "Place and route",
    ALWAYS_ON: "Always on",
    CLOCK_STOPPED: "Clock stopped",
    POWER_OFF: "Power off",
}

Arrays = Mapping[str, NDArray[Any]]


def render_html(report: Report, predictions: Arrays) -> str:
    """Return the page.

    Args:
        report: Results of the run.
        predictions: Arrays of the test part: ``truth``, ``float`` and ``integer`` in the target's
            own unit, [windows] or [windows, outputs]; ``row`` of the first target in the table
            [windows]; and, if the table has time stamps, ``time`` of the first target [windows] in
            nanoseconds since 1970.
    """
    test = report.accuracy.test
    known = {name: errors for name, errors in test.items() if isinstance(errors, Errors)}
    simple = {name: known[name].rmse for name in BASELINES if name in known}
    return render(
        "report/templates/report.html.j2",
        report=report,
        labels=LABELS,
        histogram=histogram,
        known=known,
        best_simple=min(simple, key=lambda name: simple[name], default=None),
        cut_off=_cut_off(report),
        targets=[
            _target(name, i, known, predictions, report)
            for i, name in enumerate(target_names(report.data.target))
        ],
        battery=_battery(report.duty_cycle),
        history=_history(report.history, error_of(report.data.target)),
        history_note=_history_note(report),
        stretch=min(STRETCH, len(predictions["truth"])),
    )


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
    name: str, index: int, known: Mapping[str, Errors], predictions: Arrays, report: Report
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
        _forecasts(several, quantiles, predictions, report.data.lead, name),
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


def histogram(tensor: TensorSummary, width: int = 123, height: int = 24) -> list[Any]:
    """Return the bars of a tensor's histogram and the range of its integers, in pixels.

    Args:
        tensor: An entry of the report's ``quantization.tensors``.
        width: Width of the drawing.
        height: Height of the highest bar. Heights are proportional to the root of the counts.

    Returns:
        Bars [x, y, width, height], and the range of the integers [x, width].
    """
    low, high = tensor.edges
    counts = tensor.counts
    left, right = min(low, tensor.lowest), max(high, tensor.highest)
    scale = width / ((right - left) or 1.0)
    step = (high - low) * scale / len(counts)
    start, most = (low - left) * scale, max(*counts, 1)
    bars = []
    for i, count in enumerate(counts):
        tall = height * (count / most) ** 0.5
        bars.append([round(v, 1) for v in (start + i * step, height - tall, max(step, 1), tall)])
    reach = ((tensor.lowest - left) * scale, (tensor.highest - tensor.lowest) * scale)
    return [bars, [round(v, 1) for v in reach]]


def _cut_off(report: Report) -> dict[str, list[float]]:
    """Return the shares of values that are cut off, by part, of each column that has any."""
    parts = report.accuracy.cut_off.values()
    names = ", ".join(target_names(report.data.target))
    shares = {f"Target {names}": [part.target for part in parts]}
    shares |= {
        f"Input {name}": [part.inputs[name] for part in parts] for name in report.data.inputs
    }
    return {name: each for name, each in shares.items() if any(each)}


def _forecasts(
    quantiles: Arrays, levels: Sequence[float], predictions: Arrays, lead: int, target: str
) -> dict[int, Chart]:
    """Return a chart for each step ahead that is drawn, by its number of rows ahead."""
    several = {
        name: each[:, :, 0 if name == "truth" else levels.index(0.5)]
        for name, each in quantiles.items()
    }
    band = quantiles["integer"][:, :, [0, -1]]
    outputs = several["truth"].shape[1]
    drawn = np.unique(np.linspace(0, outputs - 1, min(outputs, MOST_STEPS)).round().astype(int))
    row = predictions["row"][:STRETCH]
    timed = "time" in predictions
    place = predictions["time"][:STRETCH] if timed else row
    interval = int(np.median(np.diff(place) // np.diff(row))) if len(row) > 1 else 0
    x = axes.time if timed else axes.whole
    # Lines are interrupted at missing windows.
    pieces = np.split(np.arange(len(row)), np.flatnonzero(np.diff(row) > 1) + 1)
    every = (*several.values(), band)
    y = axes.linear(np.concatenate([each[:, drawn].ravel() for each in every]).tolist())
    found = {}
    for step in drawn.tolist():
        ahead = lead + step
        lines = [
            Line(label, name, _pieces(pieces, place + step * interval, several[name][:, step]))
            for name, label in (
                ("truth", "Truth"),
                ("float", LABELS["float"]),
                ("integer", LABELS["integer"]),
            )
        ]
        found[ahead] = Chart(
            f"Forecast and truth, {ahead} step{'' if ahead == 1 else 's'} ahead",
            f"Lines of {target} over {'time' if timed else 'rows of the table'}: the "
            f"truth, the forecasts in floating point, and those of the integer model.",
            x(int(place[0]) + step * interval, int(place[-1]) + step * interval),
            y,
            x_label=f"Time (UTC), {_years(place)}" if timed else "Row of the table",
            y_label=target,
            lines=lines,
            areas=[]
            if len(levels) == 1
            else [
                Line(
                    f"{levels[-1] - levels[0]:.0%} interval of the integers",
                    "area",
                    _outlines(pieces, place + step * interval, band[:, step]),
                )
            ],
            height=340,
            step=interval,
            time=timed,
        )
    return found


def _years(times: NDArray[Any]) -> str:
    first, last = times[[0, -1]].astype("datetime64[ns]").astype("datetime64[Y]").astype(str)
    return str(first) if first == last else f"{first} to {last}"


def _pieces(
    pieces: Iterable[NDArray[np.intp]], x: NDArray[Any], y: NDArray[Any]
) -> list[list[Point]]:
    return [list(zip(x[each].tolist(), y[each].tolist(), strict=True)) for each in pieces]


def _outlines(
    pieces: Iterable[NDArray[np.intp]], x: NDArray[Any], ends: NDArray[Any]
) -> list[list[Point]]:
    """Return the outlines of a band from its lower and upper ends [windows, 2]."""
    found = []
    for each in pieces:
        there, back = (
            list(zip(x[each].tolist(), end.tolist(), strict=True)) for end in ends[each].T
        )
        found.append(there + back[::-1])
    return found


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


def _battery(duty: DutyCycle) -> Chart:
    """Return the life of the battery by the interval of the forecasts, in each mode."""
    first, last = duty.points[0].every_s, duty.points[-1].every_s
    lives: dict[str, list[Point]] = {mode: [] for mode in (ALWAYS_ON, CLOCK_STOPPED, POWER_OFF)}
    for point in duty.points:
        for mode, days in (point.battery_days or {}).items():
            lives[mode].append((point.every_s, days))
    crossover = duty.crossover_s
    return Chart(
        "Battery life by interval of the forecasts",
        "Lines of the battery's life in days: always on, with the clock stopped between forecasts, "
        "and switched off between them.",
        axes.duration(first, last),
        axes.adapted([days for line in lives.values() for _, days in line]),
        x_label="Interval of the forecasts",
        y_label=f"Battery life in days, with {axes.number(duty.cell_wh)} Wh",
        lines=[Line(LABELS[mode], mode, [line]) for mode, line in lives.items() if line],
        rules=[Rule(crossover, f"off from {axes.number(crossover)} s")]
        if crossover and first <= crossover <= last
        else [],
        step=0,
        unit="s",
    )


def _history(history: Mapping[str, History], error: str) -> list[Chart]:
    """Return the charts of the validation error and of the loss by epoch."""
    named = {"float": history["float"], "integer": history["qat"]}
    return [
        _by_epoch(
            "Validation error by epoch",
            f"{error}, validation part",
            {"float": "Floating point", "integer": "Fine-tuning of the integers"},
            named,
            {name: each.validation_error for name, each in named.items()},
        ),
        _by_epoch(
            "Loss by epoch",
            "Loss of the scaled forecasts, training part",
            {"float": "Floating point, from the truth", "integer": "Integers, from the float's"},
            named,
            {name: each.loss for name, each in named.items()},
        ),
    ]


def _history_note(report: Report) -> str:
    """Return what fine-tuning begins from, and what its validation error says."""
    if report.data.windows.refit is None:
        return "Fine-tuning continues from the weights that were kept."
    epochs = report.history["float"].best + 1
    return (
        f"The model was then trained anew for {epochs} epoch{'s' if epochs > 1 else ''}, on the "
        "training and the validation part together. Fine-tuning continues from that model, so its "
        "error on the validation part is not that of unseen readings."
    )


def _by_epoch(
    title: str,
    label: str,
    names: Mapping[str, str],
    history: Mapping[str, History],
    values: Mapping[str, Sequence[float]],
) -> Chart:
    kept = {name: each.best for name, each in history.items()}
    lines = [
        Line(
            names[name],
            name,
            [list(enumerate(values[name], 1))],
            dots=[(best + 1, values[name][best])],
        )
        for name, best in kept.items()
    ]
    told = ", ".join(
        f"{names[name]} {best + 1} of {len(values[name])}" for name, best in kept.items()
    )
    return Chart(
        title,
        f"The weights that were kept are those of the epochs: {told}.",
        axes.whole(1, max(map(len, values.values()))),
        axes.adapted([value for each in values.values() for value in each]),
        x_label="Epoch",
        y_label=label,
        lines=lines,
        height=240,
    )
