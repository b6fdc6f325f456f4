"""The precision of a model: widths and schemes of all tensors and weight matrices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from narrowcast.config import QuantizationConfig, Scheme, array_name
from narrowcast.integer.builder import Shape


@dataclass(frozen=True)
class Precision:
    """Widths and schemes by the integer model's names, such as ``embed.output``, ``embed.weights``.

    Attributes:
        bits: Width in bits of each tensor and each weight matrix.
        schemes: Scheme of each tensor; tensors that are missing here are adaptive.
    """

    bits: Mapping[str, int]
    schemes: Mapping[str, Scheme] = field(default_factory=dict)

    @classmethod
    def of(cls, config: QuantizationConfig, shape: Shape) -> Self:
        """Return the widths and schemes of a configuration for a model of a shape."""
        schemes = {array_name(name): each for name, each in config.schemes(shape).items()}
        return cls(config.tensor_widths(shape), schemes)

    def scheme(self, name: str) -> Scheme:
        """Return the scheme of a tensor."""
        return self.schemes.get(name, "adaptive")
