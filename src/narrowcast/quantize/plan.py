"""The width and the scheme of every tensor and every weight matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from narrowcast.config import QuantizationConfig, Scheme


@dataclass(frozen=True)
class QuantizationPlan:
    """Choices by the integer model's names: ``input``, ``embed.output``, ``embed.weights``.

    Attributes:
        bits: of all tensors and weights.
        schemes: of tensors; adaptive where nothing is said.
    """

    bits: Mapping[str, int]
    schemes: Mapping[str, Scheme] = field(default_factory=dict)

    @classmethod
    def of(cls, config: QuantizationConfig, layers: int) -> Self:
        """Return the plan of a configuration for a model of so many layers."""
        bits = {"input": config.input_bits, "head.output": config.output_bits}
        bits |= {_array(name): width for name, width in config.widths(layers).items()}
        schemes = {_array(name): scheme for name, scheme in config.schemes(layers).items()}
        return cls(bits, schemes)

    def scheme(self, name: str) -> Scheme:
        """Return the scheme of a tensor."""
        return self.schemes.get(name, "adaptive")


def _array(name: str) -> str:
    """Return the integer model's name for one of the configuration's."""
    step, _, part = name.rpartition(".")
    return f"{step}.{'weights' if part == 'weight' else 'output'}" if step else name
