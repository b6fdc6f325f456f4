"""The engine's program: its steps and its jobs.

A *job* is one row of one step (or one row in every way), with all columns. Jobs of different steps
and rows are interleaved: while one row waits for a result, the lanes process other rows, and rows
occupy memory only as long as they are needed. The engine makes no decisions. The list of jobs, with
the idle clock cycles before each, meets all data dependencies and resolves all conflicts for shared
units, so the number of cycles is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from narrowcast.compile.lanes import LaneArray, Mode, modes_of
from narrowcast.compile.legalise import Use, legalise, uses, words_of_results
from narrowcast.compile.timing import SUM_TO_TAKE
from narrowcast.compile.tokens import first_tokens
from narrowcast.integer.analysis import Analysis, Product
from narrowcast.integer.model import (
    Append,
    Context,
    Decision,
    IntegerModel,
    L1Norm,
    Linear,
    RowSum,
    Scores,
    Tensor,
)


class Store(Enum):
    """The memory of a tensor."""

    INPUTS = "inputs"
    SCRATCH = "scratch"  # read as operand
    TOKENS = "tokens"  # read as operand, and as residual at the same time
    KEYS = "keys"
    VALUES = "values"
    POOL = "pool"  # summed up over rows
    RESULT = "result"


@dataclass(frozen=True)
class Attention:
    """A pair of scores and context, and its positions in the order of execution.

    Attributes:
        scores: The scores.
        context: The context that reads the probabilities.
        first: Position of the scores.
        last: Position of the context.
    """

    scores: Scores
    context: Context
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class EngineGraph:
    """A graph that the engine can run, with the memory of each tensor; see :func:`engine_graph`.

    Attributes:
        analysis: Analysis of the graph.
        stores: Memory of each tensor.
        parts: Number of parts of a tensor's rows, which are read separately: heads, or 1.
        attentions: Attentions in order of execution.
        key_regions: Tensors of keys that share a region of the cache one after the other.
        value_regions: Tensors of values that share a region of the cache one after the other.
        sums: Sums over rows, which use the pool one after the other.
        tokens: Token of each tensor's first row, see :mod:`narrowcast.compile.tokens`.
        states: The state to which a tensor is appended.
        runs: Products that are made on the way, as their operand leaves the epilogue, in order of
            execution: by the name of the product that makes the operand.
    """

    analysis: Analysis
    stores: Mapping[str, Store]
    parts: Mapping[str, int]
    attentions: tuple[Attention, ...]
    key_regions: tuple[tuple[str, ...], ...]
    value_regions: tuple[tuple[str, ...], ...]
    sums: tuple[RowSum, ...]
    tokens: Mapping[str, int]
    states: Mapping[str, str]
    runs: Mapping[str, Linear]

    @property
    def model(self) -> IntegerModel:
        """The graph itself."""
        return self.analysis.model

    def held(self, *stores: Store) -> list[Tensor]:
        """Return the tensors in some stores; a row that is appended to a state is part of that."""
        return [
            tensor
            for name, tensor in self.model.tensors.items()
            if self.stores[name] in stores and name not in self.states
        ]

    def whole(self, name: str) -> str:
        """Return the state to which a tensor is appended, or the tensor itself."""
        return self.states.get(name, name)

    def arrival(self, name: str) -> tuple[int, int]:
        """Return the words and rows that arrive before an input; 0 for other tensors."""
        words = rows = 0
        for tensor in self.model.input_tensors:
            if tensor.name == name:
                return words, rows
            words, rows = words + tensor.size, rows + tensor.rows
        return 0, 0

    def element_arrival(self, name: str, element: tuple[int, int]) -> tuple[int, int]:
        """Return the words and rows that have arrived with the row of an input's element."""
        words, rows = self.arrival(name)
        after = element[0] + 1
        return words + after * self.model.tensors[name].columns, rows + after

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """The decisions by the tensor of their output, in the order of the stream."""
        makers = {name: self.analysis.producers[name] for name in self._outputs}
        return {name: each for name, each in makers.items() if isinstance(each, Decision)}

    @cached_property
    def results(self) -> list[str]:
        """The tensors that come as results, one for each output: a decision's is its operand."""
        decided = {name: each.operand for name, each in self.decisions.items()}
        return [decided.get(name, name) for name in self._outputs]

    @property
    def results_in_lanes(self) -> bool:
        """Whether the lanes make any result, and not running sums all of them."""
        return any(self.stores[step.output] == Store.RESULT for step in self.in_lanes())

    @property
    def plain_words(self) -> int:
        """Number of output words that are no decision's."""
        return words_of_results(self.analysis)

    @property
    def ends_late(self) -> bool:
        """Whether the last output is a norm, whose score is there a clock after its last number."""
        return isinstance(self.decisions.get(self._outputs[-1]), L1Norm)

    @property
    def _outputs(self) -> list[str]:
        return [each.tensor for each in self.model.outputs]

    def linear(self) -> list[Linear]:
        """Return all products with weights, in order of execution."""
        return [step for step in self.model.operations if isinstance(step, Linear)]

    def in_lanes(self) -> list[Linear]:
        """Return the products with weights that the lanes make."""
        on_the_way = [step.name for step in self.runs.values()]
        return [step for step in self.linear() if step.name not in on_the_way]


