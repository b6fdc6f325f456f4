"""The result of a search: the Pareto front of the trained points."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from narrowcast.config import Config, shape_of
from narrowcast.search.hypervolume import nondominated
from narrowcast.search.objectives import ERROR, Objectives, error_of
from narrowcast.search.space import Space, shape_name
from narrowcast.search.trials import VIOLATIONS, Trials

FOLDER = "front"
_SHOWN = ("latency_us", "lut", "dsp")


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
            "bits": self.config.quantization.widths(shape_of(self.config)),
            "hardware": self.config.hardware.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Front:
    """All points that were trained in full and meet all limits.

    Attributes:
        base: Configuration that the search began with.
        objectives: Objectives and limits of the search.
        points: The points, sorted by the values of the objectives.
    """

    base: Config
    objectives: Objectives
    points: tuple[Point, ...]

    @classmethod
    def of(cls, base: Config, trials: Trials, space: Space, objectives: Objectives) -> "Front":
        """Return the front of the trained trials of a search that began with ``base``."""
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
        return cls(base, objectives, tuple(points))

    @property
    def best(self) -> list[Point]:
        """The points of the front."""
        return [point for point in self.points if point.best]

    def table(self) -> Iterator[list[str]]:
        """Yield the rows of a table of the front, the header first."""
        minimised = self.objectives.minimise
        shown = [*minimised, *(name for name in _SHOWN if name not in minimised)]
        error = f"validation {error_of(self.base).short}"
        heads = [error if name == ERROR else name for name in shown]
        yield ["point", *heads, "size", "bits"]
        for point in self.best:
            widths = list(point.config.quantization.widths(shape_of(point.config)).values())
            mean = sum(widths) / len(widths)
            yield [
                point.file or "",
                *(f"{point.costs[name]:.4g}" for name in shown),
                shape_name(point.config),
                point.label or f"{min(widths)} to {max(widths)}, {mean:.1f} on average",
            ]
