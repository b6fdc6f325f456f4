"""The series of a panel on the page: each one's error, and forecasts of three of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from narrowcast.report import axes
from narrowcast.report.charts import Chart, Line
from narrowcast.report.labels import LABELS
from narrowcast.report.stretch import Stretch
from narrowcast.report.task import Arrays
from narrowcast.training_records import BASELINES, PANEL_BASELINES, Errors, SeriesErrors

MOST_SERIES = 1000  # in the table


@dataclass(frozen=True)
class Series:
    """A series of the table.

    Attributes:
        name: Its name.
        own: Errors of the integer model.
        simple: Name of the best simple forecast; None if none is possible.
        ratio: RMSE of the integer model divided by that of the best simple forecast; None likewise.
    """

    name: str
    own: SeriesErrors
    simple: str | None
    ratio: float | None


@dataclass(frozen=True)
class Example:
    """A series of which forecasts are drawn.

    Attributes:
        kind: Best, median or worst.
        series: The series.
        chart: Its forecasts.
    """

    kind: str
    series: Series
    chart: Chart


@dataclass(frozen=True)
class Page:
    """What the page says of the series.

    Attributes:
        series: Those of the table, by their error relative to the best simple forecast, least
            first; of very many the first and the last ones.
        count: Number of all.
        better: Number of those whose error is below that of every simple forecast.
        examples: The best, the median and the worst one.
    """

    series: list[Series]
    count: int
    better: int
    examples: list[Example]


def page_of(known: Mapping[str, Errors], predictions: Arrays, target: str) -> Page | None:
    """Return what the page says of the series; None if it is no panel.

    Args:
        known: Errors by forecaster.
        predictions: Arrays of the test part, with the ``series`` of each window.
        target: Name of the target.
    """
    errors = known["integer"].by_series
    if errors is None:
        return None
    names = [name for name in (*BASELINES, *PANEL_BASELINES) if name in known]
    found = []
    for name, own in errors.items():
        of_simple = {
            each: other[name].rmse
            for each in names
            if (other := known[each].by_series) is not None and name in other
        }
        best = min(of_simple, key=lambda each: of_simple[each], default=None)
        least = None if best is None else of_simple[best]
        found.append(Series(name, own, best, own.rmse / least if least else None))
    order = sorted(found, key=lambda each: (each.ratio is None, each.ratio or 0.0))
    compared = [each for each in order if each.ratio is not None] or order
    number = dict(zip(errors, np.unique(predictions["series"]).tolist(), strict=True))
    chosen = {"Best": 0, "Median": len(compared) // 2, "Worst": len(compared) - 1}
    some = {kind: compared[i] for kind, i in chosen.items()}
    half = MOST_SERIES // 2
    return Page(
        series=order if len(order) <= MOST_SERIES else order[:half] + order[-half:],
        count=len(order),
        better=sum(each.ratio is not None and each.ratio < 1 for each in order),
        examples=[
            Example(kind, each, _chart(each.name, number[each.name], predictions, target))
            for kind, each in some.items()
        ],
    )


def _chart(name: str, number: int, predictions: Arrays, target: str) -> Chart:
    """Return the forecasts of one series, one step ahead of each window."""
    mine = predictions["series"] == number
    of_series = {
        key: array[mine]
        for key, array in predictions.items()
        if key in ("row", "time", "truth", "float", "integer")
    }
    stretch = Stretch.of(of_series)
    size = of_series["truth"].reshape(len(of_series["truth"]), -1).shape[1]
    values = {}
    for key in ("truth", "float", "integer"):
        each = of_series[key].reshape(len(of_series[key]), -1)
        quantiles = each.shape[1] // size
        values[key] = each[: len(stretch), quantiles // 2]
    return Chart(
        f"Forecast and truth of {name}",
        f"Lines of {target} of {name} over {stretch.over}: the truth, the forecasts in floating "
        "point, and those of the integer model.",
        stretch.axis(),
        axes.linear(np.concatenate(list(values.values())).tolist()),
        x_label=stretch.label,
        y_label=target,
        lines=[
            Line({"truth": "Truth", **LABELS}[key], key, stretch.line(each))
            for key, each in values.items()
        ],
        height=220,
        step=stretch.interval,
        time=stretch.timed,
    )
