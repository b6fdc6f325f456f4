"""The array of lanes, and how each step of a program runs on it.

The array has one or two *ways*. A way is a row of lanes with its own activation stores, epilogue
and softmax. Row t of a tensor is in way t modulo ways, and both ways share the lane operands. The
lanes of a way are DSP blocks, with two lanes per block if the ports are wide enough, or look-up
tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from narrowcast.integer.analysis import Analysis, Operands
from narrowcast.integer.model import Scores


class LaneKind(StrEnum):
    """The implementation of the lanes of a way."""

    PAIRS = "pairs"  # two lanes in one DSP block
    SINGLE = "single"  # a DSP block each
    TABLES = "tables"  # look-up tables
    TREES = "trees"  # look-up tables, whose adders are a tree


@dataclass(frozen=True)
class LaneArray:
    """The lanes of an engine.

    Attributes:
        columns: Lanes of a way: the number of columns of a product that it computes at once.
        kinds: Kind of the lanes of each way, for one or two ways.
        field: Position of the upper product in a pair of lanes; 0 without pairs.
        narrow_x: Width of the broadcast operand of the second way's lanes.
        narrow_w: Width of the lane operand of the second way's lanes.
        grouped: Whether sums of pairs are split into groups, which are added outside of the DSP
            block.
        split: Whether both ways have the same token, and every other column of it each.
        blocks: Number of DSP blocks of a single lane, or of a pair.
    """

    columns: int
    kinds: tuple[LaneKind, ...]
    field: int = 0
    narrow_x: int = 0
    narrow_w: int = 0
    grouped: bool = False
    split: bool = False
    blocks: int = 1

    @property
    def tokens(self) -> int:
        """Number of tokens that are processed at once."""
        return 1 if self.split else self.ways

    @property
    def at_once(self) -> int:
        """Number of columns of a token that are handed on at once, one of each way."""
        return self.ways if self.split else 1

    @property
    def word_lanes(self) -> int:
        """Number of lane operands that are read at once."""
        return self.columns * self.at_once

    @property
    def ways(self) -> int:
        """Number of ways."""
        return len(self.kinds)

    @property
    def lanes(self) -> int:
        """Multiply-accumulates per clock."""
        return self.columns * self.ways

    @property
    def dsp(self) -> int:
        """Greatest number of DSP blocks of the lanes."""
        return sum(self.dsp_of_ways)

    @property
    def dsp_of_ways(self) -> tuple[int, ...]:
        """Greatest number of DSP blocks of each way's lanes."""
        each = {
            LaneKind.PAIRS: self.columns // 2,
            LaneKind.SINGLE: self.columns,
            LaneKind.TABLES: 0,
            LaneKind.TREES: 0,
        }
        return tuple(self.blocks * each[kind] for kind in self.kinds)


@dataclass(frozen=True)
class Mode:
    """How a step runs on an array.

    Attributes:
        both: Whether all ways process a row at the same time; otherwise the first way's lanes
            process row by row.
        stride: 1 if every lane computes a column; 2 if only the upper lane of each pair does, for
            products that are too wide to share a DSP block.
        group: Number of consecutive products that a pair sums up in the DSP block.
    """

    both: bool
    stride: int
    group: int


def largest_group(operands: Operands, field: int) -> int:
    """Return how many consecutive products always fit in a field: all, a power of 2, or 0."""
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


def largest_groups(analysis: Analysis, field: int) -> dict[str, int]:
    """Return :func:`largest_group` of each product by its name."""
    return {name: largest_group(each, field) for name, each in analysis.operands.items()}


def modes_of(analysis: Analysis, array: LaneArray, groups: Mapping[str, int]) -> Mapping[str, Mode]:
    """Return the fastest mode of each product by name; a context has the mode of its scores.

    Args:
        analysis: Analysis of the graph.
        array: The lanes.
        groups: The largest groups that the field of a pair of lanes holds.
    """
    ends = {each.tensor for each in analysis.model.outputs}
    result = {}
    for step in analysis.products:
        operands = analysis.operands[step.name]
        group, stride = operands.inner, 1
        if LaneKind.PAIRS in array.kinds:
            group = groups[step.name]
            if group == 0:
                group, stride = operands.inner, 2
        fits = operands.x_bits <= array.narrow_x and operands.w_bits <= array.narrow_w
        several = analysis.rows(step) > 1 and step.output not in ends  # results come one by one
        both = array.tokens == 2 and fits and stride == 1 and several
        result[step.name] = Mode(both, stride, group)
    for step in analysis.products:
        if isinstance(step, Scores):
            context = analysis.context_of(step)
            both = result[step.name].both and result[context.name].both
            for name in (step.name, context.name):
                result[name] = replace(result[name], both=both)
    return result


def is_grouped(analysis: Analysis, modes: Mapping[str, Mode]) -> bool:
    """Return whether the sums of pairs are split into groups in any step."""
    return any(modes[name].group < each.inner for name, each in analysis.operands.items())


def narrow_widths(analysis: Analysis, most_w: int, most_x: int) -> tuple[int, int]:
    """Return the operand widths of a second way for all steps of at most the given widths."""
    taken = [
        each
        for each in (analysis.operands[s.name] for s in analysis.products if analysis.rows(s) > 1)
        if each.w_bits <= most_w and each.x_bits <= most_x
    ]
    if not taken:
        return 0, 0
    return max(o.x_bits for o in taken), max(o.w_bits for o in taken)


def table_lane(x_bits: int, w_bits: int, sum_bits: int, *, tree: bool) -> tuple[int, int]:
    """Return the look-up tables and flip-flops of a lane of ``lane_tables.vhd``.

    Args:
        x_bits: Width of the operand that all lanes share.
        w_bits: Width of the other operand.
        sum_bits: Width of the sum.
        tree: Whether rows are added up in a tree.
    """

    def tables(multiplier: int, multiplicand: int) -> int:
        wide = multiplier % 2 == 1 and multiplier > 7
        return 1 << 30 if wide else multiplier // 2 * (multiplicand + 1)

    w_multiplies = tables(w_bits, x_bits) <= tables(x_bits, w_bits)
    multiplier, multiplicand = (w_bits, x_bits) if w_multiplies else (x_bits, w_bits)
    rows, odd = multiplier // 2, multiplier % 2
    early = (1 - odd) * (rows + 1) // 2
    halves = tree and rows - early > 1
    if halves:
        early = (rows + 1 - odd) // 2
        operands = 2 * multiplicand + 2 * rows + odd + 1 + (1 - odd)  # both halves, and carries
    else:
        row_bits = multiplicand + 2 * early if early else multiplicand
        operands = multiplicand + row_bits + 2 * (rows - early) + 1 + (1 - odd)
    return (
        sum_bits + (rows + halves) * (multiplicand + 1),
        operands + x_bits + w_bits + sum_bits,
    )
