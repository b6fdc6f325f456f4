"""Places a program's jobs one after the other, always the one that can start first.

All of it is integers in arrays, and compiled by numba: to find a good order of a program's jobs,
thousands of them are placed. What a step is stands in its row of a ``StepTable``. Which of two
jobs that can start in the same clock goes first is a matter of the order: a rank for each row of
each step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from narrowcast.compile import step_table, timing
from narrowcast.compile.step_table import (
    COLLECTOR,
    FROM_INPUTS,
    FROM_KEYS,
    FROM_POOL,
    FROM_VALUES,
    INPUT,
    KEY,
    NOTHING,
    OPERAND,
    SOFTMAX,
    TO_HEADS,
    TO_POOL,
    TO_SOFTMAX,
    TO_VALUES,
    VALUE,
    WORD,
    Placed,
    StepRow,
    StepTable,
)
from narrowcast.compile.timing import (
    BELOW_TO_DIVIDE,
    BELOW_TO_READ,
    FETCH,
    INPUT_TO_READ,
    MULTIPLIER_RING,
    ROW_MULTIPLIER_BITS,
    SCORE_TO_BELOW,
    SUM_TO_TAKE,
    TAKE_TO_VALUE,
    VALUE_TO_POOL,
    VALUE_TO_READ,
    VALUE_TO_RESULT,
)
from narrowcast.integer.model import Array

F = TypeVar("F", bound=Callable[..., object])

NEVER = 1 << 60  # no clock


class _Units(NamedTuple):
    """Until when the jobs so far keep the engine's units busy, and how many of some there were.

    One hold is all there is to know: the next row of scores is complete after the hold of the one
    before, as the softmax divides for one row after the other.

    Attributes:
        free: first clock after the last operand pair.
        before, last: last column taken of the tile before the last one, and of the last one.
        done: the last tile's sums are complete.
        hold_first, hold_last: no column is taken, as the softmax has the epilogue.
        scored, contexts: rows of scores, and of contexts.
    """

    free: int
    before: int
    last: int
    done: int
    hold_first: int
    hold_last: int
    scored: int
    contexts: int


class _Made(NamedTuple):
    """What the jobs so far have made, and when it can be read; NEVER: not yet.

    Attributes:
        rows: of each step. stored: rows of each tensor.
        readable: of a tensor's row, and a head's part of it: the clock from which the row can be
            read from column 0 on, a column a clock.
        cached: of a tensor of keys or values, and a head: all rows so far can be read.
        exponentials, divided, slots: of a step of scores, and a row: its exponentials can be
            read, its multiplier is there, and where that is kept.
    """

    rows: Array
    stored: Array
    readable: Array
    cached: Array
    exponentials: Array
    divided: Array
    slots: Array


class _Start(NamedTuple):
    """When a job can start, what it waits for until then, and what becomes of the collector."""

    clock: int
    reason: int
    before: int
    last: int
    done: int


def compiled(function: F) -> F:
    """Compile a function when it is called first.

    It makes no arrays of its own, as Python has the memory (``_nrt``): without counting who uses
    which array, jobs are placed four times as fast.
    """
    return cast("F", numba.njit(**_OPTIONS)(function))


def compiled_once(function: F) -> F:
    """Compile a function, and all that it calls, and keep that on disk if there is a place."""
    try:
        return cast("F", numba.njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # neither this folder nor the user's can be written to
        return compiled(function)


_OPTIONS: dict[str, Any] = {"_nrt": False}


# -------------------------------------------------------------------- dependencies


@compiled
def _input_taken(table: StepTable, after: int) -> int:
    """Return the clock in which the last input of the tokens before ``after`` is taken."""
    return after * table.inputs - 1


@compiled
def _rows_ready(made: _Made, step: StepRow, first: int, after: int) -> int:
    """Return the clock from which rows of a step's operand can be read."""
    head = step.head if step.reads == FROM_KEYS else 0
    latest = 0
    for row in range(first, after):
        for part in range(head, head + step.heads_read):
            latest = max(latest, made.readable[step.operand, row, part])
    return latest


