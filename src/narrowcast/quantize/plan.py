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
    def uniform(cls, config: QuantizationConfig) -> Self:
        """Return the plan of a configuration: one width inside, others for input and output."""
        return cls(config.bits, {"input": config.input_bits, "head.output": config.output_bits})

    def __getitem__(self, name: str) -> int:
        return self.exceptions.get(name, self.bits)
