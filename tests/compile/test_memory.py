from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.compile import Buffer, Design, compile_model
from narrowcast.compile.memory import (
    allocate_scratch,
    cut_bank,
    ram_luts,
    ramb18_of,
    rom_luts,
)
from narrowcast.compile.program import schedule, token_tensors
from narrowcast.device import load_device
from narrowcast.integer import Context, IntegerModel, Linear, Scores
from narrowcast.integer.random_model import Shape, random_model

ROOMY = replace(load_device("xc7s15"), lut=10**6, ff=10**6, blocks=2000, dsp=1000)
KINDS = {
    "weights": ("weights",),
    "activations": ("scratch", "tokens"),
    "keys": ("keys",),
    "values": ("values",),
    "parameters": ("biases", "multipliers", "residuals"),
    "exponentials": ("exponentials",),
}

MODELS = st.builds(
    lambda window, inputs, heads, size, layers, ffn, seed: random_model(
        Shape(window, inputs, heads * size, layers, heads, ffn), (2, 4, 8), seed
    ),
    st.integers(2, 8),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(0, 1000),
)


def lifetimes(model: IntegerModel) -> dict[str, tuple[int, int, int]]:
    """Words, first writer and last reader (as indices of the model's steps) of scratch tensors."""
    elsewhere = token_tensors(model) | {model.output}
    elsewhere |= {s.key for s in model.steps if isinstance(s, Scores)}
    elsewhere |= {s.value for s in model.steps if isinstance(s, Context)}
    result = {}
    for t in model.tensors.values():
        if t.name in elsewhere:
            continue
        writer = next((i for i, s in enumerate(model.steps) if s.output == t.name), -1)
        reader = max(i for i, s in enumerate(model.steps) if s.operand == t.name)
        rows = t.rows
        if writer >= 0 and isinstance(source := model.steps[writer], Scores):
            rows //= source.heads
        result[t.name] = rows * t.columns, writer, reader
    return result


@settings(max_examples=60, deadline=None)
@given(MODELS, st.integers(1, 8))
def test_tensors_that_live_together_do_not_overlap(model: IntegerModel, lanes: int) -> None:
    base, words = allocate_scratch(model, schedule(model, lanes)[0])
    lives = lifetimes(model)
    assert set(base) == set(lives)
    for name, (size, _, _) in lives.items():
        assert base[name] >= 0 and base[name] + size <= words
    for a, b in combinations(lives, 2):
        (size_a, begin_a, end_a), (size_b, begin_b, end_b) = lives[a], lives[b]
        if begin_a <= end_b and begin_b <= end_a:
            assert base[a] + size_a <= base[b] or base[b] + size_b <= base[a], (a, b)


def test_a_layer_more_needs_no_scratch_more() -> None:
    sizes = []
    for layers in (1, 2, 4):
        model = random_model(Shape(6, 3, 16, layers=layers, heads=2), (8,), 0)
        sizes.append(allocate_scratch(model, schedule(model, 8)[0])[1])
    assert len(set(sizes)) == 1
    assert sizes[0] == 6 * 64  # the widest tensor, ffn_up, and nothing beside it


@settings(max_examples=60, deadline=None)
@given(MODELS, st.integers(1, 8), st.integers(0, 40))
def test_block_memory_stays_within_the_budget(model: IntegerModel, lanes: int, bram36: int) -> None:
    device = replace(ROOMY, blocks=2 * bram36)
    design = compile_model(model, device, lanes)
    assert sum(b.ramb18 for b in design.buffers) <= 2 * bram36
    for buffer in design.buffers:
        check_buffer(buffer)


