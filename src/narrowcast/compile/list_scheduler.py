"""A list scheduler: places the jobs of a program one by one, each time the one that can start
first.

All data are integers in arrays, and numba compiles the code, because thousands of jobs are placed
to find a good order. A row of ``StepTable`` describes a step. Of several jobs that can start in the
same clock cycle, the one with the lowest rank starts first. An order is a rank for each token of
each step.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from narrowcast import jit
from narrowcast.compile import step_table, timing
from narrowcast.compile.step_table import (
    COLLECTOR,
    INPUT,
    LANES_KEYS,
    LANES_WEIGHTS,
    NOTHING,
    OPERAND,
    READS_INPUTS,
    READS_POOL,
    READS_PROBABILITIES,
    READS_RUN,
    REASON_OF_LANES,
    SOFTMAX,
    WORD,
    WRITES_POOL,
    WRITES_RESULT,
    WRITES_ROWS,
    WRITES_SOFTMAX,
    WRITES_VALUES,
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
    POOL_SPACING,
    ROW_MULTIPLIER_BITS,
    SUM_TO_TAKE,
    TAKE_TO_VALUE,
    VALUE_TO_POOL,
    VALUE_TO_READ,
    VALUE_TO_RESULT,
    VALUE_TO_RUN,
)
from narrowcast.integer.model import Array

F = TypeVar("F", bound=Callable[..., object])

NEVER = 1 << 60  # no clock


class _Units(NamedTuple):
    """The times until which the placed jobs keep the engine's units busy.

    Two holds are sufficient: a row of scores is complete after the hold of the one before the
    previous, because the softmax divides for one row after the other.

    Attributes:
        free: First clock after the last operand pair.
        before: Last column taken of the tile before the last one.
        last: Last column taken of the last tile.
        done: The last tile's sums are complete.
        hold_first: First clock in which no column is taken, as the softmax has the epilogue.
        hold_last: The last such clock.
        earlier_first: The same of the row of scores before.
        earlier_last: Likewise.
        scored: Rows of scores so far.
        awaited: Rows of the inputs for which jobs have waited.
        pooled: The last row that was added to a sum could have begun in this clock with all its
            values in a row.
    """

    free: int
    before: int
    last: int
    done: int
    hold_first: int
    hold_last: int
    earlier_first: int
    earlier_last: int
    scored: int
    awaited: int
    pooled: int


class _Made(NamedTuple):
    """The results of the placed jobs, and the times from which they can be read (or NEVER).

    Attributes:
        next: The first token of each step's next job.
        stored: Rows of each tensor.
        readable: Of a tensor's token, and a part of it: the clock from which the row can be read
            from column 0 on, a column a clock.
        ended: Of a tensor: the last number of its last row enters the epilogue.
        cached: Of a tensor of keys or values, and a part: all rows so far can be read.
        exponentials: Of a step of scores, and a row: its exponentials can be read.
        divided: Of the same: its multiplier is there.
        slots: Of the same: where the multiplier is kept.
        ring: Of each place of a multiplier: whether a context has still to read it.
    """

    next: Array
    stored: Array
    readable: Array
    ended: Array
    cached: Array
    exponentials: Array
    divided: Array
    slots: Array
    ring: Array


class _Open(NamedTuple):
    """Which steps are looked at for the next job: those that are awake.

    A step falls asleep when its next job lacks the result of a step. A job of any step that it
    depends on wakes it. So the time for a job does not grow with the length of the program.

    Attributes:
        asleep: Of each step.
        bounds: The first step that is awake, and the one after the last.
        first_dependent: Of each step, its first entry in ``dependents``; at the end, their number.
        dependents: Steps that depend on a step.
    """

    asleep: Array
    bounds: Array
    first_dependent: Array
    dependents: Array


class _Start(NamedTuple):
    """When a job can start, and what becomes of the collector.

    Attributes:
        clock: The start.
        reason: What the job waits for until then.
        before: As in ``_Units``.
        last: As in ``_Units``.
        done: As in ``_Units``.
    """

    clock: int
    reason: int
    before: int
    last: int
    done: int


# Functions make no arrays of their own, as Python has the memory: without counting who uses which
# array, jobs are placed twice as fast (63 orders of 217 jobs in 10 ms instead of 23).
compiled = jit.compiled(_nrt=False)
compiled_once = jit.compiled_once(_nrt=False)


# -------------------------------------------------------------------- dependencies


@compiled
def _rows_awaited(step: StepRow, after: int) -> int:
    """Return the rows of the inputs that have to be in before a job of the rows up to ``after``."""
    if step.reads == READS_INPUTS:
        return max(step.least_rows, step.input_row + after * step.input_rows)
    return step.least_rows


@compiled
def _inputs_taken(step: StepRow, after: int) -> int:
    """Return the clock in which the last input that a job reads is taken; -1 without inputs."""
    if step.reads == READS_INPUTS:
        return max(step.least_word, step.input_word + after * step.input_columns) - 1
    return step.least_word - 1


@compiled
def _loaded(units: _Units, step: StepRow, after: int) -> int:
    """Return the clock from which a step's next job is current, though it may wait."""
    if _rows_awaited(step, after) > units.awaited:
        return max(units.free, _inputs_taken(step, after) + INPUT_TO_READ)
    return units.free


