"""Instruction encoding: the fields of the steps and of the jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from narrowcast.compile.allocate import (
    Addresses,
    key_biases,
    key_stride,
    rows_of_store,
    value_tiles,
)
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import EngineGraph, Job, ProgramStep, Schedule, Store
from narrowcast.compile.timing import MULTIPLIER_RING, biases_scores
from narrowcast.integer.model import Context, Linear, Scores

# What the lanes are given where a running sum takes the place of theirs: the first number of the
# stream of inputs, which is never written while a job runs.
UNUSED_ROW = 0

RING_BITS = (MULTIPLIER_RING - 1).bit_length()


class Source(IntEnum):
    """Source of the broadcast operand, as in ``engine_types.vhd``."""

    FROM_SCRATCH = 0
    FROM_TOKENS = 1
    FROM_INPUTS = 2
    FROM_POOL = 3


class Destination(IntEnum):
    """Destination of a step's results, as in ``engine_types.vhd``."""

    TO_SCRATCH = 0
    TO_TOKENS = 1
    TO_KEYS = 2
    TO_VALUES = 3
    TO_RESULT = 4
    TO_SOFTMAX = 5
    TO_POOL = 6


SOURCES = {
    Store.SCRATCH: Source.FROM_SCRATCH,
    Store.TOKENS: Source.FROM_TOKENS,
    Store.INPUTS: Source.FROM_INPUTS,
    Store.POOL: Source.FROM_POOL,
}
DESTINATIONS = {
    Store.SCRATCH: Destination.TO_SCRATCH,
    Store.TOKENS: Destination.TO_TOKENS,
    Store.KEYS: Destination.TO_KEYS,
    Store.VALUES: Destination.TO_VALUES,
    Store.RESULT: Destination.TO_RESULT,
    Store.POOL: Destination.TO_POOL,
}


@dataclass(frozen=True)
class Layout:
    """Base addresses in read-only memories, by the operations' names.

    Attributes:
        lane_source: Index of the weight bank.
        lane_base: First word in the bank.
        bias_base: First of the biases that all rows share.
        position_base: First of the biases per row, in every way.
        m_base: First multiplier.
        r_base: First multiplier of a residual.
        run_base: First weight of a product that is made on the way.
        table_base: First entry of a table of exponentials, by the table's name.
        elements: Elements of inputs that are residuals: (tensor, row, column).
    """

    lane_source: Mapping[str, int]
    lane_base: Mapping[str, int]
    bias_base: Mapping[str, int]
    position_base: Mapping[str, int]
    m_base: Mapping[str, int]
    r_base: Mapping[str, int]
    run_base: Mapping[str, int]
    table_base: Mapping[str, int]
    elements: tuple[tuple[str, int, int], ...]


def _lane_fields(
    graph: EngineGraph,
    step: ProgramStep,
    layout: Layout,
    addresses: Addresses,
    array: LaneArray,
) -> dict[str, int]:
    source, tensors = step.source, graph.model.tensors
    banks = len(set(layout.lane_source.values()))
    if step.running:
        return dict.fromkeys(("lane_source", "lane_base", "lane_stride"), 0)
    if isinstance(source, Linear):
        place = layout.lane_source[source.name], layout.lane_base[source.name], step.inner
    elif isinstance(source, Scores):
        base = array.at_once * addresses.keys[source.key] + step.head * step.inner
        stride = array.at_once * key_stride(graph, tensors[source.key], array)
        place = banks, base, stride
    else:
        tokens = array.tokens * rows_of_store(tensors[source.value].rows, array)
        base = array.tokens * addresses.values[source.value] + step.head * step.tiles * tokens
        place = banks + 1, base, tokens
    return dict(zip(("lane_source", "lane_base", "lane_stride"), place, strict=True))


def encode_steps(
    graph: EngineGraph,
    steps: tuple[ProgramStep, ...],
    layout: Layout,
    addresses: Addresses,
    array: LaneArray,
) -> list[dict[str, int]]:
    """Return the encoded steps, with the fields of ``engine_types.vhd``.

    Fields that only matter for values have the same numbers in all other steps, so that synthesis
    can treat them as constants.
    """
    values = graph.held(Store.VALUES)
    shared = _value_fields(graph, values[0].name, array) if values else {}
    encoded = []
    for step in steps:
        own = graph.stores[step.source.output] == Store.VALUES
        of_values = _value_fields(graph, step.source.output, array) if own else shared
        encoded.append(
            {
                **_encode_step(graph, step, layout, addresses, array),
                **(of_values or {"y_stride": 0, "block_last": 0}),
            }
        )
    return encoded