def engine_graph(analysis: Analysis) -> EngineGraph:
    """Rewrite a graph for the engine and place its tensors.

    Raises:
        UserError: The engine cannot run an operation.
    """
    legal = legalise(analysis)
    model = legal.model
    sums = tuple(step for step in model.operations if isinstance(step, RowSum))
    attentions = _attentions(legal)
    by_key: dict[str, list[Attention]] = {}
    by_value: dict[str, list[Attention]] = {}
    for each in attentions:
        by_key.setdefault(each.scores.key, []).append(each)
        by_value.setdefault(each.context.value, []).append(each)
    return EngineGraph(
        analysis=legal,
        stores={name: _store(legal, name) for name in model.tensors},
        parts={name: _parts(legal, name) for name in model.tensors},
        attentions=attentions,
        key_regions=_regions(model, by_key),
        value_regions=_regions(model, by_value),
        sums=sums,
        tokens=first_tokens(model),
        states={s.operand: s.output for s in model.operations if isinstance(s, Append)},
        runs=_runs(legal),
    )


def _store(analysis: Analysis, name: str) -> Store:
    model = analysis.model
    if any(each.tensor == name for each in model.inputs):
        return Store.INPUTS
    if any(each.tensor == name for each in model.outputs):
        return Store.RESULT
    producer = analysis.producers[name]
    if isinstance(producer, RowSum):
        return Store.POOL
    if (state := _appended_to(analysis, name)) is not None:
        return _store(analysis, state)
    read = {use for step in analysis.readers[name] for tensor, use in uses(step) if tensor == name}
    for use, store in (
        (Use.KEYS, Store.KEYS),
        (Use.VALUES, Store.VALUES),
        (Use.SUM, Store.POOL),
        (Use.DECISION, Store.RESULT),
        (Use.RESIDUAL, Store.TOKENS),
    ):
        if use in read:
            return store
    return Store.SCRATCH


def _runs(analysis: Analysis) -> dict[str, Linear]:
    """Return the products of a stream that are made on the way.

    Each has one column, for which it would occupy all lanes, and its operand is what a product
    makes. Of several with the same operand, the lanes make the others.
    """
    model = analysis.model
    if not model.states:
        return {}
    runs: dict[str, Linear] = {}
    for step in model.operations:
        if isinstance(step, Linear) and model.tensors[step.output].size == 1:
            maker = analysis.producers.get(step.operand)
            if isinstance(maker, Linear) and model.tensors[step.operand].rows == 1:
                runs.setdefault(maker.name, step)
    return runs


def _appended_to(analysis: Analysis, name: str) -> str | None:
    """Return the state to which a tensor is appended."""
    return next((s.output for s in analysis.readers[name] if isinstance(s, Append)), None)


def _parts(analysis: Analysis, name: str) -> int:
    """Return the heads by which a tensor's rows are made, or read if all readers agree."""
    if (state := _appended_to(analysis, name)) is not None:
        return _parts(analysis, state)
    producer = analysis.producers.get(name)
    if isinstance(producer, Context):
        return producer.heads
    heads = {
        step.heads for step in analysis.readers[name] if isinstance(step, Scores | Context)
    } or {1}
    return heads.pop() if len(heads) == 1 else 1


def _attentions(analysis: Analysis) -> tuple[Attention, ...]:
    model = analysis.model
    position = {step.name: i for i, step in enumerate(model.operations)}
    result = []
    for step in model.operations:
        if isinstance(step, Scores):
            context = analysis.context_of(step)
            result.append(Attention(step, context, position[step.name], position[context.name]))
    return tuple(result)


def _regions(
    model: IntegerModel, users: Mapping[str, list[Attention]]
) -> tuple[tuple[str, ...], ...]:
    """Assign regions of a cache; tensors share one if their attentions do not overlap.

    States are kept, so they share none.
    """
    if model.states:
        return tuple((name,) for name in users)
    regions: list[list[str]] = []
    ends: list[int] = []
    for name, readers in sorted(users.items(), key=lambda item: item[1][0].first):
        begin, end = readers[0].first, max(each.last for each in readers)
        for i, until in enumerate(ends):
            if until < begin:
                regions[i].append(name)
                ends[i] = end
                break
        else:
            regions.append([name])
            ends.append(end)
    return tuple(map(tuple, regions))


