"""The values that the integers of a model cannot represent."""

import numpy as np

from narrowcast.data import Part
from narrowcast.integer import Forecast, IntegerModel
from narrowcast.training_records import CutOff


def cut_off(model: IntegerModel, part: Part) -> CutOff:
    """Return the shares of a part's values that lie beyond the range of the model's integers.

    Such a reading enters the model as the end of the range. Such a target cannot be forecast.

    Args:
        model: A model whose first input are windows, and whose outputs are forecasts.
        part: Windows in their own units.
    """
    source = model.inputs[0]
    read = model.tensors[source.tensor]
    outside = [read.outside(source.real(x)).mean(axis=1) for x in part.windows.chunks()]
    readings = {source.tensor: part.of_targets(part.windows.newest)}
    missed = []
    decoders = [(each, result.tensor) for result in model.outputs for each in result.decoders]
    truths = np.split(part.target, len(decoders), axis=1)
    for (decoder, tensor), truth in zip(decoders, truths, strict=True):
        if not isinstance(decoder, Forecast):
            continue  # a decision cannot be cut off
        every = np.repeat(truth, max(1, len(decoder.quantiles)), axis=1)
        scaled = decoder.scaling.apply(every - decoder.base(readings)[:, 0])
        missed.append(model.tensors[tensor].outside(scaled))
    shares = np.concatenate(outside).mean(axis=0).tolist()[: source.readings]
    names = source.columns[: source.readings]
    return CutOff(dict(zip(names, shares, strict=True)), float(np.mean(missed)) if missed else 0.0)
