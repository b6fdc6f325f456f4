"""The base class of the models in floating point and with fake quantisation."""

import torch
from torch import Tensor, nn

_BATCH = 64  # windows per call, so few that activations stay in the processor's cache
_SHARE = 8  # inferences of a stream per call, in units of those that lead up to them


class Forecaster(nn.Module):
    """A network whose ``forward`` maps scaled readings to [inferences, outputs].

    Its arguments are the readings of each input of the graph [inferences, rows, columns]; each
    window is an inference. Those of a stream are consecutive. The keyword ``restart``
    [inferences] then says which of them is the first of a stretch; None means the first one only.

    Attributes:
        reach: Inferences before one that its forecast may depend on; 0 for windows.
    """

    reach: int

    @torch.no_grad()
    def evaluate(self, *inputs: Tensor, restart: Tensor | None = None) -> Tensor:
        """Forecast in eval mode; afterwards the network is in its former mode.

        Args:
            inputs: Scaled readings of each input [inferences, rows, columns].
            restart: Which inferences of a stream begin a stretch.

        Returns:
            Scaled forecasts [inferences, outputs], in float64.
        """
        training = self.training
        self.eval()
        result = self.in_batches(inputs, restart)
        self.train(training)
        return result

    def in_batches(
        self, inputs: tuple[Tensor, ...], restart: Tensor | None, windows: int = _BATCH
    ) -> Tensor:
        """Return the results of ``forward`` in the present mode, in float64.

        Each batch of a stream begins with the inferences that the first forecast may depend on.

        Args:
            inputs: Scaled readings of each input [inferences, rows, columns].
            restart: Which inferences of a stream begin a stretch.
            windows: Windows of a batch.
        """
        size, results = max(windows, _SHARE * self.reach), []
        for first in range(0, len(inputs[0]), size):
            before = min(first, self.reach)
            batch = slice(first - before, first + size)
            begins = None if restart is None else restart[batch]
            results.append(self(*(x[batch] for x in inputs), restart=begins)[before:].double())
        return torch.cat(results)