@compiled
def _operand_ready(table: StepTable, made: _Made, step: StepRow, first: int, after: int) -> int:
    """Return the clock from which rows of a step's broadcast operand can be read."""
    if step.reads == READS_INPUTS:
        return 0
    if step.reads == READS_PROBABILITIES:
        return int(made.exponentials[step.scores, first])
    if step.reads == READS_RUN:
        whole = made.stored[step.operand] == step.operand_rows
        return int(made.ended[step.operand]) + VALUE_TO_RUN - table.latency if whole else NEVER
    if step.reads == READS_POOL:
        whole = made.stored[step.operand] == step.operand_rows
        return int(made.readable[step.operand, 0, 0]) if whole else NEVER
    return _row_ready(made, step.operand, first, after, step.first_part, step.parts) + step.offset


@compiled
def _row_ready(
    made: _Made, tensor: int, first: int, after: int, first_part: int, parts: int
) -> int:
    """Return the clock from which rows of a tensor can be read from their first column on."""
    latest = 0
    for row in range(first, after):
        for part in range(first_part, first_part + parts):
            latest = max(latest, made.readable[tensor, row, part])
    return latest


@compiled
def _lanes_ready(made: _Made, step: StepRow) -> int:
    """Return the clock from which all keys, or all values, that a step reads are there."""
    if made.stored[step.cache] < step.cache_rows:
        return NEVER
    return int(made.cached[step.cache, step.cache_part]) + step.cache_offset


@compiled
def _waits_are_over(table: StepTable, made: _Made, units: _Units, step: StepRow) -> bool:
    """Return whether the memories that a step uses are free."""
    for wait in range(step.first_wait, step.after_waits):
        earlier = table.waits[wait]
        if made.next[earlier] < table.steps[earlier].after:
            return False
    return not _ring_is_full(made, units, step)


@compiled
def _ring_is_full(made: _Made, units: _Units, step: StepRow) -> bool:
    """Return whether a row of scores finds no place for its multiplier."""
    return step.lanes == LANES_KEYS and made.ring[units.scored % MULTIPLIER_RING] != 0


@compiled
def _epilogue_ready(made: _Made, units: _Units, step: StepRow, first: int, after: int) -> int:
    """Return the clock from which a job's first sum can enter the epilogue."""
    ready = 0
    if step.writes == WRITES_POOL and step.columns < POOL_SPACING:
        ready = max(ready, units.pooled + POOL_SPACING)
    if step.residual >= 0:
        ready = max(ready, _row_ready(made, step.residual, first, after, 0, step.residual_parts))
    if step.reads == READS_PROBABILITIES:
        ready = max(ready, int(made.divided[step.scores, first]))
    return ready


@compiled
def _ready(
    table: StepTable, made: _Made, units: _Units, step: StepRow, first: int, after: int
) -> tuple[int, int]:
    """Return the clock at which all operands of a job are available, and the last one's reason."""
    clock, reason = _inputs_taken(step, after) + INPUT_TO_READ, INPUT
    operand = _operand_ready(table, made, step, first, after)
    if step.reads != READS_INPUTS and operand >= clock:
        clock, reason = operand, OPERAND
    epilogue = _epilogue_ready(made, units, step, first, after)
    lanes = 0
    if step.lanes != LANES_WEIGHTS:
        lanes = _lanes_ready(made, step)
    if max(operand, epilogue, lanes) >= NEVER or not _waits_are_over(table, made, units, step):
        return NEVER, REASON_OF_LANES[step.lanes]
    before_value = step.inner - 1 + table.latency + SUM_TO_TAKE + TAKE_TO_VALUE
    if epilogue - before_value > clock or step.reads == READS_PROBABILITIES:
        clock = max(clock, epilogue - before_value)
        reason = SOFTMAX if step.reads == READS_PROBABILITIES else OPERAND
    if step.lanes != LANES_WEIGHTS and lanes >= clock:
        return lanes, REASON_OF_LANES[step.lanes]
    return clock, reason


