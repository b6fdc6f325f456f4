"""Ranges of the numbers in the engine's program and memory plan, as in ``engine_types.vhd``.

A number outside of its range would end GHDL or a synthesis tool with an error of its own. So the
compiler refuses such a model. Most ranges follow from what a valid model may have. Those of lanes
and of words of a memory are above what any device holds.
"""

from collections.abc import Iterable, Mapping, Sequence

from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.memory import Segment
from narrowcast.errors import UserError
from narrowcast.integer.arithmetic import MAX_SHIFT
from narrowcast.integer.validate import (
    LANE_BITS,
    MOST_COLUMNS,
    MOST_RESIDUAL_SHIFT,
    RECIPROCAL_BITS,
    TENSOR_BITS,
)

MOST_LANES = 1 << 12

FLAG = range(2)
COUNT = range(MOST_COLUMNS)
LANE = range(MOST_LANES)
WORD = range(1 << 22)
BANK = range(len(LANE_BITS))
SHIFT = range(1, MAX_SHIFT + 1)
RAISE = range(MOST_RESIDUAL_SHIFT + 1)
LEVEL = range(-1 << TENSOR_BITS[-1] - 1, 1 << TENSOR_BITS[-1] - 1)

STEP: Mapping[str, range] = {
    **dict.fromkeys(("tiles_last", "inner_last", "group_last", "tile_pause"), COUNT),
    "x_source": range(len(Source)),
    "x_zero": LEVEL,
    "lane_source": range(len(LANE_BITS) + 2),  # banks, keys, values
    **dict.fromkeys(("lane_base", "lane_stride"), WORD),
    "column_first": FLAG,
    "column_step": range(1, 3),
    **dict.fromkeys(("columns_full", "columns_last"), LANE),
    **dict.fromkeys(("bias_base", "m_base", "r_base"), WORD),
    "destination": range(len(Destination)),
    **dict.fromkeys(("y_stride", "block_last"), COUNT),
    **dict.fromkeys(("has_bias", "bias_per_row", "has_residual"), FLAG),
    "residual_element": COUNT,
    "row_multiplier": FLAG,
    "residual_zero": LEVEL,
    "residual_shift": RAISE,
    "shift": SHIFT,
    "rounding": range(MAX_SHIFT),
    **dict.fromkeys(("y_zero", "y_low", "y_high"), LEVEL),
    "numerator": range(1 << LANE_BITS[-1] + RECIPROCAL_BITS),
    "table_base": WORD,
    "e_zero": range(-1 << LANE_BITS[-1] - 1, 1),
    **dict.fromkeys(("runs_into", "takes_run"), COUNT),
    "run_base": WORD,
}
SEGMENT: Mapping[str, range] = {
    "bank": BANK,
    "first": WORD,
    "words": range(1, WORD.stop),
    "columns": COUNT,
    "column_bits": range(1, COUNT.stop),
}


def check_steps(names: Iterable[str], steps: Sequence[Mapping[str, int]]) -> None:
    """Refuse encoded steps that do not fit the engine's program.

    Args:
        names: Names of the steps.
        steps: Their fields, as by ``encode_steps``.

    Raises:
        UserError: The message names the step and the field.
    """
    for name, fields in zip(names, steps, strict=True):
        _check(f"step {name}", fields, STEP)


def check_segments(segments: Iterable[Segment], bank_bits: Sequence[int]) -> None:
    """Refuse segments of weight banks that do not fit the engine's memory plan.

    Args:
        segments: The segments.
        bank_bits: Width of the weights of each bank.

    Raises:
        UserError: The message names the bank and the field.
    """
    for segment in segments:
        where = f"weights of {bank_bits[segment.bank]} bit"
        _check(where, segment_fields(segment), SEGMENT)


def segment_fields(segment: Segment) -> dict[str, int]:
    """Return the fields of a segment that the engine knows."""
    return {name: getattr(segment, name) for name in SEGMENT}


def _check(where: str, fields: Mapping[str, int], ranges: Mapping[str, range]) -> None:
    for name, value in fields.items():
        allowed = ranges[name]
        if value not in allowed:
            raise UserError(
                f"the model is too large for the engine: {where}: {name} is {value}, outside of "
                f"{allowed[0]} to {allowed[-1]}"
            )
