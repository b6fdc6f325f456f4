"""The result of a search: the Pareto front of the trained points, and its files.

``front.json`` has all trained points, ``front.html`` draws them, and ``front/`` has a configuration
for each point of the front.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from plotly.subplots import make_subplots

from narrowcast.config import Config, flat_items
from narrowcast.files import write_whole
from narrowcast.search.hypervolume import nondominated
from narrowcast.search.objectives import ERROR, QUANTITIES, Objectives
from narrowcast.search.space import Space, shape_name
from narrowcast.search.trials import VIOLATIONS, Trials

JSON, HTML, FOLDER = "front.json", "front.html", "front"


@dataclass(frozen=True)
class Point:
    """A point that was trained in full.

    Attributes:
        label: Label of a uniform model, such as ``8 bits``; else empty.
        config: Configuration of the point.
        costs: Costs by the names of ``QUANTITIES``, including the error.
        best: Whether the point is on the front.
        file: Path of its configuration in the output folder; None if it is not on the front.
    """

    label: str
    config: Config
    costs: Mapping[str, float]
    best: bool
    file: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the point's entry in ``front.json``."""
        return {
            "file": self.file,
            "label": self.label,
            "shape": shape_name(self.config),
            "costs": dict(self.costs),
            "bits": self.config.quantization.widths(self.config.model.layers),
            "hardware": self.config.hardware.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Front:
    """All points that were trained in full and meet all limits.

    Attributes:
        objectives: Objectives and limits of the search.
        points: The points, sorted by the values of the objectives.
    """

    objectives: Objectives
    points: tuple[Point, ...]

    @classmethod
    def of(cls, trials: Trials, space: Space, objectives: Objectives) -> "Front":
        """Return the front of the trained trials."""
        kept = [trial for trial in trials.trained if not trial.user_attrs[VIOLATIONS]]
        kept.sort(key=lambda trial: tuple(trial.values))
        values = np.array([trial.values for trial in kept]).reshape(-1, len(objectives.minimise))
        best = nondominated(values)
        numbers = np.cumsum(best)
        points = (
            Point(
                label=trial.user_attrs["label"],
                config=space.point(trial.params),
                costs={**trial.user_attrs["costs"], ERROR: trial.user_attrs[ERROR]},
                best=bool(on_front),
                file=f"{FOLDER}/{number:03}.toml" if on_front else None,
            )
            for trial, on_front, number in zip(kept, best, numbers, strict=True)
        )
        return cls(objectives, tuple(points))

    @property
    def best(self) -> list[Point]:
        """The points of the front."""
        return [point for point in self.points if point.best]

    def write(self, out: Path) -> None:
        """Write the files; see the module."""
        for point in self.best:
            if point.file is not None:
                write_whole(out / point.file, to_toml(point.config, (out / point.file).parent))
        stale = {path.name for path in (out / FOLDER).glob("[0-9]*.toml")}
        for name in stale - {Path(point.file).name for point in self.best if point.file}:
            (out / FOLDER / name).unlink()
        document = {
            "minimise": self.objectives.minimise,
            "max": self.objectives.limits,
            "front": [point.to_json() for point in self.best],
            "others": [point.to_json() for point in self.points if not point.best],
        }
        write_whole(out / JSON, json.dumps(document, indent=1) + "\n")
        write_whole(out / HTML, render(self))

    def table(self) -> Iterator[list[str]]:
        """Yield the rows of a table of the front, the header first."""
        minimised = self.objectives.minimise
        shown = [*minimised, *(name for name in _SHOWN if name not in minimised)]
        heads = ["validation rmse" if name == ERROR else name for name in shown]
        yield ["point", *heads, "size", "bits"]
        for point in self.best:
            widths = list(point.config.quantization.widths(point.config.model.layers).values())
            mean = sum(widths) / len(widths)
            yield [
                point.file or "",
                *(f"{point.costs[name]:.4g}" for name in shown),
                shape_name(point.config),
                point.label or f"{min(widths)} to {max(widths)}, {mean:.1f} on average",
            ]


def render(front: Front) -> str:
    """Return a self-contained page: charts of the error against each cost, with hover texts."""
    shown = list(dict.fromkeys([*front.objectives.minimise, *_DRAWN]))
    shown = [name for name in shown if name != ERROR]
    figure = make_subplots(rows=1, cols=len(shown), shared_yaxes=True)
    groups = {
        "front": [p for p in front.points if p.best],
        "trained, not on it": [p for p in front.points if not p.best],
    }
    for column, name in enumerate(shown, 1):
        for (group, points), colour in zip(groups.items(), ("#0b6bcb", "#a9c7e8"), strict=True):
            figure.add_scatter(
                x=[point.costs[name] for point in points],
                y=[point.costs[ERROR] for point in points],
                text=[point.label for point in points],
                hovertext=[_hover(point) for point in points],
                hoverinfo="text",
                mode="markers+text",
                textposition="top center",
                marker={"color": colour, "size": 9},
                name=group,
                legendgroup=group,
                showlegend=column == 1,
                row=1,
                col=column,
            )
        figure.update_xaxes(title=QUANTITIES[name], row=1, col=column)
    figure.update_yaxes(title=QUANTITIES[ERROR], row=1, col=1)
    figure.update_layout(template="plotly_white", legend={"orientation": "h", "y": 1.08})
    page: str = figure.to_html(include_plotlyjs=True, full_html=True)
    return page


def _hover(point: Point) -> str:
    config = point.config
    forced = [
        f"{key} = {value}"
        for key, value in flat_items(config.hardware.model_dump(mode="json"))
        if key not in ("device", "clock_mhz") and value != "auto"
    ]
    lines = [
        f"<b>{point.file or 'not on the front'}</b> {point.label}",
        shape_name(config),
        *(f"{name} {value:.4g}" for name, value in point.costs.items()),
        *(f"{n}: {b} bits" for n, b in config.quantization.widths(config.model.layers).items()),
        *forced,
    ]
    return "<br>".join(lines)


_DRAWN = ("energy_uj", "latency_us", "lut")
_SHOWN = ("latency_us", "lut", "dsp")


def to_toml(config: Config, folder: Path) -> str:
    """Return the content of a configuration file in ``folder``, for :func:`load_config`."""
    values = config.model_dump(exclude_none=True)
    if config.data.path is not None:
        values["data"]["path"] = os.path.relpath(config.data.path.resolve(), folder.resolve())
    return tomli_w.dumps(values)
