"""From quantised training to the integer model."""

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Scaling
from narrowcast.integer.model import Affine, Array, IntegerModel, Step
from narrowcast.quantize.network import QuantisedLayer, QuantisedTransformer


def to_integer_model(
    model: QuantisedTransformer, dataset: Dataset, config: DataConfig
) -> IntegerModel:
    """Return the integer model that ``model`` computes in eval mode.

    Args:
        model: after calibration.
        dataset: gives the scaling.
        config: gives the names of inputs and target.
    """
    steps: list[Step] = []
    arrays: dict[str, Array] = {}
    tensors = {model.input.name: model.input.tensor()}
    for module in model.steps():
        step, exported = module.export()
        steps.append(step)
        arrays |= exported
        tensors[step.output] = module.output.tensor()
    first = model.layers[0]
    assert isinstance(first, QuantisedLayer)
    embedded, result = model.embed.output, model.head.output
    return IntegerModel(
        window=model.input.rows,
        inputs=model.input.columns,
        channels=embedded.columns,
        layers=len(model.layers),
        heads=first.scores.heads,
        ffn_channels=first.ffn_up.output.columns,
        outputs=result.columns,
        input=model.input.name,
        output=result.name,
        input_names=tuple(config.inputs),
        target_name=config.target,
        input_scaling=_affine(dataset.input_scaling, model.factors.double().numpy()),
        target_scaling=_affine(dataset.target_scaling),
        tensors=tensors,
        steps=tuple(steps),
        arrays=arrays,
    )


def _affine(scaling: Scaling, factor: NDArray[np.float64] | float = 1.0) -> Affine:
    return Affine(tuple(scaling.offset.tolist()), tuple((scaling.scale * factor).tolist()))
