"""Streams: consecutive inferences as the first axis of a batch, in one or several stretches.

A state holds the last rows that were appended since the stretch began. There is no recurrence: the
rows of all inferences are known before any of them is read, so a state is a window that slides over
the first axis, in which the rows from before the stretch are absent.
"""

import torch
from torch import Tensor
from torch.nn import functional

from narrowcast.integer import readings


def ages(restart: Tensor) -> Tensor:
    """Return how many inferences before each one its stretch began [inferences].

    Args:
        restart: Whether an inference is the first of a stretch [inferences]; the first one is, in
            any case.
    """
    return torch.from_numpy(readings.ages(restart.numpy()))


def kept(rows: Tensor, count: int, wanted: Tensor | None = None) -> Tensor:
    """Return the state after each inference, the newest row last.

    Args:
        rows: The row that each inference appends [inferences, 1, columns].
        count: Number of rows of the state.
        wanted: The inferences whose states are returned; None for all.

    Returns:
        States [inferences, count, columns]. Rows that are absent have any numbers.
    """
    if wanted is not None:
        at = (wanted[:, None] - torch.arange(count - 1, -1, -1)).clamp(min=0)
        return functional.embedding(at, rows[:, 0])
    before = functional.pad(rows[:, 0], (0, 0, count - 1, 0))
    return before.unfold(0, count, 1).transpose(1, 2)


def absent(restart: Tensor, count: int) -> Tensor:
    """Return which rows of a state do not exist yet at each inference [inferences, count]."""
    return torch.arange(count - 1, -1, -1) > ages(restart)[:, None]


def after_restart(inputs: Tensor, age: Tensor) -> Tensor:
    """Return what a host gives: the first reading of a stretch in place of those before it.

    Args:
        inputs: The last readings at each inference [inferences, kernel, columns].
        age: How many inferences before each one its stretch began [inferences].
    """
    kernel = inputs.shape[1]
    first = (kernel - 1 - age).clamp(min=0)
    rows = torch.maximum(torch.arange(kernel), first[:, None])
    return inputs.gather(1, rows[:, :, None].expand_as(inputs))


def segments(restart: Tensor, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut stretches into segments, and put them in random order.

    A stretch is cut at every ``length``-th inference, counted from a random one. Windows, each of
    which is a stretch, are segments of their own.

    Args:
        restart: Whether an inference is the first of a stretch [inferences].
        length: Most inferences of a segment.
        generator: Source of the random numbers.

    Returns:
        All inferences, segment by segment, and whether each is the first of its segment.
    """
    age = ages(restart)
    if length > 1:
        age = age + int(torch.randint(length, (1,), generator=generator))
    first = restart | (age % length == 0)
    starts = first.nonzero()[:, 0]
    sizes = torch.diff(starts, append=torch.tensor([len(restart)]))
    order = torch.randperm(len(starts), generator=generator)
    chosen = sizes[order]
    ends = chosen.cumsum(0)
    within = torch.arange(len(restart)) - (ends - chosen).repeat_interleave(chosen)
    return starts[order].repeat_interleave(chosen) + within, within == 0


def led_up_to(
    chosen: Tensor, age: Tensor, lead: int, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Put those inferences of its stretch before each one that lead up to it.

    Before a share of them there are fewer, or none, as after a restart.

    Args:
        chosen: Inferences.
        age: How many inferences before each of all inferences its stretch began.
        lead: Most inferences before each chosen one.
        share: Share of the chosen ones that are trained as after a restart.
        generator: Source of the random numbers.

    Returns:
        The segments, one for each chosen inference, which is its last one: all inferences, whether
        each is the first of its segment, how many inferences before it its stretch began, or is
        said to begin, and whether it is a chosen one.
    """
    before = age[chosen].clamp(max=lead)
    random = torch.rand(2, len(chosen), generator=generator)
    anew = random[0] < share
    before = torch.where(anew, (random[1] * (before + 1)).long(), before)
    sizes = before + 1
    left = sizes.cumsum(0).repeat_interleave(sizes) - 1 - torch.arange(int(sizes.sum()))
    inferences = chosen.repeat_interleave(sizes) - left
    within = before.repeat_interleave(sizes) - left
    since = torch.where(anew.repeat_interleave(sizes), within, age[inferences])
    return inferences, within == 0, since, left == 0
