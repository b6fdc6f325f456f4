"""The schedule of a program, to the clock: which order of its jobs takes the fewest cycles.

Steps and orders are put into numbers here; ``placing`` does the rest.
"""

from collections.abc import Hashable
from functools import lru_cache
from random import Random

import numpy as np

from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.program import Job, ProgramStep, Schedule, lay_out
from narrowcast.compile.step_table import REASONS, Placed, step_table
from narrowcast.integer.model import Array, IntegerModel

DRAWN_JOBS = 6000  # jobs placed in search of a better order, in all
MOST_DRAWS = 60
MOST_FOUND = 500
_found: dict[Hashable, tuple[int, Placed]] = {}

LayerAndKind = tuple[int, str]  # of a step: 0 and its name if it is of no layer


def schedule(model: IntegerModel, array: LaneArray, *, thorough: bool = False) -> Schedule:
    """Return the fastest of a few orders of the jobs; if ``thorough``, of many, drawn by chance.

    Cycles count from the clock in which the first input is taken to the clock in which the last
    output is taken, both included, with neither stream held up. The draw is the same every time.
    What has been found is kept: models that differ in numbers only have one schedule.
    """
    steps = lay_out(model, array)
    cycles, placed = _placed(model, array, steps, thorough=thorough)
    jobs, values, column = [], placed.values.tolist(), 0
    for step, row, ways, start, wait, late, reason, slot in zip(
        *(numbers.tolist() for numbers in placed[:-1]), strict=True
    ):
        after = column + steps[step].columns
        jobs.append(
            Job(
                *(step, tuple(range(row, row + ways)), start, wait, REASONS[reason]),
                *(tuple(values[column:after]), slot, late),
            )
        )
        column = after
    return Schedule(steps, tuple(jobs), cycles)


def fewest_cycles(model: IntegerModel, array: LaneArray, *, thorough: bool = False) -> int:
    """Return the cycles of :func:`schedule`."""
    return _placed(model, array, lay_out(model, array), thorough=thorough)[0]


def _placed(
    model: IntegerModel, array: LaneArray, steps: tuple[ProgramStep, ...], *, thorough: bool
) -> tuple[int, Placed]:
    draws = min(MOST_DRAWS, DRAWN_JOBS // sum(step.rows for step in steps)) if thorough else 0
    of_orders = (
        tuple(_layer_and_kind(step.name) for step in model.steps),
        tuple(_layer_and_kind(step.source.name) for step in steps),
        max(step.rows for step in steps),
        draws,
    )
    table = step_table(model, array, steps)
    key = table.steps.tobytes(), *table[1:], *of_orders
    if key not in _found:
        from narrowcast.compile.list_scheduler import place_fastest  # noqa: PLC0415  # and numba

        if len(_found) >= MOST_FOUND:
            del _found[next(iter(_found))]
        _found[key] = place_fastest(table, _orders(*of_orders))
    return _found[key]


# -------------------------------------------------------------------- orders


@lru_cache
def _orders(
    of_model: tuple[LayerAndKind, ...], steps: tuple[LayerAndKind, ...], rows: int, draws: int
) -> Array:
    """Return the orders to try as ranks [orders, steps, rows], see ``place_fastest``.

    Three are fixed: depth first; keys and values of a layer before what waits for them; row by
    row. A drawn one has a rank for each kind of step, and how many rows it runs ahead or behind.
    """
    kinds = tuple(kind for _, kind in of_model)
    layer, kind, caches = np.array(
        [(layer, kinds.index(kind), _CACHES.get(kind, 3)) for layer, kind in steps]
    ).T[:, :, None]
    later = -np.arange(len(steps))[:, None]
    row = np.arange(rows)
    fixed = (_ranks(later, row), _ranks(layer, caches, row, later), _ranks(layer, row, later))
    ranks, ahead, by_row = (drawn[:draws] for drawn in _drawn(kinds))
    rank, place = ranks[:, kind], row + ahead[:, kind]
    first, second = np.where(by_row, place, rank), np.where(by_row, rank, place)
    return np.concatenate([np.stack(fixed), _ranks(layer, first, second)])


_CACHES = {"embed": 0, "key": 1, "value": 2}


@lru_cache
def _layer_and_kind(name: str) -> LayerAndKind:
    layer, _, rest = name.removeprefix("layers.").partition(".")
    return (int(layer), rest) if layer.isdigit() else (0, name)


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
def _drawn(kinds: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """Draw orders of a model's kinds of steps, always the same.

    Returns:
        each draw's ranks, and rows ahead or behind, [draws, kinds]; and whether rows count more
        than ranks, [draws, 1, 1].
    """
    random = Random(0)
    ranks, ahead, by_row = [], [], []
    for _ in range(MOST_DRAWS):
        rank = {kind: random.random() for kind in kinds}
        rows = {kind: random.choice((-1, 0, 0, 1, 2)) for kind in kinds}
        ranks.append([rank[kind] for kind in kinds])
        ahead.append([rows[kind] for kind in kinds])
        by_row.append(random.random() < 0.5)
    return np.argsort(np.argsort(ranks)), np.array(ahead), np.array(by_row)[:, None, None]
