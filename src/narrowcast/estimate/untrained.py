"""An untrained stand-in for a trained model, with the same shape and widths."""

from narrowcast.config import Config, array_name
from narrowcast.integer.builder import Shape
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.random_model import random_model


def stand_in(config: Config) -> IntegerModel:
    """Return a model with random weights, which are the same each time."""
    data, model, bits = config.data, config.model, config.quantization
    shape = Shape(
        window=data.window,
        inputs=len(data.inputs),
        channels=model.channels,
        layers=model.layers,
        heads=model.heads,
        ffn_channels=model.ffn_channels,
        outputs=data.outputs,
        relative=config.relative_column,
    )
    schemes = bits.schemes(model.layers).items()
    return random_model(
        shape,
        (8,),
        input_bits=bits.input_bits,
        output_bits=bits.output_bits,
        widths=bits.tensor_widths(model.layers),
        symmetric={array_name(name) for name, scheme in schemes if scheme == "symmetric"},
    )
