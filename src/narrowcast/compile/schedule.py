"""The schedule of a program, to the clock: which order of its jobs takes the fewest cycles.

Steps and orders are put into numbers here; ``list_scheduler`` does the rest.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import EngineGraph, Job, ProgramStep, Schedule
from narrowcast.compile.step_table import REASONS, Placed, step_table
from narrowcast.errors import UserError
from narrowcast.integer.model import Array, Scores

DRAWN_JOBS = 6000  # jobs placed in search of a better order, in all
MOST_DRAWS = 60
MOST_JOBS = 100_000


@dataclass(frozen=True)
class Group:
    """Where a step stands in the order of execution, as orders of jobs see it.

    Attributes:
        layer: Number of the attention whose operands it makes or whose result it works on.
        kind: Number among the kinds of steps; steps of several layers may be of one kind.
        cache: 0: reads readings; 1: makes keys; 2: makes values; 3: anything else.
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
    """Return the fastest of a few orders of the jobs; if ``thorough``, of many, drawn by chance.

    Cycles count from the clock in which the first input is taken to the clock in which the last
    output is taken, both included, with neither stream held up. The draw is the same every time.

    Raises:
        UserError: The program has too many jobs, or some wait for each other.
    """
    cycles, placed = _placed(graph, array, steps, thorough=thorough)
    jobs, values, column = [], placed.values.tolist(), 0
    for step, row, ways, start, wait, late, reason, slot, needs in zip(
        *(numbers.tolist() for numbers in placed[:-1]), strict=True
    ):
        after = column + steps[step].columns
        jobs.append(
            Job(
                *(step, tuple(range(row, row + ways)), start, wait, REASONS[reason]),
                *(tuple(values[column:after]), slot, late, needs),
            )
        )
        column = after
    return Schedule(steps, tuple(jobs), cycles)


def _placed(
    graph: EngineGraph, array: LaneArray, steps: tuple[ProgramStep, ...], *, thorough: bool
) -> tuple[int, Placed]:
    # numba takes a while to import, and an estimate that is refused does without
    from narrowcast.compile.list_scheduler import NEVER, place_fastest  # noqa: PLC0415

    total = sum(step.rows for step in steps)
    if total > MOST_JOBS:
        largest = max(steps, key=lambda step: step.rows)
        raise UserError(
            f"operation {largest.source.name}: the program would have {total} jobs, and the engine "
            f"takes {MOST_JOBS}: take fewer rows, heads or operations"
        )
    draws = min(MOST_DRAWS, DRAWN_JOBS // total) if thorough else 0
    table = step_table(graph, array, steps)
    cycles, placed = place_fastest(table, _orders(graph, steps, draws))
    if cycles >= NEVER:
        raise UserError(
            f"operation {steps[-1].source.name}: the engine finds no order in which its "
            "operations can run, as they wait for each other's memory"
        )
    return cycles, placed


# -------------------------------------------------------------------- orders


def groups(graph: EngineGraph) -> dict[str, Group]:
    """Return the group of each product by its name.

    A layer begins with the first operation that makes queries, keys or values of its attention;
    a kind is a place in a layer.
    """
    analysis = graph.analysis
    position = {step.name: i for i, step in enumerate(analysis.products)}
    begins = []
    for each in graph.attentions:
        read = (each.scores.operand, each.scores.key, each.context.value)
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
        if step.output in keys:
            cache = 1
        elif step.output in values:
            cache = 2
        elif step.operand in inputs:
            cache = 0
        result[step.name] = Group(layer, kind, cache)
    return result


def _orders(graph: EngineGraph, steps: tuple[ProgramStep, ...], draws: int) -> Array:
    """Return the orders to try as ranks [orders, steps, rows], see ``place_fastest``.

    Three are fixed: depth first; keys and values of a layer before what waits for them; row by
    row. A drawn one has a rank for each kind of step, and how many rows it runs ahead or behind.
    """
    of_step = groups(graph)
    found = [of_step[step.source.name] for step in steps]
    layer, kind, caches = np.array([(g.layer, g.kind, g.cache) for g in found]).T[:, :, None]
    later = -np.arange(len(steps))[:, None]
    row = np.arange(max(step.rows for step in steps))
    fixed = (_ranks(later, row), _ranks(layer, caches, row, later), _ranks(layer, row, later))
    ranks, ahead, by_row = (drawn[:draws] for drawn in _drawn(int(kind.max()) + 1))
    rank, place = ranks[:, kind], row + ahead[:, kind]
    first, second = np.where(by_row, place, rank), np.where(by_row, rank, place)
    return np.concatenate([np.stack(fixed), _ranks(layer, first, second)])


def _ranks(*keys: Array) -> Array:
    """Return a number for each place of some arrays that sorts as their numbers there one by one.

    Arrays are broadcast; the first counts most.
    """
    ranks = np.zeros((), np.int64)
    for key in keys:
        low, high = (key.min(), key.max()) if key.size else (0, 0)
        ranks = ranks * (high - low + 1) + (key - low)
    return ranks


@lru_cache
def _drawn(kinds: int) -> tuple[Array, Array, Array]:
    """Draw orders of so many kinds of steps, always the same.

    Returns:
        each draw's ranks, and rows ahead or behind, [draws, kinds]; and whether rows count more
        than ranks, [draws, 1, 1].
    """
    random = Random(0)
    ranks, ahead, by_row = [], [], []
    for _ in range(MOST_DRAWS):
        ranks.append([random.random() for _ in range(kinds)])
        ahead.append([random.choice((-1, 0, 0, 1, 2)) for _ in range(kinds)])
        by_row.append(random.random() < 0.5)
    return np.argsort(np.argsort(ranks)), np.array(ahead), np.array(by_row)[:, None, None]
