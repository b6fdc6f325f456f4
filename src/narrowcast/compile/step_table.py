"""The program as arrays of numbers, and the placed jobs: input and output of the scheduler."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import EngineGraph, ProgramStep, Store
from narrowcast.compile.timing import (
    ISSUE_TO_SUM,
    NORM_TO_SCORE,
    RESULT_BUFFER,
    SHIFTED_RESULTS,
    score_to_below,
)
from narrowcast.compile.waits import memory_waits
from narrowcast.integer.model import Array, Context, Linear, Scores

# Where a step's broadcast operand comes from.
READS_INPUTS, READS_ROWS, READS_POOL, READS_PROBABILITIES, READS_RUN = range(5)
# Where its lane operand comes from.
LANES_WEIGHTS, LANES_KEYS, LANES_VALUES = range(3)
# Where its results go.
WRITES_ROWS, WRITES_KEYS, WRITES_VALUES, WRITES_POOL, WRITES_SOFTMAX, WRITES_RESULT = range(6)

# What a job waits for
REASONS = ("", "input", "operand", "keys", "values", "softmax", "fetch", "collector")
NOTHING, INPUT, OPERAND, KEY, VALUE, SOFTMAX, WORD, COLLECTOR = range(len(REASONS))
REASON_OF_LANES = (OPERAND, KEY, VALUE)


class StepRow(NamedTuple):
    """A step of the program. Tensors, steps, heads and parts are numbers.

    Attributes:
        reads: Where the broadcast operand comes from.
        lanes: Where the lane operand comes from.
        writes: Where results go.
        operand: The tensor that is broadcast; of a sum over rows, the tensor that is summed up.
        operand_rows: Rows of the operand.
        first_part: First part of the operand's row that has to be there.
        parts: Parts of it that have to be there.
        offset: First column of the operand.
        input_word: Place in the input stream of the operand's first integer. A step that begins
            with another token, or reads several rows at once, counts from where its token 0 would
            be.
        input_columns: Integers of an input for each further row of the step.
        input_row: Rows that come in before the operand's first one.
        input_rows: Rows of an input for each further row of the step.
        least_word: Inputs that have to be there in any case.
        least_rows: Rows of these.
        residual: The tensor that is added row by row; -1: none.
        residual_parts: Parts of its rows.
        cache: The tensor of keys, or of values.
        cache_rows: Its rows.
        cache_part: The part of it that is read.
        cache_offset: First column of it.
        scores: The step of scores that a context reads.
        output: The tensor that is made.
        output_part: First part of the output that a job makes.
        output_parts: Parts that it makes.
        part_columns: Columns of such a part.
        column: First column of the output that a job makes.
        token: First token.
        after: The token after the last one.
        ways: Tokens of a job.
        jobs: Number of jobs.
        tiles: Tiles of a job.
        inner: Products of a sum.
        columns: Columns of a job.
        capacity: Columns of a full tile.
        period: Clocks from a tile to the next one.
        issues: Clocks from a job's first to its last operand pair.
        first_wait: First entry of ``StepTable.waits`` that is for this step.
        after_waits: The entry after its last one.
    """

    reads: int
    lanes: int
    writes: int
    operand: int
    operand_rows: int
    first_part: int
    parts: int
    offset: int
    input_word: int
    input_columns: int
    input_row: int
    input_rows: int
    least_word: int
    least_rows: int
    residual: int
    residual_parts: int
    cache: int
    cache_rows: int
    cache_part: int
    cache_offset: int
    scores: int
    output: int
    output_part: int
    output_parts: int
    part_columns: int
    column: int
    token: int
    after: int
    ways: int
    jobs: int
    tiles: int
    inner: int
    columns: int
    capacity: int
    period: int
    issues: int
    first_wait: int
    after_waits: int


def step_array(rows: Sequence[StepRow]) -> np.ndarray:
    """Return the rows as the array that ``StepTable`` has."""
    return np.array(rows, [(name, np.int64) for name in StepRow._fields]).view(np.recarray)


class StepTable(NamedTuple):
    """The steps of a program, and their common numbers.

    Attributes:
        steps: ``StepRow`` by ``StepRow``.
        waits: Steps whose jobs must all be placed before another step starts.
        tokens: Number of tokens.
        tensors: Number of tensors.
        parts: Greatest number of parts of a tensor.
        latency: Clock cycles from an operand pair to its sum.
        score_to_below: Clock cycles from the last score of a row to the first difference from the
            row's maximum.
        kept: Whether keys and values are states.
        at_once: Columns of a result that are taken at once; columns of steps are as many each.
        after_last: Clock cycles from the availability of the last result to the end of the
            inference.
    """

    steps: np.ndarray
    waits: Array
    tokens: int
    tensors: int
    parts: int
    latency: int
    score_to_below: int
    kept: bool
    at_once: int
    after_last: int


class Placed(NamedTuple):
    """Placed jobs in order, with the fields of ``program.Job``; ``reason`` indexes ``REASONS``.

    ``values`` are concatenated over all jobs.
    """

    step: Array
    row: Array
    ways: Array
    start: Array
    wait: Array
    late: Array
    reason: Array
    slot: Array
    needs: Array
    values: Array


def step_table(graph: EngineGraph, array: LaneArray, steps: tuple[ProgramStep, ...]) -> StepTable:
    """Return the program as arrays of numbers."""
    model = graph.model
    number = {name: index for index, name in enumerate(model.tensors)}
    waits = memory_waits(graph, steps)
    flat = [index for each in waits for index in each]
    first_wait = np.cumsum([0, *map(len, waits)])
    rows = []
    for index, step in enumerate(steps):
        ways = array.tokens if step.mode.both else 1
        rows.append(
            StepRow(
                **_operand(graph, step, number),
                **_lanes(graph, step, number),
                **_output(graph, step, number),
                scores=index - 1,  # a context comes right behind its scores
                token=step.token,
                after=step.after,
                ways=ways,
                jobs=step.jobs(ways),
                tiles=step.tiles,
                inner=step.inner,
                columns=step.columns,
                capacity=step.capacity,
                period=step.inner + step.tile_pause,
                issues=step.issues,
                first_wait=int(first_wait[index]),
                after_waits=int(first_wait[index + 1]),
            )
        )
    return StepTable(
        steps=step_array(rows),
        waits=np.array(flat, np.int64),
        tokens=max(step.after for step in steps),
        tensors=len(number),
        parts=max(graph.parts.values()),
        latency=ISSUE_TO_SUM + int(array.grouped),
        score_to_below=score_to_below(model),
        kept=bool(model.states),
        at_once=array.at_once,
        after_last=model.output_words + _until_offered(graph),
    )


def _until_offered(graph: EngineGraph) -> int:
    """Return the clocks by which results can be taken later than their last one is there."""
    if graph.plain_words > SHIFTED_RESULTS:
        return RESULT_BUFFER
    return NORM_TO_SCORE if graph.ends_late else 0


def _operand(graph: EngineGraph, step: ProgramStep, number: dict[str, int]) -> dict[str, int]:
    model, source = graph.model, step.source
    tensor = model.tensors[source.operand]
    read = {
        Store.INPUTS: READS_INPUTS,
        Store.POOL: READS_POOL,
        Store.TOKENS: READS_ROWS,
        Store.SCRATCH: READS_ROWS,
    }[graph.stores[source.operand]]
    summed = tensor
    if isinstance(source, Context):
        read = READS_PROBABILITIES
    elif step.running:
        read = READS_RUN
    elif read == READS_POOL:
        summed = model.tensors[graph.analysis.producers[source.operand].operand]
    parts = graph.parts[source.operand]
    lead, stride = 0, 1  # rows that come in before a job are lead + stride x (its last token + 1)
    if isinstance(source, Linear):
        stride = source.stride
        lead = source.operand_row + source.kernel - stride * (1 + step.token)
    by_head = isinstance(source, Scores)
    own_part = isinstance(source, Scores) and parts == source.heads
    words, in_rows = graph.arrival(source.operand)
    least_word, least_rows = 0, 0
    if source.output == graph.results[-1]:  # rows that nothing reads come in, too
        least_word, least_rows = model.input_words, sum(t.rows for t in model.input_tensors)
    residual, residual_parts = -1, 0
    if isinstance(source, Linear) and source.residual is not None:
        if source.residual_element is None:
            residual, residual_parts = number[source.residual], graph.parts[source.residual]
        else:
            word, row = graph.element_arrival(source.residual, source.residual_element)
            least_word, least_rows = max(least_word, word), max(least_rows, row)
    return {
        "reads": read,
        "operand": number[summed.name],
        "operand_rows": summed.rows,
        "first_part": step.head if own_part else 0,
        "parts": 1 if own_part else parts,
        "offset": step.head * step.inner if by_head else 0,
        "input_word": words + lead * tensor.columns,
        "input_columns": stride * tensor.columns,
        "input_row": in_rows + lead,
        "input_rows": stride,
        "least_word": least_word,
        "least_rows": least_rows,
        "residual": residual,
        "residual_parts": residual_parts,
    }


def _lanes(graph: EngineGraph, step: ProgramStep, number: dict[str, int]) -> dict[str, int]:
    source, name, lanes, offset = step.source, "", LANES_WEIGHTS, 0
    if isinstance(source, Scores):
        name, lanes, offset = source.key, LANES_KEYS, step.head * step.inner
    elif isinstance(source, Context):
        name, lanes = source.value, LANES_VALUES
    # The rows of a state are there but for the newest.
    rows = 1 if graph.model.states else graph.model.tensors[name].rows if name else 0
    part = 0
    if not isinstance(source, Linear) and graph.parts[name] == source.heads:
        part = step.head
    return {
        "lanes": lanes,
        "cache": number.get(name, 0),
        "cache_rows": rows,
        "cache_part": part,
        "cache_offset": offset,
    }


def _output(graph: EngineGraph, step: ProgramStep, number: dict[str, int]) -> dict[str, int]:
    source = step.source
    writes = {
        Store.TOKENS: WRITES_ROWS,
        Store.SCRATCH: WRITES_ROWS,
        Store.KEYS: WRITES_KEYS,
        Store.VALUES: WRITES_VALUES,
        Store.POOL: WRITES_POOL,
        Store.RESULT: WRITES_RESULT,
    }[graph.stores[source.output]]
    if isinstance(source, Scores):
        writes = WRITES_SOFTMAX
    parts, by_head = graph.parts[source.output], isinstance(source, Context)
    columns = graph.model.tensors[source.output].columns
    return {
        "writes": writes,
        "output": number[graph.whole(source.output)],
        "output_part": step.head if by_head else 0,
        "output_parts": 1 if by_head else parts,
        "part_columns": -(-columns // parts // step.at_once),
        "column": step.head * step.columns if by_head else 0,
    }
