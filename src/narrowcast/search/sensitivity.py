"""The sensitivity of the results to the width of each tensor, without training."""

from typing import Any

import torch

from narrowcast.config import Config, quantised_names, shape_of
from narrowcast.data import Dataset
from narrowcast.model import Transformer
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.model.training import one_thread
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.steps import QuantisedAppend, QuantisedLinear, QuantisedRowSum, Step
from narrowcast.quantize.training import calibrated
from narrowcast.search.space import WIDTHS, Widths, with_bits

_BATCH = 256


def _parts(model: QuantisedTransformer) -> dict[str, tuple[Step, dict[str, Any]]]:
    """Return the step of each quantised array, and what belongs to the array, by its name."""
    found: dict[str, tuple[Step, dict[str, Any]]] = {}
    for step in model.steps():
        if isinstance(step, QuantisedLinear):
            attributes = ("bias", "quantised")
            own = {name: getattr(step, name) for name in attributes}
            found[f"{step.spec.name}.weight"] = step, own
        if not isinstance(step, QuantisedRowSum | QuantisedAppend):
            found[f"{step.spec.name}.activation"] = step, {"output": step.output}
    return found


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
        self._names = names
        self._parts = dict(zip(WIDTHS, map(_parts, models), strict=True))
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
        for name, (step, _) in self._parts[WIDTHS[-1]].items():
            if name in self._names:
                for attribute, value in self._parts[bits[name]][name][1].items():
                    setattr(step, attribute, value)
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
