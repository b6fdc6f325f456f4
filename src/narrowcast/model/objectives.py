"""What a training minimises, and the error on the validation part that it reports."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from narrowcast.config import TrainConfig
from narrowcast.config.sections import Loss
from narrowcast.data import Dataset, Labels, Monitored, SeriesSums, Targets
from narrowcast.model.examples import Examples
from narrowcast.model.quantiles import pinball
from narrowcast.model.transformer import Transformer

_Compare = Callable[[Tensor, Tensor], Tensor]

_LOSSES: dict[Loss, _Compare] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}

# A training has diverged if its loss is so many times that of results that are the same for all.
_DIVERGED = 100.0

# RMS of a difference, in scaled units, below which it counts as this.
_LEAST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Objective:
    """What a training minimises.

    Attributes:
        loss: Loss of a model's results and of what they should be, both scaled.
        examples: The training part, whose targets are what its results should be.
        on_validation: Loss of results of the validation part.
        error: Error of these, as :attr:`History.validation_error` has it.
        limit: Loss above which a training has diverged.
    """

    loss: _Compare
    examples: Examples
    on_validation: Callable[[Tensor], float]
    error: Callable[[Tensor], float]
    limit: float


def objective_of(
    dataset: Dataset, config: TrainConfig, validation: Examples, teacher: Transformer | None
) -> Objective:
    """Return the objective of a training on a data set.

    Args:
        dataset: The data.
        config: The loss.
        validation: The validation part.
        teacher: Network whose results replace the targets; None to train on the targets. What is
            minimised is then the mean squared difference from them.
    """
    match dataset.targets:
        case Labels():
            return _of_labels(dataset, dataset.targets, config, validation, teacher)
        case Monitored():
            return _of_differences(dataset, validation, teacher)
        case Targets():
            return _of_forecasts(dataset, config, validation, teacher)


def validation_error(
    dataset: Dataset, validation: Examples, teacher: Transformer | None = None
) -> Callable[[Tensor], float]:
    """Return the function from results of the validation part to :attr:`History.validation_error`.

    Args:
        dataset: The data.
        validation: The validation part.
        teacher: Float model whose weights of differences the results have, too; None if the results
            are differences without weights.
    """
    truth = validation.target

    def of_labels(labels: Labels, results: Tensor) -> float:
        return labels.recognition(labels.decided(results.numpy()), truth.numpy()).error

    def of_forecasts(targets: Targets, forecasts: Tensor) -> float:
        unit = torch.from_numpy(dataset.error_scale)
        difference = unit * (targets.middle(forecasts) - truth)
        rmse, members = float(difference.square().mean().sqrt()), validation.part.members
        if members is None:
            return rmse
        sums = SeriesSums(members.panel)
        sums.add(members.number, difference.numpy() * members.spread[:, None])
        scaled = sums.rmsse()
        return rmse if scaled is None else scaled

    def of_differences(results: Tensor) -> float:
        alike = results if teacher is None else results / teacher.unit
        each = alike.square().mean(dim=0).sqrt()
        return float(each.clamp(min=_LEAST_DIFFERENCE).log().mean().exp())

    match dataset.targets:
        case Labels():
            return partial(of_labels, dataset.targets)
        case Monitored():
            return of_differences
        case Targets():
            return partial(of_forecasts, dataset.targets)


def mean_square_difference(one: Tensor, other: Tensor, dataset: Dataset) -> float:
    """Return the mean square difference of two models' results.

    Args:
        one: Results of a model [windows, results].
        other: Those of another model.
        dataset: Data with the scaling of forecasts. The difference of these is in the square of
            their unit; that of other results is as they are.
    """
    unit = torch.from_numpy(dataset.error_scale)
    factor = unit.repeat_interleave(one.shape[1] // len(unit))
    return float((factor * (one - other)).square().mean())


def _of_forecasts(
    dataset: Dataset, config: TrainConfig, validation: Examples, teacher: Transformer | None
) -> Objective:
    """Return the objective of forecasts. On the validation part each step counts the same."""
    examples, targets = Examples.of(dataset.train, dataset).single(), dataset.forecast_targets
    by_target = torch.from_numpy(dataset.error_scale).view(-1, targets.steps)
    share = (by_target / by_target.mean(dim=1, keepdim=True)).flatten()
    mean = examples.target.mean(dim=0).expand_as(examples.target)
    if teacher is None:
        loss = pinball(targets.quantiles) if targets.quantiles else _LOSSES[config.loss]
        goal, mean = validation.target, mean.repeat_interleave(targets.each, dim=1)
        limit = _DIVERGED * float(loss(mean, examples.target))
    else:
        loss, goal = functional.mse_loss, validation.forecasts(teacher)
        limit = _DIVERGED * float(loss(mean, examples.target))
        examples = examples.taught(teacher)

    def on_validation(forecasts: Tensor) -> float:
        of_forecasts, of_goal = (
            share.repeat_interleave(each.shape[1] // len(share)) for each in (forecasts, goal)
        )
        return float(loss(of_forecasts * forecasts, of_goal * goal))

    error = validation_error(dataset, validation)
    return Objective(loss, examples, on_validation, error, limit)


def _of_labels(
    dataset: Dataset,
    labels: Labels,
    config: TrainConfig,
    validation: Examples,
    teacher: Transformer | None,
) -> Objective:
    """Return the objective of classes: the cross-entropy."""
    examples = Examples.of(dataset.train, dataset).single()
    weight = None
    if config.class_weights == "balanced":
        counts = torch.tensor(list(labels.counts(dataset.train.target).values()))
        weight = counts.sum() / (len(counts) * counts)

    def cross_entropy(results: Tensor, classes: Tensor) -> Tensor:
        return functional.cross_entropy(
            results,
            classes[:, 0].long(),
            None if weight is None else weight.to(results.dtype),
            label_smoothing=config.label_smoothing,
        )

    error = validation_error(dataset, validation)
    limit = _DIVERGED * math.log(len(labels.classes))
    if teacher is not None:
        loss, goal = functional.mse_loss, validation.forecasts(teacher)
        examples = examples.taught(teacher)
        limit = _DIVERGED * float(examples.target.var())
        return Objective(loss, examples, lambda found: float(loss(found, goal)), error, limit)
    # The cross-entropy of unseen recordings grows with the certainty of a few wrong results, while
    # more and more of the labels are right.
    return Objective(cross_entropy, examples, error, error, limit)


def _of_differences(
    dataset: Dataset, validation: Examples, teacher: Transformer | None
) -> Objective:
    """Return the objective of differences from readings: their mean square."""
    examples = Examples.of(dataset.train, dataset).single()
    goal = validation.target
    # Readings themselves are the differences of a network that computes nothing.
    limit = _DIVERGED * examples.mean_square
    if teacher is not None:
        goal = validation.forecasts(teacher)
        examples = examples.taught(teacher)

    def loss(results: Tensor) -> float:
        return float(functional.mse_loss(results, goal))

    error = validation_error(dataset, validation, teacher)
    return Objective(functional.mse_loss, examples, loss, error, limit)
