"""Quantile forecasts: their loss, and their calibration on the validation part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from narrowcast.data import Dataset, Targets
from narrowcast.data.scaling import Array
from narrowcast.model.examples import Examples
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.transformer import Transformer


def pinball(quantiles: Sequence[float]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the pinball loss, whose expectation is least for the quantile.

    It is that of Koenker and Bassett, "Regression Quantiles" (1978).

    It takes forecasts [windows, steps * quantiles] and targets [windows, steps], and returns the
    mean over all of them.
    """
    levels = torch.tensor(quantiles)

    def loss(forecast: Tensor, target: Tensor) -> Tensor:
        error = target[..., None] - forecast.view(*target.shape, len(quantiles))
        level = levels.to(error.dtype)
        return torch.maximum(level * error, (level - 1) * error).mean()

    return loss


@dataclass(frozen=True, eq=False)
class Unseen:
    """Scaled forecasts of the validation part by a model that was not trained on it.

    Attributes:
        median: Medians [windows, steps].
        forecasts: All quantiles [windows, steps, quantiles].
        target: Targets [windows, steps].
    """

    median: Array
    forecasts: Array
    target: Array

    @classmethod
    def of(cls, model: Forecaster, dataset: Dataset) -> "Unseen":
        """Return what a model forecasts."""
        validation, targets = Examples.of(dataset.validation, dataset), dataset.forecast_targets
        forecasts, truth = validation.forecasts(model).numpy(), validation.target.numpy()
        return cls(targets.middle(forecasts), forecasts.reshape(*truth.shape, -1), truth)

    def split(self, series: int) -> "Unseen":
        """Return the forecasts of each series as windows of their own [windows * series, steps]."""
        arrays = self.median, self.forecasts, self.target
        windows = series * len(self.target)
        return Unseen(*(each.reshape(windows, -1, *each.shape[2:]) for each in arrays))


def constant_widths(unseen: Unseen, levels: Sequence[float]) -> Array:
    """Return the quantiles of the median's errors [steps * quantiles].

    They are the ends of intervals of constant width around it, scaled.

    Args:
        unseen: Forecasts of the validation part.
        levels: Probabilities of the quantiles.
    """
    found = np.quantile(unseen.target - unseen.median, levels, axis=0)
    return np.asarray(found.T.ravel(), dtype=np.float64)


def spreads(unseen: Unseen, levels: Sequence[float]) -> Array:
    """Return factors of the quantiles' distances from the median [steps * quantiles].

    With them, the share of the targets of the validation part below each quantile is as stated:
    conformal quantile regression as of Sesia and Candès, "A comparison of some conformal quantile
    regression methods" (2020), with the distance from the median as the unit of the errors. Where
    readings vary less than in the training, constant shifts would be the same for all windows; a
    factor keeps their differences.

    Args:
        unseen: Forecasts of the validation part.
        levels: Probabilities of the quantiles.
    """
    median, forecasts, target = unseen.median, unseen.forecasts, unseen.target
    factors = np.ones(forecasts.shape[1:])
    for step, i in np.ndindex(factors.shape):
        side = np.sign(levels[i] - 0.5)
        distance = side * (forecasts[:, step, i] - median[:, step])
        if (apart := distance > 0).any():  # never for the median itself
            error = side * (target - median)[apart, step]
            share = max(levels[i], 1 - levels[i])
            factors[step, i] = max(0.0, np.quantile(error / distance[apart], share))
    return factors.ravel()


@torch.no_grad()
def scale_quantiles(model: Transformer, targets: Targets, factors: Array) -> None:
    """Multiply the distances of all quantiles from their median, as a part of the last weights.

    Args:
        model: The model.
        targets: The columns that it forecasts.
        factors: Factors [steps * quantiles].
    """
    index = np.arange(len(factors))
    median = torch.from_numpy(targets.middle(index).repeat(len(targets.quantiles)))
    factor = torch.from_numpy(factors).float()
    linears = [(model.head, torch.arange(len(factors)))]
    size = model.shape.forecasts
    for i, terms in enumerate(model.terms):
        rows = torch.arange(i * size, (i + 1) * size)
        linears += [(cast(nn.Linear, model.further[name]), rows) for name in terms]
    parameters = [(each, rows) for linear, rows in linears for each in (linear.weight, linear.bias)]
    if model.gain is not None:
        parameters.append((model.gain, linears[0][1]))
    for each, rows in parameters:
        middle = each[median[rows] - rows[0]]
        own = factor[rows].view(-1, *(1,) * (each.ndim - 1))
        each.copy_(middle + own * (each - middle))
