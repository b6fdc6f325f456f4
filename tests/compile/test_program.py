from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_checker import ScheduleChecker

from graphs import GRAPHS, designs_of, drawn_model, graph_model, roomy
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.lanes import LaneKind, largest_group
from narrowcast.compile.program import Job
from narrowcast.compile.timing import MULTIPLIER_RING
from narrowcast.estimate import area
from narrowcast.integer import (
    Analysis,
    Context,
    Linear,
    RowSum,
    Scores,
    analyse,
)
from narrowcast.integer.builder import GraphBuilder, Role, Shape
from narrowcast.integer.random_model import random_graph, random_model
from narrowcast.targets.device import load_device

CHIPS = ("xc7s15", "xc7s25")


@st.composite
def shapes(draw: st.DrawFn, most_rows: int = 60) -> Shape:
    layers, heads = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return Shape(
        window=draw(st.integers(2, min(48, max(2, most_rows // (layers * heads))))),
        inputs=draw(st.integers(1, 9)),
        channels=heads * draw(st.integers(1, 64 // heads)),
        layers=layers,
        heads=heads,
        ffn_channels=draw(st.integers(1, 100)),
        outputs=draw(st.integers(1, 8)),
        seasons=draw(st.integers(0, 2)),
        known=draw(st.integers(0, 2)),
    )


BITS = st.lists(st.integers(2, 8), min_size=1, max_size=5).map(tuple)


@settings(max_examples=20)
@given(
    shapes(),
    BITS,
    st.sampled_from(CHIPS),
    st.integers(1, 2),
    st.integers(1, 12),
    st.sampled_from([None, False]),
    st.integers(0, 1000),
)
def test_every_access_finds_its_data(
    shape: Shape,
    bits: tuple[int, ...],
    chip: str,
    ways: int,
    pairs_of_columns: int,
    pairs: bool | None,
    seed: int,
) -> None:
    lanes = ways * 2 * min(pairs_of_columns, 5 if pairs is False else 12)
    options = HardwareOptions(lanes=lanes, ways=ways, pairs=pairs)
    design = compile_model(random_model(shape, bits, seed), roomy(chip), area, options)
    assert design.array.columns * ways == lanes == design.lanes
    ScheduleChecker(design).check()


@settings(max_examples=5)
@given(shapes(16), BITS, st.sampled_from(CHIPS), st.integers(0, 1000))
def test_every_access_of_the_default_array_finds_its_data(
    shape: Shape, bits: tuple[int, ...], chip: str, seed: int
) -> None:
    ScheduleChecker(compile_model(random_model(shape, bits, seed), roomy(chip), area)).check()


@pytest.mark.parametrize(
    ("shape", "bits", "lanes", "ways"),
    [
        (Shape(6, 7, 64), (8,), None, None),
        (Shape(24, 7, 16, layers=2, heads=2), (4, 8), None, None),
        (Shape(12, 7, 32), (4,), None, None),
        (Shape(47, 3, 24, heads=4), (3, 6), 24, 2),
        (Shape(33, 1, 4, ffn_channels=1), (8,), 2, 1),
        (Shape(2, 1, 4, ffn_channels=1, outputs=32), (2,), 40, 2),
    ],
)
def test_every_access_of_a_real_shape_finds_its_data(
    shape: Shape, bits: tuple[int, ...], lanes: int | None, ways: int | None
) -> None:
    model, options = random_model(shape, bits, 1), HardwareOptions(lanes=lanes, ways=ways)
    ScheduleChecker(compile_model(model, roomy(), area, options)).check()


@pytest.mark.parametrize("name", GRAPHS)
def test_every_access_of_a_graph_finds_its_data(name: str) -> None:
    for design in designs_of(graph_model(name)):
        ScheduleChecker(design).check()
        ScheduleChecker(design, derive=True).check()


@pytest.mark.parametrize("seed", range(40))
def test_every_access_of_a_drawn_graph_finds_its_data(seed: int) -> None:
    for design in designs_of(drawn_model(seed)):
        ScheduleChecker(design).check()
        ScheduleChecker(design, derive=True).check()


@pytest.mark.parametrize("name", ["chain", "shared_keys", "rows_of_output"])
def test_a_row_stays_while_tiles_read_it(name: str) -> None:
    """With one lane, a job's first results are stored long before its last tile has been read."""
    options = HardwareOptions(lanes=1, ways=1)
    ScheduleChecker(compile_model(graph_model(name), roomy(), area, options)).check()


def test_multipliers_of_rows_stay_until_they_are_read() -> None:
    """Scores run ahead of their context, whose values come late, as far as the ring holds."""
    g = GraphBuilder()
    x = g.linear("embed", g.input("input", 36, 2), 2)
    key = g.linear("key", x, 2, role=Role.LANES)
    e = g.scores("scores", g.linear("query", x, 2), key, 1)
    for name in ("one", "two", "three"):
        x = g.linear(name, x, 16)
    context = g.context("context", e, g.linear("value", x, 2, role=Role.LANES), 1)
    model = random_graph(g.build(g.linear("head", g.row_sum("pool", context), 2)), (3, 4, 6))
    design = compile_model(model, roomy(), area, HardwareOptions(lanes=8, ways=1))
    waiting: list[int] = []  # slots of rows whose context has not come
    most = 0
    for job in design.schedule.jobs:
        source = design.schedule.steps[job.step].source
        if isinstance(source, Scores):
            assert job.slot not in waiting
            waiting.append(job.slot)
            most = max(most, len(waiting))
        elif isinstance(source, Context):
            waiting.remove(job.slot)
    assert (waiting, most) == ([], MULTIPLIER_RING)
    ScheduleChecker(design).check()


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(each, marks=pytest.mark.long) for each in (50, 100, 150))]
)
def test_the_jobs_of_a_drawn_graph_never_wait_for_each_other(first: int) -> None:
    for seed in range(first, first + 50):
        design = compile_model(drawn_model(seed), roomy(), area)
        jobs = sum(len(job.rows) for job in design.schedule.jobs)
        assert jobs == sum(step.rows for step in design.schedule.steps)


# -------------------------------------------------------------------- the checker bites


@cache
def sample(index: int) -> Design:
    shape, bits, lanes, ways = (
        (Shape(5, 3, 8, heads=2), (8,), 4, 1),
        (Shape(7, 3, 12, layers=2, heads=3, ffn_channels=9), (4, 8), 8, 2),
        (Shape(20, 3, 8, heads=2), (4,), 16, 2),
        (Shape(12, 7, 32), (4, 6, 8), None, None),
    )[index]
    options = HardwareOptions(lanes=lanes, ways=ways)
    return compile_model(random_model(shape, bits, 1), roomy(), area, options)


SAMPLES = pytest.mark.parametrize("index", range(4))


def with_jobs(design: Design, jobs: list[Job], **changes: int) -> Design:
    schedule = replace(design.schedule, jobs=tuple(jobs), **changes)
    return replace(design, schedule=schedule)


def fault(design: Design, jobs: list[Job]) -> str | None:
    """What an engine would do wrong that runs these jobs with these waits."""
    try:
        ScheduleChecker(with_jobs(design, jobs), derive=True).check()
    except AssertionError as error:
        return str(error).splitlines()[0]
    return None


@SAMPLES
def test_a_schedule_is_what_comes_of_its_waits(index: int) -> None:
    design = sample(index)
    assert fault(design, list(design.schedule.jobs)) is None


@SAMPLES
def test_a_wait_less_is_seen(index: int) -> None:
    design = sample(index)
    jobs = list(design.schedule.jobs)
    tried = 0
    for i, job in enumerate(jobs):
        # a "fetch" shortens nothing, and a softmax keeps a clock in hand between two divisions
        if job.wait > 0 and job.reason in {"operand", "collector"}:
            less = [*jobs[:i], replace(job, wait=job.wait - 1), *jobs[i + 1 :]]
            assert fault(design, less) is not None, f"job {i} can start earlier: {job}"
            tried += 1
    assert tried >= 2


@SAMPLES
def test_no_wait_at_all_is_seen(index: int) -> None:
    design = sample(index)
    assert fault(design, [replace(job, wait=0) for job in design.schedule.jobs]) is not None


@SAMPLES
def test_a_job_before_what_it_reads_is_seen(index: int) -> None:
    design = sample(index)
    jobs, steps = list(design.schedule.jobs), design.schedule.steps
    swapped = 0
    for i, job in enumerate(jobs):
        if not isinstance(steps[job.step].source, Linear):
            continue
        for k in range(i + 1, min(i + 30, len(jobs))):
            after = steps[jobs[k].step].source
            reads = after.operand == steps[job.step].source.output
            if reads and set(jobs[k].rows) & set(job.rows):
                order = list(jobs)
                order[i], order[k] = jobs[k], job
                message = fault(design, order)
                assert message is not None, (i, k)
                swapped += 1
                break
    assert swapped >= 5


@SAMPLES
def test_claims_that_are_not_kept_are_seen(index: int) -> None:
    design = sample(index)
    jobs = list(design.schedule.jobs)
    middle = len(jobs) // 2
    early = replace(jobs[middle], start=jobs[middle].start - 1)
    last = jobs[-1].values
    wrong = replace(jobs[-1], values=(*last[:-1], last[-1] + 1))
    for changed, message in (
        (with_jobs(design, [*jobs[:middle], early, *jobs[middle + 1 :]]), "starts at"),
        (with_jobs(design, [*jobs[:-1], wrong]), f"job {len(jobs) - 1}"),
        (with_jobs(design, jobs, cycles=design.cycles - 1), "cycles"),
        (with_jobs(design, [*jobs[:middle], *jobs[middle + 1 :]]), "rows that no job makes"),
        (with_jobs(design, [*jobs, jobs[-1]]), "made twice"),
    ):
        with pytest.raises(AssertionError, match=message):
            ScheduleChecker(changed).check()


@SAMPLES
def test_rows_in_one_place_are_seen(index: int) -> None:
    """Rows that live together in one place; a multiplier from another row's place."""
    design = sample(index)
    jobs = design.schedule.jobs
    together = replace(design.addresses, rows=dict.fromkeys(design.addresses.rows, 0))
    with pytest.raises(AssertionError):
        ScheduleChecker(replace(design, addresses=together)).check()
    for i, job in enumerate(jobs):
        if isinstance(design.schedule.steps[job.step].source, Context):
            moved = [*jobs[:i], replace(job, slot=(job.slot + 1) % 16), *jobs[i + 1 :]]
            with pytest.raises(AssertionError, match=r"ring|multiplier"):
                ScheduleChecker(with_jobs(design, moved)).check()
            break


@SAMPLES
def test_a_word_that_is_read_while_it_is_written_is_seen(index: int) -> None:
    """Also one that is not used: that of another lane than the operand's."""
    checker = ScheduleChecker(sample(index))
    checker.check()
    for store in ("scratch", "keys", "values"):
        place = next(each for each in checker.writes if each[0] == store)
        readable, element = checker.writes[place][0]
        other = (*place[:2], (place[2] + 1) % checker.array.columns, place[3])
        checker.reads = [(readable - 1, place if store == "scratch" else other, element)]
        with pytest.raises(AssertionError, match="is written while"):
            checker.check_collisions()


# -------------------------------------------------------------------- modes


def test_narrow_steps_share_a_block() -> None:
    design = compile_model(random_model(Shape(12, 7, 32), (4,), 0), load_device("xc7s15"), area)
    assert design.array.kinds[0] == LaneKind.PAIRS
    assert not design.array.grouped
    for step in design.schedule.steps:
        assert (step.mode.stride, step.mode.group) == (1, step.inner)


def test_wide_products_take_the_upper_lane_only() -> None:
    """The head's operand is a sum of all tokens: too wide a product to stand below another."""
    design = compile_model(random_model(Shape(24, 7, 32), (8,), 0), load_device("xc7s15"), area)
    modes = {s.name: s.mode for s in design.schedule.steps}
    assert modes["head"].stride == 2
    assert not modes["head"].both
    assert all(mode.stride == 1 for name, mode in modes.items() if name != "head")
    head = design.schedule.steps[-1]
    assert head.capacity == design.array.columns // 2


def test_a_narrow_second_way_takes_what_fits() -> None:
    model = random_model(Shape(12, 7, 32), (4, 8), 3)
    design = compile_model(model, roomy(), area, HardwareOptions(ways=2))
    array, analysis = design.array, design.graph.analysis
    assert array.ways == 2
    seen = set()
    for step in design.schedule.steps:
        operands = analysis.operands[step.source.name]
        fits = operands.w_bits <= array.narrow_w and operands.x_bits <= array.narrow_x
        if isinstance(step.source, Linear) and step.mode.stride == 1:
            assert step.mode.both == (fits and step.rows > 1)
        seen.add((step.mode.both, fits))
    assert len(seen) > 1
    for job in design.schedule.jobs:
        assert len(job.rows) == (2 if design.schedule.steps[job.step].mode.both else 1)


@settings(max_examples=10)
@given(shapes(20), BITS, st.sampled_from(CHIPS), st.integers(1, 2), st.integers(0, 1000))
def test_modes_are_safe(
    shape: Shape, bits: tuple[int, ...], chip: str, ways: int, seed: int
) -> None:
    options = HardwareOptions(lanes=8 * ways, ways=ways)
    check_modes(compile_model(random_model(shape, bits, seed), roomy(chip), area, options))


@pytest.mark.parametrize("name", GRAPHS)
def test_modes_of_a_graph_are_safe(name: str) -> None:
    for design in designs_of(graph_model(name)):
        check_modes(design)


def check_modes(design: Design) -> None:
    array, analysis = design.array, design.graph.analysis
    ends = {each.tensor for each in design.graph.model.outputs}
    modes = {step.source.name: step.mode for step in design.schedule.steps}
    for step in analysis.products:
        mode, operands = modes[step.name], analysis.operands[step.name]
        if mode.both:
            assert array.ways == 2 and mode.stride == 1
            assert operands.x_bits <= array.narrow_x and operands.w_bits <= array.narrow_w
            assert analysis.rows(step) > 1 and step.output not in ends
        if mode.stride == 2 or mode.group < operands.inner:
            assert LaneKind.PAIRS in array.kinds
        if not isinstance(step, Linear):
            assert mode.stride == 1  # caches have a lane for every column
        if isinstance(step, Scores):
            assert modes[analysis.context_of(step).name].both == mode.both
    grouped = {n for n, mode in modes.items() if mode.group < analysis.operands[n].inner}
    on_the_way = {step.name for step in design.graph.runs.values()}
    assert bool(grouped - on_the_way) <= array.grouped <= bool(grouped)


def sums(analysis: Analysis, step: Linear, group: int, random: np.random.Generator) -> np.ndarray:
    """Sums of every group of a step's products, for random operands and for the worst ones."""
    t, w = analysis.model.tensors[step.operand], analysis.model.arrays[step.weights]
    producer, rows = analysis.producers.get(step.operand), 1
    if isinstance(producer, RowSum):
        t = analysis.model.tensors[producer.operand]
        rows = t.rows
    x = random.integers(t.low, t.high + 1, (20, 1, t.columns)) - t.zero_point
    far, near = max(t.high - t.zero_point, 0), min(t.low - t.zero_point, 0)
    high, low = np.where(w > 0, far, near), np.where(w > 0, near, far)
    products = rows * np.concatenate([x * w, (high * w)[None], (low * w)[None]])
    return np.add.reduceat(products, range(0, t.columns, group), axis=2)


@settings(max_examples=60)
@given(shapes(), BITS, st.integers(12, 23), st.integers(0, 1000))
def test_groups_always_fit_the_field(
    shape: Shape, bits: tuple[int, ...], field: int, seed: int
) -> None:
    analysis, random = analyse(random_model(shape, bits, seed)), np.random.default_rng(seed)
    least, most = -(1 << (field - 1)), (1 << (field - 1)) - 1

    def fits(step: Linear, group: int) -> bool:
        found = sums(analysis, step, group, random)
        return bool(found.min() >= least and found.max() <= most)

    tensors = analysis.model.tensors
    for step in analysis.products:
        operands = analysis.operands[step.name]
        group = largest_group(operands, field)
        if isinstance(step, Linear):
            if group > 0:
                assert fits(step, group)
            if group < operands.inner:  # ... and no larger group does
                assert not fits(
                    step, operands.inner if 2 * group >= operands.inner else max(1, 2 * group)
                )
            continue
        x = tensors[step.operand]
        cached = tensors[step.key if isinstance(step, Scores) else step.value]
        far = max(x.high - x.zero_point, x.zero_point - x.low)
        assert group * far * cached.high <= most
        if group < operands.inner:
            assert min(max(1, 2 * group), operands.inner) * far * cached.high > most


# -------------------------------------------------------------------- steps, cycles


def test_heads_become_steps() -> None:
    model = random_model(Shape(4, 3, 8, layers=2, heads=2), (8,), 0)
    design = compile_model(model, load_device("xc7s15"), area, HardwareOptions(lanes=8, ways=1))
    names = [step.name for step in design.schedule.steps]
    assert names[:8] == [
        "embed",
        "layers.0.key",
        "layers.0.query",
        "layers.0.value",
        "layers.0.scores.0",
        "layers.0.context.0",
        "layers.0.scores.1",
        "layers.0.context.1",
    ]
    assert names[-1] == "head" and len(set(names)) == len(names) == 22


@settings(max_examples=10)
@given(shapes(20), BITS, st.integers(1, 2), st.integers(1, 6), st.integers(0, 1000))
def test_costs_add_up(shape: Shape, bits: tuple[int, ...], ways: int, half: int, seed: int) -> None:
    model = random_model(shape, bits, seed)
    options = HardwareOptions(lanes=2 * half * ways, ways=ways)
    check_costs(compile_model(model, roomy(), area, options))


@pytest.mark.parametrize("name", GRAPHS)
def test_costs_of_a_graph_add_up(name: str) -> None:
    for design in designs_of(graph_model(name)):
        check_costs(design)


def check_costs(design: Design) -> None:
    costs = design.steps
    assert sum(cost.cycles for cost in costs) == design.cycles
    assert sum(cost.macs for cost in costs) == design.graph.model.macs >= design.model.macs
    assert design.utilisation == design.model.macs / (design.lanes * design.cycles)
    assert sum(cost.macs for cost in costs) <= design.lanes * design.cycles
    last = costs.pop()
    assert last.name == "results" and last.lost == {"pipeline": last.cycles}
    assert 0 < last.cycles < 33 + design.model.output_words
    for index, (cost, step) in enumerate(zip(costs, design.schedule.steps, strict=True)):
        jobs = sum(job.step == index for job in design.schedule.jobs)
        assert sum(cost.lost.values()) + jobs * step.tiles * step.inner == cost.cycles
        assert all(clocks > 0 for clocks in cost.lost.values())
        assert cost.utilisation == pytest.approx(cost.macs / (cost.cycles * design.lanes))
        assert 0 < cost.utilisation <= 1


@pytest.mark.parametrize(("window", "channels"), [(6, 8), (6, 32), (12, 16), (12, 64), (24, 8)])
def test_fewer_bits_are_never_slower(window: int, channels: int) -> None:
    cycles = [
        compile_model(
            random_model(Shape(window, 7, channels), (bits,), 0), load_device("xc7s15"), area
        ).cycles
        for bits in (4, 6, 8)
    ]
    assert cycles == sorted(cycles)
    if channels >= 32:
        assert cycles[0] <= 0.6 * cycles[2]


@pytest.mark.parametrize("heads", [1, 2])
def test_more_lanes_are_not_slower(heads: int) -> None:
    model = random_model(Shape(8, 4, 32, heads=heads), (8,), 0)
    cycles = [
        compile_model(model, roomy(), area, HardwareOptions(lanes=lanes, ways=1)).cycles
        for lanes in (2, 4, 8, 16, 32)
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > 8 * cycles[-1]


@pytest.mark.parametrize(
    ("shape", "bits", "most"),
    [
        (Shape(6, 7, 64), 8, 11_000),
        (Shape(12, 7, 64), 6, 20_000),
        (Shape(12, 7, 32), 4, 5_500),
    ],
)
def test_cycles_of_the_published_shapes(shape: Shape, bits: int, most: int) -> None:
    model = random_model(shape, (bits,), 0)
    assert compile_model(model, load_device("xc7s15"), area).cycles <= most
