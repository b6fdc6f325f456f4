"""How far readings lie outside of the range that a model's integers were made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from narrowcast.data import Part
from narrowcast.data.scaling import Array
from narrowcast.integer import IntegerModel

_FAR = 1.0  # widths of the range beyond its ends


@dataclass(frozen=True)
class ColumnDrift:
    """The readings of one input column in new data.

    Attributes:
        outside: Share of the readings in windows that lie outside of the range, from 0 to 1.
        far: Number of windows with a reading that lies outside by more than the range's width.
        windows: Number of all windows.
        range: Ends of the range of the integers, in the column's unit.
        found: Least and largest reading. Of a column in ``data.relative_inputs`` this and the range
            are differences from the last reading.
        moved: Distance of the mean reading above that of the training, in standard deviations of
            the training; None with ``data.scaling = "min-max"``, which knows neither.
    """

    outside: float
    far: int
    windows: int
    range: tuple[float, float]
    found: tuple[float, float]
    moved: float | None

    def warning(self, name: str) -> str | None:
        """Return one line on readings that lie far outside, None if there are none."""
        if not self.far:
            return None
        moved = ""
        if self.moved is not None:
            side = "above" if self.moved > 0 else "below"
            moved = f", on average {abs(self.moved):.3g} standard deviations {side} the training"
        return (
            f"readings of {name!r} lie far outside of the integers' range, {self.range[0]:.4g} to "
            f"{self.range[1]:.4g}, in {self.far} of {self.windows} windows: they are from "
            f"{self.found[0]:.4g} to {self.found[1]:.4g}{moved}: are they in another unit?"
        )


def far_outside(columns: Mapping[str, ColumnDrift]) -> list[str]:
    """Return one line for each column whose readings lie far outside of the integers' range."""
    found = (column.warning(name) for name, column in columns.items())
    return [warning for warning in found if warning is not None]


class Drift:
    """Counts the readings outside of the range of a model's integers, batch by batch.

    Args:
        model: The model.
        scaling: How ``data.scaling`` scales its inputs.
    """

    def __init__(self, model: IntegerModel, scaling: Literal["min-max", "standard"]) -> None:
        self._source, self._standard = model.inputs[0], scaling == "standard"
        self._tensor = model.tensors[self._source.tensor]
        ends = self._tensor.dequantise(np.array([[self._tensor.low], [self._tensor.high]]))
        columns = len(self._source.columns)
        units = self._source.scaling.invert(np.repeat(ends, columns, axis=1))
        self._low, self._high = np.sort(units, axis=0)
        self._windows, self._rows = 0, 0
        self._outside = np.zeros(columns, dtype=np.int64)
        self._far = np.zeros(columns, dtype=np.int64)
        self._sum = np.zeros(columns)  # of scaled readings
        self._least, self._most = np.full(columns, np.inf), np.full(columns, -np.inf)

    def add(self, part: Part) -> None:
        """Count the readings of windows that have forecasts."""
        real = self._source.real(part.of_targets(part.inputs))
        readings: Array = self._source.scaling.invert(real)
        width = _FAR * (self._high - self._low)
        far: NDArray[np.bool_] = (readings < self._low - width) | (readings > self._high + width)
        self._windows += len(real)
        self._rows += real.shape[0] * real.shape[1]
        self._outside += self._tensor.outside(real).sum(axis=(0, 1))
        self._far += far.any(axis=1).sum(axis=0)
        self._sum += real.sum(axis=(0, 1))
        self._least = np.minimum(self._least, readings.min(axis=(0, 1)))
        self._most = np.maximum(self._most, readings.max(axis=(0, 1)))

    def warnings(self) -> list[str]:
        """Return the lines of :func:`far_outside`."""
        return far_outside(self.columns())

    def columns(self) -> dict[str, ColumnDrift]:
        """Return the counts by input column; the model has had at least one window."""
        return {
            name: ColumnDrift(
                outside=float(self._outside[i] / self._rows),
                far=int(self._far[i]),
                windows=self._windows,
                range=(float(self._low[i]), float(self._high[i])),
                found=(float(self._least[i]), float(self._most[i])),
                moved=float(self._sum[i] / self._rows) if self._standard else None,
            )
            for i, name in enumerate(self._source.columns[: self._source.readings])
        }
