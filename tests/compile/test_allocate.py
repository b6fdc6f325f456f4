"""Where everything that is written lies: nothing is overwritten that is still to be read."""

from collections import Counter
from collections.abc import Iterator

import pytest

from graphs import GRAPHS, designs_of, drawn_model, graph_model, roomy
from narrowcast.compile import Design, HardwareOptions, compile_model
from narrowcast.compile.allocate import key_stride
from narrowcast.compile.program import Job, Store
from narrowcast.estimate import area
from narrowcast.integer import Context, IntegerModel, Linear, Scores
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model

Place = tuple[str, int, int]  # tensor, head, row of the stores; keys and values lie as a whole


def place_of(design: Design, name: str, head: int, token: int) -> Place:
    if design.graph.stores[name] in (Store.KEYS, Store.VALUES):
        return design.graph.whole(name), 0, 0
    return name, head, token // design.array.tokens


def reads(design: Design, job: Job) -> Iterator[Place]:
    """Yield what a job reads."""
    step = design.schedule.steps[job.step]
    source, token = step.source, job.rows[0]
    head = step.head if isinstance(source, Context) else 0
    yield place_of(design, source.operand, head, token)
    match source:
        case Linear() if source.residual is not None and source.residual_element is None:
            yield place_of(design, source.residual, 0, token)
        case Scores():
            yield place_of(design, source.key, 0, 0)
        case Context():
            yield place_of(design, source.value, 0, 0)


