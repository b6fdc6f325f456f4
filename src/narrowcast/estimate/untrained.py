"""An untrained stand-in for a trained model, with the same shape and widths."""

from narrowcast.config import Config, array_name, shape_of
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.random_model import random_model


def stand_in(config: Config) -> IntegerModel:
    """Return a model with random weights, which are the same each time."""
    layers, bits = config.model.layers, config.quantization
    schemes = bits.schemes(layers).items()
    return random_model(
        shape_of(config),
        (8,),
        input_bits=bits.input_bits,
        output_bits=bits.output_bits,
        widths=bits.tensor_widths(layers),
        symmetric={array_name(name) for name, scheme in schemes if scheme == "symmetric"},
    )