def check_buffer(buffer: Buffer) -> None:
    assert buffer.storage in ("block", "distributed", "mixed")
    assert (buffer.ramb18 == 0) == (buffer.storage == "distributed")
    assert (buffer.luts == 0) == (buffer.storage == "block")
    if buffer.storage == "block" and buffer.copies * ramb18_of(buffer.words, buffer.width):
        most = buffer.copies * -(-buffer.words // 512) * -(-buffer.width // 18)
        assert buffer.ramb18 <= most


@pytest.mark.parametrize("choice", ["block", "distributed"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_user_s_choice_is_obeyed(kind: str, choice: str) -> None:
    model = random_model(Shape(6, 3, 16, heads=2), (4, 8), 1)
    design = compile_model(model, ROOMY, 5, {kind: choice})
    asked = [b for b in design.buffers if b.name.startswith(KINDS[kind])]
    assert asked
    assert {b.storage for b in asked} == {choice}
    for buffer in asked:
        check_buffer(buffer)


def test_choices_stand_beside_auto() -> None:
    model = random_model(Shape(6, 3, 32), (8,), 1)
    everything = dict.fromkeys(KINDS, "distributed")
    plain = compile_model(model, ROOMY, 8, everything)
    assert sum(b.ramb18 for b in plain.buffers) == 0
    blocks = compile_model(model, ROOMY, 8, {**everything, "weights": "block"})
    assert [b.name for b in blocks.buffers if b.ramb18] == ["weights, 8 bit"]
    assert blocks.luts < plain.luts


def test_every_lane_has_a_cache_of_its_own() -> None:
    design = compile_model(random_model(Shape(6, 3, 16), (8,), 1), ROOMY, 5)
    by_name = {b.name: b for b in design.buffers}
    assert by_name["keys"].copies == by_name["values"].copies == 5
    assert by_name["keys"].words == 2 * 16  # 6 keys on 5 lanes, 16 channels each
    assert by_name["values"].words == 4 * 6  # 16 channels on 5 lanes, 6 tokens each


@given(st.integers(1, 20_000), st.integers(1, 160))
def test_segments_cover_a_bank(words: int, width: int) -> None:
    segments = cut_bank(3, words, width)
    at = 0
    for segment in segments:
        assert (segment.bank, segment.first, segment.width) == (3, at, width)
        assert segment.words > 0 and segment.columns == 0
        assert segment.first % 512 == 0
        # a column of a segment is one RAMB18
        assert ramb18_of(segment.words, segment.column_bits) == 1
        at += segment.words
    assert at == words


@settings(max_examples=40, deadline=None)
@given(MODELS, st.integers(1, 8))
def test_segments_hold_all_weights(model: IntegerModel, lanes: int) -> None:
    design = compile_model(model, ROOMY, lanes)
    assert sum(s.words for s in design.plan.segments) == weight_words(design)
    for segment in design.plan.segments:
        assert segment.width == lanes * design.bank_bits[segment.bank]
        assert 0 <= segment.columns <= -(-segment.width // segment.column_bits)
        assert 0 <= segment.block_bits <= segment.width


def weight_words(design: Design) -> int:
    shapes = [
        design.model.arrays[s.weights].shape for s in design.model.steps if isinstance(s, Linear)
    ]
    return sum(-(-columns // design.lanes) * inner for columns, inner in shapes)


@pytest.mark.parametrize(
    ("words", "width", "blocks"),
    [(1024, 18, 1), (512, 36, 1), (2048, 9, 1), (1024, 19, 2), (513, 36, 2), (16, 37, 2)],
)
def test_ramb18_shapes(words: int, width: int, blocks: int) -> None:
    assert ramb18_of(words, width) == blocks


def test_look_up_tables_of_memories() -> None:
    assert rom_luts(64, 10) == 10
    assert rom_luts(1024, 8) > 16 * 8  # 16 tables a bit, and a choice among them
    assert ram_luts(32, 6) == 4
    assert ram_luts(64, 3) == 4
    assert ram_luts(128, 3) > 2 * ram_luts(64, 3)


def test_the_budget_of_a_real_device_is_used() -> None:
    device = load_device("xc7s15")
    design = compile_model(random_model(Shape(6, 7, 64), (8,), 1), device)
    blocks = sum(b.ramb18 for b in design.buffers)
    assert 2 * device.bram36 - 1 <= blocks <= 2 * device.bram36
