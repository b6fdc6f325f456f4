"""From the integer model to the engine's program, and its schedule to the clock.

A *job* is one row of one step: a token (or a token in every way) against all columns. Jobs of
different steps and tokens are interleaved, so that one token's latency is another's work, and a
tensor's rows live only as long as they are needed. The engine decides nothing by itself: a list
of jobs, each with its idle clocks before it, keeps data dependencies and shared units apart, and
the cycle count follows by arithmetic.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random

from narrowcast.compile.lanes import KEPT, LaneArray, Mode, modes_of
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores, Step

# Clocks of the engine's pipeline; see the prose of collector.vhd, epilogue.vhd, engine.vhd.
ISSUE_TO_SUM = 6  # an operand pair is issued -> the lanes hold its sum; 1 more if grouped
SUM_TO_TAKE = 2  # ... -> the collector can take its first column
TAKE_TO_VALUE = 1  # a column is taken -> its sum enters the epilogue
VALUE_TO_RESULT = 12  # a sum enters the epilogue -> its result can be taken from the output
VALUE_TO_READ = 13  # ... -> its result can be addressed in a store
VALUE_TO_POOL = 15  # ... -> its result can be addressed in the pool
SCORE_TO_BELOW = 5  # the last score of a row -> the row's first difference enters the epilogue
BELOW_TO_READ = 15  # a difference enters the epilogue -> its exponential can be addressed
BELOW_TO_DIVIDE = 16  # the last difference of a row -> the row's division, plus its bits
ROW_MULTIPLIER_BITS = 17
INPUT_TO_READ = 3  # a token's last input is taken -> its first job can start
FETCH = 4  # clocks from one job's word to the next one's
MULTIPLIER_RING = 16  # row multipliers that are kept


@dataclass(frozen=True)
class ProgramStep:
    """One step of the program: the loops of each of its jobs, and how its lanes run.

    Attributes:
        name: the model's step, with the head behind it where there are several.
        source: the model's step.
        head: index of the head; 0 for linear steps.
        rows: tokens. tiles, inner, columns: the loops of a job; ``columns`` of a whole row.
        capacity: columns of a full tile. mode: how the lanes run.
        tile_pause: idle clocks between the tiles of a job.
    """

    name: str
    source: Step
    head: int
    rows: int
    tiles: int
    inner: int
    columns: int
    capacity: int
    mode: Mode
    tile_pause: int

    @property
    def issues(self) -> int:
        """Clocks from a job's first operand pair to its last, both included."""
        return self.tiles * (self.inner + self.tile_pause) - self.tile_pause

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one token. The pool does a pooled step's sum over tokens."""
        return self.inner * self.columns

    @property
    def pooled_tokens(self) -> int:
        """Tokens that are summed up before a pooled step; 1 for others."""
        return self._tokens if isinstance(self.source, Linear) and self.source.pooled else 1

    _tokens: int = 1

    def tile_columns(self) -> list[int]:
        """Columns of each tile."""
        return [min(self.capacity, self.columns - t * self.capacity) for t in range(self.tiles)]


@dataclass(frozen=True)
class Job:
    """One row of a step, in one or in all ways.

    Attributes:
        step: index of the program's step. rows: its tokens, one or one in each way.
        start: clock of the first operand pair; 0 = the first input is taken.
        late: idle clocks until its inputs are there; wait: further idle clocks before it.
        reason: what it waited for.
        values: clock at which each column's sum enters the epilogue (or the softmax).
        slot: contexts: which of the kept row multipliers; scores: where it is put.
    """

    step: int
    rows: tuple[int, ...]
    start: int
    wait: int
    reason: str
    values: tuple[int, ...]
    slot: int = 0
    late: int = 0


@dataclass(frozen=True)
class Schedule:
    """The program: steps, jobs in order, and the cycles of one inference."""

    steps: tuple[ProgramStep, ...]
    jobs: tuple[Job, ...]
    cycles: int


def _tile_pause(inner: int, columns: list[int]) -> int:
    """Return the least pause between tiles with which the collector keeps up, if it is idle."""
    pause = 0
    while True:
        ends: list[int] = []
        for tile, width in enumerate(columns):
            done = tile * (inner + pause)
            if tile >= 2 and done < ends[-2]:
                break
            ends.append(max(done + SUM_TO_TAKE, ends[-1] + 1 if ends else 0) + width - 1)
        else:
            return pause
        pause += 1