# -------------------------------------------------------------------- units


@compiled
def _take(table: StepTable, units: _Units, step: StepRow, first: int, columns: int) -> int:
    """Return the clock in which the last of some columns is taken, the first from ``first`` on.

    With states, scores are taken at any time.
    """
    last = first + columns - 1
    if table.kept and step.writes == WRITES_SOFTMAX:
        return last
    last = _take_beside(first, last, units.earlier_first, units.earlier_last)
    hold_first = max(units.hold_first, units.earlier_last + 1)
    return _take_beside(first, last, hold_first, units.hold_last)


@compiled
def _take_beside(first: int, last: int, hold_first: int, hold_last: int) -> int:
    """Return when the last column is taken, if none is during a hold that begins before it."""
    if first > hold_last or last < hold_first:
        return last
    return last + hold_last + 1 - max(first, hold_first)


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
        before, last = last, _take(table, units, step, first, min(left, step.capacity))
        left -= step.capacity
    last = _take(table, units, step, max(last, units.last + FETCH), 1)
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
            last = _take(table, units, step, last + 1, 1)
            values[column] = last + TAKE_TO_VALUE
        done += step.period
    last = _take(table, units, step, max(last, units.last + FETCH), 1)
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
        if step.writes == WRITES_SOFTMAX:
            hold_last = _hold(table, step, last)[1]
            # The division before is over, and its row is handed on.
            late = units.hold_last + max(ROW_MULTIPLIER_BITS + 2, step.columns) - hold_last
            if late > 0:
                start, reason = start + late, SOFTMAX
                continue
        return _Start(start, reason, before, last, done)
    return _Start(NEVER, reason, 0, 0, 0)


@compiled
def _hold(table: StepTable, step: StepRow, last: int) -> tuple[int, int]:
    """Return the first and last clock in which a row of scores keeps columns from being taken.

    That is two clocks longer than its differences take: exponentials come to the stores later.
    """
    first = last + table.score_to_below
    return first, first + step.columns + 1


# -------------------------------------------------------------------- results


@compiled
def _write_exponentials(
    table: StepTable, made: _Made, number: int, first: int, after: int, values: Array, slot: int
) -> None:
    step = table.steps[number]
    below = values[step.columns - 1] + table.score_to_below
    last = below + step.columns - 1
    for row in range(first, after):
        made.exponentials[number, row] = below + BELOW_TO_READ
        made.divided[number, row] = last + BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS
        made.slots[number, row] = slot


@compiled
def _in_turn(table: StepTable, step: StepRow, first: int, end: int, values: Array) -> int:
    """Return the clock from which some columns can be read, if column 0 is read in it.

    Columns are read one a clock. Where they are made one at a time, the last is what counts.
    """
    if table.at_once == 1:
        first = end
    latest = values[first] - table.at_once * (step.column + first)
    for i in range(first + 1, end + 1):
        latest = max(latest, values[i] - table.at_once * (step.column + i))
    return int(latest + VALUE_TO_READ)


@compiled
def _write(
    table: StepTable, made: _Made, step: StepRow, first: int, after: int, values: Array
) -> None:
    output, last = step.output, values[step.columns - 1]
    made.ended[output] = last
    if step.output_part == 0:
        made.stored[output] += after - first
    if step.writes == WRITES_POOL:  # its memory has one read port, which the last value needs first
        in_turn = last + VALUE_TO_POOL - (step.columns - 1)
        made.readable[output, 0, 0] = max(in_turn, last + VALUE_TO_RESULT)
        return
    if step.writes == WRITES_RESULT:
        return
    for i in range(step.output_parts):
        part = step.output_part + i
        end = (i + 1) * step.part_columns - 1
        time = _in_turn(table, step, i * step.part_columns, end, values)
        # A row is read in the clock of its number, the newest one of a state in any.
        if step.writes == WRITES_VALUES:
            time = values[end] + VALUE_TO_READ - (first - step.token)
        if step.writes == WRITES_ROWS:
            made.readable[output, first:after, part] = time
        else:
            made.cached[output, part] = max(made.cached[output, part], time)


# -------------------------------------------------------------------- the list


