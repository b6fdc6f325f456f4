"""Quantile forecasts: their loss, and their calibration on the validation part."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from narrowcast.data import Dataset
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


def residual_quantiles(model: Forecaster, dataset: Dataset, *, of_median: bool = False) -> Array:
    """Return the quantiles of the errors on the validation part [steps * quantiles], scaled.

    Forecasts that are shifted by their own are calibrated on that part. Those of the median's
    errors are the ends of intervals of constant width around it.

    Args:
        model: A model that has not been trained on the validation part.
        dataset: The data.
        of_median: Whether all are quantiles of the median's errors, and not each of its own ones.
    """
    validation, targets = Examples.of(dataset.validation, dataset), dataset.targets
    forecasts = validation.forecasts(model).numpy()
    if of_median:
        forecasts = np.repeat(targets.middle(forecasts), len(targets.quantiles), axis=1)
    errors = np.repeat(validation.target.numpy(), len(targets.quantiles), axis=1) - forecasts
    shifts = np.empty(errors.shape[1])
    for i, level in enumerate(targets.quantiles):
        # Of n errors, n + 1 intervals between them are equally probable for the next one.
        of_sample = np.clip(0.5 + (level - 0.5) * (len(errors) + 1) / len(errors), 0.0, 1.0)
        every = slice(i, None, len(targets.quantiles))
        shifts[every] = np.quantile(errors[:, every], of_sample, axis=0)
    return shifts


@torch.no_grad()
def shift_quantiles(model: Transformer, dataset: Dataset, shifts: Array) -> None:
    """Shift all forecasts of a model but the medians, as a part of its last biases.

    Args:
        model: The model.
        dataset: The data.
        shifts: Shifts [steps * quantiles], scaled.
    """
    kept = shifts.copy()
    dataset.targets.middle(kept)[:] = 0.0
    model.head.bias.add_(torch.from_numpy(kept))
