"""The tensor names of a configuration. They follow from the architecture.

``embed.weight`` and ``embed.activation`` in a configuration are ``embed.weights`` and
``embed.output`` in the integer model.
"""

from collections.abc import Set

from narrowcast.integer.builder import (
    GraphSpec,
    LinearSpec,
    OperationSpec,
    Role,
    Shape,
    transformer,
)

_WEIGHT, _ACTIVATION = ".weight", ".activation"
_WITH_WIDTH = {Role.FREE, Role.RELU, Role.LANES, Role.PROBABILITY}  # a sum is exact
_WITH_SCHEME = {Role.FREE, Role.RELU, Role.LANES}  # probabilities always span [0, 1]


def _architecture(layers: int) -> GraphSpec:
    """Return a Transformer with this number of layers: the names depend on nothing else."""
    return transformer(Shape(window=1, inputs=1, channels=1, layers=layers))


def _activations(layers: int, roles: Set[Role]) -> list[str]:
    spec = _architecture(layers)
    return [f"{step.name}{_ACTIVATION}" for step in spec.operations if _has_role(spec, step, roles)]


def _has_role(spec: GraphSpec, step: OperationSpec, roles: Set[Role]) -> bool:
    """Return whether an operation makes a tensor of some roles; the result has its own key."""
    return spec.tensors[step.output].role in roles and step.output not in spec.outputs


def quantised_names(layers: int) -> list[str]:
    """Return the names that ``quantization.bits`` allows, in order of execution."""
    spec, names = _architecture(layers), []
    for step in spec.operations:
        if isinstance(step, LinearSpec):
            names.append(f"{step.name}{_WEIGHT}")
        if _has_role(spec, step, _WITH_WIDTH):
            names.append(f"{step.name}{_ACTIVATION}")
    return names


def scheme_names(layers: int) -> list[str]:
    """Return the names that ``quantization.scheme`` allows, in order of execution."""
    return [*_architecture(layers).inputs, *_activations(layers, _WITH_SCHEME)]


def symmetric_names(layers: int) -> list[str]:
    """Return the names of keys and values: operands of the lanes, which have no zero point."""
    return _activations(layers, {Role.LANES})


def array_name(name: str) -> str:
    """Convert a configuration's name to the integer model's name."""
    if name.endswith(_WEIGHT):
        return f"{name.removesuffix(_WEIGHT)}.weights"
    return f"{name.removesuffix(_ACTIVATION)}.output" if name.endswith(_ACTIVATION) else name


def as_configured(name: str) -> str:
    """Convert a name of the integer model to the configuration's name."""
    return name.replace(".output", _ACTIVATION).replace(".weights", _WEIGHT)
