"""The columns that are forecast, and the errors of forecasts of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array
from narrowcast.training_records import Errors, Intervals

Values = TypeVar("Values", bound=Any)  # an array or a tensor


@dataclass(frozen=True)
class Targets:
    """The columns that are forecast, in order of targets, then of steps, then of quantiles.

    Attributes:
        names: Names of the columns.
        steps: Steps ahead that are forecast of each.
        units: The unit of each target's errors where those of several targets are joined; 1 for a
            single target, whose errors keep their unit.
        quantiles: Probabilities of the quantiles that are forecast of each step, ascending; none
            if there is one forecast of each.
    """

    names: tuple[str, ...]
    steps: int
    units: tuple[float, ...]
    quantiles: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, config: DataConfig, scales: Sequence[Array], quantiles: Sequence[float] = ()
    ) -> "Targets":
        """Return the targets of a configuration.

        The unit of one of several targets is the mean scale of its forecasts, such as the standard
        deviation of the target, or of its changes, in the training part.

        Args:
            config: The configuration.
            scales: The scales of each target's forecasts [steps].
            quantiles: Those of the attributes.
        """
        several = len(config.targets) > 1
        units = tuple(float(np.mean(each)) if several else 1.0 for each in scales)
        return cls(config.targets, config.outputs, units, tuple(quantiles))

    @classmethod
    def single(cls, steps: int) -> "Targets":
        """Return one target without a name."""
        return cls(("",), steps, (1.0,))

    @property
    def each(self) -> int:
        """Number of forecasts of each step."""
        return max(1, len(self.quantiles))

    @property
    def intervals(self) -> list[tuple[int, int]]:
        """Indices of the quantiles at the ends of each interval, the widest one first."""
        count = len(self.quantiles)
        return [(i, count - 1 - i) for i in range(count // 2)]

    def repeated(self, values: Array) -> Array:
        """Return values [windows, targets] for each step, [windows, steps of all targets]."""
        return np.repeat(values, self.steps, axis=1)

    def middle(self, forecasts: Values) -> Values:
        """Return a view of the medians of quantiles, or all forecasts, [..., steps]."""
        if not self.quantiles:
            return forecasts
        median = self.quantiles.index(0.5)
        view: Values = forecasts[..., median :: len(self.quantiles)]
        return view


class ErrorSums:
    """Sums up the errors of forecasts, batch by batch."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        shape = (len(targets.names), targets.steps)
        self._squares, self._sizes = np.zeros((2, *shape))
        self._pinball, self._below = np.zeros((2, *shape, len(targets.quantiles)))
        self._inside = np.zeros((*shape, len(targets.intervals)))
        self._windows = 0

    def add(self, prediction: Array, truth: Array) -> None:
        """Count forecasts against the truth.

        Windows in which a forecast is NaN, because it is impossible, do not count.

        Args:
            prediction: Forecasts [windows, steps of all targets], or with quantiles of each step.
            truth: Targets [windows, steps of all targets].
        """
        targets, shape = self._targets, (-1, *self._squares.shape)
        times = targets.each
        if prediction.shape != (len(truth), times * truth.shape[1]):
            raise ValueError(f"forecasts of shape {prediction.shape}, truth of {truth.shape}")
        possible = ~np.isnan(prediction).any(axis=1)
        prediction, truth = prediction[possible], truth[possible].reshape(shape)
        difference = targets.middle(prediction).reshape(shape) - truth
        self._squares += np.sum(difference**2, axis=0)
        self._sizes += np.sum(np.abs(difference), axis=0)
        self._windows += len(difference)
        if not targets.quantiles:
            return
        every, y = prediction.reshape(*truth.shape, times), truth[..., None]
        level, error = np.array(targets.quantiles), y - every
        self._pinball += np.maximum(level * error, (level - 1) * error).sum(axis=0)
        self._below += (error <= 0).sum(axis=0)
        for i, (low, high) in enumerate(targets.intervals):
            inside = (every[..., low] <= truth) & (truth <= every[..., high])
            self._inside[..., i] += inside.sum(axis=0)

    def errors(self) -> Errors | None:
        """Return the errors; None if no window counts."""
        if not self._windows:
            return None
        squares, sizes = self._squares / self._windows, self._sizes / self._windows
        names, units = self._targets.names, np.array(self._targets.units)
        own = [
            replace(_errors(*each), intervals=self._intervals(i, 1.0))
            for i, each in enumerate(zip(squares, sizes, strict=True))
        ]
        if len(own) == 1:
            return own[0]
        return Errors(
            rmse=float(np.sqrt(np.mean(squares.mean(axis=1) / units**2))),
            mae=float(np.mean(sizes.mean(axis=1) / units)),
            by_target=dict(zip(names, own, strict=True)),
            intervals=self._intervals(slice(None), units[:, None, None]),
        )

    def _intervals(self, of: int | slice, unit: Array | float) -> Intervals | None:
        """Return what is known of the quantiles of some targets; None if there are none."""
        if not self._targets.quantiles:
            return None
        every = ((self._pinball / unit)[of], self._below[of], self._inside[of])
        over = tuple(range(every[0].ndim - 1))
        means = [each.mean(axis=over) / self._windows for each in every]
        return Intervals(
            quantiles=self._targets.quantiles,
            pinball=float(means[0].mean()),
            below=tuple(means[1].tolist()),
            coverage=tuple(means[2].tolist()),
        )


def _errors(squares: Array, sizes: Array) -> Errors:
    """Return the errors of one target from the means of each step."""
    several = len(squares) > 1
    return Errors(
        rmse=float(np.sqrt(np.mean(squares))),
        mae=float(np.mean(sizes)),
        by_step=tuple(np.sqrt(squares).tolist()) if several else None,
        mae_by_step=tuple(sizes.tolist()) if several else None,
    )


def errors(prediction: Array, truth: Array, targets: Targets | None = None) -> Errors:
    """Return the errors of forecasts.

    Args:
        prediction: Forecasts [windows, steps of all targets], or with quantiles of each step.
        truth: Targets [windows, steps of all targets].
        targets: The columns that they are of; a single one unless given.
    """
    sums = ErrorSums(targets or Targets.single(truth.shape[1]))
    sums.add(prediction, truth)
    found = sums.errors()
    assert found is not None
    return found
