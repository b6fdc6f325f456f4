"""The base class of the models in floating point and with fake quantisation."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Gathered = Callable[[slice], tuple[Tensor, ...]]
"""Returns the scaled readings of some inferences, by input [inferences, rows, columns]."""

_BATCH = 64  # windows per call, so few that activations stay in the processor's cache
_SHARE = 8  # inferences of a stream per call, in units of those that lead up to them


class Forecaster(nn.Module):
    """A network whose ``forward`` maps scaled readings to [inferences, outputs].

    Its arguments are the readings of each input of the graph [inferences, rows, columns]; each
    window is an inference. Those of a stream are consecutive. The keyword ``restart``
    [inferences] then says which of them is the first of a stretch; None means the first one only.
    Results are those of all inferences, or of those whose indices the keyword ``wanted`` has, which
    takes less time.

    Attributes:
        reach: Inferences before one that its forecast may depend on; 0 for windows.
        lead: Inferences before one of which its forecast needs nothing but keys and values; 0 if it
            needs more.
    """

    reach: int
    lead: int

    def evaluate(self, *inputs: Tensor, restart: Tensor | None = None) -> Tensor:
        """Forecast in eval mode; afterwards the network is in its former mode.

        Args:
            inputs: Scaled readings of each input [inferences, rows, columns].
            restart: Which inferences of a stream begin a stretch.

        Returns:
            Scaled forecasts [inferences, outputs], in float64.
        """
        given = lambda batch: tuple(x[batch] for x in inputs)  # noqa: E731
        return self.evaluate_batches(given, len(inputs[0]), restart)

    @torch.no_grad()
    def evaluate_batches(self, inputs: Gathered, count: int, restart: Tensor | None) -> Tensor:
        """Do the same, with the arguments of :meth:`in_batches`."""
        training = self.training
        self.eval()
        result = self.in_batches(inputs, count, restart)
        self.train(training)
        return result

    def in_batches(
        self, inputs: Gathered, count: int, restart: Tensor | None, windows: int = _BATCH
    ) -> Tensor:
        """Return the results of ``forward`` in the present mode, in float64.

        Each batch of a stream begins with the inferences that the first forecast may depend on.

        Args:
            inputs: Returns the scaled readings of some inferences, by input.
            count: Number of inferences.
            restart: Which inferences of a stream begin a stretch.
            windows: Windows of a batch.
        """
        size, results = max(windows, _SHARE * self.reach), []
        for first in range(0, count, size):
            before = min(first, self.reach)
            batch = slice(first - before, min(first + size, count))
            begins = None if restart is None else restart[batch]
            results.append(self(*inputs(batch), restart=begins)[before:].double())
        return torch.cat(results)