@dataclass(frozen=True)
class ProgramStep:
    """One step of the program: the loops of each of its jobs, and how its lanes run.

    Attributes:
        name: Name of the operation, followed by the head if there are several.
        source: The operation.
        head: Index of the head; 0 for products with weights.
        token: Token of the first row.
        rows: Number of rows.
        tiles: Number of tiles of a job.
        inner: Number of products of a sum.
        columns: Number of columns of a row, or of pairs of them, as they are taken at once.
        capacity: Number of columns of a full tile.
        mode: How the lanes run.
        tile_pause: Idle clocks between the tiles of a job.
        running: Number of products of a sum that is made on the way; the lanes then have one, which
            is not used. 0 if the lanes make the sum.
        at_once: Number of columns of the result that each of ``columns`` stands for.
        width: Number of columns of the result, of a head.
    """

    name: str
    source: Product
    head: int
    token: int
    rows: int
    tiles: int
    inner: int
    columns: int
    capacity: int
    mode: Mode
    tile_pause: int
    running: int = 0
    at_once: int = 1
    width: int = 0

    @property
    def after(self) -> int:
        """The token after that of the last row."""
        return self.token + self.rows

    def jobs(self, ways: int) -> int:
        """Return the number of jobs of so many ways; each begins with a token of the first way."""
        return -(-self.after // ways) - self.token // ways

    @property
    def issues(self) -> int:
        """Clocks from a job's first operand pair to its last, both included."""
        return self.tiles * (self.inner + self.tile_pause) - self.tile_pause

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one row."""
        return self.running or self.inner * self.width

    def tile_columns(self) -> list[int]:
        """Columns of each tile."""
        return _tile_columns(self.columns, self.capacity)


@dataclass(frozen=True)
class Job:
    """One row of a step, in one or in all ways.

    Attributes:
        step: Index of the program's step.
        rows: Its tokens, one or one in each way.
        start: Clock of the first operand pair; 0 = the first input is taken.
        wait: Further idle clocks before it.
        reason: What it waited for.
        values: Clock at which each column's sum enters the epilogue (or the softmax).
        slot: Contexts: which of the kept row multipliers; scores: where it is put.
        late: Idle clocks until its inputs are there.
        needs: Rows of the inputs that have to come in beyond those for which jobs have waited.
    """

    step: int
    rows: tuple[int, ...]
    start: int
    wait: int
    reason: str
    values: Sequence[int]
    slot: int = 0
    late: int = 0
    needs: int = 0


@dataclass(frozen=True)
class Schedule:
    """The program.

    Attributes:
        steps: The steps.
        jobs: All jobs in order.
        cycles: Clocks of one inference.
    """

    steps: tuple[ProgramStep, ...]
    jobs: tuple[Job, ...] = field(repr=False)
    cycles: int

    def jobs_of(self, step: int) -> list[Job]:
        """Return the jobs of one step, in order."""
        return self._by_step[step]

    @cached_property
    def _by_step(self) -> list[list[Job]]:
        found: list[list[Job]] = [[] for _ in self.steps]
        for job in self.jobs:
            found[job.step].append(job)
        return found


def _tile_columns(columns: int, capacity: int) -> list[int]:
    """Return the columns of each tile."""
    full, left = divmod(columns, capacity)
    return [capacity] * full + ([left] if left else [])


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


def lay_out(
    graph: EngineGraph, array: LaneArray, groups: Mapping[str, int]
) -> tuple[ProgramStep, ...]:
    """Return the program's steps; attention's steps come head by head."""
    modes = dict(modes_of(graph.analysis, array, groups))
    running = {step.name: graph.model.arrays[step.weights].size for step in graph.runs.values()}
    modes.update(dict.fromkeys(running, Mode(both=False, stride=1, group=1)))
    result = []
    for step in graph.model.operations:
        shapes: list[tuple[Product, int, int, int, int]] = []
        if isinstance(step, Linear):
            columns, inner = graph.model.arrays[step.weights].shape
            inner = 1 if step.name in running else inner
            shapes = [(step, 0, graph.analysis.rows(step), inner, columns)]
        elif isinstance(step, Scores):
            context = graph.analysis.context_of(step)
            n, keys = graph.analysis.rows(step), graph.model.tensors[step.key].rows
            size = graph.model.tensors[step.operand].columns // step.heads
            width = graph.model.tensors[context.output].columns // step.heads
            for head in range(step.heads):
                shapes.append((step, head, n, size, keys))
                shapes.append((context, head, n, keys, width))
        for source, head, rows, inner, width in shapes:
            mode = modes[source.name]
            capacity = array.columns // mode.stride
            columns = -(-width // array.at_once)
            tiles = -(-columns // capacity)
            pause, token = _tile_pause(inner, columns, capacity), graph.tokens[source.output]
            many = not isinstance(source, Linear) and source.heads > 1
            result.append(
                ProgramStep(
                    f"{source.name}.{head}" if many else source.name,
                    *(source, head, token, rows, tiles, inner, columns, capacity, mode, pause),
                    *(running.get(source.name, 0), array.at_once, width),
                )
            )
    return tuple(result)


def least_cycles(steps: tuple[ProgramStep, ...], array: LaneArray) -> int:
    """Return a lower bound: operand pairs to issue, or columns to take, whichever are more."""
    issues = columns = 0
    for step in steps:
        jobs = step.jobs(array.tokens if step.mode.both else 1)
        issues += jobs * step.tiles * step.inner
        again = 2 if isinstance(step.source, Scores) else 1  # scores take the epilogue twice
        columns += jobs * step.columns * again
    return max(issues, columns)
