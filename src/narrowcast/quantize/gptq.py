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
    """Weights that are rounded, and those that round to them.

    Attributes:
        error: Mean square error of each result of the sample [columns].
        scale: Scale of each row of the matrix [columns].
        weight: Weights that round to the integers [columns, inner].
        bias: What is added to the bias [columns].
    """

    error: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor


def rounded(weight: Tensor, read: Tensor, scales: Tensor, highest: int) -> Rounding:
    """Round the weights of ``y = x @ weight.T + bias`` so that ``y`` changes least.

    Columns with a large variance are rounded first ("act order" of the publication's program). Of
    the candidates for the scale of a row, the one with the least error is chosen. The bias makes up
    for the mean of the change.

    Args:
        weight: Weights [columns, inner].
        read: A sample of ``x`` [samples, inner].
        scales: Candidates for the scale of each row, all positive [candidates, columns].
        highest: Largest integer; the lowest one is its negative.
    """
    if len(read) > _SAMPLE:
        generator = torch.Generator().manual_seed(0)
        read = read[torch.randint(len(read), (_SAMPLE,), generator=generator)]
    x = read.double()
    mean = x.mean(dim=0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    order = covariance.diagonal().argsort(descending=True, stable=True)
    covariance = covariance[order][:, order]
    damping = _DAMPING * covariance.diagonal() + _TINY
    # Row j, divided by its entry j: by how much each column makes up for an error of column j.
    inverse = torch.linalg.inv(covariance + torch.diag(damping))
    shares = torch.linalg.cholesky(inverse, upper=True)
    shares = shares / shares.diagonal()[:, None]
    exact = weight.double()[:, order]
    found = [_by_scale(exact, covariance, shares, scale.double(), highest) for scale in scales]
    best = torch.stack([each.error for each in found]).argmin(dim=0)
    rows = torch.arange(len(weight))
    error, scale, near, change = (
        torch.stack([getattr(each, name) for each in found])[best, rows]
        for name in ("error", "scale", "weight", "change")
    )
    bias = -(change @ mean[order])
    near = near[:, order.argsort()]
    return Rounding(error.float(), scale.float(), near.float(), bias.float())


@dataclass(frozen=True)
class _Candidate:
    """A rounding with given scales, whose columns are in the order of rounding.

    Attributes:
        error: Mean square error of each result [columns].
        scale: Scale of each row [columns].
        weight: Weights that round to the integers [columns, inner].
        change: What rounding adds to each weight [columns, inner].
    """

    error: Tensor
    scale: Tensor
    weight: Tensor
    change: Tensor


def _by_scale(
    exact: Tensor, covariance: Tensor, shares: Tensor, scale: Tensor, highest: int
) -> _Candidate:
    """Return the rounding with given scales.

    Args:
        exact: Weights [columns, inner].
        covariance: Covariance of the columns that are read [inner, inner].
        shares: By how much each column makes up for an error of another one [inner, inner].
        scale: Scale of each row [columns].
        highest: Largest integer.
    """
    left = exact.clone()  # columns before j are rounded, the others make up for their errors
    near = torch.empty_like(exact)
    for j in range(exact.shape[1]):
        ratio = left[:, j] / scale
        near[:, j] = scale * ratio.clamp(-highest, highest)
        error = left[:, j] - scale * ratio.round().clamp(-highest, highest)
        left[:, j:] -= error[:, None] * shares[j, j:]
    change = left - exact
    error = ((change @ covariance) * change).sum(dim=1)
    return _Candidate(error, scale, near, change)
