"""The values that the integers of a model cannot represent."""

import numpy as np

from narrowcast.data import Part
from narrowcast.integer import IntegerModel
from narrowcast.training_records import CutOff


def cut_off(model: IntegerModel, part: Part) -> CutOff:
    """Return the shares of a part's values that lie beyond the range of the model's integers.

    Such a reading enters the model as the end of the range. Such a target cannot be forecast.

    Args:
        model: A model whose first input are windows, and whose output are forecasts.
        part: Windows in their own units.
    """
    source, (result,) = model.inputs[0], model.outputs
    assert result.decoder is not None
    outside = model.tensors[source.tensor].outside(source.real(part.inputs))
    base = result.decoder.base({source.tensor: part.of_targets(part.inputs)})[:, 0]
    scaled = result.decoder.scaling.apply(part.target - base)
    missed = model.tensors[result.tensor].outside(scaled)
    shares = outside.mean(axis=(0, 1)).tolist()[: source.readings]
    names = source.columns[: source.readings]
    return CutOff(dict(zip(names, shares, strict=True)), float(np.mean(missed)))
