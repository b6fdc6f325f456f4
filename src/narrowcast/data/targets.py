"""The columns that are forecast, and the errors of forecasts of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array
from narrowcast.training_records import Errors


@dataclass(frozen=True)
class Targets:
    """The columns that are forecast. Their forecasts are in order of targets, then of steps.

    Attributes:
        names: Names of the columns.
        steps: Steps ahead that are forecast of each.
        units: The unit of each target's errors where those of several targets are joined; 1 for a
            single target, whose errors keep their unit.
    """

    names: tuple[str, ...]
    steps: int
    units: tuple[float, ...]

    @classmethod
    def of(cls, config: DataConfig, scales: Sequence[Array]) -> "Targets":
        """Return the targets of a configuration.

        The unit of one of several targets is the mean scale of its forecasts, such as the standard
        deviation of the target, or of its changes, in the training part.

        Args:
            config: The configuration.
            scales: The scales of each target's forecasts [steps].
        """
        several = len(config.targets) > 1
        units = tuple(float(np.mean(each)) if several else 1.0 for each in scales)
        return cls(config.targets, config.outputs, units)

    @classmethod
    def single(cls, steps: int) -> "Targets":
        """Return one target without a name."""
        return cls(("",), steps, (1.0,))

    def repeated(self, values: Array) -> Array:
        """Return values [windows, targets] for each forecast, [windows, forecasts]."""
        return np.repeat(values, self.steps, axis=1)


class ErrorSums:
    """Sums up the errors of forecasts, batch by batch."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._squares, self._sizes = np.zeros((2, len(targets.names), targets.steps))
        self._windows = 0

    def add(self, prediction: Array, truth: Array) -> None:
        """Count forecasts against the truth, both [windows, forecasts].

        Windows in which a forecast is NaN, because it is impossible, do not count.
        """
        if prediction.shape != truth.shape:
            raise ValueError(f"forecasts of shape {prediction.shape}, truth of {truth.shape}")
        difference = prediction - truth
        difference = difference[~np.isnan(prediction).any(axis=1)]
        shape = self._squares.shape
        self._squares += np.sum(difference**2, axis=0).reshape(shape)
        self._sizes += np.sum(np.abs(difference), axis=0).reshape(shape)
        self._windows += len(difference)

    def errors(self) -> Errors | None:
        """Return the errors; None if no window counts."""
        if not self._windows:
            return None
        squares, sizes = self._squares / self._windows, self._sizes / self._windows
        own = [_errors(*each) for each in zip(squares, sizes, strict=True)]
        names, units = self._targets.names, np.array(self._targets.units)
        if len(own) == 1:
            return own[0]
        return Errors(
            rmse=float(np.sqrt(np.mean(squares.mean(axis=1) / units**2))),
            mae=float(np.mean(sizes.mean(axis=1) / units)),
            by_target=dict(zip(names, own, strict=True)),
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
    """Return the errors of ``prediction`` against ``truth``, both [windows, forecasts].

    Args:
        prediction: The forecasts.
        truth: The targets.
        targets: The columns that they are of; a single one unless given.
    """
    sums = ErrorSums(targets or Targets.single(truth.shape[1]))
    sums.add(prediction, truth)
    found = sums.errors()
    assert found is not None
    return found
