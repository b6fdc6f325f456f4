"""A program in numbers, and its jobs: what ``placing`` works on, and what it makes of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import ProgramStep, cached_tensors, pooled_tensor
from narrowcast.compile.timing import ISSUE_TO_SUM
from narrowcast.integer.model import Array, Context, IntegerModel, Scores

# What a step reads, besides weights
FROM_INPUTS, FROM_ROWS, FROM_KEYS, FROM_VALUES, FROM_POOL = range(5)
# What a step writes; rows of keys and of queries are read head by head
TO_ROWS, TO_HEADS, TO_VALUES, TO_POOL, TO_SOFTMAX = range(5)

# What a job waits for
REASONS = ("", "input", "operand", "keys", "values", "softmax", "fetch", "collector")
NOTHING, INPUT, OPERAND, KEY, VALUE, SOFTMAX, WORD, COLLECTOR = range(len(REASONS))


class StepRow(NamedTuple):
    """A step of the program. Tensors, steps and heads are numbers.

    Attributes:
        reads, writes: what, and where to. operand, output: the tensors.
        heads_read: heads whose results make up a row of the operand.
        cache: the tensor of keys, or of values, that scores and contexts read.
        head: that the step belongs to. scores: the step of scores that a context reads.
        rows: tokens. ways: tokens of a job.
        tiles, inner, columns, capacity: the loops of a job, and columns of a full tile.
        period: clocks from a tile to the next one. issues: from a job's first to its last pair.
        scored_before, contexts_before: jobs of earlier layers' scores, and contexts, that have to
            be placed before the step's first: they read what its results overwrite.
    """

    reads: int
    writes: int
    operand: int
    output: int
    heads_read: int
    cache: int
    head: int
    scores: int
    rows: int
    ways: int
    tiles: int
    inner: int
    columns: int
    capacity: int
    period: int
    issues: int
    scored_before: int
    contexts_before: int


def step_array(rows: Sequence[StepRow]) -> np.ndarray:
    """Return the rows as the array that ``StepTable`` has."""
    return np.array(rows, [(name, np.int64) for name in StepRow._fields])


class StepTable(NamedTuple):
    """A program's steps, ``StepRow`` by ``StepRow``, and what they share.

    Attributes:
        window, inputs, heads, outputs, tensors: how many there are.
        size: channels of a head. latency: from an operand pair to its sum.
    """

    steps: np.ndarray
    window: int
    inputs: int
    heads: int
    outputs: int
    tensors: int
    size: int
    latency: int


class Placed(NamedTuple):
    """Jobs in their order: each one's numbers, as in ``program.Job``; ``reason`` of ``REASONS``.

    ``values`` are those of the first job, of the second, and so on.
    """

    step: Array
    row: Array
    ways: Array
    start: Array
    wait: Array
    late: Array
    reason: Array
    slot: Array
    values: Array


def step_table(model: IntegerModel, array: LaneArray, steps: tuple[ProgramStep, ...]) -> StepTable:
    """Return the program in numbers."""
    keys, values = cached_tensors(model)
    queries = {s.operand for s in model.steps if isinstance(s, Scores)}
    contexts = {s.output for s in model.steps if isinstance(s, Context)}
    places = (
        *((name, TO_HEADS) for name in keys | queries),
        *((name, TO_VALUES) for name in values),
        *((s.output, TO_SOFTMAX) for s in model.steps if isinstance(s, Scores)),
        (pooled_tensor(model), TO_POOL),
    )
    writes = dict(places)
    number = {name: index for index, name in enumerate(model.tensors)}
    scored = read = 0  # jobs of scores, and contexts, of the steps so far
    before: dict[str, tuple[int, int]] = {}  # ... when keys, or values, are first read
    rows = []
    for index, step in enumerate(steps):
        source, cache = step.source, ""
        ways = array.ways if step.mode.both else 1
        jobs = -(-step.rows // ways)
        reads = FROM_INPUTS if source.operand == model.input else FROM_ROWS
        if isinstance(source, Scores):
            reads, cache = FROM_KEYS, source.key
            before.setdefault(cache, (scored, 0))
            scored += jobs
        elif isinstance(source, Context):
            reads, cache = FROM_VALUES, source.value
            before.setdefault(cache, (0, read))
            read += jobs
        elif source.pooled:
            reads = FROM_POOL
        rows.append(
            StepRow(
                reads=reads,
                writes=writes.get(source.output, TO_ROWS),
                operand=number[source.operand],
                output=number[source.output],
                heads_read=model.heads if source.operand in contexts else 1,
                cache=number.get(cache, 0),
                head=step.head,
                scores=index - 1,  # a context comes right behind its scores
                rows=step.rows,
                ways=ways,
                tiles=step.tiles,
                inner=step.inner,
                columns=step.columns,
                capacity=step.capacity,
                period=step.inner + step.tile_pause,
                issues=step.issues,
                scored_before=0,
                contexts_before=0,
            )
        )
    table = step_array(rows)
    for row, step in zip(table, steps, strict=True):
        row["scored_before"], row["contexts_before"] = before.get(step.source.output, (0, 0))
    return StepTable(
        *(table, model.window, model.inputs, model.heads, model.outputs, len(number)),
        *(model.channels // model.heads, ISSUE_TO_SUM + int(array.grouped)),
    )
