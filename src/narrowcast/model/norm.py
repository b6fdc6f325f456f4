"""Batch normalisation for batches of few stretches."""

import torch
from torch import Tensor, nn

_RAMP = 400  # batches over which the limits of the correction grow
_MOST_RATIO = 3.0
_MOST_OFFSET = 3.0  # in standard deviations
_SHARE = 0.02  # of a batch in the running statistics


class BatchRenorm(nn.BatchNorm1d):
    """Batch renormalisation: in training, too, the result is close to that of running statistics.

    Ioffe, "Batch renormalization" (2017): what is normalised with the mean and the deviation of a
    batch is corrected to the running ones, and the correction counts as constant in the gradient.
    The limits of the correction grow from none. The inferences of a stretch are alike, so the
    statistics of a batch of few stretches are far from those of all readings, which a layer with
    plain batch normalisation learns to rely on.

    In eval mode, it is a :class:`torch.nn.BatchNorm1d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[rows, channels] -> [rows, channels]."""
        if not self.training:
            return super().forward(x)
        mean, known = self.running_mean, self.running_var
        counter = self.num_batches_tracked
        assert mean is not None and known is not None and counter is not None
        counter += 1
        batches = int(counter)
        own_variance, own_mean = torch.var_mean(x, dim=0, correction=0)
        own = torch.sqrt(own_variance + self.eps)
        with torch.no_grad():
            ramp = min(1.0, batches / _RAMP)
            running = torch.sqrt(known + self.eps)
            most = 1.0 + (_MOST_RATIO - 1.0) * ramp
            ratio = (own / running).clamp(1.0 / most, most)
            limit = _MOST_OFFSET * ramp
            offset = ((own_mean - mean) / running).clamp(-limit, limit)
            share = max(_SHARE, 1.0 / batches)
            mean.lerp_(own_mean, share)
            known.lerp_(own_variance, share)
        normal = (x - own_mean) / own * ratio + offset
        return torch.addcmul(self.bias, normal, self.weight)
