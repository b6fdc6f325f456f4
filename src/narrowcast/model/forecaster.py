"""The base class of the models in floating point and with fake quantisation."""

import torch
from torch import Tensor, nn

_BATCH = 64  # windows per call, so few that activations stay in the processor's cache


class Forecaster(nn.Module):
    """A network whose ``forward`` maps scaled windows [windows, n, m] to [windows, outputs]."""

    @torch.no_grad()
    def evaluate(self, x: Tensor) -> Tensor:
        """Forecast in eval mode; afterwards the network is in its former mode.

        Args:
            x: Scaled readings of all windows [windows, n, m].

        Returns:
            Scaled forecasts [windows, outputs], in float64.
        """
        training = self.training
        self.eval()
        result = torch.cat([self(part).double() for part in torch.split(x, _BATCH)])
        self.train(training)
        return result
