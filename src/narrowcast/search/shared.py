"""One set of weights for every width: an assignment of bits is judged without training it.

The shared model has, for every tensor and every weight matrix, a quantiser of each width, and one
set of weights for all of them. Every batch of its training draws widths anew, so that the weights
learn to do with any (Yu et al., "Any-precision deep neural networks", 2021). The error of an
assignment is then that of the shared model with the assignment's quantisers.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from narrowcast.config import Config, quantised_names
from narrowcast.data import Dataset
from narrowcast.model import Progress, Transformer, fit
from narrowcast.model.training import tensors
from narrowcast.quantize.network import QuantisedLinear, QuantisedTransformer
from narrowcast.quantize.training import calibrated, parameter_groups
from narrowcast.search.space import WIDTHS, with_bits

_BATCH = 256


class _AnyWidth(nn.Module):
    """A quantiser of each width, of which the one of ``bits`` is at work."""

    def __init__(self, quantisers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.quantisers = nn.ModuleList(quantisers)
        self.bits = WIDTHS[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Fake quantise float32 of any shape."""
        y: Tensor = self.quantisers[self.bits - WIDTHS[0]](x)
        return y


def _switches(model: QuantisedTransformer) -> Iterator[tuple[str, nn.Module, str]]:
    """Yield the name of each width, the step that has it, and the attribute of its quantiser."""
    for step in model.steps():
        name = step.output.name.removesuffix(".output")
        if isinstance(step, QuantisedLinear):
            yield f"{name}.weight", step, "quantise_weight"
        yield f"{name}.activation", step, "output"


class SharedModel(nn.Module):
    """A Transformer in fake quantisation whose widths change from call to call.

    In training they are drawn at random; in eval mode they are those of the last :meth:`assign`.
    """

    def __init__(self, source: Transformer, dataset: Dataset, config: Config) -> None:
        """Take over the weights of ``source``, and calibrate quantisers of each width."""
        super().__init__()
        names = quantised_names(config.model.layers)
        models = [calibrated(source, dataset, with_bits(config, bits)) for bits in WIDTHS]
        self.model = models[-1]
        self._random = random.Random(config.train.seed)
        self._names: list[str] = []
        places = [list(_switches(model)) for model in models]
        for alike in zip(*places, strict=True):
            name, step, attribute = alike[-1]
            if name in names:
                quantisers = [getattr(each, attribute) for _, each, _ in alike]
                step.register_module(attribute, _AnyWidth(quantisers))
                self._names.append(name)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Change the mode; in either, the inner model computes with fake quantisation."""
        super().train(mode)
        self.model.train()
        return self

    def assign(self, bits: Mapping[str, int]) -> None:
        """Set the widths, by the names of ``quantised_names``."""
        switches = [module for module in self.modules() if isinstance(module, _AnyWidth)]
        for switch, name in zip(switches, self._names, strict=True):
            switch.bits = bits[name]

    def forward(self, x: Tensor) -> Tensor:
        """Scaled readings [windows, n, m] -> scaled forecasts [windows, outputs]."""
        if self.training:
            self.assign({name: self._random.choice(WIDTHS) for name in self._names})
        y: Tensor = self.model(x.float())
        return y


def train_shared(
    source: Transformer, dataset: Dataset, config: Config, progress: Progress | None = None
) -> SharedModel:
    """Train the weights for all widths; the same source and seed give the same model."""
    torch.manual_seed(config.train.seed)
    model = SharedModel(source, dataset, config)
    fit(
        model,
        dataset,
        config.train,
        epochs=config.train.finetune_epochs,
        groups=parameter_groups(model, config),
        teacher=source,
        progress=progress,
    )
    return model


class Judge:
    """Tells the error that an assignment of bits adds, on the validation part."""

    def __init__(self, model: SharedModel, source: Transformer, dataset: Dataset) -> None:
        inputs, target = tensors(dataset.validation, dataset)
        self._model = model.eval()
        self._inputs = torch.split(inputs.float(), _BATCH)
        self._unit = float(dataset.target_scaling.scale[0])
        with torch.no_grad():
            self._teacher = source(inputs).double()
        difference = self._teacher - target
        self.float_rmse = self._unit * float(difference.square().mean().sqrt())

    @torch.no_grad()
    def distance(self, bits: Mapping[str, int]) -> float:
        """Return the mean square of the difference from the float model, in the target's unit."""
        self._model.assign(bits)
        forecast = torch.cat([self._model(part) for part in self._inputs]).double()
        return self._unit**2 * float((forecast - self._teacher).square().mean())