@compiled
def _scores_ready(
    made: _Made, units: _Units, step: StepRow, first: int, after: int
) -> tuple[int, int]:
    """Return as ``_ready``, for scores: all keys, and the rows' queries."""
    if made.stored[step.cache] < step.rows or units.scored - units.contexts >= MULTIPLIER_RING:
        return NEVER, KEY
    keys = made.cached[step.cache, step.head]
    query = _rows_ready(made, step, first, after)
    return (keys, KEY) if keys >= query else (query, OPERAND)


@compiled
def _context_ready(table: StepTable, made: _Made, step: StepRow, first: int) -> tuple[int, int]:
    """Return as ``_ready``, for contexts: all values, and what the softmax makes of the rows."""
    divided = made.divided[step.scores, first]
    if made.stored[step.cache] < step.rows or divided == NEVER:
        return NEVER, VALUE
    before_value = step.inner - 1 + table.latency + SUM_TO_TAKE + TAKE_TO_VALUE
    softmax = max(made.exponentials[step.scores, first], divided - before_value)
    values = made.cached[step.cache, step.head]
    return (values, VALUE) if values >= softmax else (softmax, SOFTMAX)


@compiled
def _ready(
    table: StepTable, made: _Made, units: _Units, step: StepRow, first: int, after: int
) -> tuple[int, int]:
    """Return the clock at which a step's rows have all they read, and what comes last."""
    if step.reads == FROM_INPUTS:
        return _input_taken(table, after) + INPUT_TO_READ, INPUT
    if step.reads == FROM_KEYS:
        return _scores_ready(made, units, step, first, after)
    if step.reads == FROM_VALUES:
        return _context_ready(table, made, step, first)
    if step.reads == FROM_POOL:
        whole = made.stored[step.operand] == table.window
        return made.readable[step.operand, 0, 0] if whole else NEVER, OPERAND
    if units.scored < step.scored_before or units.contexts < step.contexts_before:
        return NEVER, OPERAND
    return _rows_ready(made, step, first, after), OPERAND


# -------------------------------------------------------------------- units


@compiled
def _take(first: int, columns: int, units: _Units) -> int:
    """Return the clock in which the last of some columns is taken, the first from ``first`` on."""
    last = first + columns - 1
    if first > units.hold_last or last < units.hold_first:
        return last
    return last + units.hold_last + 1 - max(first, units.hold_first)


@compiled
def _walk(table: StepTable, units: _Units, step: StepRow, start: int) -> tuple[int, int, int, int]:
    """Walk a job's tiles through the collector.

    Returns:
        by how much the job comes too early, and the collector's ``before``, ``last``, ``done``.
    """
    before, last = units.before, units.last
    done, next_done = units.done, start + step.inner - 1 + table.latency
    left = step.columns
    for _ in range(step.tiles):
        late = max(before, done + 1) - next_done
        if late > 0:
            return late, before, last, done
        done, next_done = next_done, next_done + step.period
        first = max(done + SUM_TO_TAKE, last + 1)
        before, last = last, _take(first, min(left, step.capacity), units)
        left -= step.capacity
    last = _take(max(last, units.last + FETCH), 1, units)
    return 0, before, last, done


@compiled
def _write_values(
    table: StepTable, units: _Units, step: StepRow, start: int, values: Array
) -> None:
    """Write down when each column's sum of a job enters the epilogue; the walk says that it can."""
    done = start + step.inner - 1 + table.latency
    last = units.last
    for tile in range(0, step.columns, step.capacity):
        last = max(done + SUM_TO_TAKE - 1, last)
        for column in range(tile, min(tile + step.capacity, step.columns)):
            last = _take(last + 1, 1, units)
            values[column] = last + TAKE_TO_VALUE
        done += step.period
    last = _take(max(last, units.last + FETCH), 1, units)
    values[step.columns - 1] = last + TAKE_TO_VALUE


