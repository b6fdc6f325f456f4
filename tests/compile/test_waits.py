"""Steps that wait for each other's memory: no order of the jobs ends in a deadlock."""

import numpy as np
import pytest

from graphs import GRAPHS, drawn_model, graph_model, roomy
from narrowcast.compile import HardwareOptions, list_scheduler
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.list_scheduler import NEVER, _Open, place_fastest
from narrowcast.compile.program import ProgramStep, engine_graph
from narrowcast.compile.select import arrays
from narrowcast.compile.step_table import StepTable, step_table
from narrowcast.compile.waits import memory_waits
from narrowcast.integer import IntegerModel, Scores, analyse


def table_of(model: IntegerModel) -> tuple[tuple[ProgramStep, ...], StepTable]:
    compilation = Compilation(engine_graph(analyse(model)), roomy())
    array = arrays(compilation, HardwareOptions(lanes=8))[0]
    steps = compilation.steps(array)
    return steps, step_table(compilation.graph, array, steps)


def check_any_order(model: IntegerModel, seed: int) -> None:
    """Place the jobs by ranks that nobody would choose: forwards, backwards and drawn."""
    steps, table = table_of(model)
    random = np.random.default_rng(seed)
    number, scores = np.arange(len(steps)), [isinstance(s.source, Scores) for s in steps]
    by_step = [number, -number, np.where(scores, -number, number)]
    by_step += [np.where(scores, 0, 1), *(random.permutation(number) for _ in range(4))]
    for ranks in by_step:
        order = np.repeat(ranks[:, None], table.tokens, axis=1).astype(np.int64)
        cycles, placed = place_fastest(table, order[None])
        assert cycles < NEVER, ranks
        assert placed.ways.sum() == sum(step.rows for step in steps)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_runs_in_any_order(name: str) -> None:
    check_any_order(graph_model(name), 0)


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_drawn_graph_runs_in_any_order(first: int) -> None:
    for seed in range(first, first + 50):
        check_any_order(drawn_model(seed, operations=14, most_rows=24), seed)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_a_job_comes_as_early_as_if_all_steps_were_looked_at(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler looks at a step again only after a step that it depends on."""
    models = [drawn_model(seed, operations=14, most_rows=24) for seed in range(first, first + 20)]
    tables = [table_of(model)[1] for model in [*models, *map(graph_model, GRAPHS)]]
    orders = [np.zeros((1, len(table.steps), table.tokens), np.int64) for table in tables]
    found = list(map(place_fastest, tables, orders))

    def all_depend_on_all(table: StepTable) -> _Open:
        steps = len(table.steps)
        each = np.tile(np.arange(steps), steps)
        return _Open(
            np.zeros(steps, np.bool_), np.zeros(2, int), steps * np.arange(steps + 1), each
        )

    monkeypatch.setattr(list_scheduler, "_all_open", all_depend_on_all)
    for (cycles, placed), table, order in zip(found, tables, orders, strict=True):
        other_cycles, others = place_fastest(table, order)
        assert cycles == other_cycles
        assert all(map(np.array_equal, placed, others))


def waits_of(name: str) -> dict[str, set[str]]:
    compilation = Compilation(engine_graph(analyse(graph_model(name))), roomy())
    steps = compilation.steps(arrays(compilation, HardwareOptions())[0])
    waits = memory_waits(compilation.graph, steps)
    return {
        step.name: {steps[index].name for index in before}
        for step, before in zip(steps, waits, strict=True)
        if before
    }


def test_scores_wait_for_values_that_other_scores_precede() -> None:
    """The region of the values, or the values themselves, need another attention first."""
    assert waits_of("query_and_values_of_a_context")["scores2"] == {"value2"}
    assert waits_of("values_behind_another_attention")["scores"] == {"value"}
    assert waits_of("shared_keys_two_values")["scores1.0"] == {"value1"}


def test_scores_do_not_wait_where_all_other_scores_are_over() -> None:
    for name in ("no_residual", "rows_of_output", "two_inputs"):
        assert waits_of(name) == {}
    found = waits_of("rows_of_different_counts")  # one attention after the other
    assert found.keys() == {
        f"{name}.{made}" for name in ("self", "last") for made in ("key", "value")
    }
