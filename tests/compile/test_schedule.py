"""Orders of jobs, and the kernel that places them."""

from functools import cache

import numpy as np
import pytest

from graphs import GRAPHS, graph_model
from narrowcast.compile import HardwareOptions
from narrowcast.compile import schedule as scheduler
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.list_scheduler import NEVER, place_fastest
from narrowcast.compile.program import engine_graph
from narrowcast.compile.schedule import schedule
from narrowcast.compile.select import arrays
from narrowcast.compile.step_table import (
    READS_INPUTS,
    REASONS,
    WRITES_ROWS,
    Placed,
    StepRow,
    StepTable,
    step_array,
    step_table,
)
from narrowcast.compile.timing import MULTIPLIER_RING
from narrowcast.integer import Context, IntegerModel, Scores, analyse
from narrowcast.integer.builder import GraphBuilder, Role, Shape
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import load_device

SHAPES = (
    (Shape(5, 3, 8, heads=2), (8,), 1),
    (Shape(5, 3, 6, layers=2, heads=3, ffn_channels=9, outputs=3), (4, 8), 2),
    (Shape(9, 3, 8, heads=2), (4,), 2),
    (Shape(12, 7, 32), (4, 6, 8), None),
)
MOST_ORDERS = 8  # plain Python takes a while for each
OTHERS = ("rows_of_different_counts", "shared_keys")
SAMPLES = pytest.mark.parametrize("which", [*range(len(SHAPES)), *OTHERS])


def compiled(model: IntegerModel, ways: int | None) -> tuple[Compilation, LaneArray]:
    compilation = Compilation(engine_graph(analyse(model)), load_device("xc7s15"))
    return compilation, arrays(compilation, HardwareOptions(ways=ways))[0]


@cache
def sample(which: int | str) -> tuple[Compilation, LaneArray]:
    if isinstance(which, str):
        return compiled(graph_model(which), None)
    shape, bits, ways = SHAPES[which]
    return compiled(random_model(shape, bits, 1), ways)


def test_a_schedule_by_hand() -> None:
    """Two tokens of two inputs, three columns; see the clocks of ``timing``."""
    step = StepRow(
        **dict.fromkeys(StepRow._fields, 0)
        | {"reads": READS_INPUTS, "writes": WRITES_ROWS, "input_columns": 2, "input_rows": 1}
        | {
            "residual": -1,
            "output": 1,
            "output_parts": 1,
            "part_columns": 3,
            "after": 2,
            "ways": 1,
            "jobs": 2,
            "tiles": 1,
        }
        | {"inner": 2, "columns": 3, "capacity": 4, "period": 2, "issues": 2}
    )
    nothing = np.zeros(0, np.int64)
    units = {"latency": 6, "score_to_below": 5, "kept": False, "at_once": 1, "after_last": 1}
    table = StepTable(step_array([step]), nothing, 2, 2, 1, **units)
    cycles, placed = place_fastest(table, np.zeros((1, 1, 2), np.int64))
    # Token 0 is there in clock 1, can be read in 4, and waits 2 for the next job's word. Its last
    # pair is issued in 7, its sum is there in 13, taken from 15 on. Token 1 is there by then.
    assert placed.start.tolist() == [6, 10]
    assert placed.late.tolist() == [4, 0] and placed.wait.tolist() == [2, 2]
    assert placed.needs.tolist() == [1, 1]
    assert [REASONS[reason] for reason in placed.reason] == ["fetch", "fetch"]
    assert placed.values.tolist() == [16, 17, 18, 20, 21, 22]
    assert cycles == 22 + 12 + 1


@SAMPLES
def test_the_first_of_the_fastest_orders_is_taken(
    which: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compilation, array = sample(which)
    graph, steps = compilation.graph, compilation.steps(array)
    tried: list[np.ndarray] = []
    make = scheduler._orders

    def orders(*of_orders: object) -> np.ndarray:
        tried.append(make(*of_orders)[:MOST_ORDERS])
        return tried[-1]

    monkeypatch.setattr(scheduler, "_orders", orders)
    found = schedule(graph, array, steps, thorough=True)
    table = step_table(graph, array, steps)
    alone = [place_fastest(table, order[None]) for order in tried[0]]
    assert len(alone) > 3 and len({cycles for cycles, _ in alone}) > 1
    cycles = [cycles for cycles, _ in alone]
    assert found.cycles == min(cycles)
    first: Placed = alone[cycles.index(min(cycles))][1]
    assert [job.start for job in found.jobs] == first.start.tolist()
    assert [job.step for job in found.jobs] == first.step.tolist()
    assert [job.rows[0] for job in found.jobs] == first.row.tolist()
    assert [value for job in found.jobs for value in job.values] == first.values.tolist()
    fixed = schedule(graph, array, steps)
    assert found.cycles <= fixed.cycles == min(cycles[:3]) < NEVER


@SAMPLES
def test_a_schedule_is_the_same_every_time(which: int | str) -> None:
    compilation, array = sample(which)
    known = compilation.schedule(array)
    assert compilation.schedule(array) is known
    assert schedule(compilation.graph, array, compilation.steps(array)) == known


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_has_a_schedule(name: str) -> None:
    compilation, array = compiled(graph_model(name), None)
    found = compilation.schedule(array)
    rows = [(job.step, row) for job in found.jobs for row in job.rows]
    assert len(rows) == len(set(rows)) == sum(step.rows for step in found.steps)
    ends = [job.start + found.steps[job.step].issues for job in found.jobs]
    starts = [job.start for job in found.jobs]
    assert all(start >= end for end, start in zip(ends, starts[1:], strict=False))


def test_scores_do_not_take_the_place_of_a_multiplier_that_is_still_read() -> None:
    """Values come late: scores run ahead until the ring is full."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 24, 2), 2)
    key = g.linear("key", x, 2, role=Role.LANES)
    e = g.scores("scores", g.linear("query", x, 2), key)
    for i in range(8):
        x = g.linear(f"chain{i}", x, 30)
    context = g.context("context", e, g.linear("value", x, 2, role=Role.LANES))
    spec = g.build(g.linear("head", g.row_sum("pool", context), 1))
    compilation, array = compiled(random_graph(spec), 1)
    steps = compilation.steps(array)
    table = step_table(compilation.graph, array, steps)
    ranks = np.array([[step.name != "scores"] * table.tokens for step in steps], np.int64)
    _, placed = place_fastest(table, ranks[None])
    waiting: set[int] = set()
    most = 0
    for step, slot in zip(placed.step.tolist(), placed.slot.tolist(), strict=True):
        if isinstance(steps[step].source, Scores):
            assert slot not in waiting
            waiting.add(slot)
        elif isinstance(steps[step].source, Context):
            waiting.remove(slot)
        most = max(most, len(waiting))
    assert most == MULTIPLIER_RING