def _value_fields(graph: EngineGraph, name: str, array: LaneArray) -> dict[str, int]:
    tensor = graph.model.tensors[graph.whole(name)]
    heads, _ = value_tiles(graph, array, tensor.name)
    return {
        "y_stride": rows_of_store(tensor.rows, array),
        "block_last": -(-tensor.columns // heads // array.at_once) - 1,
    }


def _bias_base(graph: EngineGraph, step: ProgramStep, layout: Layout, array: LaneArray) -> int:
    """Return the first bias; each head of scores has biases of its own."""
    base = layout.bias_base.get(step.source.name, 0)
    if isinstance(step.source, Scores) and biases_scores(graph.model):
        base += step.head * len(key_biases(graph.model, step.source, array.at_once)[0][0])
    return base


def _encode_step(
    graph: EngineGraph,
    step: ProgramStep,
    layout: Layout,
    addresses: Addresses,
    array: LaneArray,
) -> dict[str, int]:
    model, source = graph.model, step.source
    operand, output = model.tensors[source.operand], model.tensors[source.output]
    linear = source if isinstance(source, Linear) else None
    scores = source if isinstance(source, Scores) else None
    residual = None if linear is None or linear.residual is None else linear.residual
    low = output.zero_point if linear is not None and linear.relu else output.low
    element = 0
    if linear is not None and residual is not None and linear.residual_element is not None:
        element = 1 + layout.elements.index((residual, *linear.residual_element))
    destination = DESTINATIONS[graph.stores[source.output]]
    origin = Store.INPUTS if step.running else graph.stores[source.operand]
    return {
        "tiles_last": step.tiles - 1,
        "inner_last": step.inner - 1,
        "group_last": step.mode.group - 1,
        "tile_pause": step.tile_pause,
        "x_source": SOURCES[origin],
        "x_zero": operand.zero_point,
        **_lane_fields(graph, step, layout, addresses, array),
        "column_first": step.mode.stride - 1,
        "column_step": step.mode.stride,
        "columns_full": step.capacity - 1,
        "columns_last": step.tile_columns()[-1] - 1,
        "bias_base": _bias_base(graph, step, layout, array),
        "m_base": layout.m_base[source.name],
        "r_base": layout.r_base.get(source.name, 0),
        "destination": Destination.TO_SOFTMAX if scores else destination,
        "has_bias": int(linear is not None),
        "bias_per_row": int(source.name in layout.position_base),
        "has_residual": int(residual is not None),
        "residual_element": element,
        "row_multiplier": int(isinstance(source, Context)),
        "residual_zero": 0 if residual is None else model.tensors[residual].zero_point,
        "residual_shift": 0 if linear is None else linear.residual_shift,
        "shift": source.shift,
        "rounding": source.shift - 1,
        "y_zero": 0 if scores else output.zero_point,
        "y_low": 0 if scores else low,
        "y_high": len(model.arrays[scores.table]) - 1 if scores else output.high,
        "numerator": graph.analysis.context_of(scores).numerator if scores else 0,
        "table_base": layout.table_base[scores.table] if scores else 0,
        "e_zero": output.zero_point if scores else 0,
        **_run_fields(graph, step, layout),
    }


def _run_fields(graph: EngineGraph, step: ProgramStep, layout: Layout) -> dict[str, int]:
    """Return which running sum a step adds to, with which weights, and which one it takes."""
    makers = list(graph.runs)
    name, taken = step.source.name, 0
    if step.running:
        taken = 1 + [each.name for each in graph.runs.values()].index(name)
    into = 1 + makers.index(name) if name in makers else 0
    base = layout.run_base[graph.runs[name].name] if into else 0
    return {"runs_into": into, "run_base": base, "takes_run": taken}


@dataclass(frozen=True)
class EncodedJob:
    """An encoded job, for the sequencer and the collector.

    Attributes:
        step: Index of its step.
        ways: One bit for each way that has a row in this job.
        wait: Idle clock cycles before it.
        needs: Number of input rows that must arrive before it.
        x_row: Address of the operand's row.
        y_row: Address of the result's row.
        residual_row: Address of the residual's row; ``y_row`` without a residual.
        position_row: Address of the biases per row; ``y_row`` without such biases.
        slot: Lane of a key, but not of a state; slot of a row's multiplier, or 0 for the first row
            of a sum.
    """

    step: int
    ways: int
    wait: int
    needs: int
    x_row: int
    y_row: int
    residual_row: int
    position_row: int
    slot: int


def encode_jobs(
    graph: EngineGraph,
    schedule: Schedule,
    layout: Layout,
    addresses: Addresses,
    array: LaneArray,
) -> list[EncodedJob]:
    """Return the encoded jobs in order."""
    return [
        _encode_job(graph, schedule.steps[job.step], job, layout, addresses, array)
        for job in schedule.jobs
    ]


def _encode_job(
    graph: EngineGraph,
    step: ProgramStep,
    job: Job,
    layout: Layout,
    addresses: Addresses,
    array: LaneArray,
) -> EncodedJob:
    source, token = step.source, job.rows[0]
    row = token // array.tokens
    slot = job.slot if isinstance(source, Context) else 0
    residual_row = position_row = None
    if isinstance(source, Linear):
        if source.residual is not None and source.residual_element is None:
            residual_row = addresses.rows[source.residual, 0, row]
        if source.name in layout.position_base:
            columns = graph.model.tensors[source.output].columns
            position_row = layout.position_base[source.name]
            position_row += (row - step.token // array.tokens) * columns
    y_row: int | None = None
    match (
        Destination.TO_SOFTMAX
        if isinstance(source, Scores)
        else DESTINATIONS[graph.stores[source.output]]
    ):
        case Destination.TO_SOFTMAX:
            y_row = addresses.rows[source.output, step.head, row]
        # Of a state, the engine adds where the newest row lies.
        case Destination.TO_KEYS if graph.model.states:
            y_row = addresses.keys[graph.whole(source.output)]
        case Destination.TO_VALUES if graph.model.states:
            y_row = addresses.values[graph.whole(source.output)]
        case Destination.TO_KEYS:
            columns = graph.model.tensors[source.output].columns
            y_row = addresses.keys[source.output] + token // array.columns * columns
            slot = token % array.columns
        case Destination.TO_VALUES:
            y_row = addresses.values[source.output] + row
        case Destination.TO_POOL:
            slot = int(token > step.token)
        case Destination.TO_SCRATCH | Destination.TO_TOKENS:
            y_row = addresses.rows[source.output, 0, row]
            y_row += step.head * step.columns if isinstance(source, Context) else 0
    # Sums and results have no address. The field repeats another address, so that fewer bits
    # differ.
    known = [each for each in (y_row, residual_row, position_row) if each is not None]
    y_row = known[0] if known else 0
    return EncodedJob(
        step=job.step,
        ways=_ways(step, job, array),
        wait=job.wait,
        needs=job.needs,
        x_row=_operand_row(graph, step, token, addresses, array),
        y_row=y_row,
        residual_row=y_row if residual_row is None else residual_row,
        position_row=y_row if position_row is None else position_row,
        slot=slot,
    )


def _ways(step: ProgramStep, job: Job, array: LaneArray) -> int:
    """Return a bit for each way that has a column, or a row, in a job."""
    if array.split:
        return 1 if step.running else (1 << array.ways) - 1
    return sum(1 << (each % array.ways) for each in job.rows)


def _operand_row(
    graph: EngineGraph, step: ProgramStep, token: int, addresses: Addresses, array: LaneArray
) -> int:
    ways = array.tokens
    source, row = step.source, token // ways
    first = step.head * step.inner if isinstance(source, Scores) else 0
    if step.running:
        return UNUSED_ROW
    match graph.stores[source.operand]:
        case Store.INPUTS:
            columns = graph.model.tensors[source.operand].columns
            if isinstance(source, Linear):
                row = (source.operand_row + (token - step.token) * source.stride) // ways
            return addresses.inputs[source.operand] + row * columns + first
        case Store.POOL:
            return first
        case _:
            head = step.head if isinstance(source, Context) else 0
            return array.at_once * addresses.rows[source.operand, head, row] + first