@compiled
def _start(
    table: StepTable,
    units: _Units,
    step: StepRow,
    loaded: int,
    earliest: int,
    reason: int,
    latest: int,
) -> _Start:
    """Find the first clock from which the units behind the lanes can take a job.

    A job that would start after ``latest`` is not looked at any further.
    """
    start = earliest
    while start <= latest:
        late = loaded + FETCH - start - step.issues
        if late > 0:
            start, reason = start + late, WORD
            continue
        late, before, last, done = _walk(table, units, step, start)
        if late > 0:
            start, reason = start + late, COLLECTOR
            continue
        if step.writes == TO_SOFTMAX:
            hold_last = _hold(step, last)[1]
            late = units.hold_last + ROW_MULTIPLIER_BITS + 2 - hold_last
            if late > 0:
                start, reason = start + late, SOFTMAX
                continue
        return _Start(start, reason, before, last, done)
    return _Start(NEVER, reason, 0, 0, 0)


@compiled
def _hold(step: StepRow, last: int) -> tuple[int, int]:
    """Return the first and last clock in which a row of scores keeps columns from being taken.

    That is two clocks longer than its differences take: exponentials come to the stores later.
    """
    first = last + SCORE_TO_BELOW
    return first, first + step.columns + 1


# -------------------------------------------------------------------- results


@compiled
def _write_exponentials(
    made: _Made, number: int, step: StepRow, first: int, after: int, values: Array, slot: int
) -> None:
    below = values[step.columns - 1] + SCORE_TO_BELOW
    last = below + step.columns - 1
    for row in range(first, after):
        made.exponentials[number, row] = below + BELOW_TO_READ
        made.divided[number, row] = last + BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS
        made.slots[number, row] = slot


@compiled
def _write(
    table: StepTable, made: _Made, step: StepRow, first: int, after: int, values: Array
) -> None:
    output, last, size = step.output, values[step.columns - 1], table.size
    made.stored[output] += after - first
    if step.writes == TO_POOL:  # its memory has one read port, which the last value needs first
        in_turn = last + VALUE_TO_POOL - (step.columns - 1)
        made.readable[output, 0, 0] = max(in_turn, last + VALUE_TO_RESULT)
    elif step.writes == TO_HEADS:
        for head in range(table.heads):
            time = values[(head + 1) * size - 1] + VALUE_TO_READ - (size - 1)
            made.cached[output, head] = max(made.cached[output, head], time)
            made.readable[output, first:after, head] = time
    elif step.writes == TO_VALUES:
        for head in range(table.heads):
            time = values[(head + 1) * size - 1] + VALUE_TO_READ - first
            made.cached[output, head] = max(made.cached[output, head], time)
    else:
        last_column = (step.head + 1) * step.columns - 1
        made.readable[output, first:after, step.head] = last + VALUE_TO_READ - last_column


# -------------------------------------------------------------------- the list


@compiled
def _forget(made: _Made) -> None:
    """Make nothing made."""
    made.rows[:] = made.stored[:] = made.cached[:] = made.slots[:] = 0
    made.readable[:] = made.exponentials[:] = made.divided[:] = NEVER


@compiled
def _choose(table: StepTable, made: _Made, units: _Units, ranks: Array) -> tuple[int, _Start]:
    """Return the step whose next job can start first, and its start."""
    chosen, rank, best = -1, NEVER, _Start(NEVER - 1, NOTHING, 0, 0, 0)
    for number in range(len(table.steps)):
        step = table.steps[number]
        first = made.rows[number]
        latest = best.clock if ranks[number, first] < rank else best.clock - 1
        if first >= step.rows or units.free > latest:
            continue
        after = min(first + step.ways, step.rows)
        clock, reason = _ready(table, made, units, step, first, after)
        if clock <= units.free:
            clock, reason = units.free, NOTHING
        loaded = _loaded(table, units, step, after)
        found = _start(table, units, step, loaded, clock, reason, latest)
        if found.clock <= latest:
            chosen, rank, best = number, ranks[number, first], found
    return chosen, best


@compiled
def _loaded(table: StepTable, units: _Units, step: StepRow, after: int) -> int:
    """Return the clock from which a step's next job is current, though it may wait."""
    if step.reads == FROM_INPUTS:
        return max(units.free, _input_taken(table, after) + INPUT_TO_READ)
    return units.free


