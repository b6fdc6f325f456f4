"""Rounding of a weight matrix that suits what it reads, without training.

``GPTQ`` (Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
transformers", 2023) rounds a matrix column by column. The weights that are not yet rounded make up
for the rounding errors so far, as far as their columns tell of the same: neighbouring rows of a
window, for example, which are much alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_DAMPING = 0.01  # added to the variance of each column, relative to it
_TINY = 1e-12  # variance of a column that is always the same
_SAMPLE = 1 << 15


@dataclass(frozen=True)
class Rounding:
    """Integers and scales in place of a matrix.

    Attributes:
        integers: Integers, int8 [columns, inner].
        scale: Scale of each row of the matrix [columns].
        bias: What is added to the bias [columns].
    """

    integers: Tensor
    scale: Tensor
    bias: Tensor


def rounded(weight: Tensor, read: Tensor, scales: Tensor, highest: int) -> Rounding:
    """Round the weights of ``y = x @ weight.T + bias`` so that ``y`` changes least.

    Columns with a large variance are rounded first ("act order" of the publication's program). Of
    the candidates for the scale of a row, the one with the least mean square change is chosen. The
    bias makes up for the mean of the change.

    Args:
        weight: Weights [columns, inner].
        read: A sample of ``x`` [samples, inner]; more than 2^15 are thinned out at random.
        scales: Candidates for the scale of each row, all positive [candidates, columns].
        highest: Largest integer; the lowest one is its negative.
    """
    if len(read) > _SAMPLE:
        generator = torch.Generator().manual_seed(0)
        read = read[torch.randperm(len(read), generator=generator)[:_SAMPLE]]
    centred = read.double()
    mean = centred.mean(dim=0)
    centred -= mean
    covariance = centred.T @ centred / len(centred)
    order = covariance.diagonal().argsort(descending=True, stable=True)
    covariance = covariance[order][:, order]
    damping = _DAMPING * covariance.diagonal() + _TINY
    # Row j, divided by its entry j: by how much each column makes up for an error of column j.
    inverse = torch.linalg.inv(covariance + torch.diag(damping))
    shares = torch.linalg.cholesky(inverse, upper=True)
    shares = shares / shares.diagonal()[:, None]
    exact = weight.double()[:, order]
    least = torch.full_like(exact[:, 0], torch.inf)
    integers, scale, change = torch.zeros_like(exact), scales[0].double(), torch.zeros_like(exact)
    for candidate in scales.double():
        tried = _integers(exact, shares, candidate, highest)
        changed = candidate[:, None] * tried - exact
        error = ((changed @ covariance) * changed).sum(dim=1)
        better = error < least
        least = torch.where(better, error, least)
        scale = torch.where(better, candidate, scale)
        integers[better], change[better] = tried[better], changed[better]
    return Rounding(
        integers=integers[:, order.argsort()].to(torch.int8),
        scale=scale.float(),
        bias=-(change @ mean[order]).float(),
    )


def _integers(exact: Tensor, shares: Tensor, scale: Tensor, highest: int) -> Tensor:
    """Return the integers with given scales [columns, inner].

    Args:
        exact: Weights, the columns of which are in the order of rounding [columns, inner].
        shares: By how much each column makes up for an error of another one [inner, inner].
        scale: Scale of each row [columns].
        highest: Largest integer.
    """
    left = exact.clone()  # columns before j are rounded, the others make up for their errors
    integers = torch.empty_like(exact)
    for j in range(exact.shape[1]):
        integers[:, j] = (left[:, j] / scale).round().clamp(-highest, highest)
        error = left[:, j] - scale * integers[:, j]
        left[:, j:] -= error[:, None] * shares[j, j:]
    return integers
