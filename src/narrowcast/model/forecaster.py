"""The base class of the models in floating point and with fake quantisation."""

import torch
from torch import Tensor, nn

_BATCH = 64  # windows per call, so few that activations stay in the processor's cache


class Forecaster(nn.Module):
    """A network whose ``forward`` maps scaled readings to [windows, outputs].

    Its arguments are the readings of each input of the graph, the windows [windows, n, m] first.
    """

    @torch.no_grad()
    def evaluate(self, *inputs: Tensor) -> Tensor:
        """Forecast in eval mode; afterwards the network is in its former mode.

        Args:
            inputs: Scaled readings of each input [windows, rows, columns].

        Returns:
            Scaled forecasts [windows, outputs], in float64.
        """
        training = self.training
        self.eval()
        batches = zip(*(torch.split(x, _BATCH) for x in inputs), strict=True)
        result = torch.cat([self(*batch).double() for batch in batches])
        self.train(training)
        return result
