"""``report.html``: one self-contained file that works without a network."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
import plotly.offline
from numpy.typing import NDArray

from narrowcast.compile import StepCost
from narrowcast.report.schema import FORECASTERS, Report
from narrowcast.tools.yosys import Synthesis
from narrowcast.training_records import Errors, TensorSummary

STRETCH = 240  # windows of the test part that are drawn; with more, single forecasts are invisible

LABELS = {
    "float": "Float",
    "qat": "Quantised, in training",
    "integer": "Integer (the FPGA's)",
    "persistence": "Persistence",
    "ridge": "Ridge",
    "ridge_quadratic": "Ridge, quadratic",
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
}
_INK, _GRID, _ACCENT, _PALE = "#1c2733", "#e4e9ee", "#0b6bcb", "#a9c7e8"
_WARNING = "#c2410c"
_LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}

Arrays = Mapping[str, NDArray[Any]]


def render_html(report: Report, predictions: Arrays) -> str:
    """Return the page.

    Args:
        report: Results of the run.
        predictions: Arrays of the test part: ``truth``, ``float`` and ``integer`` in the target's
            own unit, [windows] or [windows, outputs], of which the first output is drawn; ``row``
            of the table [windows]; and, if the table has time stamps, ``time`` [windows] in
            nanoseconds since 1970.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("narrowcast", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals["histogram"] = histogram
    environment.globals["labels"] = LABELS
    figures = {
        "forecast": _forecast(predictions, report.data.target),
        "errors": _errors(report.accuracy.test),
        "cycles": _cycles(report.program.steps),
        "resources": _resources(report.synthesis),
    }
    page: str = environment.get_template("report.html.j2").render(
        report=report,
        plotly=plotly.offline.get_plotlyjs(),
        figures={name: _embed(figure) for name, figure in figures.items()},
        stretch=min(STRETCH, len(predictions["truth"])),
    )
    return page


def number(value: float | None) -> str:
    """Format a number with separators of thousands, or with four significant digits."""
    if value is None:
        return "–"
    if isinstance(value, int) or float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


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


def _forecast(predictions: Arrays, target: str) -> go.Figure:
    row = predictions["row"][:STRETCH]
    # Lines are interrupted at missing windows.
    breaks = np.flatnonzero(np.diff(row) > 1) + 1
    x = row.tolist()
    if "time" in predictions:
        time = predictions["time"][:STRETCH].astype("datetime64[ns]")
        x = np.datetime_as_string(time, unit="s").tolist()
    figure = go.Figure()
    for name, label, colour, width in (
        ("truth", "Truth", "#c5ced8", 6),
        ("float", LABELS["float"], "#d9822b", 1.3),
        ("integer", LABELS["integer"], _ACCENT, 1.6),
    ):
        first = predictions[name].reshape(len(predictions[name]), -1)[:STRETCH, 0]
        y = [round(value, 6) for value in first.tolist()]
        figure.add_scatter(
            x=_broken(x, breaks),
            y=_broken(y, breaks),
            name=label,
            mode="lines",
            line={"color": colour, "width": width},
        )
    figure.update_layout(hovermode="x unified", legend=_LEGEND)
    figure.update_yaxes(title=target)
    figure.update_xaxes(title=None if "time" in predictions else "Row of the table")
    return _styled(figure, 360, top=36)


def _broken(values: list[Any], breaks: NDArray[np.intp]) -> list[Any]:
    """Insert None at each break, which interrupts the line."""
    edges = [0, *breaks.tolist(), len(values)]
    pieces = [values[a:b] for a, b in pairwise(edges)]
    return [value for piece in pieces for value in (*piece, None)][:-1]


def _errors(accuracy: Mapping[str, Errors | None]) -> go.Figure:
    known = {name: errors for name in FORECASTERS if (errors := accuracy[name]) is not None}
    figure = go.Figure()
    for measure, colour, values in (
        ("RMSE", _ACCENT, [errors.rmse for errors in known.values()]),
        ("MAE", _PALE, [errors.mae for errors in known.values()]),
    ):
        figure.add_bar(
            y=[f"<b>{LABELS[name]}</b>" if name == "integer" else LABELS[name] for name in known],
            x=values,
            text=[f"{value:#.4g}" for value in values],
            name=measure,
            marker_color=colour,
        )
    figure.update_layout(legend=_LEGEND, bargap=0.3, bargroupgap=0.08)
    longest = max(errors.rmse for errors in known.values())
    return _styled(_bars(figure, 1.2 * longest), 60 + 46 * len(known), top=36)


def _cycles(steps: Sequence[StepCost]) -> go.Figure:
    cycles = [step.cycles for step in steps]
    figure = go.Figure(
        go.Bar(
            y=[step.name for step in steps],
            x=cycles,
            text=[number(each) for each in cycles],
            marker_color=_ACCENT,
        )
    )
    return _styled(_bars(figure, 1.25 * max(cycles)), 20 + 26 * len(steps))


def _resources(synthesis: Synthesis) -> go.Figure:
    budget, used = synthesis.budget, synthesis.used
    share = [100 * value / budget[key] for key, value in used.items()]
    names = [LABELS[key] for key in used]
    figure = go.Figure()
    figure.add_bar(
        y=names,
        x=[max(100, percent) for percent in share],
        text=[
            f"{percent:.0f} %: {number(value)} of {number(budget[key])}"
            for (key, value), percent in zip(used.items(), share, strict=True)
        ],
        marker_color=_GRID,
    )
    figure.add_bar(
        y=names,
        x=share,
        marker_color=[_WARNING if percent > 100 else _ACCENT for percent in share],
    )
    figure.update_layout(barmode="overlay", showlegend=False)
    return _styled(_bars(figure, 1.75 * max(100, *share)), 20 + 40 * len(used))


def _bars(figure: go.Figure, length: float) -> go.Figure:
    """Lay out horizontal bars that are labelled with their values, within ``length``."""
    figure.update_traces(
        orientation="h", textposition="outside", cliponaxis=False, hoverinfo="skip"
    )
    figure.update_xaxes(visible=False, range=[0, length or 1])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    return figure


def _styled(figure: go.Figure, height: int, top: int = 4) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 4, "r": 4, "t": top, "b": 4},
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    figure.update_xaxes(gridcolor=_GRID, automargin=True)
    figure.update_yaxes(gridcolor=_GRID, automargin=True)
    return figure


def _embed(figure: go.Figure) -> str:
    """Return the figure as JSON, escaped such that it cannot close the HTML script element."""
    text: str = figure.to_json()
    return text.replace("<", "\\u003c")
