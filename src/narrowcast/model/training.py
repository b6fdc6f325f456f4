"""The training loop, shared by training in floating point and with fake quantisation."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from narrowcast.config import Config, TrainConfig
from narrowcast.data import Dataset, Part
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError, boundary
from narrowcast.files import write_whole
from narrowcast.integer.readings import check_readings
from narrowcast.model.examples import Examples, Inputs, batch_sizes, scaled
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.objectives import objective_of
from narrowcast.model.transformer import Transformer, build
from narrowcast.training_records import History

Augmentation = Callable[[Inputs, Tensor, Tensor], tuple[Inputs, Tensor]]
"""Returns a batch of scaled readings and targets, changed at random.

The third argument [inferences] says which inferences begin a stretch; every window does.
"""

EpochCallback = Callable[[int, int, float], None]
"""Called after each epoch with its number from 1, that of all, and the validation error."""

# Fraction of the steps in which the learning rate rises. Chosen on the validation parts of AirU,
# windows of 6 and 12 hours, and PeMS.
_WARM_UP = 0.1

# Share of the columns of the training windows that have an outage, where these are masked.
_OUTAGES = 0.1

# A batch of segments of a stream has so many inferences for each window of ``train.batch``, as
# those of a segment are alike, and an epoch as many passes, so that it has the batches of one over
# windows. Chosen on the validation parts of AirU and ETTh1.
_INFERENCES = 4

# Batches over which the evaluated and kept weights are averaged.
_AVERAGED = 400


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread, which is faster for models of this size.

    The order of sums, and so the weights for a seed, then do not depend on the number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@one_thread()
def predict(
    model: Forecaster,
    readings: Array,
    dataset: Dataset,
    *further: Array,
    restart: NDArray[np.bool_] | None = None,
) -> Array:
    """Forecast or classify in eval mode.

    Args:
        model: A float model or a quantised model.
        readings: Readings [windows, n, m], in their own units; of a stream the last ones at each
            inference, [inferences, kernel, m].
        dataset: Data with the scaling of readings and target.
        further: Readings of further inputs, as in :class:`narrowcast.data.Part`.
        restart: Which inferences of a stream begin a stretch [inferences]; only the first one
            unless given.

    Returns:
        What :meth:`Dataset.decoded` returns: forecasts [inferences, forecasts] in the targets' own
        units, or decisions [inferences, 2].

    Raises:
        ValueError: The readings are of another shape or not finite, or those of another input are
            missing.
    """
    if len(further) != len(dataset.train.further):
        raise ValueError(
            f"{len(further)} further inputs are given, but the model has "
            f"{len(dataset.train.further)}: give part.further, readings of earlier seasons and "
            "values known ahead"
        )
    readings = check_readings(readings, dataset.train.windows.size, dataset.columns)
    begins = None if restart is None else torch.from_numpy(restart)
    forecasts = model.evaluate(*scaled(readings, further, dataset), restart=begins)
    return dataset.decoded(forecasts.numpy(), readings)


def predict_part(model: Forecaster, part: Part, dataset: Dataset) -> Array:
    """Return what :func:`predict` does for a part's windows."""
    with one_thread():
        scaled_results = Examples.of(part, dataset).forecasts(model).numpy()
    return dataset.decoded(scaled_results, part.of_targets(part.windows.newest))


