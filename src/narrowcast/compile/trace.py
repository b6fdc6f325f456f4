"""The order in which the engine stores numbers."""

from narrowcast.compile.program import EngineGraph, Schedule, Store
from narrowcast.compile.timing import BELOW_TO_READ, VALUE_TO_READ, score_to_below
from narrowcast.integer.model import Context, Scores


def trace_order(graph: EngineGraph, schedule: Schedule) -> list[tuple[str, int, int]]:
    """Return (tensor, row, column) of every stored number, in the order of storing.

    The tensors are those of ``graph``.
    """
    found = []
    for job in schedule.jobs:
        step = schedule.steps[job.step]
        source = step.source
        if graph.stores[source.output] == Store.RESULT:
            continue
        first_row, first_column = -step.token, 0
        at_once = step.at_once
        times = [value + VALUE_TO_READ for value in job.values]
        if isinstance(source, Scores):
            first_row += step.head * step.rows
            begin = job.values[-1] + score_to_below(graph.model) + BELOW_TO_READ
            times = [begin + column for column in range(step.columns)]
        elif isinstance(source, Context):
            first_column = step.head * step.columns * at_once
        ways = 1 if step.running else at_once
        found += [
            (time, row + way, source.output, first_row + row, first_column + way + at)
            for row in job.rows
            for at, time in zip(range(0, len(times) * at_once, at_once), times, strict=True)
            for way in range(ways)
        ]
    return [(name, row, column) for _, _, name, row, column in sorted(found)]
