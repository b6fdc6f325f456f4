"""The width and the scheme of every tensor and every weight matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from narrowcast.config import QuantizationConfig, Scheme, array_name


@dataclass(frozen=True)
class Precision:
    """Choices by the integer model's names: ``input``, ``embed.output``, ``embed.weights``.

    Attributes:
        bits: Width of each tensor and each weight matrix.
        schemes: Scheme of each tensor; adaptive if it is missing here.
    """

    bits: Mapping[str, int]
    schemes: Mapping[str, Scheme] = field(default_factory=dict)

    @classmethod
    def of(cls, config: QuantizationConfig, layers: int) -> Self:
        """Return the widths and schemes of a configuration for a model of so many layers."""
        schemes = {array_name(name): each for name, each in config.schemes(layers).items()}
        return cls(config.tensor_widths(layers), schemes)

    def scheme(self, name: str) -> Scheme:
        """Return the scheme of a tensor."""
        return self.schemes.get(name, "adaptive")