def words(design: Design, place: Place) -> tuple[Store, list[int]]:
    """Return the store and the words of a place; none where it is not for allocation to say."""
    name, store, addresses = place[0], design.graph.stores[place[0]], design.addresses
    tensor, columns = design.graph.model.tensors[name], design.array.columns
    rows, at_once = -(-tensor.rows // design.array.tokens), design.array.at_once
    match store:
        case Store.KEYS:
            first, stride = addresses.keys[name], key_stride(design.graph, tensor, design.array)
            keys, own = range(-(-tensor.rows // columns // at_once)), -(-tensor.columns // at_once)
            return store, [first + stride * i + c for i in keys for c in range(own)]
        case Store.VALUES:
            (heads,) = {step.heads for step in design.graph.analysis.readers[name]}  # type: ignore[union-attr]
            tiles = -(-tensor.columns // heads // columns // at_once)
            first, count = addresses.values[name], heads * tiles * rows
        case Store.SCRATCH | Store.TOKENS:
            first, count = addresses.rows[place], -(-tensor.columns // at_once)
        case _:
            first = count = 0
    return store, list(range(first, first + count))


def check_places(design: Design) -> None:
    """Walk the jobs: whoever writes a word finds nobody's number there that is still to be read."""
    jobs, steps = design.schedule.jobs, design.schedule.steps
    left = Counter(place for job in jobs for place in reads(design, job))  # reads still to come
    owners: dict[tuple[Store, int], Place] = {}
    for job in jobs:
        left.subtract(reads(design, job))
        source, head = steps[job.step].source, steps[job.step].head
        made = place_of(design, source.output, head * isinstance(source, Scores), job.rows[0])
        store, own = words(design, made)
        for word in own:
            owner = owners.setdefault((store, word), made)
            assert owner == made or left[owner] == 0, (owner, made)
            owners[store, word] = made
    addresses = design.addresses
    for store, size in (
        (Store.SCRATCH, addresses.scratch_words),
        (Store.TOKENS, addresses.token_words),
        (Store.KEYS, addresses.key_words),
        (Store.VALUES, addresses.value_words),
    ):
        used = {word for of, word in owners if of == store}
        assert used == set(range(size)) or (store == Store.SCRATCH and not used and size == 1)


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_that_lives_is_overwritten(name: str) -> None:
    for design in designs_of(graph_model(name)):
        check_places(design)


@pytest.mark.parametrize(
    "seed", [*range(20), *(pytest.param(each, marks=pytest.mark.long) for each in range(20, 40))]
)
def test_nothing_that_lives_is_overwritten_in_drawn_graphs(seed: int) -> None:
    for design in designs_of(drawn_model(seed)):
        check_places(design)


def test_inputs_lie_one_behind_the_other() -> None:
    for design in designs_of(graph_model("two_inputs")):
        ways, (now, before) = design.array.ways, design.graph.model.input_tensors
        ends = -(-now.rows // ways) * now.columns
        assert design.addresses.inputs == {"now": 0, "before": ends}
        assert design.addresses.input_words == ends + -(-before.rows // ways) * before.columns


def compiled(model: IntegerModel, ways: int) -> Design:
    return compile_model(model, roomy(), area, HardwareOptions(lanes=8 * ways, ways=ways))


@pytest.mark.parametrize("ways", [1, 2])
def test_a_sum_takes_the_place_of_its_residual(ways: int) -> None:
    model = random_model(Shape(6, 3, 16), (8,), 0)
    design = compiled(model, ways)
    rows = design.addresses.rows
    stream = ("embed", "layers.0.attention_out", "layers.0.ffn_down")
    made = [name for name in stream if design.graph.stores[f"{name}.output"] == Store.TOKENS]
    assert made[:2] == ["embed", "layers.0.attention_out"]
    for row in range(6 // ways):
        assert len({rows[f"{name}.output", 0, row] for name in made}) == 1
    assert design.addresses.token_words == 6 // ways * 16


@pytest.mark.parametrize("ways", [1, 2])
def test_a_residual_that_is_read_again_keeps_its_place(ways: int) -> None:
    design = compiled(graph_model("residual_twice"), ways)
    rows = design.addresses.rows
    for row in range(6 // ways):
        x, a, b = (rows[f"{name}.output", 0, row] for name in ("embed", "a", "b"))
        assert x != a
        assert x == b  # which is the last to read it


def test_a_layer_more_needs_no_memory_more() -> None:
    sizes = []
    for layers in (1, 2, 3):
        model = random_model(Shape(6, 3, 16, layers=layers, heads=2), (8,), 0)
        sizes.append(compiled(model, 1).addresses)
    assert max(each.scratch_words for each in sizes) <= 2 * sizes[0].scratch_words
    assert max(each.scratch_words for each in sizes) < 6 * 64  # no tensor lies there as a whole
    for each in sizes:
        assert (each.key_words, each.value_words) == (sizes[0].key_words, sizes[0].value_words)


def test_keys_of_attentions_that_overlap_lie_apart() -> None:
    graph = compiled(graph_model("values_behind_another_attention"), 1).graph
    assert graph.key_regions == (("key.output",), ("a.key.output",))
    assert graph.value_regions == (("value.output",), ("a.value.output",))
    graph = compiled(graph_model("rows_of_different_counts"), 1).graph
    assert graph.key_regions == (("many.key.output", "self.key.output", "last.key.output"),)


def test_a_region_is_as_large_as_its_largest_tensor() -> None:
    design = compiled(graph_model("rows_of_different_counts"), 1)
    assert set(design.addresses.keys.values()) == {0}
    assert design.addresses.key_words == 8  # 7 keys of 8 columns, one in each of 8 lanes


def test_states_lie_apart_and_keys_at_one_distance() -> None:
    design = compile_model(graph_model("stream"), roomy(), area, HardwareOptions(lanes=2, ways=1))
    addresses, graph = design.addresses, design.graph
    assert graph.key_regions == (("keys0.output",), ("keys1.output",))
    assert addresses.keys == {"keys0.output": 0, "keys1.output": 8}
    assert addresses.key_words == 3 * 16  # five keys of both, two in each word of the lanes
    assert addresses.values == {"values0.output": 0, "values1.output": 20}  # 2 x 2 tiles x 5
    assert addresses.value_words == 20 + 4 * 5
