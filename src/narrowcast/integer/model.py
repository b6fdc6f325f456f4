"""The integer model: what training hands to the executor and to the compiler.

Plain frozen dataclasses. Every number that the arithmetic uses is an integer; scales stand
here only so that a host can turn readings into integers and the result into a forecast.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from narrowcast.integer.arithmetic import integer_range

SCHEMA_VERSION = 2

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Tensor:
    """A quantised activation of shape [rows, columns]: real = scale * (q - zero_point)."""

    name: str
    rows: int
    columns: int
    bits: int
    scale: float
    zero_point: int
    restricted: bool = False  # keys and values: the lowest integer is not used

    @property
    def low(self) -> int:
        """Lowest integer."""
        return integer_range(self.bits, restricted=self.restricted)[0]

    @property
    def high(self) -> int:
        """Highest integer."""
        return integer_range(self.bits)[1]

    @property
    def symmetric(self) -> bool:
        """Whether the zero point is 0."""
        return self.zero_point == 0


@dataclass(frozen=True)
class Linear:
    """``output = requantise(operand @ weights.T + bias, M, S) + residual``, clamped.

    ``weights`` names an array [columns, inner]. ``bias`` names an array [columns] or
    [rows, columns]. With ``pooled`` the operand's rows are read as one long row and the
    weights repeat for each of them, so the sum over tokens is part of the product.

    The residual has the shape of the output, unless ``residual_column`` is given: then it is the
    one number in that column of the residual tensor's last row, for every output (only where
    ``pooled``, so that there is one row of outputs).
    """

    name: str
    operand: str
    output: str
    weights: str
    weight_bits: int
    bias: str
    multiplier: str
    shift: int
    residual: str | None = None
    residual_multiplier: str | None = None
    residual_shift: int = 0
    residual_column: int | None = None
    relu: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        if self.residual_column is not None and (self.residual is None or not self.pooled):
            raise ValueError(f"{self.name}: only a pooled step's residual can be one column")


@dataclass(frozen=True)
class Scores:
    """``output = table[clamp((score - max) * M + 2^(S-1) >> S)]``, row by row, head by head.

    ``score = query @ key.T`` at full precision, ``max`` the largest of its row.

    ``output`` is a tensor of [heads * rows, rows]; its integers are ``e + zero_point``. The
    multiplier is negative, as ``score - max`` is never positive.
    """

    name: str
    operand: str  # query
    key: str
    output: str
    heads: int
    multiplier: int
    shift: int
    table: str  # array of e, unsigned


@dataclass(frozen=True)
class Context:
    """``output = requantise(e @ value, floor(numerator / sum(e)), S)``, head by head."""

    name: str
    operand: str  # e, the unnormalised probabilities
    value: str
    output: str
    heads: int
    numerator: int
    shift: int


Step = Linear | Scores | Context


@dataclass(frozen=True)
class Affine:
    """A host-side scaling: ``scaled = (reading - offset) / scale``, one entry per column."""

    offset: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """A whole forecaster in integers; equal to itself only, so what is found out can be kept.

    Attributes:
        window, inputs, channels, layers, heads, ffn_channels, outputs: the architecture.
        input: name of the input tensor [window, inputs]; output: name of the result tensor.
        input_scaling: readings -> scaled inputs; target_scaling: scaled forecast -> target's unit.
        tensors: every activation by name. steps: in order of execution.
        arrays: int64 arrays by name (weights, biases, multipliers, tables).
    """

    window: int
    inputs: int
    channels: int
    layers: int
    heads: int
    ffn_channels: int
    outputs: int
    input: str
    output: str
    input_names: tuple[str, ...]
    target_name: str
    input_scaling: Affine
    target_scaling: Affine
    tensors: dict[str, Tensor]
    steps: tuple[Step, ...]
    arrays: dict[str, Array] = field(repr=False)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        total = 0
        for step in self.steps:
            operand = self.tensors[step.operand]
            if isinstance(step, Linear):
                total += operand.rows * self.arrays[step.weights].size
            elif isinstance(step, Scores):
                total += operand.rows**2 * operand.columns
            else:
                total += operand.columns * self.tensors[step.output].rows * self.channels
        return total

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        names = {n for s in self.steps if isinstance(s, Linear) for n in (s.weights, s.bias)}
        return sum(self.arrays[name].size for name in names)

    def quantise_inputs(self, readings: NDArray[np.float64]) -> Array:
        """Turn readings [..., window, inputs] in their own units into the input tensor."""
        tensor = self.tensors[self.input]
        scaled = (readings - np.array(self.input_scaling.offset)) / np.array(
            self.input_scaling.scale
        )
        q = np.rint(scaled / tensor.scale) + tensor.zero_point
        result: Array = np.clip(q, tensor.low, tensor.high).astype(np.int64)
        return result

    def dequantise_outputs(self, result: Array) -> NDArray[np.float64]:
        """Turn results [..., outputs] into forecasts in the target's own unit."""
        tensor = self.tensors[self.output]
        scaled = (result - tensor.zero_point).astype(np.float64) * tensor.scale
        scale, offset = self.target_scaling.scale, self.target_scaling.offset
        forecast: NDArray[np.float64] = scaled * np.array(scale) + np.array(offset)
        return forecast
