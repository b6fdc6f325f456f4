"""Which steps wait for which others because both use the same memory.

A step waits until all jobs of the steps before it are placed:

- what makes keys or values waits for the readers of those that had the region before;
- what is summed up waits for the copy of the sum that had the pool before;
- a result waits for the results before it in the stream;
- scores wait for the values of their context, if these are not certain to be completed while the
  rows of the scores occupy the ring of multipliers.

No schedule ends in a deadlock; ``docs/engine.md`` has the proof.
"""

from collections.abc import Iterable
from functools import reduce
from graphlib import TopologicalSorter
from itertools import pairwise
from operator import or_

from narrowcast.compile.program import EngineGraph, ProgramStep, Store
from narrowcast.integer.model import Context, Linear, Scores


def memory_waits(graph: EngineGraph, steps: tuple[ProgramStep, ...]) -> list[list[int]]:
    """Return, for each step, the steps of which all jobs must be placed before its first."""
    makers: dict[str, list[int]] = {}
    readers: dict[str, list[int]] = {}  # of keys, values and sums
    for index, step in enumerate(steps):
        source = step.source
        makers.setdefault(graph.whole(source.output), []).append(index)
        readers.setdefault(_lane_operand(step) or source.operand, []).append(index)
    waits: list[list[int]] = [[] for _ in steps]

    def wait(made: str, before: list[int]) -> None:
        for index in makers[made]:
            waits[index] += before

    for region in (*graph.key_regions, *graph.value_regions):
        for earlier, later in pairwise(region):
            wait(later, readers[earlier])
    for first, second in pairwise(graph.sums):
        wait(second.operand, readers[first.output])
    for earlier, later in pairwise(graph.results):
        wait(later, makers[earlier])
    _wait_for_values(graph, steps, makers, waits)
    return waits


def _lane_operand(step: ProgramStep) -> str | None:
    """Return the keys or values that a step reads; None for weights."""
    match step.source:
        case Scores(key=name) | Context(value=name):
            return name
        case Linear():
            return None


def _wait_for_values(
    graph: EngineGraph,
    steps: tuple[ProgramStep, ...],
    makers: dict[str, list[int]],
    waits: list[list[int]],
) -> None:
    """Let scores wait for values that need scores which may not all be placed by then.

    Sets of scores are masks with a bit for each step.
    """
    whole: list[list[int]] = []  # steps whose results a step needs completely
    by_row: list[list[int]] = []  # steps of whose results a job needs its own rows
    values: dict[int, list[int]] = {}  # what makes the values of the context, by step of scores
    for index, step in enumerate(steps):
        source, operand = step.source, step.source.operand
        whole.append(list(makers.get(_lane_operand(step) or "", ())))
        by_row.append([])
        if graph.stores[operand] == Store.POOL:
            whole[index] += makers[graph.analysis.producers[operand].operand]
        else:
            by_row[index] += makers.get(operand, ())
        if isinstance(source, Linear) and source.residual_element is None:
            by_row[index] += makers.get(source.residual or "", ())
        if isinstance(source, Scores):
            values[index] = makers[graph.analysis.context_of(source).value]
    order = TopologicalSorter(
        {
            index: [*whole[index], *by_row[index], *waits[index], *values.get(index, ())]
            for index in range(len(steps))
        }
    )
    needed = [0] * len(steps)  # scores that are placed once all jobs of a step are
    begun = [0] * len(steps)  # scores that are placed once the first job of a step is
    for index in order.static_order():
        before = [*whole[index], *waits[index]]
        begun[index] = _union(needed, before) | _union(begun, by_row[index])
        needed[index] = _union(needed, [*before, *by_row[index]])
        if index in values:
            late = _union(needed, values[index])
            if late & ~begun[index]:
                waits[index] += values[index]
                begun[index] |= late
                needed[index] |= late
            needed[index] |= 1 << index


def _union(masks: list[int], of: Iterable[int]) -> int:
    return reduce(or_, (masks[index] for index in of), 0)
