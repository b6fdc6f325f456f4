"""A model of many series as one of them sees it: readings and forecasts in its own unit."""

from dataclasses import replace

from narrowcast.integer.model import Affine, Decoder, Forecast, Input, IntegerModel


def of_series(model: IntegerModel, level: float, spread: float) -> IntegerModel:
    """Return the model with the level and the spread of a series in its scalings.

    A model of a panel takes readings of its target as ``(reading - level) / spread``, and its
    forecasts are such, too. The result takes and gives them in the unit of the series. Its
    integers, and so its hardware, are the same.

    Args:
        model: A model that forecasts one target.
        level: Level of the series, in the target's unit.
        spread: Spread of the series, in the target's unit, above 0.
    """
    decoders = (each for output in model.outputs for each in output.decoders)
    target = next(each.target for each in decoders if isinstance(each, Forecast))

    def own_input(given: Input) -> Input:
        offset, scale = list(given.scaling.offset), list(given.scaling.scale)
        for i, name in enumerate(given.columns):
            difference = given.earlier is not None or i in given.relative
            if given.earlier is None and (name != target or given.ahead is not None):
                continue
            offset[i] = offset[i] * spread + (0.0 if difference else level)
            scale[i] *= spread
        return replace(given, scaling=Affine(tuple(offset), tuple(scale)))

    def own_decoder(given: Decoder) -> Decoder:
        assert isinstance(given, Forecast)
        base = 0.0 if given.added is not None else level
        scaling = Affine(
            tuple(each * spread + base for each in given.scaling.offset),
            tuple(each * spread for each in given.scaling.scale),
        )
        return replace(given, scaling=scaling)

    return replace(
        model,
        inputs=tuple(map(own_input, model.inputs)),
        outputs=tuple(
            replace(each, decoders=tuple(map(own_decoder, each.decoders))) for each in model.outputs
        ),
    )
