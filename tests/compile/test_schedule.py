import subprocess
import sys

import numpy as np
import pytest

from narrowcast.compile import schedule as scheduler
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.list_scheduler import NEVER, place_fastest
from narrowcast.compile.program import lay_out
from narrowcast.compile.schedule import fewest_cycles, schedule
from narrowcast.compile.select import HardwareOptions, arrays
from narrowcast.compile.step_table import (
    FROM_INPUTS,
    REASONS,
    TO_ROWS,
    Placed,
    StepRow,
    StepTable,
    step_array,
    step_table,
)
from narrowcast.integer import IntegerModel
from narrowcast.integer.random_model import Shape, random_model
from narrowcast.targets.device import load_device

SHAPES = (
    (Shape(5, 3, 8, heads=2), (8,), 1),
    (Shape(7, 3, 12, layers=2, heads=3, ffn_channels=9, outputs=3), (4, 8), 2),
    (Shape(20, 3, 8, heads=2), (4,), 2),
    (Shape(12, 7, 32), (4, 6, 8), None),
)


def sample(index: int) -> tuple[IntegerModel, LaneArray]:
    shape, bits, ways = SHAPES[index]
    model = random_model(shape, bits, 1)
    return model, arrays(model, load_device("xc7s15"), HardwareOptions(ways=ways))[0]


def test_a_schedule_by_hand() -> None:
    """Two tokens of two inputs, three columns; see the clocks of ``timing``."""
    step = StepRow(
        *(FROM_INPUTS, TO_ROWS, 0, 1, 1, 0, 0, -1),
        **{"rows": 2, "ways": 1, "tiles": 1, "inner": 2, "columns": 3, "capacity": 4},
        **{"period": 2, "issues": 2, "scored_before": 0, "contexts_before": 0},
    )
    table = StepTable(step_array([step]), 2, 2, 1, 1, 2, 3, 6)
    cycles, placed = place_fastest(table, np.zeros((1, 1, 2), np.int64))
    # Token 0 is there in clock 1, can be read in 4, and waits 2 for the next job's word. Its last
    # pair is issued in 7, its sum is there in 13, taken from 15 on. Token 1 is there by then.
    assert placed.start.tolist() == [6, 10]
    assert placed.late.tolist() == [4, 0] and placed.wait.tolist() == [2, 2]
    assert [REASONS[reason] for reason in placed.reason] == ["fetch", "fetch"]
    assert placed.values.tolist() == [16, 17, 18, 20, 21, 22]
    assert cycles == 22 + 12 + 1


@pytest.mark.parametrize("index", range(len(SHAPES)))
def test_the_first_of_the_fastest_orders_is_taken(
    index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, array = sample(index)
    tried: list[np.ndarray] = []
    make = scheduler._orders

    def orders(*of_orders: object) -> np.ndarray:
        tried.append(make(*of_orders))
        return tried[-1]

    monkeypatch.setattr(scheduler, "_orders", orders)
    monkeypatch.setattr(scheduler, "_found", {})
    found = schedule(model, array, thorough=True)
    table = step_table(model, array, lay_out(model, array))
    alone = [place_fastest(table, order[None]) for order in tried[0]]
    assert len(alone) > 20 and len({cycles for cycles, _ in alone}) > 3
    cycles = [cycles for cycles, _ in alone]
    assert found.cycles == min(cycles) == fewest_cycles(model, array, thorough=True)
    first: Placed = alone[cycles.index(min(cycles))][1]
    assert [job.start for job in found.jobs] == first.start.tolist()
    assert [job.step for job in found.jobs] == first.step.tolist()
    assert [job.rows[0] for job in found.jobs] == first.row.tolist()
    assert [value for job in found.jobs for value in job.values] == first.values.tolist()
    fixed = fewest_cycles(model, array)
    assert found.cycles <= fixed == min(cycles[:3]) < NEVER


@pytest.mark.parametrize("index", range(len(SHAPES)))
def test_what_is_known_is_what_would_be_found(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    known = schedule(*sample(index))
    assert schedule(*sample(index)) == known
    monkeypatch.setattr(scheduler, "_found", {})
    assert schedule(*sample(index)) == known


def test_numba_is_imported_for_schedules_only() -> None:
    code = "import sys, narrowcast.compile; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
