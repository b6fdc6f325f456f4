"""The array of lanes: what it is built of, and how each step of a model runs on it.

The array has one or two *ways*. A way is a row of lanes with its own activation stores, epilogue
and softmax; token t lives in way t modulo ways, and both ways share the lane operands. The lanes
of a way are DSP blocks, with two lanes each where the ports are wide enough, or look-up tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np

from narrowcast.integer.arithmetic import signed_bits
from narrowcast.integer.bounds import operand_range, product_range
from narrowcast.integer.model import Array, Context, IntegerModel, Linear, Scores, Step, Tensor

KEPT = 512  # results of each function that are kept: an array is asked about again and again


class LaneKind(StrEnum):
    """What the lanes of a way are built of."""

    PAIRS = "pairs"  # two lanes in one DSP block
    SINGLE = "single"  # a DSP block each
    TABLES = "tables"  # look-up tables


@dataclass(frozen=True)
class LaneArray:
    """The lanes of an engine.

    Attributes:
        columns: lanes of a way, that many columns of a product at once.
        kinds: what each way's lanes are built of; one or two ways.
        field: position of the upper product in a pair of lanes (0 without pairs).
        narrow_x, narrow_w: widths of the operands of the second way's lanes.
        grouped: whether pairs add up groups of products outside of the DSP block.
    """

    columns: int
    kinds: tuple[LaneKind, ...]
    field: int = 0
    narrow_x: int = 0
    narrow_w: int = 0
    grouped: bool = False

    @property
    def ways(self) -> int:
        """Tokens at once."""
        return len(self.kinds)

    @property
    def lanes(self) -> int:
        """Multiply-accumulates per clock."""
        return self.columns * self.ways

    @property
    def dsp(self) -> int:
        """DSP blocks that the lanes take at most."""
        each = {
            LaneKind.PAIRS: self.columns // 2,
            LaneKind.SINGLE: self.columns,
            LaneKind.TABLES: 0,
        }
        return sum(each[kind] for kind in self.kinds)


@dataclass(frozen=True)
class Mode:
    """How a step runs on an array.

    Attributes:
        both: a token in every way at once; otherwise token by token in the first way's lanes.
        stride: 1: every lane takes a column; 2: the upper lane of each pair only, for products
            that are too wide to share a DSP block.
        group: products that a pair sums up in the DSP block at a time.
    """

    both: bool
    stride: int
    group: int


@dataclass(frozen=True, eq=False)
class Operands:
    """Widths of a step's operands, and the sums that the lower lane of a pair has to hold."""

    x_bits: int
    w_bits: int
    inner: int
    low: Array  # smallest sum [columns, inner] over all inputs, product by product
    high: Array


def centred_range(tensor: Tensor, tokens: int = 1) -> tuple[int, int]:
    """Return the range of a tensor less its zero point, summed over so many tokens."""
    low, high = operand_range(tensor)
    return tokens * min(low, 0), tokens * max(high, 0)


@lru_cache(KEPT)
def operands_of(model: IntegerModel, step: Step) -> Operands:
    """Return what a step's lanes have to multiply and to add up."""
    tensor = model.tensors[step.operand]
    if isinstance(step, Linear):
        x = centred_range(tensor, tensor.rows if step.pooled else 1)
        w_bits = step.weight_bits
        low, high = product_range(x, model.arrays[step.weights])
    else:
        x = centred_range(tensor)
        cached = model.tensors[step.key if isinstance(step, Scores) else step.value]
        inner = tensor.columns if isinstance(step, Context) else tensor.columns // step.heads
        w_bits = cached.bits
        largest = max(-x[0], x[1]) * cached.high
        high = np.full((1, inner), largest, np.int64)
        low = -high
    x_bits = signed_bits(x[0] - 1, x[1])  # room for the zero point's subtraction
    return Operands(x_bits, w_bits, low.shape[1], low, high)


@lru_cache(KEPT)
def largest_group(operands: Operands, field: int) -> int:
    """Return how many products in a row always fit into ``field`` bits: all, a power of 2, or 0."""
    least, most = -(1 << (field - 1)), (1 << (field - 1)) - 1
    for group in (operands.inner, *(1 << i for i in range(14, -1, -1))):
        if group > operands.inner:
            continue
        starts = range(0, operands.inner, group)
        low = np.add.reduceat(operands.low, starts, axis=1)
        high = np.add.reduceat(operands.high, starts, axis=1)
        if low.min() >= least and high.max() <= most:
            return group
    return 0


@lru_cache(KEPT)
def modes_of(model: IntegerModel, array: LaneArray) -> Mapping[str, Mode]:
    """Return the widest mode of each step by name. Attention's two steps run alike."""
    result = {}
    for step in model.steps:
        operands = operands_of(model, step)
        group, stride = operands.inner, 1
        if LaneKind.PAIRS in array.kinds:
            group = largest_group(operands, array.field)
            if group == 0:
                group, stride = operands.inner, 2
        fits = operands.x_bits <= array.narrow_x and operands.w_bits <= array.narrow_w
        pooled = isinstance(step, Linear) and step.pooled
        both = array.ways == 2 and fits and stride == 1 and not pooled
        result[step.name] = Mode(both, stride, group)
    for step in model.steps:
        if isinstance(step, Context):
            scores = next(s for s in model.steps if s.output == step.operand)
            both = result[step.name].both and result[scores.name].both
            for name in (step.name, scores.name):
                result[name] = replace(result[name], both=both)
    return result


def is_grouped(model: IntegerModel, modes: Mapping[str, Mode]) -> bool:
    """Whether any step's pairs add up groups outside of the DSP block."""
    return any(modes[s.name].group < operands_of(model, s).inner for s in model.steps)


def narrow_widths(model: IntegerModel, most_w: int, most_x: int) -> tuple[int, int]:
    """Return operand widths of a second way that takes every step of at most these widths."""
    taken = [
        o
        for o in (operands_of(model, s) for s in model.steps if not _is_pooled(s))
        if o.w_bits <= most_w and o.x_bits <= most_x
    ]
    if not taken:
        return 0, 0
    return max(o.x_bits for o in taken), max(o.w_bits for o in taken)


def table_lane(x_bits: int, w_bits: int, sum_bits: int) -> tuple[int, int]:
    """Return the look-up tables and flip-flops of a lane of ``lane_tables.vhd``."""

    def tables(multiplier: int, multiplicand: int) -> int:
        wide = multiplier % 2 == 1 and multiplier > 7
        return 1 << 30 if wide else multiplier // 2 * (multiplicand + 1)

    w_multiplies = tables(w_bits, x_bits) <= tables(x_bits, w_bits)
    multiplier, multiplicand = (w_bits, x_bits) if w_multiplies else (x_bits, w_bits)
    rows, odd = multiplier // 2, multiplier % 2
    early = (1 - odd) * (rows + 1) // 2
    row_bits = multiplicand + 2 * early if early else multiplicand
    digits = 2 * (rows - early) + 1 + (1 - odd)
    return (
        sum_bits + rows * (multiplicand + 1),
        multiplicand + digits + row_bits + x_bits + w_bits + sum_bits,
    )


def _is_pooled(step: Step) -> bool:
    return isinstance(step, Linear) and step.pooled
