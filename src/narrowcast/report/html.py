"""``report.html``: the results of a run, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.estimate.duty_cycle import ALWAYS_ON, CLOCK_STOPPED, POWER_OFF, DutyCycle
from narrowcast.report import axes
from narrowcast.report.charts import Chart, Line, Point, Rule
from narrowcast.report.labels import LABELS
from narrowcast.report.page import render
from narrowcast.report.schema import Report
from narrowcast.report.task import Arrays, Task
from narrowcast.report.tasks import task_of
from narrowcast.training_records import History, TensorSummary, target_names


def render_html(report: Report, predictions: Arrays) -> str:
    """Return the page.

    Args:
        report: Results of the run.
        predictions: Arrays of the test part: ``truth``, ``float`` and ``integer``; ``row`` of the
            first target in the table [windows]; and, if the table has time stamps, ``time`` of the
            first target [windows] in nanoseconds since 1970. Forecasts and their truth are in the
            target's own unit, [windows] or [windows, outputs]. Of classes, ``truth`` is the number
            of the true one [windows], and the others are decisions [windows, 2]: the number of the
            class that is found, and its margin to the next one. Of a panel, also the number of the
            ``series`` of each window [windows], ascending.
    """
    task = task_of(report)
    return render(
        task.template,
        report=report,
        labels=LABELS,
        result=task.result,
        names=", ".join(target_names(report.data.target)),
        histogram=histogram,
        cut_off=_cut_off(report),
        battery=_battery(report.duty_cycle, task.result),
        history=_history(report, task),
        history_note=_history_note(report),
        **task.content(report, task.known(report), predictions),
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


def _battery(duty: DutyCycle, result: str) -> Chart:
    """Return the life of the battery by the interval of the inferences, in each mode."""
    first, last = duty.points[0].every_s, duty.points[-1].every_s
    lives: dict[str, list[Point]] = {mode: [] for mode in (ALWAYS_ON, CLOCK_STOPPED, POWER_OFF)}
    for point in duty.points:
        for mode, days in (point.battery_days or {}).items():
            lives[mode].append((point.every_s, days))
    crossover = duty.crossover_s
    return Chart(
        f"Battery life by interval of the {result}s",
        "Lines of the battery's life in days: always on, with the clock stopped between "
        f"{result}s, and switched off between them.",
        axes.duration(first, last),
        axes.adapted([days for line in lives.values() for _, days in line]),
        x_label=f"Interval of the {result}s",
        y_label=f"Battery life in days, with {axes.number(duty.cell_wh)} Wh",
        lines=[Line(LABELS[mode], mode, [line]) for mode, line in lives.items() if line],
        rules=[Rule(crossover, f"off from {axes.number(crossover)} s")]
        if crossover and first <= crossover <= last
        else [],
        step=0,
        unit="s",
    )


def _history(report: Report, task: Task[Any]) -> list[Chart]:
    """Return the charts of the validation error and of the loss by epoch."""
    history = {"float": report.history["float"], "integer": report.history["qat"]}
    return [
        _by_epoch(
            "Validation error by epoch",
            f"{task.error(report.data)}, validation part",
            {"float": "Floating point", "integer": "Fine-tuning of the integers"},
            history,
            {name: each.validation_error for name, each in history.items()},
        ),
        _by_epoch(
            "Loss by epoch",
            f"{task.loss}, training part",
            task.losses,
            history,
            {name: each.loss for name, each in history.items()},
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
