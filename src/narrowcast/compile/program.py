"""The engine's program: its steps and its jobs.

A *job* is one row of one step: a token (or a token in every way) against all columns. Jobs of
different steps and tokens are interleaved, so that one token's latency is another's work, and a
tensor's rows live only as long as they are needed. The engine decides nothing by itself: a list
of jobs, each with its idle clocks before it, keeps data dependencies and shared units apart, and
the cycle count follows by arithmetic.
"""

from dataclasses import dataclass
from functools import lru_cache

from narrowcast.compile.lanes import KEPT, LaneArray, Mode, modes_of
from narrowcast.compile.timing import SUM_TO_TAKE
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores, Step


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
        return _tile_columns(self.columns, self.capacity)


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


def _tile_columns(columns: int, capacity: int) -> list[int]:
    """Return the columns of each tile."""
    full, left = divmod(columns, capacity)
    return [capacity] * full + ([left] if left else [])


@lru_cache(KEPT)
def _tile_pause(inner: int, row: int, capacity: int) -> int:
    """Return the least pause between tiles with which the collector keeps up, if it is idle."""
    columns = _tile_columns(row, capacity)
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
            pause = _tile_pause(inner, columns, capacity)
            many = not isinstance(source, Linear) and source.heads > 1
            result.append(
                ProgramStep(
                    f"{source.name}.{head}" if many else source.name,
                    *(source, head, rows, tiles, inner, columns, capacity, mode, pause, n),
                )
            )
    return tuple(result)


@lru_cache(KEPT)
def token_tensors(model: IntegerModel) -> frozenset[str]:
    """Tensors that live in the token store: the residual stream, but for its sum over tokens."""
    linear = [s for s in model.steps if isinstance(s, Linear)]
    residuals = {s.residual for s in linear if s.residual is not None}
    made = {s.output for s in linear if s.residual is not None}
    return frozenset(residuals | made) - {pooled_tensor(model), model.input, model.output}


@lru_cache(KEPT)
def cached_tensors(model: IntegerModel) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all keys, and of all values."""
    keys = frozenset(s.key for s in model.steps if isinstance(s, Scores))
    values = frozenset(s.value for s in model.steps if isinstance(s, Context))
    return keys, values


def context_of(model: IntegerModel, scores: Scores) -> Context:
    """Return the step that reads a scores step's exponentials."""
    return next(s for s in model.steps if isinstance(s, Context) and s.operand == scores.output)


@lru_cache(KEPT)
def pooled_tensor(model: IntegerModel) -> str:
    """Return the tensor that the head sums up over all tokens."""
    return next(s.operand for s in model.steps if isinstance(s, Linear) and s.pooled)


def least_cycles(model: IntegerModel, array: LaneArray) -> int:
    """Return a lower bound: operand pairs to issue, or columns to take, whichever are more."""
    issues = columns = 0
    for step in lay_out(model, array):
        jobs = -(-step.rows // array.ways) if step.mode.both else step.rows
        issues += jobs * step.tiles * step.inner
        again = 2 if isinstance(step.source, Scores) else 1  # scores take the epilogue twice
        columns += jobs * step.columns * again
    return max(issues, columns)
