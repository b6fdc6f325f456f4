"""The sensitivity of the results to the width of each tensor, without training."""

import torch
from torch import nn

from narrowcast.config import Config, quantised_names, shape_of
from narrowcast.data import Dataset
from narrowcast.model import Transformer
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.model.training import one_thread
from narrowcast.quantize.steps import QuantisedAppend, QuantisedLinear, QuantisedRowSum, Step
from narrowcast.quantize.training import calibrated
from narrowcast.search.space import WIDTHS, Widths, with_bits

_BATCH = 256


def _parts(step: Step) -> dict[str, dict[str, nn.Module | nn.Parameter]]:
    """Return what belongs to each quantised array of a step, by the array's name."""
    found: dict[str, dict[str, nn.Module | nn.Parameter]] = {}
    if isinstance(step, QuantisedLinear):
        found[f"{step.spec.name}.weight"] = {"weight": step.weight, "bias": step.bias}
    if not isinstance(step, QuantisedRowSum | QuantisedAppend):
        found[f"{step.spec.name}.activation"] = {"output": step.output}
    return found


class Rounded:
    """A float model rounded to any widths, with calibrated ranges and without fine-tuning."""

    @one_thread()
    def __init__(self, source: Transformer, dataset: Dataset, config: Config) -> None:
        """Calibrate quantisers of every width for every tensor."""
        names = quantised_names(shape_of(config))
        configs = [with_bits(config, dict.fromkeys(names, bits)) for bits in WIDTHS]
        # Parts of all models are combined, so their inputs have one set of divisors.
        middle = configs[len(configs) // 2]
        usual = calibrated(source, dataset, middle)
        models = [
            usual if each is middle else calibrated(source, dataset, each, usual.factors)
            for each in configs
        ]
        self._model = models[-1].train()  # train mode: fake quantisation instead of integers
        self._steps = {
            name: step for step in self._model.steps() for name in _parts(step) if name in names
        }
        self._parts = {
            (name, width): parts
            for width, model in zip(WIDTHS, models, strict=True)
            for step in model.steps()
            for name, parts in _parts(step).items()
        }
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
        for name, step in self._steps.items():
            for attribute, part in self._parts[name, bits[name]].items():
                setattr(step, attribute, part)
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
