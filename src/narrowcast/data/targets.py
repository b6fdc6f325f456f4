"""The columns that are forecast, and the errors of forecasts of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.panel import Members, Panel
from narrowcast.data.scaling import Array
from narrowcast.training_records import Errors, Intervals, SeriesErrors

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
        self._series: SeriesSums | None = None
        self._windows = 0

    def add(self, prediction: Array, truth: Array, members: Members | None = None) -> None:
        """Count forecasts against the truth.

        Windows in which a forecast is NaN, because it is impossible, do not count.

        Args:
            prediction: Forecasts [windows, steps of all targets], or with quantiles of each step.
            truth: Targets [windows, steps of all targets].
            members: The series that the windows of a panel are of; forecasts and targets are then
                in units of their spreads.
        """
        if members is not None:
            prediction, truth = members.in_units(prediction), members.in_units(truth)
        targets, shape = self._targets, (-1, *self._squares.shape)
        times = targets.each
        if prediction.shape != (len(truth), times * truth.shape[1]):
            raise ValueError(f"forecasts of shape {prediction.shape}, truth of {truth.shape}")
        possible = ~np.isnan(prediction).any(axis=1)
        prediction, truth = prediction[possible], truth[possible].reshape(shape)
        difference = targets.middle(prediction).reshape(shape) - truth
        if members is not None:
            self._series = self._series or SeriesSums(members.panel)
            self._series.add(members.number[possible], difference)
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
            return own[0] if self._series is None else self._series.joined(own[0])
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


class SeriesSums:
    """Sums up the errors of each series of a panel."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._windows, self._squares, self._sizes = np.zeros((3, len(panel.names)))

    def add(self, number: NDArray[np.int64], difference: Array) -> None:
        """Count errors.

        Args:
            number: Index of each window's series [windows].
            difference: Errors [windows, ..., steps], in the target's unit.
        """
        count, steps = len(self._windows), tuple(range(1, difference.ndim))
        self._windows += np.bincount(number, minlength=count)
        self._squares += np.bincount(number, (difference**2).mean(axis=steps), count)
        self._sizes += np.bincount(number, np.abs(difference).mean(axis=steps), count)

    def rmsse(self) -> float | None:
        """Return the mean of the RMSSE of each series; None if no series has one."""
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.sqrt(self._squares / self._windows / self._panel.naive_mse)
        known = each[np.isfinite(each)]
        return float(known.mean()) if len(known) else None

    def joined(self, overall: Errors) -> Errors:
        """Return the errors over all windows with those of each series, and their means."""
        panel, found = self._panel, {}
        for i in np.flatnonzero(self._windows).tolist():
            windows = self._windows[i]
            mse, mae = self._squares[i] / windows, self._sizes[i] / windows
            squared, absolute = panel.naive_mse[i], panel.naive_mae[i]
            found[panel.names[i]] = SeriesErrors(
                windows=int(windows),
                rmse=float(np.sqrt(mse)),
                mae=float(mae),
                rmsse=float(np.sqrt(mse / squared)) if squared > 0 else None,
                mase=float(mae / absolute) if absolute > 0 else None,
            )
        return replace(
            overall,
            rmsse=self.rmsse(),
            mase=_mean([each.mase for each in found.values()]),
            by_series=found,
        )


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are known; None without any."""
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None


def _errors(squares: Array, sizes: Array) -> Errors:
    """Return the errors of one target from the means of each step."""
    several = len(squares) > 1
    return Errors(
        rmse=float(np.sqrt(np.mean(squares))),
        mae=float(np.mean(sizes)),
        by_step=tuple(np.sqrt(squares).tolist()) if several else None,
        mae_by_step=tuple(sizes.tolist()) if several else None,
    )


def errors(
    prediction: Array,
    truth: Array,
    targets: Targets | None = None,
    members: Members | None = None,
) -> Errors:
    """Return the errors of forecasts.

    Args:
        prediction: Forecasts [windows, steps of all targets], or with quantiles of each step.
        truth: Targets [windows, steps of all targets].
        targets: The columns that they are of; a single one unless given.
        members: As for :meth:`ErrorSums.add`.
    """
    sums = ErrorSums(targets or Targets.single(truth.shape[1]))
    sums.add(prediction, truth, members)
    found = sums.errors()
    assert found is not None
    return found
