"""A model of many series as one of them sees it: readings and forecasts in its own unit."""

from dataclasses import replace

from narrowcast.integer.model import Affine, Forecast, Input, IntegerModel, Output


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
    decoders = [each.decoder for each in model.outputs if isinstance(each.decoder, Forecast)]
    target = decoders[0].target

    def own_input(given: Input) -> Input:
        offset, scale = list(given.scaling.offset), list(given.scaling.scale)
        for i, name in enumerate(given.columns):
            difference = given.earlier is not None or i in given.relative
            if given.earlier is None and (name != target or given.ahead is not None):
                continue
            offset[i] = offset[i] * spread + (0.0 if difference else level)
            scale[i] *= spread
        return replace(given, scaling=Affine(tuple(offset), tuple(scale)))

    def own_output(given: Output) -> Output:
        decoder = given.decoder
        assert isinstance(decoder, Forecast)
        base = 0.0 if decoder.added is not None else level
        scaling = Affine(
            tuple(each * spread + base for each in decoder.scaling.offset),
            tuple(each * spread for each in decoder.scaling.scale),
        )
        return replace(given, decoder=replace(decoder, scaling=scaling))

    return replace(
        model,
        inputs=tuple(map(own_input, model.inputs)),
        outputs=tuple(map(own_output, model.outputs)),
    )
