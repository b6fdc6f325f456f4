"""Untrained stand-ins for a trained model, with the same shape and widths.

Training chooses weights, biases and zero points. They decide how wide the engine's sums are, and
with that which products share a DSP block, how many DSP blocks an epilogue takes and which array of
lanes is selected. So there are two stand-ins: one with sums about as wide as a trained model may
have, and one with narrow sums.
"""

from collections.abc import Set
from dataclasses import replace

import numpy as np

from narrowcast.config import Config, array_name, shape_of
from narrowcast.integer.analysis import analyse
from narrowcast.integer.builder import Role, transformer
from narrowcast.integer.model import IntegerModel, Linear, RowSum, row_sum_tensor
from narrowcast.integer.random_model import random_model


def stand_in(config: Config, *, wide: bool = True) -> IntegerModel:
    """Return a model with random weights, which are the same each time.

    Args:
        config: The configuration.
        wide: Whether sums are wide: zero points are at an end of the range of each tensor whose
            scheme allows them, and biases are as large as sums. Else there are no such zero points,
            and weights and biases are half as large as drawn.
    """
    shape, bits = shape_of(config), config.quantization
    schemes = {array_name(name): scheme for name, scheme in bits.schemes(shape).items()}
    symmetric = {name for name, scheme in schemes.items() if scheme == "symmetric"}
    tensors = transformer(shape).tensors
    free = {name for name in schemes if tensors[name].role in {Role.INPUT, Role.FREE}} - symmetric
    drawn = random_model(
        shape,
        (8,),
        input_bits=bits.input_bits,
        output_bits=bits.output_bits,
        widths=bits.tensor_widths(shape),
        symmetric=symmetric | free,
    )
    return _widened(drawn, free) if wide else _narrowed(drawn)


def _widened(model: IntegerModel, shifted: Set[str]) -> IntegerModel:
    """Return a model with the zero points of some tensors at the end, and with large biases."""
    tensors = {
        name: replace(each, zero_point=each.low) if name in shifted else each
        for name, each in model.tensors.items()
    }
    for step in model.operations:
        if isinstance(step, RowSum):
            tensors[step.output] = row_sum_tensor(step.output, tensors[step.operand])
    model = replace(model, tensors=tensors)
    arrays, bounds = dict(model.arrays), analyse(model).bounds
    for step in model.operations:
        if isinstance(step, Linear):
            bias, largest = arrays[step.bias], max(map(abs, bounds[step.name].sum))
            ratio = largest / max(1, np.abs(bias).max())
            arrays[step.bias] = np.rint(ratio * bias).astype(np.int64)
    return replace(model, arrays=arrays)


def _narrowed(model: IntegerModel) -> IntegerModel:
    """Return a model with weights and biases half as large."""
    steps = [step for step in model.operations if isinstance(step, Linear)]
    halved = {name: model.arrays[name] // 2 for step in steps for name in (step.weights, step.bias)}
    return replace(model, arrays={**model.arrays, **halved})
