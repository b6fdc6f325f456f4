"""The inferences of a part as a network takes them, and the batches of a training."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from narrowcast.data import Dataset, Part
from narrowcast.data.scaling import Array
from narrowcast.data.views import Index
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.stream import after_restart, ages, led_up_to, segments

Inputs = tuple[Tensor, ...]
"""Scaled readings [inferences, rows, columns] of each input of a graph."""

# Length of the segments of a stream in inferences, and at least in units of those that a forecast
# may depend on. The first ones of a segment are trained with few tokens to attend to.
_SEGMENT = 96
_LEAST_SEGMENT = 4

# Share of the forecasts of a stream that are trained as after a restart, where each is a segment.
_ANEW = 0.06


def scaled(readings: Array, further: tuple[Array, ...], dataset: Dataset) -> Inputs:
    """Return the scaled readings of all inputs, in float64."""
    arrays = dataset.scaled_inputs(readings), *dataset.scaled_further(further)
    return tuple(map(torch.from_numpy, arrays))


def _in_random_order(
    restart: Tensor, reach: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return all inferences, windows or segments of a stream, and which ones begin a segment."""
    length = max(_SEGMENT, _LEAST_SEGMENT * (reach + 1)) if reach else 1
    return segments(restart, length, generator)


def drawn(
    part: Part, dataset: Dataset, reach: int, most: int, generator: torch.Generator
) -> tuple[Inputs, Tensor]:
    """Return some inferences of a part, windows or segments of a stream; no others are scaled.

    Args:
        part: The part.
        dataset: Data with the scaling of readings.
        reach: Inferences before one that its forecast may depend on; 0 for windows.
        most: Most inferences that are returned.
        generator: Source of the random numbers.

    Returns:
        Scaled readings of each input, in float64, and whether an inference begins a segment.
    """
    order = _in_random_order(torch.from_numpy(part.restart), reach, generator)
    chosen, restart = (each[:most] for each in order)
    rows = chosen.numpy()
    further = tuple(each[rows] for each in part.further)
    first, *others = scaled(part.windows[rows], further, dataset)
    return (after_restart(first, ages(restart)) if reach else first, *others), restart


def batch_sizes(inferences: int, size: int) -> list[int]:
    """Return the sizes of the batches of an epoch.

    A last batch of a single inference, which has no variance for batch norm, joins the one before.
    """
    sizes = [size] * (inferences // size)
    if (rest := inferences % size) == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


@dataclass(frozen=True, eq=False)
class Batch:
    """The inferences of one step of a training.

    Attributes:
        inputs: Scaled readings of each input [inferences, rows, columns].
        restart: Which inferences begin a stretch [inferences]; every window does.
        wanted: Indices of the inferences that are trained; None if all are.
        target: Scaled targets [inferences, outputs], 0 where there are none.
    """

    inputs: Inputs
    restart: Tensor
    wanted: Tensor | None
    target: Tensor


@dataclass(frozen=True, eq=False)
class Examples:
    """The inferences of a part with their targets.

    Attributes:
        part: The inferences.
        dataset: Data with the scaling of readings.
        dtype: Type of the scaled readings.
        restart: Which inferences begin a stretch [inferences]; every window does.
        at: The inference of each target [targets].
        target: Scaled targets [targets, outputs].
    """

    part: Part
    dataset: Dataset
    dtype: torch.dtype
    restart: Tensor
    at: Tensor
    target: Tensor

    @classmethod
    def of(cls, part: Part, dataset: Dataset) -> "Examples":
        """Return the inferences of a part, in float64."""
        return cls(
            part=part,
            dataset=dataset,
            dtype=torch.float64,
            restart=torch.from_numpy(part.restart),
            at=torch.from_numpy(part.at),
            target=torch.from_numpy(dataset.scaled_target(part)),
        )

    def single(self) -> "Examples":
        """Return the same in float32."""
        return replace(self, dtype=torch.float32, target=self.target.float())

    def inputs(self, index: Index) -> Inputs:
        """Return the scaled readings of some inferences, by input."""
        further = tuple(each[index] for each in self.part.further)
        found = scaled(self.part.windows[index], further, self.dataset)
        return tuple(each.to(self.dtype) for each in found)

    @property
    def mean_square(self) -> float:
        """Mean square of the scaled readings of the first input."""
        sums = [
            float(np.square(self.dataset.scaled_inputs(each)).sum())
            for each in self.part.windows.chunks()
        ]
        windows = self.part.windows
        return sum(sums) / (len(windows) * windows.size * windows.columns)

    def taught(self, teacher: Forecaster) -> "Examples":
        """Return the same with a model's results as targets, which have no noise, in float32."""
        return replace(self, target=self.forecasts(teacher).float())

    def forecasts(self, model: Forecaster) -> Tensor:
        """Return a model's scaled forecasts of the targets [targets, outputs], in float64."""
        return model.evaluate_batches(self.inputs, len(self.restart), self.restart)[self.at]

    def batches(self, model: Forecaster, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Yield all targets once, in random order: of windows, or of segments of a stream.

        If a forecast needs no more than keys and values of earlier inferences, each one is a
        segment of its own, with these before it: those of a stretch are alike, and a batch of them
        says less. Otherwise, that takes too long. A segment is then a part of a stretch, begins as
        a stretch does, and is two of them if it is divided between two batches.

        Args:
            model: The model, of windows or of streams.
            size: Forecasts of a batch; the last one may have fewer, or one more. Of segments with
                several forecasts, inferences; batches without any target are left out.
            generator: Source of the random numbers.
        """
        inferences = len(self.restart)
        target = self.target.new_zeros(inferences, self.target.shape[1])
        target[self.at] = self.target
        if model.lead:
            order = self.at[torch.randperm(len(self.at), generator=generator)]
            age = ages(self.restart)
            for chosen in torch.split(order, batch_sizes(len(order), size)):
                yield self._batch(*led_up_to(chosen, age, model.lead, _ANEW, generator), target)
            return
        counted = torch.zeros(inferences, dtype=torch.bool)
        counted[self.at] = True
        every = _in_random_order(self.restart, model.reach, generator)
        split = (torch.split(each, batch_sizes(inferences, size)) for each in every)
        for rows, begins in zip(*split, strict=True):
            begins[0] = True
            if counted[rows].any():
                since = ages(begins) if model.reach else None
                yield self._batch(rows, begins, since, counted[rows], target)

    def _batch(
        self,
        rows: Tensor,
        begins: Tensor,
        since: Tensor | None,
        wanted: Tensor,
        target: Tensor,
    ) -> Batch:
        """Return a batch.

        Args:
            rows: Its inferences.
            begins: Whether each is the first of a segment.
            since: How many inferences before each one its stretch begins; None for windows.
            wanted: Which inferences are trained.
            target: Scaled targets of all inferences.
        """
        first, *further = self.inputs(rows.numpy())
        if since is not None:
            first = after_restart(first, since)
        trained = None if bool(wanted.all()) else wanted.nonzero()[:, 0]
        return Batch((first, *further), begins, trained, target[rows])
