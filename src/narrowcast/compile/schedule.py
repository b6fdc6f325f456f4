"""The cycle-exact schedule of a program: chooses the order of its jobs with the fewest cycles.

This module encodes steps and orders as arrays; ``list_scheduler`` places the jobs.
"""

from array import array as packed
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import EngineGraph, Job, ProgramStep, Schedule
from narrowcast.compile.step_table import REASONS, Placed, step_table
from narrowcast.errors import UserError
from narrowcast.integer.model import Array, Scores

DRAWN_JOBS = 6000  # total number of jobs placed to find a better order
MOST_DRAWS = 60
PATIENCE = (0, 2, 5, 10, 20, 40, 80)
MOST_JOBS = 100_000


@dataclass(frozen=True)
class Group:
    """The position of a step in the order of execution, for orders of jobs.

    Attributes:
        layer: Index of the attention whose operands it produces or whose result it processes.
        kind: Index of its position in a layer; steps of several layers share it.
        cache: 0 if it reads an input, 1 if it produces keys, 2 for values, 3 otherwise.
    """

    layer: int
    kind: int
    cache: int


def schedule(
    graph: EngineGraph,
    array: LaneArray,
    steps: tuple[ProgramStep, ...],
    *,
    thorough: bool = False,
) -> Schedule:
    """Return the fastest of a few orders of the jobs or, if ``thorough``, also of random ones.

    Cycles are counted from the clock cycle in which the first input is taken to the one in which
    the last output is taken, both included, if neither stream stalls. The random orders are the
    same every time.

    Raises:
        UserError: The program has too many jobs.
    """
    cycles, placed = _placed(graph, array, steps, thorough=thorough)
    # Some programs have a million values, which take five times the memory as Python's integers.
    jobs, values, column = [], packed("q", placed.values.tobytes()), 0
    for step, row, ways, start, wait, late, reason, slot, needs in zip(
        *(numbers.tolist() for numbers in placed[:-1]), strict=True
    ):
        after = column + steps[step].columns
        jobs.append(
            Job(
                *(step, tuple(range(row, row + ways)), start, wait, REASONS[reason]),
                *(values[column:after], slot, late, needs),
            )
        )
        column = after
    return Schedule(steps, tuple(jobs), cycles)


def draws(steps: tuple[ProgramStep, ...]) -> int:
    """Return how many random orders a thorough schedule tries; the more jobs, the fewer."""
    return min(MOST_DRAWS, DRAWN_JOBS // sum(step.rows for step in steps))


def _placed(
    graph: EngineGraph, array: LaneArray, steps: tuple[ProgramStep, ...], *, thorough: bool
) -> tuple[int, Placed]:
    # Imported here, because numba takes long to import and a refused estimate does not need it.
    from narrowcast.compile.list_scheduler import NEVER, place_fastest  # noqa: PLC0415

    total = sum(step.rows for step in steps)
    if total > MOST_JOBS:
        largest = max(steps, key=lambda step: step.rows)
        raise UserError(
            f"operation {largest.source.name}: the program would have {total} jobs, and the engine "
            f"takes {MOST_JOBS}: take fewer rows, heads or operations"
        )
    table = step_table(graph, array, steps)
    orders = _orders(graph, steps, draws(steps) if thorough else 0)
    patience = np.zeros(len(orders), np.int64)
    if table.kept:
        patience = np.array([PATIENCE[i % len(PATIENCE)] for i in range(len(orders))], np.int64)
    cycles, placed = place_fastest(table, orders, patience)
    assert cycles < NEVER, "docs/engine.md proves that any order comes to an end"
    return int(cycles), placed  # of NumPy where numba's compiler is switched off


# -------------------------------------------------------------------- orders


def groups(graph: EngineGraph) -> dict[str, Group]:
    """Return the group of each product by its name.

    A layer begins with the first operation that produces queries, keys or values of its attention.
    The kind is the position in the layer.
    """
    analysis = graph.analysis
    position = {step.name: i for i, step in enumerate(analysis.products)}
    begins = []
    source = {state: name for name, state in graph.states.items()}
    for each in graph.attentions:
        read = (
            each.scores.operand,
            *(source.get(n, n) for n in (each.scores.key, each.context.value)),
        )
        makers = [analysis.producers[name] for name in read if name in analysis.producers]
        places = [position[step.name] for step in makers if step.name in position]
        begins.append(min([*places, position[each.scores.name]]))
    keys = {step.key for step in analysis.products if isinstance(step, Scores)}
    values = {each.context.value for each in graph.attentions}
    inputs = {each.tensor for each in graph.model.inputs}
    kinds: dict[tuple[str, int], int] = {}
    result = {}
    for i, step in enumerate(analysis.products):
        started = [begin for begin in begins if begin <= i]
        layer = max(0, len(started) - 1)
        place = i - max(started, default=len(analysis.products))
        kind = kinds.setdefault((type(step).__name__, place), len(kinds))
        cache = 3
        if graph.whole(step.output) in keys:
            cache = 1
        elif graph.whole(step.output) in values:
            cache = 2
        elif step.operand in inputs:
            cache = 0
        result[step.name] = Group(layer, kind, cache)
    return result


def _orders(graph: EngineGraph, steps: tuple[ProgramStep, ...], drawn: int) -> Array:
    """Return the orders to try as ranks [orders, steps, tokens], see ``place_fastest``.

    Three orders are fixed: depth first; keys and values of a layer first; row by row. A random
    order has a rank for each kind of step, and a number of rows by which it is ahead or behind.
    """
    of_step = groups(graph)
    found = [of_step[step.source.name] for step in steps]
    layer, kind, caches = np.array([(g.layer, g.kind, g.cache) for g in found]).T[:, :, None]
    later = -np.arange(len(steps))[:, None]
    row = np.arange(max(step.after for step in steps))
    fixed = (_ranks(later, row), _ranks(layer, caches, row, later), _ranks(layer, row, later))
    ranks, ahead, by_row = (each[:drawn] for each in _drawn(int(kind.max()) + 1))
    rank, place = ranks[:, kind], row + ahead[:, kind]
    first, second = np.where(by_row, place, rank), np.where(by_row, rank, place)
    return np.concatenate([np.stack(fixed), _ranks(layer, first, second)])


def _ranks(*keys: Array) -> Array:
    """Return ranks that sort lexicographically by some arrays, of which the first counts most.

    The arrays are broadcast to a common shape.
    """
    ranks = np.zeros((), np.int64)
    for key in keys:
        low, high = (key.min(), key.max()) if key.size else (0, 0)
        ranks = ranks * (high - low + 1) + (key - low)
    return ranks


@lru_cache
def _drawn(kinds: int) -> tuple[Array, Array, Array]:
    """Draw random orders for ``kinds`` kinds of steps, the same each time.

    Returns:
        Ranks and rows ahead or behind of each draw, both [draws, kinds], and whether rows count
        more than ranks [draws, 1, 1].
    """
    random = Random(0)
    ranks, ahead, by_row = [], [], []
    for _ in range(MOST_DRAWS):
        ranks.append([random.random() for _ in range(kinds)])
        ahead.append([random.choice((-1, 0, 0, 1, 2)) for _ in range(kinds)])
        by_row.append(random.random() < 0.5)
    return np.argsort(np.argsort(ranks)), np.array(ahead), np.array(by_row)[:, None, None]