@lru_cache(KEPT)
def lay_out(model: IntegerModel, array: LaneArray) -> tuple[ProgramStep, ...]:
    """Return the program's steps; attention's steps come head by head."""
    modes = modes_of(model, array)
    n, size = model.window, model.channels // model.heads
    result = []
    for step in model.steps:
        if isinstance(step, Linear):
            columns, inner = model.arrays[step.weights].shape
            rows = 1 if step.pooled else model.tensors[step.operand].rows
            shapes: list[tuple[Step, int, int, int, int]] = [(step, 0, rows, inner, columns)]
        elif isinstance(step, Scores):
            context = context_of(model, step)
            shapes = [
                shape
                for head in range(step.heads)
                for shape in ((step, head, n, size, n), (context, head, n, n, size))
            ]
        else:
            continue
        for source, head, rows, inner, columns in shapes:
            mode = modes[source.name]
            capacity = array.columns // mode.stride
            tiles = -(-columns // capacity)
            many = not isinstance(source, Linear) and source.heads > 1
            bare = ProgramStep(
                f"{source.name}.{head}" if many else source.name,
                *(source, head, rows, tiles, inner, columns, capacity, mode, 0, n),
            )
            result.append(replace(bare, tile_pause=_tile_pause(inner, bare.tile_columns())))
    return tuple(result)


def token_tensors(model: IntegerModel) -> set[str]:
    """Tensors that live in the token store: the residual stream, but for its sum over tokens."""
    linear = [s for s in model.steps if isinstance(s, Linear)]
    residuals = {s.residual for s in linear if s.residual is not None}
    made = {s.output for s in linear if s.residual is not None}
    return (residuals | made) - {pooled_tensor(model), model.input, model.output}


def cached_tensors(model: IntegerModel) -> tuple[set[str], set[str]]:
    """Return the names of all keys, and of all values."""
    keys = {s.key for s in model.steps if isinstance(s, Scores)}
    values = {s.value for s in model.steps if isinstance(s, Context)}
    return keys, values


def context_of(model: IntegerModel, scores: Scores) -> Context:
    """Return the step that reads a scores step's exponentials."""
    return next(s for s in model.steps if isinstance(s, Context) and s.operand == scores.output)


def pooled_tensor(model: IntegerModel) -> str:
    """Return the tensor that the head sums up over all tokens."""
    return next(s.operand for s in model.steps if isinstance(s, Linear) and s.pooled)


@dataclass
class _Collector:
    """Which clocks the collector is busy in, as far as it matters for the jobs to come."""

    before: int = -1  # last column taken of the tile before the last one
    last: int = -1  # ... of the last one
    done: int = -1  # the last tile's sums are complete
    row: int = -FETCH  # last column taken of the last job
    holds: list[tuple[int, int]] = field(default_factory=list)  # taken by the softmax

    def take(self, earliest: int) -> int:
        for first, last in self.holds:
            if first <= earliest <= last:
                earliest = last + 1
        return earliest


@dataclass(frozen=True)
class _Placed:
    start: int
    reason: str
    values: tuple[int, ...]
    collector: _Collector


class _Scheduler:
    """Places jobs one after the other, always the one that can start first."""

    def __init__(
        self,
        model: IntegerModel,
        array: LaneArray,
        steps: tuple[ProgramStep, ...],
        order: "Order",
    ) -> None:
        self.model, self.array, self.steps, self.order = model, array, steps, order
        self.latency = ISSUE_TO_SUM + int(array.grouped)
        self.collector = _Collector()
        self.free = 0  # first clock after the last operand pair
        self.last_below = -100
        self.jobs: list[Job] = []
        self.next_row = [0] * len(self.steps)
        # when a row of a tensor can be read from its column 0 on, a column a clock
        self.readable: dict[tuple[str, int, int], int] = {}
        self.stored: dict[str, int] = {}  # rows of a tensor that have been made
        self.keys: dict[tuple[str, int], int] = {}
        self.values: dict[tuple[str, int], int] = {}
        self.multiplier: dict[tuple[str, int, int], tuple[int, int]] = {}
        self.scored = self.contexts = 0
        self.slots: dict[tuple[str, int, int], int] = {}
        self.key_tensors, self.value_tensors = cached_tensors(model)
        self.query_tensors = {s.operand for s in model.steps if isinstance(s, Scores)}
        self.context_tensors = {s.output for s in model.steps if isinstance(s, Context)}
        self.pooled = pooled_tensor(model)
        self.tiles = [step.tile_columns() for step in steps]
        self.issues = [step.issues for step in steps]
        self.readers = [self._earlier_readers(step.source) for step in steps]

    # ---------------------------------------------------------------- dependencies

    def rows_of(self, index: int) -> tuple[int, ...]:
        step, first = self.steps[index], self.next_row[index]
        ways = self.array.ways if step.mode.both else 1
        return tuple(range(first, min(first + ways, step.rows)))

    def ready(self, index: int) -> tuple[int, str] | None:
        """Return the clock at which a step's next job has all it reads, or None."""
        step, source = self.steps[index], self.steps[index].source
        rows = self.rows_of(index)
        if isinstance(source, Scores):
            return self._scores_ready(step, source, rows)
        if isinstance(source, Context):
            return self._context_ready(step, source, rows)
        if source.operand == self.model.input:
            return self.input_taken(rows) + INPUT_TO_READ, "input"
        if source.pooled:
            whole = self.stored.get(source.operand, 0) == self.model.window
            return (self.readable[source.operand, 0, 0], "operand") if whole else None
        free = all(self.next_row[i] >= self.steps[i].rows for i in self.readers[index])
        return self._rows_ready(source, rows) if free else None

    def _rows_ready(self, source: Linear, rows: tuple[int, ...]) -> tuple[int, str] | None:
        heads = self.model.heads if source.operand in self.context_tensors else 1
        size = self.model.tensors[source.operand].columns // heads
        latest = 0
        for row in rows:
            for head in range(heads):
                time = self.readable.get((source.operand, row, head))
                if time is None:
                    return None
                latest = max(latest, time - head * size)
        return latest, "operand"

    def input_taken(self, rows: tuple[int, ...]) -> int:
        return (rows[-1] + 1) * self.model.inputs - 1

    def _earlier_readers(self, source: Step) -> list[int]:
        """Return the steps that read the keys, or the values, of layers before a step's own.

        Keys and values of one layer are written once the last readers of another have run.
        """
        readers: list[int] = []
        for index, step in enumerate(self.steps):
            other = step.source
            if isinstance(other, Scores) and source.output in self.key_tensors:
                if other.key == source.output:
                    return readers
            elif isinstance(other, Context) and source.output in self.value_tensors:
                if other.value == source.output:
                    return readers
            else:
                continue
            readers.append(index)
        return readers

    def _scores_ready(
        self, step: ProgramStep, source: Scores, rows: tuple[int, ...]
    ) -> tuple[int, str] | None:
        if self.stored.get(source.key, 0) < self.model.window:
            return None
        if self.scored - self.contexts >= MULTIPLIER_RING:
            return None
        queries = [self.readable.get((source.operand, row, step.head)) for row in rows]
        if None in queries:
            return None
        query = max(q for q in queries if q is not None)
        key = self.keys[source.key, step.head]
        return (key, "keys") if key >= query else (query, "operand")

    def _context_ready(
        self, step: ProgramStep, source: Context, rows: tuple[int, ...]
    ) -> tuple[int, str] | None:
        if self.stored.get(source.value, 0) < self.model.window:
            return None
        if (source.operand, step.head, rows[0]) not in self.multiplier:
            return None
        exponentials, divided = self.multiplier[source.operand, step.head, rows[0]]
        before_value = step.inner - 1 + self.latency + SUM_TO_TAKE + TAKE_TO_VALUE
        times = [
            (exponentials, "softmax"),
            (divided - before_value, "softmax"),
            (self.values[source.value, step.head], "values"),
        ]
        return max(times)

    # ---------------------------------------------------------------- units

    def loaded(self, index: int) -> int:
        """Return the clock from which a step's next job is current, though it may wait."""
        if self.steps[index].source.operand == self.model.input:
            return max(self.free, self.input_taken(self.rows_of(index)) + INPUT_TO_READ)
        return self.free

    def place(self, index: int, earliest: int, reason: str) -> _Placed:
        """Find the first clock from which the units behind the lanes can take a job."""
        start = earliest
        while True:
            late, why, values, state = self._try(index, start)
            if late <= 0:
                return _Placed(start, reason, values, state)
            start, reason = start + late, why

    def _try(self, index: int, start: int) -> tuple[int, str, tuple[int, ...], _Collector]:
        """Walk a job's tiles through the collector; say by how much it comes too early."""
        step, now = self.steps[index], self.collector
        state = _Collector(now.before, now.last, now.done, now.row, now.holds)
        taken: list[int] = []
        current = start + self.issues[index] - self.loaded(index)
        if current < FETCH:
            return FETCH - current, "fetch", (), state
        tiles = self.tiles[index]
        done = start + step.inner - 1 + self.latency - (step.inner + step.tile_pause)
        for tile, columns in enumerate(tiles):
            done += step.inner + step.tile_pause
            late = max(state.before, state.done + 1) - done
            if late > 0:
                return late, "collector", (), state
            first = max(done + SUM_TO_TAKE, state.last + 1)
            if state.holds:
                for _ in range(columns):
                    taken.append(state.take(first))
                    first = taken[-1] + 1
            else:
                taken += range(first, first + columns)
            if tile == step.tiles - 1:
                taken[-1] = state.take(max(taken[-1], state.row + FETCH))
            state.before, state.last, state.done = state.last, taken[-1], done
        state.row = state.last
        if isinstance(step.source, Scores):
            below = state.last + TAKE_TO_VALUE + SCORE_TO_BELOW + step.columns - 1
            late = self.last_below + ROW_MULTIPLIER_BITS + 2 - below
            if late > 0:
                return late, "softmax", (), state
        return 0, "", tuple([at + TAKE_TO_VALUE for at in taken]), state

    # ---------------------------------------------------------------- the list

    def choose(self) -> tuple[int, _Placed]:
        best: tuple[tuple[float, ...], int, _Placed] | None = None
        for index, step in enumerate(self.steps):
            if self.next_row[index] >= step.rows:
                continue
            ready = self.ready(index)
            if ready is None:
                continue
            clock, reason = ready if ready[0] > self.free else (self.free, "")
            if best is not None and clock > best[2].start:
                continue
            placed = self.place(index, clock, reason)
            key = (placed.start, *self.order(step, index, self.next_row[index]))
            if best is None or key < best[0]:
                best = key, index, placed
        assert best is not None, "a program without a next job"
        return best[1], best[2]

    def commit(self, index: int, placed: _Placed) -> None:
        step, rows = self.steps[index], self.rows_of(index)
        source = step.source
        loaded = self.loaded(index)
        slot = 0
        if isinstance(source, Scores):
            slot = self.scored % MULTIPLIER_RING
            self.slots[source.output, step.head, rows[0]] = slot
            self.scored += 1
        elif isinstance(source, Context):
            slot = self.slots[source.operand, step.head, rows[0]]
            self.contexts += 1
        self.jobs.append(
            Job(
                *(index, rows, placed.start, placed.start - loaded, placed.reason),
                placed.values,
                *(slot, loaded - self.free),
            )
        )
        self.next_row[index] += len(rows)
        self.free = placed.start + self.issues[index]
        self.collector = placed.collector
        last = self.collector.last
        self.collector.holds = [h for h in self.collector.holds if h[1] > last]
        if isinstance(source, Scores):
            self._write_exponentials(step, source, rows, placed.values)
        else:
            self._write(step, source, rows, placed.values)

    def _write_exponentials(
        self, step: ProgramStep, source: Scores, rows: tuple[int, ...], values: tuple[int, ...]
    ) -> None:
        below = values[-1] + SCORE_TO_BELOW
        last = below + step.columns - 1
        # two clocks longer than the differences take: exponentials come to the stores later
        first_hold = below - TAKE_TO_VALUE
        self.collector.holds.append((first_hold, first_hold + step.columns + 1))
        self.last_below = last
        times = below + BELOW_TO_READ, last + BELOW_TO_DIVIDE + ROW_MULTIPLIER_BITS
        for row in rows:
            self.multiplier[source.output, step.head, row] = times

    def _write(
        self,
        step: ProgramStep,
        source: Linear | Context,
        rows: tuple[int, ...],
        values: tuple[int, ...],
    ) -> None:
        output = source.output
        pooled = output == self.pooled
        delay = VALUE_TO_POOL if pooled else VALUE_TO_READ
        self.stored[output] = self.stored.get(output, 0) + len(rows)
        profile = max(v + delay - c for c, v in enumerate(values))
        if pooled:  # its memory has one read port, which the last value needs first
            self.readable[output, 0, 0] = max(profile, values[-1] + VALUE_TO_RESULT)
            return
        size = self.model.channels // self.model.heads
        if output in self.key_tensors or output in self.query_tensors:
            for head in range(self.model.heads):
                part = values[head * size : (head + 1) * size]
                time = max(v + delay - c for c, v in enumerate(part))
                self.keys[output, head] = max(self.keys.get((output, head), 0), time)
                for row in rows:
                    self.readable[output, row, head] = time
        elif output in self.value_tensors:
            for head in range(self.model.heads):
                time = values[(head + 1) * size - 1] + delay - rows[0]
                self.values[output, head] = max(self.values.get((output, head), 0), time)
        else:
            for row in rows:
                self.readable[output, row, step.head] = profile

    def run(self) -> Schedule:
        total = sum(step.rows for step in self.steps)
        while sum(self.next_row) < total:
            self.commit(*self.choose())
        cycles = self.jobs[-1].values[-1] + VALUE_TO_RESULT + self.model.outputs
        return Schedule(self.steps, tuple(self.jobs), cycles)


# Ranks the next job of a step (the step, its index, the row) among those that can start first.
Order = Callable[[ProgramStep, int, int], tuple[float, ...]]

DRAWN_JOBS = 6000  # jobs placed in search of a better order, in all
MOST_DRAWS = 60


def _layer_and_kind(step: Step) -> tuple[int, str]:
    layer, _, rest = step.name.removeprefix("layers.").partition(".")
    return (int(layer), rest) if layer.isdigit() else (0, step.name)


def _depth_first(_: ProgramStep, index: int, row: int) -> tuple[float, ...]:
    return -index, row


def _caches_first(step: ProgramStep, index: int, row: int) -> tuple[float, ...]:
    """Keys and values of a layer before what waits for them."""
    layer, kind = _layer_and_kind(step.source)
    return layer, {"embed": 0, "key": 1, "value": 2}.get(kind, 3), row, -index


def _by_row(step: ProgramStep, index: int, row: int) -> tuple[float, ...]:
    return _layer_and_kind(step.source)[0], row, -index


def _drawn(model: IntegerModel, random: Random) -> Order:
    """Draw an order: a rank for each kind of step, and how many rows it runs ahead or behind."""
    kinds = [_layer_and_kind(step)[1] for step in model.steps]
    ranks = {kind: random.random() for kind in kinds}
    rows = {kind: random.choice((-1, 0, 0, 1, 2)) for kind in kinds}
    by_row = random.random() < 0.5

    def order(step: ProgramStep, _: int, row: int) -> tuple[float, ...]:
        layer, kind = _layer_and_kind(step.source)
        rank, place = ranks[kind], row + rows[kind]
        return (layer, place, rank) if by_row else (layer, rank, place)

    return order


def least_cycles(model: IntegerModel, array: LaneArray) -> int:
    """Return a lower bound: operand pairs to issue, or columns to take, whichever are more."""
    issues = columns = 0
    for step in lay_out(model, array):
        jobs = -(-step.rows // array.ways) if step.mode.both else step.rows
        issues += jobs * step.tiles * step.inner
        again = 2 if isinstance(step.source, Scores) else 1  # scores take the epilogue twice
        columns += jobs * step.columns * again
    return max(issues, columns)


def schedule(model: IntegerModel, array: LaneArray, *, thorough: bool = False) -> Schedule:
    """Return the fastest of a few orders of the jobs; if ``thorough``, of many, drawn by chance.

    Cycles count from the clock in which the first input is taken to the clock in which the last
    output is taken, both included, with neither stream held up. The draw is the same every time.
    What has been found is kept: models that differ in numbers only have one schedule.
    """
    steps = lay_out(model, array)
    key = _timing(model, array, steps), thorough
    if key not in _found:
        if len(_found) >= MOST_FOUND:
            del _found[next(iter(_found))]
        _found[key] = _fastest(model, array, steps, thorough=thorough)
    known = _found[key]
    return Schedule(steps, known.jobs, known.cycles)


MOST_FOUND = 500
_found: dict[Hashable, Schedule] = {}


def _timing(model: IntegerModel, array: LaneArray, steps: tuple[ProgramStep, ...]) -> Hashable:
    """Return everything that a schedule depends on."""
    return (
        *(model.window, model.inputs, model.channels, model.heads, model.outputs),
        *(array.ways, array.grouped),
        *(
            (
                *(type(s.source), s.name, s.source.operand, s.source.output),
                *(s.rows, s.tiles, s.inner, s.columns, s.capacity, s.mode.both, s.tile_pause),
            )
            for s in steps
        ),
    )


def _fastest(
    model: IntegerModel, array: LaneArray, steps: tuple[ProgramStep, ...], *, thorough: bool
) -> Schedule:
    orders: list[Order] = [_depth_first, _caches_first, _by_row]
    if thorough:
        random = Random(0)
        jobs = sum(step.rows for step in steps)
        draws = min(MOST_DRAWS, DRAWN_JOBS // jobs)
        orders += [_drawn(model, random) for _ in range(draws)]
    found = [_Scheduler(model, array, steps, order).run() for order in orders]
    return min(found, key=lambda s: s.cycles)