@compiled
def _reset(table: StepTable, made: _Made, listed: _Open) -> None:
    """Discard all placed jobs, and wake all steps."""
    for number in range(len(table.steps)):
        made.next[number] = table.steps[number].token
    listed.asleep[:] = False
    listed.bounds[0], listed.bounds[1] = 0, len(listed.asleep)
    made.stored[:] = made.slots[:] = made.ring[:] = 0
    made.cached[:] = -NEVER
    made.readable[:] = made.exponentials[:] = made.divided[:] = NEVER


@compiled
def _wake_dependents(listed: _Open, number: int) -> None:
    """Wake the steps that depend on a step."""
    for place in range(listed.first_dependent[number], listed.first_dependent[number + 1]):
        woken = listed.dependents[place]
        listed.asleep[woken] = False
        listed.bounds[0] = min(listed.bounds[0], woken)
        listed.bounds[1] = max(listed.bounds[1], woken + 1)


@compiled
def _job_after(step: StepRow, first: int) -> int:
    """Return the token after a job, whose first token may be one of the second way."""
    return min((first // step.ways + 1) * step.ways, step.after)


@compiled
def _choose(
    table: StepTable, made: _Made, units: _Units, ranks: Array, patience: int, listed: _Open
) -> tuple[int, _Start]:
    """Return the step whose next job can start first, and its start.

    A job of a lower rank may start up to ``patience`` clocks later.
    """
    chosen, rank, best = -1, NEVER, _Start(NEVER - 1, NOTHING, 0, 0, 0)
    begin, end = listed.bounds
    listed.bounds[0], listed.bounds[1] = end, begin
    for number in range(begin, end):
        if listed.asleep[number]:
            continue
        step = table.steps[number]
        first = made.next[number]
        if first >= step.after:
            listed.asleep[number] = True
            continue
        listed.bounds[0] = min(listed.bounds[0], number)
        listed.bounds[1] = number + 1
        lower = ranks[number, first] < rank
        latest = best.clock + patience if lower else best.clock - 1 - patience
        if units.free > latest:
            continue
        after = _job_after(step, first)
        clock, reason = _ready(table, made, units, step, first, after)
        if clock >= NEVER:  # a place in the ring becomes free without a result for this step
            listed.asleep[number] = not _ring_is_full(made, units, step)
            continue
        if clock <= units.free:
            clock, reason = units.free, NOTHING
        loaded = _loaded(units, step, after)
        found = _start(table, units, step, loaded, clock, reason, latest)
        if found.clock <= latest:
            chosen, rank, best = number, ranks[number, first], found
    return chosen, best


@compiled
def _place_all(
    table: StepTable,
    ranks: Array,
    patience: int,
    made: _Made,
    listed: _Open,
    placed: Placed,
    fewer_than: int,
) -> int:
    """Place all jobs in an order; return the cycles, or NEVER if a job can never start.

    The jobs are given up, with more cycles than any program has, as soon as it is certain that
    they do not take ``fewer_than`` so many.
    """
    _reset(table, made, listed)
    no_hold = -FETCH - ROW_MULTIPLIER_BITS
    units = _Units(0, -1, -1, -1, -NEVER, no_hold, -NEVER, no_hold, 0, 0, -NEVER)
    left = 0  # operand pairs' clocks of all jobs to come
    for step in table.steps:
        left += step.jobs * step.issues
    after_pairs = table.latency - 1 + SUM_TO_TAKE + TAKE_TO_VALUE
    after_pairs += VALUE_TO_RESULT + table.after_last
    job = column = 0
    while left > 0:
        if units.free + left + after_pairs >= fewer_than:
            return NEVER
        number, start = _choose(table, made, units, ranks, patience, listed)
        if number < 0:
            return NEVER
        step, first = table.steps[number], made.next[number]
        after = _job_after(step, first)
        values = placed.values[column : column + step.columns]
        _write_values(table, units, step, start.clock, values)
        slot, scored = 0, units.scored
        hold_first, hold_last = units.hold_first, units.hold_last
        earlier_first, earlier_last = units.earlier_first, units.earlier_last
        if step.writes == WRITES_SOFTMAX:
            earlier_first, earlier_last = hold_first, hold_last
            slot, scored = scored % MULTIPLIER_RING, scored + 1
            made.ring[slot] = 1
            hold_first, hold_last = _hold(table, step, start.last)
            _write_exponentials(table, made, number, first, after, values, slot)
        else:
            if step.reads == READS_PROBABILITIES:
                slot = made.slots[step.scores, first]
                made.ring[slot] = 0
            _write(table, made, step, first, after, values)
        loaded = _loaded(units, step, after)
        needs = max(0, _rows_awaited(step, after) - units.awaited)
        placed.step[job], placed.row[job], placed.ways[job] = number, first, after - first
        placed.start[job], placed.reason[job] = start.clock, start.reason
        placed.wait[job], placed.late[job] = start.clock - loaded, loaded - units.free
        placed.slot[job], placed.needs[job] = slot, needs
        made.next[number] = after
        _wake_dependents(listed, number)
        units = _Units(
            start.clock + step.issues,
            start.before,
            start.last,
            start.done,
            hold_first,
            hold_last,
            earlier_first,
            earlier_last,
            scored,
            units.awaited + needs,
            values[-1] - (step.columns - 1) if step.writes == WRITES_POOL else units.pooled,
        )
        left -= step.issues
        job, column = job + 1, column + step.columns
    return units.last + TAKE_TO_VALUE + VALUE_TO_RESULT + table.after_last


def _make_place_fastest(constants: tuple[int, ...]) -> Callable[..., int]:
    """Return the compiled function.

    numba's cache on disk depends on this file and on the variables that the function encloses. So
    ``constants`` must contain all numbers of other files that the code is compiled with.
    """

    @compiled_once
    def place_fastest(
        table: StepTable,
        orders: Array,
        patience: Array,
        made: _Made,
        listed: _Open,
        placed: Placed,
    ) -> int:
        _ = constants
        fewest, best = NEVER, 0
        for order in range(len(orders)):
            cycles = _place_all(table, orders[order], patience[order], made, listed, placed, fewest)
            if cycles < fewest:
                fewest, best = cycles, order
        return _place_all(table, orders[best], patience[best], made, listed, placed, NEVER)

    return place_fastest


_place_fastest = _make_place_fastest(
    tuple(
        number
        for module in (timing, step_table)
        for _, number in sorted(vars(module).items())
        if isinstance(number, int)
    )
)


def place_fastest(
    table: StepTable, orders: Array, patience: Array | None = None
) -> tuple[int, Placed]:
    """Place all jobs in the order that takes the fewest cycles, the first of several.

    Args:
        table: What to place.
        orders: Ranks [orders, steps, tokens]: of the jobs that can start in the same clock, the one
            with the lowest rank goes first, of several the one of the first step.
        patience: Clocks [orders] by which a job of a lower rank may start later than another one
            that it goes before; 0 unless given.

    Returns:
        The cycles, NEVER if no order comes to an end; and the jobs.
    """
    jobs = table.steps["jobs"]
    steps, tokens, tensors, parts = len(jobs), table.tokens, table.tensors, table.parts
    made = _Made(
        next=np.zeros(steps, np.int64),
        stored=np.zeros(tensors, np.int64),
        readable=np.zeros((tensors, tokens, parts), np.int64),
        ended=np.zeros(tensors, np.int64),
        cached=np.zeros((tensors, parts), np.int64),
        exponentials=np.zeros((steps, tokens), np.int64),
        divided=np.zeros((steps, tokens), np.int64),
        slots=np.zeros((steps, tokens), np.int64),
        ring=np.zeros(MULTIPLIER_RING, np.int64),
    )
    numbers = np.zeros((9, jobs.sum()), np.int64)
    values = np.zeros(jobs @ table.steps["columns"], np.int64)
    placed = Placed._make([*numbers, values])
    if patience is None:
        patience = np.zeros(len(orders), np.int64)
    return _place_fastest(table, orders, patience, made, _all_open(table), placed), placed


def _all_open(table: StepTable) -> _Open:
    """Return all steps as awake, with those that depend on them."""
    makers: dict[int, list[int]] = {}
    for number, output in enumerate(table.steps["output"].tolist()):
        makers.setdefault(output, []).append(number)
    dependents: list[list[int]] = [[] for _ in table.steps]
    for number, row in enumerate(table.steps.tolist()):
        step = StepRow._make(row)
        before = table.waits[step.first_wait : step.after_waits].tolist()
        if step.reads == READS_PROBABILITIES:
            before.append(step.scores)
        for tensor in (step.operand, step.residual, step.cache):  # some may be unused
            before += makers.get(tensor, ())
        for each in dict.fromkeys(before):
            dependents[each].append(number)
    return _Open(
        asleep=np.zeros(len(dependents), np.bool_),
        bounds=np.zeros(2, np.int64),
        first_dependent=np.cumsum([0, *map(len, dependents)]),
        dependents=np.array([each for some in dependents for each in some], np.int64),
    )
