"""How much the forecast moves when one tensor gets fewer bits; nothing is trained for it."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from narrowcast.config import Config, quantised_names
from narrowcast.data import Dataset
from narrowcast.model import Transformer
from narrowcast.model.training import one_thread, tensors
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.steps import QuantisedLinear, QuantisedRowSum
from narrowcast.quantize.training import calibrated
from narrowcast.search.space import WIDTHS, with_bits

_BATCH = 256

Bits = Mapping[str, int]


class _AnyWidth(nn.Module):
    """A quantiser of each width, of which the one of ``bits`` is at work."""

    def __init__(self, quantisers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.quantisers = nn.ModuleList(quantisers)
        self.bits = WIDTHS[-1]
        self.observer = None  # as an ActivationQuantiser that nobody observes

    def forward(self, x: Tensor) -> Tensor:
        """Fake quantise float32 of any shape."""
        y: Tensor = self.quantisers[self.bits - WIDTHS[0]](x)
        return y


def _places(model: QuantisedTransformer) -> Iterator[tuple[str, nn.Module, str]]:
    """Yield the name of each width, the step that has it, and the attribute of its quantiser."""
    for step in model.steps():
        if isinstance(step, QuantisedLinear):
            yield f"{step.spec.name}.weight", step, "quantise_weight"
        if not isinstance(step, QuantisedRowSum):
            yield f"{step.spec.name}.activation", step, "output"


class Rounded:
    """A float model rounded to any widths, with calibrated ranges and without fine-tuning.

    Attributes:
        float_rmse: of the float model on the validation part, in the target's unit.
    """

    @one_thread()
    def __init__(self, source: Transformer, dataset: Dataset, config: Config) -> None:
        """Calibrate quantisers of every width for every tensor."""
        names = quantised_names(config.model.layers)
        models = [calibrated(source, dataset, with_bits(config, bits)) for bits in WIDTHS]
        self._model = models[-1].train()  # train mode: fake quantisation in place of integers
        self._switches: dict[str, _AnyWidth] = {}
        for alike in zip(*map(_places, models), strict=True):
            name, step, attribute = alike[-1]
            if name in names:
                switch = _AnyWidth([getattr(each, attribute) for _, each, _ in alike])
                step.register_module(attribute, switch)
                self._switches[name] = switch
        inputs, target = tensors(dataset.validation, dataset)
        self._inputs = torch.split(inputs.float(), _BATCH)
        self._unit = torch.from_numpy(dataset.target_scaling.scale)
        with torch.no_grad():
            self._teacher = source(inputs).double()
        self.float_rmse = float(self._mean_square(self._teacher - target)) ** 0.5

    @one_thread()
    @torch.no_grad()
    def distance(self, bits: Bits) -> float:
        """Return the mean square of the difference from the float model's validation forecasts.

        In the target's unit, squared.
        """
        for name, switch in self._switches.items():
            switch.bits = bits[name]
        forecast = torch.cat([self._model(part) for part in self._inputs]).double()
        return float(self._mean_square(forecast - self._teacher))

    def _mean_square(self, scaled: Tensor) -> Tensor:
        return (self._unit * scaled).square().mean()


def sensitivity(rounded: Rounded, bits: Bits) -> dict[str, dict[int, float]]:
    """Return what each tensor's narrower widths add to the distance, the others as in ``bits``."""
    found = rounded.distance(bits)
    return {
        name: {
            width: rounded.distance({**bits, name: width}) - found if width < most else 0.0
            for width in range(WIDTHS[0], most + 1)
        }
        for name, most in bits.items()
    }
