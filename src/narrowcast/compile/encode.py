"""The program in numbers: the fields of its steps, and the words of its jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.memory import Place
from narrowcast.compile.program import (
    ProgramStep,
    Schedule,
    cached_tensors,
    context_of,
    pooled_tensor,
    token_tensors,
)
from narrowcast.compile.timing import MULTIPLIER_RING
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores

RING_BITS = (MULTIPLIER_RING - 1).bit_length()


class Source(IntEnum):
    """Where the broadcast operand comes from; as in ``engine_types.vhd``."""

    FROM_SCRATCH = 0
    FROM_TOKENS = 1
    FROM_INPUTS = 2
    FROM_POOL = 3


class Destination(IntEnum):
    """Where a step's results go; as in ``engine_types.vhd``."""

    TO_SCRATCH = 0
    TO_TOKENS = 1
    TO_KEYS = 2
    TO_VALUES = 3
    TO_RESULT = 4
    TO_SOFTMAX = 5
    TO_POOL = 6


@dataclass(frozen=True)
class Layout:
    """First addresses of what the program's steps point to, by the model's names."""

    lane_source: dict[str, int]
    lane_base: dict[str, int]
    bias_base: dict[str, int]
    m_base: dict[str, int]
    r_base: dict[str, int]
    table_base: dict[str, int]


def rows_of_store(model: IntegerModel, array: LaneArray) -> int:
    """Tokens in each way's stores."""
    return -(-model.window // array.ways)


def _lane_fields(
    model: IntegerModel, step: ProgramStep, layout: Layout, array: LaneArray, banks: int
) -> dict[str, int]:
    source = step.source
    if isinstance(source, Linear):
        place = layout.lane_source[source.name], layout.lane_base[source.name], step.inner
    elif isinstance(source, Scores):
        place = banks, step.head * step.inner, model.channels
    else:
        tokens = array.ways * rows_of_store(model, array)
        place = banks + 1, step.head * step.tiles * tokens, tokens
    return dict(zip(("lane_source", "lane_base", "lane_stride"), place, strict=True))


def _source(model: IntegerModel, step: ProgramStep) -> Source:
    operand = step.source.operand
    if operand == model.input:
        return Source.FROM_INPUTS
    if operand == pooled_tensor(model):
        return Source.FROM_POOL
    return Source.FROM_TOKENS if operand in token_tensors(model) else Source.FROM_SCRATCH


def _destination(model: IntegerModel, step: ProgramStep) -> Destination:
    output = step.source.output
    keys, values = cached_tensors(model)
    if isinstance(step.source, Scores):
        return Destination.TO_SOFTMAX
    places = (
        (Destination.TO_RESULT, {model.output}),
        (Destination.TO_POOL, {pooled_tensor(model)}),
        (Destination.TO_TOKENS, token_tensors(model)),
        (Destination.TO_KEYS, keys),
        (Destination.TO_VALUES, values),
    )
    return next((d for d, names in places if output in names), Destination.TO_SCRATCH)


def step_fields(
    model: IntegerModel, step: ProgramStep, layout: Layout, array: LaneArray, banks: int
) -> dict[str, int]:
    """Return the program word of a step, field by field as in ``engine_types.vhd``."""
    source = step.source
    operand, output = model.tensors[source.operand], model.tensors[source.output]
    linear = source if isinstance(source, Linear) else None
    scores = source if isinstance(source, Scores) else None
    residual = None if linear is None or linear.residual is None else linear.residual
    low = output.zero_point if linear is not None and linear.relu else output.low
    per_row = linear is not None and model.arrays[linear.bias].ndim == 2
    first = step.mode.stride - 1
    return {
        "tiles_last": step.tiles - 1,
        "inner_last": step.inner - 1,
        "group_last": step.mode.group - 1,
        "tile_pause": step.tile_pause,
        "x_source": _source(model, step),
        "x_zero": operand.zero_point * step.pooled_tokens,
        **_lane_fields(model, step, layout, array, banks),
        "column_first": first,
        "column_step": step.mode.stride,
        "columns_full": step.capacity - 1,
        "columns_last": step.tile_columns()[-1] - 1,
        "bias_base": layout.bias_base.get(source.name, 0),
        "m_base": layout.m_base[source.name],
        "r_base": layout.r_base.get(source.name, 0),
        "destination": _destination(model, step),
        "y_stride": rows_of_store(model, array),
        "block_last": model.channels // model.heads - 1,
        "has_bias": int(linear is not None),
        "bias_per_row": int(per_row),
        "has_residual": int(residual is not None),
        "residual_input": int(linear is not None and linear.residual_column is not None),
        "row_multiplier": int(isinstance(source, Context)),
        "residual_zero": 0 if residual is None else model.tensors[residual].zero_point,
        "residual_shift": 0 if linear is None else linear.residual_shift,
        "shift": source.shift,
        "rounding": source.shift - 1,
        "y_zero": 0 if scores else output.zero_point,
        "y_low": 0 if scores else low,
        "y_high": len(model.arrays[scores.table]) - 1 if scores else output.high,
        "numerator": context_of(model, scores).numerator if scores else 0,
        "table_base": layout.table_base[scores.table] if scores else 0,
        "e_zero": output.zero_point if scores else 0,
    }


@dataclass(frozen=True)
class JobWord:
    """What sequencer and collector have to know of a job."""

    step: int
    ways: int  # a bit for each
    wait: int
    x_row: int
    y_row: int
    slot: int


def job_words(
    model: IntegerModel, schedule: Schedule, scratch: Mapping[Place, int], array: LaneArray
) -> list[JobWord]:
    """Return the jobs' addresses; ``scratch`` has those of the scratch store's rows."""
    x_strides = {
        Source.FROM_POOL: 0,
        Source.FROM_INPUTS: model.inputs,
        Source.FROM_TOKENS: model.channels,
    }
    y_strides = {
        Destination.TO_RESULT: 0,
        Destination.TO_POOL: model.channels,
        Destination.TO_TOKENS: model.channels,
        Destination.TO_VALUES: 1,
    }
    places = [(_source(model, step), _destination(model, step)) for step in schedule.steps]
    words = []
    for job in schedule.jobs:
        step, (operand, destination) = schedule.steps[job.step], places[job.step]
        source, token = step.source, job.rows[0]
        row = token // array.ways
        slot = job.slot if isinstance(source, Context) else 0
        if operand == Source.FROM_SCRATCH:
            head = step.head if isinstance(source, Context) else 0
            x_row = scratch[source.operand, head, row]
            x_row += step.head * step.inner if isinstance(source, Scores) else 0
        else:
            x_row = row * x_strides[operand]
        if destination in y_strides:
            y_row = row * y_strides[destination]
        elif destination == Destination.TO_KEYS:
            y_row, slot = token // array.columns * model.channels, token % array.columns
        else:
            head = step.head if isinstance(source, Scores) else 0
            y_row = scratch[source.output, head, row]
            y_row += step.head * step.columns if isinstance(source, Context) else 0
        if destination == Destination.TO_POOL:
            slot = int(token > 0)
        ways = sum(1 << (token % array.ways) for token in job.rows)
        words.append(JobWord(job.step, ways, job.wait, x_row, y_row, slot))
    return words
