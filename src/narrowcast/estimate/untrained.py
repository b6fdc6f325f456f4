"""An untrained stand-in for a trained model, with the same shape and widths."""

from narrowcast.config import Config, array_name, shape_of
from narrowcast.integer.model import IntegerModel
from narrowcast.integer.random_model import random_model


def stand_in(config: Config) -> IntegerModel:
    """Return a model with random weights, which are the same each time."""
    shape, bits = shape_of(config), config.quantization
    schemes = bits.schemes(shape).items()
    return random_model(
        shape,
        (8,),
        input_bits=bits.input_bits,
        output_bits=bits.output_bits,
        widths=bits.tensor_widths(shape),
        symmetric={array_name(name) for name, scheme in schemes if scheme == "symmetric"},
    )
