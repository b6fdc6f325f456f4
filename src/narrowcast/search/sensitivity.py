"""The sensitivity of the results to the width of each tensor, without training."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from narrowcast.config import Config, quantised_names, shape_of
from narrowcast.data import Dataset
from narrowcast.model import Transformer
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.model.training import one_thread
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.steps import QuantisedAppend, QuantisedLinear, QuantisedRowSum
from narrowcast.quantize.training import calibrated
from narrowcast.search.space import WIDTHS, Widths, with_bits

_BATCH = 256


class _AnyWidth(nn.Module):
    """Quantisers of all widths, of which the one with ``bits`` bits is used."""

    def __init__(self, quantisers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.quantisers = nn.ModuleList(quantisers)
        self.bits = WIDTHS[-1]
        self.observer = None  # an attribute of ActivationQuantiser that steps set and read

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``, float32 of any shape, fake-quantised."""
        y: Tensor = self.quantisers[self.bits - WIDTHS[0]](x)
        return y


def _places(model: QuantisedTransformer) -> Iterator[tuple[str, nn.Module, str]]:
    """Yield the name of each quantised array, its step, and the attribute of its quantiser."""
    for step in model.steps():
        if isinstance(step, QuantisedLinear):
            yield f"{step.spec.name}.weight", step, "quantise_weight"
        if not isinstance(step, QuantisedRowSum | QuantisedAppend):
            yield f"{step.spec.name}.activation", step, "output"


class Rounded:
    """A float model rounded to any widths, with calibrated ranges and without fine-tuning."""

    @one_thread()
    def __init__(self, source: Transformer, dataset: Dataset, config: Config) -> None:
        """Calibrate quantisers of every width for every tensor."""
        names = quantised_names(shape_of(config))
        configs = [with_bits(config, bits) for bits in WIDTHS]
        # All quantisers are for the weights of one model, so its inputs have one set of divisors.
        factors = calibrated(source, dataset, configs[len(configs) // 2]).factors
        models = [calibrated(source, dataset, each, factors) for each in configs]
        self._model = models[-1].train()  # train mode: fake quantisation instead of integers
        self._switches: dict[str, _AnyWidth] = {}
        for alike in zip(*map(_places, models), strict=True):
            name, step, attribute = alike[-1]
            if name in names:
                switch = _AnyWidth([getattr(each, attribute) for _, each, _ in alike])
                step.register_module(attribute, switch)
                self._switches[name] = switch
        examples = Examples.of(dataset.validation, dataset)
        self._dataset = dataset
        self._examples = examples.single()
        self._teacher = examples.forecasts(source)

    @one_thread()
    @torch.no_grad()
    def distance(self, bits: Widths) -> float:
        """Return the mean square difference from the float model's results on the validation part.

        Its unit is that of :func:`mean_square_difference`.
        """
        for name, switch in self._switches.items():
            switch.bits = bits[name]
        given = self._examples
        results = self._model.in_batches(given.inputs, len(given.restart), given.restart, _BATCH)[
            given.at
        ]
        return mean_square_difference(results, self._teacher, self._dataset)


def sensitivity(rounded: Rounded, bits: Widths) -> dict[str, dict[int, float]]:
    """Return the increase of the distance for each tensor and each narrower width of it.

    The other tensors keep the widths of ``bits``.
    """
    distance = rounded.distance(bits)
    return {
        name: {
            width: rounded.distance({**bits, name: width}) - distance if width < most else 0.0
            for width in range(WIDTHS[0], most + 1)
        }
        for name, most in bits.items()
    }
