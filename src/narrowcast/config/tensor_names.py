"""The tensor names of a configuration. They follow from the architecture.

``embed.weight`` and ``embed.activation`` in a configuration are ``embed.weights`` and
``embed.output`` in the integer model.
"""

from collections.abc import Set

from narrowcast.integer.builder import (
    DecisionSpec,
    GraphSpec,
    LinearSpec,
    OperationSpec,
    Role,
    Shape,
    transformer,
)

_WEIGHT, _ACTIVATION = ".weight", ".activation"
# A sum is exact, and results have a key of their own.
_WITH_WIDTH = {Role.FREE, Role.RELU, Role.LANES, Role.PROBABILITY}
_TERM_BITS = 16
_WITH_SCHEME = {Role.FREE, Role.RELU, Role.LANES}  # probabilities always span [0, 1]


def _activations(shape: Shape, roles: Set[Role]) -> list[str]:
    spec = transformer(shape)
    return [f"{step.name}{_ACTIVATION}" for step in spec.operations if _has_role(spec, step, roles)]


def _has_role(spec: GraphSpec, step: OperationSpec, roles: Set[Role]) -> bool:
    """Return whether an operation makes a tensor of some roles."""
    return spec.tensors[step.output].role in roles


def quantised_names(shape: Shape) -> list[str]:
    """Return the names that ``quantization.bits`` allows, in order of execution."""
    spec, names = transformer(shape), []
    for step in spec.operations:
        if isinstance(step, LinearSpec):
            names.append(f"{step.name}{_WEIGHT}")
        if _has_role(spec, step, _WITH_WIDTH):
            names.append(f"{step.name}{_ACTIVATION}")
    return names


def scheme_names(shape: Shape) -> list[str]:
    """Return the names that ``quantization.scheme`` allows, in order of execution."""
    return [*transformer(shape).inputs, *_activations(shape, _WITH_SCHEME)]


def symmetric_names(shape: Shape) -> list[str]:
    """Return the names of keys and values: operands of the lanes, which have no zero point."""
    return _activations(shape, {Role.LANES})


def row_operand_names(shape: Shape) -> set[str]:
    """Return the names of activations that are no operands of the lanes: all but keys, values."""
    return set(_activations(shape, _WITH_WIDTH - {Role.LANES}))


def result_widths(shape: Shape, output_bits: int) -> dict[str, int]:
    """Return the widths of the forecast and of the terms of it, by their integer model names."""
    spec = transformer(shape)
    results = [each.name for each in spec.tensors.values() if each.role == Role.RESULT]
    decided = [step.operand for step in spec.operations if isinstance(step, DecisionSpec)]
    last = {*spec.outputs, *decided}
    return {name: output_bits if name in last else _TERM_BITS for name in results}


def array_name(name: str) -> str:
    """Convert a configuration's name to the integer model's name."""
    if name.endswith(_WEIGHT):
        return f"{name.removesuffix(_WEIGHT)}.weights"
    return f"{name.removesuffix(_ACTIVATION)}.output" if name.endswith(_ACTIVATION) else name


def as_configured(name: str) -> str:
    """Convert a name of the integer model to the configuration's name."""
    return name.replace(".output", _ACTIVATION).replace(".weights", _WEIGHT)