@compiled
def _place_all(table: StepTable, ranks: Array, made: _Made, placed: Placed, fewer_than: int) -> int:
    """Place all jobs in an order; return the cycles.

    The jobs are given up, with more cycles than any program has, as soon as it is certain that
    they do not take ``fewer_than`` so many.
    """
    _forget(made)
    units = _Units(0, -1, -1, -1, -NEVER, -FETCH - ROW_MULTIPLIER_BITS, 0, 0)
    left = 0  # operand pairs' clocks of all jobs to come
    for step in table.steps:
        left += -(-step.rows // step.ways) * step.issues
    after_pairs = table.latency - 1 + SUM_TO_TAKE + TAKE_TO_VALUE
    after_pairs += VALUE_TO_RESULT + table.outputs
    job = column = 0
    while left > 0:
        if units.free + left + after_pairs >= fewer_than:
            return NEVER
        number, start = _choose(table, made, units, ranks)
        assert number >= 0, "a program without a next job"
        step, first = table.steps[number], made.rows[number]
        after = min(first + step.ways, step.rows)
        values = placed.values[column : column + step.columns]
        _write_values(table, units, step, start.clock, values)
        slot, scored, contexts = 0, units.scored, units.contexts
        hold_first, hold_last = units.hold_first, units.hold_last
        if step.writes == TO_SOFTMAX:
            slot, scored = scored % MULTIPLIER_RING, scored + 1
            hold_first, hold_last = _hold(step, start.last)
            _write_exponentials(made, number, step, first, after, values, slot)
        else:
            if step.reads == FROM_VALUES:
                slot, contexts = made.slots[step.scores, first], contexts + 1
            _write(table, made, step, first, after, values)
        loaded = _loaded(table, units, step, after)
        placed.step[job], placed.row[job], placed.ways[job] = number, first, after - first
        placed.start[job], placed.reason[job] = start.clock, start.reason
        placed.wait[job], placed.late[job] = start.clock - loaded, loaded - units.free
        placed.slot[job] = slot
        made.rows[number] = after
        free = start.clock + step.issues
        units = _Units(
            free, start.before, start.last, start.done, hold_first, hold_last, scored, contexts
        )
        left -= step.issues
        job, column = job + 1, column + step.columns
    return units.last + TAKE_TO_VALUE + VALUE_TO_RESULT + table.outputs


def _make_place_fastest(constants: tuple[int, ...]) -> Callable[..., int]:
    """Return the function that does the work.

    What is kept on disk belongs to this file as it is, and to what the function encloses: so
    ``constants`` has to have all numbers of other files that the code is compiled with.
    """

    @compiled_once
    def place_fastest(table: StepTable, orders: Array, made: _Made, placed: Placed) -> int:
        _ = constants
        fewest, best = NEVER, 0
        for order in range(len(orders)):
            cycles = _place_all(table, orders[order], made, placed, fewest)
            if cycles < fewest:
                fewest, best = cycles, order
        return _place_all(table, orders[best], made, placed, NEVER)

    return place_fastest


_place_fastest = _make_place_fastest(
    tuple(
        number
        for module in (timing, step_table)
        for _, number in sorted(vars(module).items())
        if isinstance(number, int)
    )
)


def place_fastest(table: StepTable, orders: Array) -> tuple[int, Placed]:
    """Place all jobs in the order that takes the fewest cycles, the first of several.

    Args:
        table: what to place.
        orders: ranks [orders, steps, rows]: of the jobs that can start in the same clock, the one
            with the lowest rank goes first, of several the one of the first step.

    Returns:
        the cycles, and the jobs.
    """
    jobs = -(-table.steps["rows"] // table.steps["ways"])
    steps, rows, tensors, heads = len(jobs), table.window, table.tensors, table.heads
    made = _Made(
        rows=np.zeros(steps, np.int64),
        stored=np.zeros(tensors, np.int64),
        readable=np.zeros((tensors, rows, heads), np.int64),
        cached=np.zeros((tensors, heads), np.int64),
        exponentials=np.zeros((steps, rows), np.int64),
        divided=np.zeros((steps, rows), np.int64),
        slots=np.zeros((steps, rows), np.int64),
    )
    numbers = np.zeros((8, jobs.sum()), np.int64)
    values = np.zeros(jobs @ table.steps["columns"], np.int64)
    placed = Placed._make([*numbers, values])
    return _place_fastest(table, orders, made, placed), placed