def _schedule(steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate by step: a linear rise, then a half cosine to 0."""
    rise = max(1, round(_WARM_UP * steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return factor


def _by_stretch(restart: Tensor, numbers: int = 1) -> Tensor:
    """Return standard normal numbers for each stretch, [inferences, numbers]."""
    return torch.randn(int(restart.sum()), numbers)[torch.cumsum(restart, 0) - 1]


@dataclass(frozen=True)
class Shift:
    """Random shifts of the level of each target, one for each stretch.

    Attributes:
        deviation: Standard deviation of the shifts, in units of the scaled input.
        columns: Index of each target among the inputs.
        ratio: Ratios [steps of all targets] of a shift in the target's scaled units to that in the
            input's.
    """

    deviation: float
    columns: tuple[int, ...]
    ratio: Tensor

    def __call__(self, inputs: Inputs, target: Tensor, restart: Tensor) -> tuple[Inputs, Tensor]:
        """Return scaled readings and targets [inferences, steps], shifted.

        Further inputs are differences, or values of other columns, which do not change.
        """
        window, *further = inputs
        shift = self.deviation * _by_stretch(restart, len(self.columns))
        window = window.clone()
        for i, column in enumerate(self.columns):
            window[:, :, column] += shift[:, i, None]
        of_steps = shift.repeat_interleave(len(self.ratio) // len(self.columns), dim=1)
        return (window, *further), target + of_steps * self.ratio


@dataclass(frozen=True)
class Growth:
    """Random factors of all differences from the last reading, one for each stretch.

    Attributes:
        deviation: Standard deviation of the factors' natural logarithms.
        columns: Indices of the relative inputs.
        differences: Number of further inputs that are differences of a target; they come first.
        zero: Scaled input [m] at which readings are 0.
        target_zero: Scaled targets [steps] at which the change is 0.
    """

    deviation: float
    columns: tuple[int, ...]
    differences: int
    zero: Tensor
    target_zero: Tensor

    def __call__(self, inputs: Inputs, target: Tensor, restart: Tensor) -> tuple[Inputs, Tensor]:
        """Return scaled readings and targets [inferences, steps], multiplied."""
        window, *further = inputs
        factor = torch.exp(self.deviation * _by_stretch(restart))
        window = window.clone()
        for i in self.columns:
            window[..., i] = self.zero[i] + factor * (window[..., i] - self.zero[i])
        for i in range(self.differences):
            further[i] = further[i] * factor[:, :, None]
        return (window, *further), self.target_zero + factor * (target - self.target_zero)


@dataclass(frozen=True)
class Outage:
    """Random outages: readings of a column are missing up to the end of a window, not of a stream.

    Attributes:
        share: Share of the columns of all windows that have an outage.
        columns: Number of columns of readings, each of which has a mask as many columns later.
    """

    share: float
    columns: int

    def __call__(self, inputs: Inputs, target: Tensor, _: Tensor) -> tuple[Inputs, Tensor]:
        """Return scaled readings, in some of which the last one stands in, and the targets."""
        window, *further = inputs
        windows, rows = window.shape[:2]
        first = torch.randint(1, rows, (windows, 1, self.columns))  # row that is missing
        first[torch.rand(windows, 1, self.columns) >= self.share] = rows
        missing = torch.arange(rows)[None, :, None] >= first
        readings, masks = window[..., : self.columns], window[..., self.columns : 2 * self.columns]
        last = readings.gather(1, first - 1)
        changed = torch.where(missing, last, readings), torch.where(missing, 1.0, masks)
        return (torch.cat((*changed, window[..., 2 * self.columns :]), dim=2), *further), target


@dataclass(frozen=True)
class Flip:
    """Random signs of columns, one for each window, or stretch of a stream.

    Attributes:
        columns: Indices of the columns.
    """

    columns: tuple[int, ...]

    def __call__(self, inputs: Inputs, target: Tensor, restart: Tensor) -> tuple[Inputs, Tensor]:
        """Return scaled readings, some negative, and the targets."""
        window, *further = inputs
        sign = torch.ones(len(window), 1, window.shape[2], dtype=window.dtype)
        drawn = torch.sign(_by_stretch(restart, len(self.columns)))
        sign[:, 0, list(self.columns)] = drawn.to(window.dtype)
        return (window * sign, *further), target


@dataclass(frozen=True)
class Successively:
    """Augmentations, one after the other.

    Attributes:
        augmentations: In order.
    """

    augmentations: tuple[Augmentation, ...]

    def __call__(self, inputs: Inputs, target: Tensor, restart: Tensor) -> tuple[Inputs, Tensor]:
        """Return scaled readings and targets after all augmentations."""
        for each in self.augmentations:
            inputs, target = each(inputs, target, restart)
        return inputs, target


class _Average:
    """A model whose parameters and buffers are running averages of another model's."""

    def __init__(self, model: Forecaster) -> None:
        self.model = copy.deepcopy(model).eval()
        self.restart()
        state, average = model.state_dict(), self.model.state_dict()
        exact = {name for name, value in state.items() if not value.is_floating_point()}
        self._real = [
            [each[name] for name in state if name not in exact] for each in (average, state)
        ]
        self._exact = [(average[name], state[name]) for name in exact]

    def restart(self) -> None:
        """Discard the average so far."""
        self._batches = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the current model to the average."""
        self._batches += 1
        share = max(1.0 / _AVERAGED, min(1.0, 10.0 / self._batches))
        torch._foreach_lerp_(self._real[0], self._real[1], share)
        for average, value in self._exact:
            average.copy_(value)


class _Best:
    """The weights of the epoch with the least loss on the validation part, or of a given epoch.

    Attributes:
        epoch: Index of the epoch.
        state: Parameters and buffers.
    """

    def __init__(self, patience: int | None, chosen: int | None) -> None:
        self.epoch = 0
        self.state: dict[str, Tensor] = {}
        self._patience, self._chosen = patience, chosen
        self._least = math.inf

    def offer(self, epoch: int, loss: float, model: Forecaster) -> None:
        """Keep the weights of ``model`` if it is the given epoch, or the best one so far."""
        if epoch == self._chosen or (self._chosen is None and loss < self._least):
            self._least, self.epoch = loss, epoch
            self.state = copy.deepcopy(model.state_dict())

    def ended(self, epoch: int) -> bool:
        """Return whether no later epoch is needed, after :meth:`offer` of this one."""
        if self._chosen is not None:
            return epoch == self._chosen
        return self._patience is not None and epoch - self.epoch >= self._patience


def _finite(model: Forecaster, loss: float) -> bool:
    """Return whether a loss and the state of a model are finite numbers."""
    return math.isfinite(loss) and all(
        bool(x.isfinite().all()) for x in model.state_dict().values()
    )


def _diverged(config: TrainConfig, epoch: int) -> UserError:
    """Return the error of a training that diverged, with the settings that may have caused it."""
    defaults = {name: field.default for name, field in TrainConfig.model_fields.items()}
    names = ("learning_rate", "weight_decay", "level_shift")
    raised = [name for name in names if getattr(config, name) > defaults[name]] or names[:1]
    causes = " or ".join(f"train.{name} = {getattr(config, name):g}" for name in raised)
    return UserError(f"the training diverged in epoch {epoch}: choose a smaller {causes}")


@one_thread()
def fit(
    model: Forecaster,
    dataset: Dataset,
    config: TrainConfig,
    *,
    epochs: int,
    groups: Sequence[dict[str, Any]],
    augmentation: Augmentation | None = None,
    teacher: Transformer | None = None,
    review: Callable[[int], bool] | None = None,
    chosen: int | None = None,
    progress: EpochCallback | None = None,
) -> History:
    """Train on the training part; leave the model in eval mode with the weights of the best epoch.

    The best epoch has the least loss on the validation part, in eval mode. Training stops early
    after ``config.patience`` epochs without a better one. With a teacher, this loss is the
    difference from the teacher's forecasts, too, which do not have the noise of the targets, and
    training goes on to the end of its schedule.

    Args:
        model: Model from scaled inputs to scaled forecasts.
        dataset: Data; the test part is not used.
        config: Batch, loss, patience, weight decay and seed.
        epochs: Greatest number of epochs.
        groups: Parameters with their highest learning rates, as AdamW takes them.
        augmentation: Changes every batch; None for none.
        teacher: Network whose forecasts replace the targets; None to train on the targets. The
            forecasts have no noise, which prevents overfitting of a model that fits already. What
            is minimised is the mean squared difference from them, whatever ``config.loss`` is.
        review: Called after each epoch with its number from 1. It may change the model, and
            returns whether it did.
        chosen: Index of the last epoch, whose weights are kept whatever its error on the validation
            part; the schedule is still that of all ``epochs``. None to choose the best one.
        progress: Called after each epoch.

    Raises:
        UserError: The training diverges.
    """
    validation = Examples.of(dataset.validation, dataset)
    objective = objective_of(dataset, config, validation, teacher)
    examples = objective.examples
    shuffle = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
    passes = _INFERENCES if model.reach > model.lead else 1
    size = passes * config.batch
    if len(examples.restart) < 2:
        raise UserError(
            "the training part has 1 window, but batch norm needs at least 2: choose a shorter "
            "window or another split"
        )
    trained = len(examples.at if model.lead else examples.restart)
    batches = passes * len(batch_sizes(trained, size))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _schedule(epochs * batches))
    average = _Average(model)
    losses: list[float] = []
    errors: list[float] = []
    best = _Best(config.patience if teacher is None else None, chosen)
    for epoch in range(epochs):
        model.train()
        total, count = 0.0, 0
        every = (examples.batches(model, size, shuffle) for _ in range(passes))
        for batch in chain.from_iterable(every):
            x, y = batch.inputs, batch.target
            if augmentation is not None:
                x, y = augmentation(x, y, batch.restart)
            if batch.wanted is not None:
                y = y[batch.wanted]
            forecast = model(*x, restart=batch.restart, wanted=batch.wanted)
            loss = objective.loss(forecast, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update()
            total, count = total + loss.item() * len(y), count + len(y)
        losses.append(total / count)
        if not _finite(average.model, losses[-1]):
            raise _diverged(config, epoch + 1)
        forecasts = validation.forecasts(average.model)
        errors.append(objective.error(forecasts))
        if not math.isfinite(errors[-1]):
            raise _diverged(config, epoch + 1)
        best.offer(epoch, objective.on_validation(forecasts), average.model)
        if progress is not None:
            progress(epoch + 1, epochs, errors[-1])
        if best.ended(epoch):
            break
        if review is not None and review(epoch + 1):
            average.restart()
    if losses[best.epoch] > objective.limit:
        raise _diverged(config, best.epoch + 1)
    model.load_state_dict(best.state)
    model.eval()
    return History(tuple(losses), tuple(errors), best.epoch)


def _augmentation(model: Transformer, dataset: Dataset, config: Config) -> Augmentation | None:
    """Initialise a model that adds the last reading; return the augmentation of its training."""
    deviation, columns = config.train.level_shift, config.relative_columns
    inputs, target = dataset.input_scaling, dataset.target_scaling
    augmentations: list[Augmentation] = []
    if columns:
        augmentations.append(Shift(deviation, columns, model.start_from_last(inputs, target)))
    elif dataset.added:
        zeros = [torch.from_numpy(-each.offset / each.scale).float() for each in (inputs, target)]
        differences = len(dataset.added) if dataset.earlier else 0
        augmentations.append(Growth(deviation, dataset.relative, differences, *zeros))
    if deviation == 0:
        augmentations = []
    if config.data.missing == "mask" and config.stream is None:
        augmentations.append(Outage(_OUTAGES, len(config.data.inputs)))
    if config.train.flip:
        augmentations.append(Flip(tuple(map(config.data.inputs.index, config.train.flip))))
    return Successively(tuple(augmentations)) if augmentations else None


def train_float(
    dataset: Dataset,
    config: Config,
    progress: EpochCallback | None = None,
    *,
    chosen: int | None = None,
) -> tuple[Transformer, History]:
    """Train the float model of a configuration. The same seed gives the same model.

    Args:
        dataset: Data; the test part is not used.
        config: The configuration.
        progress: Called after each epoch.
        chosen: Index of the epoch that a training before has chosen, as in :func:`fit`.
    """
    torch.manual_seed(config.train.seed)
    model = build(config, dropout=config.train.dropout)
    augmentation = _augmentation(model, dataset, config)
    groups = [{"params": list(model.parameters()), "lr": config.train.learning_rate}]
    history = fit(
        model,
        dataset,
        config.train,
        epochs=config.train.epochs,
        groups=groups,
        augmentation=augmentation,
        chosen=chosen,
        progress=progress,
    )
    return model, history


def save_state(model: nn.Module, path: Path) -> None:
    """Write the parameters and buffers of a model as safetensors."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_whole(path, safetensors.torch.save(state))


def load_state(model: nn.Module, path: Path) -> None:
    """Load parameters and buffers that :func:`save_state` wrote into ``model``.

    Raises:
        UserError: The file is missing, damaged, or belongs to a model of another shape.
    """
    with boundary(str(path), "does not hold this model's weights: run 'narrowcast train' again"):
        model.load_state_dict(safetensors.torch.load(path.read_bytes()))
    model.eval()
