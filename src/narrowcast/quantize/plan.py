"""How many bits every tensor and every weight matrix has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from narrowcast.config import QuantizationConfig


@dataclass(frozen=True)
class BitPlan:
    """Bits by the name of a tensor (``input``, ``embed.output``) or of weights (``embed.weights``).

    Attributes:
        bits: of everything without an exception.
        exceptions: bits by name.
    """

    bits: int
    exceptions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, config: QuantizationConfig, layers: int) -> Self:
        """Return the plan of a configuration for a model of so many layers."""
        return cls(8, config.tensor_widths(layers))

    def __getitem__(self, name: str) -> int:
        return self.exceptions.get(name, self.bits)
