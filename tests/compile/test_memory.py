from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.compile import Buffer, Design, HardwareOptions, compile_model
from narrowcast.compile.memory import (
    assign_storage,
    blocks_of,
    cut_bank,
    rom_blocks,
    stored_bits,
)
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel, Linear
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model
from narrowcast.targets.device import Device, load_device

DEVICE = load_device("xc7s15")
ROOMY = replace(DEVICE, lut=10**6, ff=10**6, blocks=2000)
SHAPES = DEVICE.block_shapes
KINDS = {
    "weights": ("weights",),
    "activations": ("inputs", "scratch", "tokens", "residuals", "pool"),
    "keys": ("keys",),
    "values": ("values",),
    "softmax": ("scores", "row multipliers"),
    "parameters": ("biases", "positions", "multipliers", "residual multipliers"),
    "exponentials": ("exponentials",),
    "program": ("jobs, issued", "jobs, collected"),
}

MODELS = st.builds(
    lambda window, inputs, heads, size, layers, ffn, seed: random_model(
        Shape(window, inputs, heads * size, layers, heads, ffn),
        (2, 4, 8),
        seed,
    ),
    st.integers(2, 8),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 2),
    st.integers(1, 40),
    st.integers(0, 1000),
)
ARRAYS = st.tuples(st.integers(1, 4), st.integers(1, 2))


def compiled(model: IntegerModel, array: tuple[int, int], device: Device = ROOMY) -> Design:
    half, ways = array
    return compile_model(model, device, area, HardwareOptions(lanes=2 * half * ways, ways=ways))


@settings(max_examples=25)
@given(MODELS, ARRAYS, st.integers(8, 40))
def test_block_memory_stays_within_the_budget(
    model: IntegerModel, array: tuple[int, int], blocks: int
) -> None:
    design = compiled(model, array, replace(ROOMY, blocks=blocks))
    assert sum(b.blocks for b in design.buffers) <= blocks
    for buffer in design.buffers:
        check_buffer(buffer)


def check_buffer(buffer: Buffer) -> None:
    assert buffer.storage in ("block", "distributed", "mixed")
    assert (buffer.blocks == 0) == (buffer.storage == "distributed")
    assert (buffer.luts == 0) == (buffer.storage == "block")
    assert buffer.reason
    if buffer.storage == "block" and not buffer.name.startswith("weights"):
        assert buffer.blocks == buffer.copies * blocks_of(buffer.words, buffer.width, SHAPES)


@pytest.mark.parametrize("choice", ["block", "distributed"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_user_s_choice_is_obeyed(kind: str, choice: str) -> None:
    model = random_model(Shape(6, 3, 16, heads=2), (4, 8), 1)
    design = compile_model(
        *(model, ROOMY, area, HardwareOptions(lanes=8, storage={kind: choice}, ways=2))
    )
    asked = [b for b in design.buffers if b.name.split(", ")[0] in KINDS[kind]]
    asked += [b for b in design.buffers if b.name in KINDS[kind] and b not in asked]
    assert asked
    for buffer in asked:
        assert (buffer.storage, buffer.reason) == (choice, "as configured")
        check_buffer(buffer)


def test_all_buffers_have_a_kind() -> None:
    model = random_model(Shape(6, 3, 16, heads=2), (4, 8), 1)
    names = {b.name for b in compiled(model, (2, 2)).buffers}
    known = {name for names in KINDS.values() for name in names}
    assert names - known == {"weights, 4 bit", "weights, 8 bit"}


def test_choices_stand_beside_auto() -> None:
    model = random_model(Shape(6, 3, 32), (8,), 1)
    everything = dict.fromkeys(KINDS, "distributed")
    plain = compile_model(model, ROOMY, area, HardwareOptions(lanes=8, storage=everything))
    assert sum(b.blocks for b in plain.buffers) == 0
    options = HardwareOptions(lanes=8, storage={**everything, "weights": "block"})
    blocks = compile_model(model, ROOMY, area, options)
    assert [b.name for b in blocks.buffers if b.blocks] == ["weights, 8 bit"]
    assert area(blocks).lut < area(plain).lut


def ram(name: str, words: int, width: int, copies: int = 1) -> Buffer:
    return Buffer(name, words, width, copies, True, "auto", 0, 0)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5000),
            st.integers(1, 40),
            st.integers(1, 4),
            st.booleans(),
            st.sampled_from(["auto", "auto", "block", "distributed"]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 5000),
    st.sampled_from(["auto", "block", "distributed"]),
    st.integers(0, 60),
)
def test_storage_is_given_out(
    drawn: list[tuple[int, int, int, bool, str]], words: int, weights: str, blocks: int
) -> None:
    device = replace(DEVICE, blocks=blocks)
    wanted = [
        (Buffer(str(i), n, width, copies, writable, "auto", 0, 0), choice)
        for i, (n, width, copies, writable, choice) in enumerate(drawn)
    ]
    segments = cut_bank(0, words, 33, SHAPES)
    buffers, cut = assign_storage(wanted, list(segments), weights, device)
    forced = sum(
        b.blocks for b, (_, choice) in zip(buffers, wanted, strict=True) if choice == "block"
    )
    forced += sum(s.columns for s in cut) if weights == "block" else 0
    used = sum(b.blocks for b in buffers) + sum(s.columns for s in cut)
    assert used <= max(blocks, forced)
    for buffer, (before, choice) in zip(buffers, wanted, strict=True):
        assert (buffer.name, buffer.words, buffer.width) == (
            before.name,
            before.words,
            before.width,
        )
        assert choice in {"auto", buffer.storage}
        check_buffer(buffer)
        if choice == "auto" and buffer.storage == "distributed":  # worth it only if it saves
            need = buffer.copies * blocks_of(buffer.words, buffer.width, SHAPES)
            assert "would save" in buffer.reason
            assert need > blocks - used or "only" in buffer.reason
    for segment in cut:
        whole = -(-segment.width // segment.column_bits)
        assert 0 <= segment.columns <= whole
        assert weights == "auto" or segment.columns == (whole if weights == "block" else 0)


def test_a_device_without_ram_of_tables() -> None:
    device = load_device("up5k")
    assert device.family.distributed_ram is None
    rom = Buffer("table", 16, 8, 1, False, "auto", 0, 0)
    (store, table), _ = assign_storage(
        [(ram("store", 16, 8), "auto"), (rom, "auto")], [], "auto", device
    )
    assert store.storage == "block" and "no other RAM" in store.reason
    assert table.storage == "distributed"
    design = compile_model(random_model(Shape(4, 3, 8), (4,), 0), device, area)
    assert all(b.storage == "block" for b in design.buffers if b.writable)


def test_every_lane_has_a_cache_of_its_own() -> None:
    model = random_model(Shape(7, 3, 16), (4,), 1)
    one = {b.name: b for b in compiled(model, (3, 1)).buffers}
    assert (one["keys"].copies, one["keys"].words) == (6, 2 * 16)
    assert (one["values"].copies, one["values"].words) == (6, 3 * 7)
    two = {b.name: b for b in compiled(model, (3, 2)).buffers}
    assert (two["keys"].copies, two["keys"].words) == (6, 2 * 16)
    assert (two["values"].copies, two["values"].words) == (2 * 6, 3 * 4)
    assert (one["tokens"].words, two["tokens"].words) == (7 * 16, 4 * 16)
    assert (one["tokens"].copies, two["tokens"].copies) == (1, 2)


@given(st.integers(1, 20_000), st.integers(1, 160), st.sampled_from(["xc7s15", "up5k", "ecp5-25f"]))
def test_segments_cover_a_bank(words: int, width: int, name: str) -> None:
    shapes = load_device(name).block_shapes
    at = 0
    for segment in cut_bank(3, words, width, shapes):
        assert (segment.bank, segment.first, segment.width) == (3, at, width)
        assert segment.words > 0 and segment.columns == 0
        assert segment.first % shapes[0][0] == 0
        assert blocks_of(segment.words, segment.column_bits, shapes) == 1
        at += segment.words
    assert at == words


@settings(max_examples=15)
@given(MODELS, ARRAYS)
def test_segments_hold_all_weights(model: IntegerModel, array: tuple[int, int]) -> None:
    design = compiled(model, array)
    linear = {s.source.name: s for s in design.schedule.steps if isinstance(s.source, Linear)}
    assert sum(s.words for s in design.segments) == sum(
        step.tiles * step.inner for step in linear.values()
    )
    for segment in design.segments:
        assert segment.width == design.array.columns * design.bank_bits[segment.bank]
        assert 0 <= segment.columns <= -(-segment.width // segment.column_bits)
        assert 0 <= segment.block_bits <= segment.width


@pytest.mark.parametrize(
    ("words", "width", "blocks"),
    [(1024, 18, 1), (512, 36, 1), (2048, 9, 1), (1024, 19, 2), (513, 36, 2), (16, 37, 2)],
)
def test_shapes_of_block_memory(words: int, width: int, blocks: int) -> None:
    assert blocks_of(words, width, SHAPES) == blocks


def test_the_family_s_costs_decide() -> None:
    rom = Buffer("table", 64, 16, 1, False, "auto", 0, 0)
    for name, saved in (("xc7s15", 16), ("ecp5-25f", 16 * 4), ("up5k", 16 * 7)):
        device = load_device(name)
        (table,), _ = assign_storage([(rom, "auto")], [], "auto", device)
        assert table.storage == "block"
        assert table.reason == f"a {device.block_name} saves {saved} LUT"
    narrow = replace(rom, width=3)
    (table,), _ = assign_storage([(narrow, "auto")], [], "auto", load_device("xc7s15"))
    assert (table.storage, table.luts) == ("distributed", 3)
    (table,), _ = assign_storage([(narrow, "auto")], [], "auto", load_device("up5k"))
    assert table.storage == "block"


def test_the_budget_of_a_real_device_is_used() -> None:
    design = compile_model(random_model(Shape(6, 7, 64), (8,), 1), DEVICE, area)
    assert DEVICE.blocks - 1 <= sum(b.blocks for b in design.buffers) <= DEVICE.blocks


def test_bits_that_never_change_are_not_stored() -> None:
    assert stored_bits([0b1010, 0b1011, 0b1000, 0b1001], 4) == 2
    assert stored_bits([0b1010, 0b1011, 0b1000], 4) == 3  # zeros are left over: the top bit varies
    assert stored_bits([0b101], 3) == 2
    assert stored_bits([-1, -1], 8) == 0
    assert stored_bits([-1, 0], 8) == 8
    shapes = load_device("up5k").block_shapes
    assert rom_blocks([5, 5], 17, shapes) == 0
    assert rom_blocks([0, (1 << 16) - 1], 17, shapes) == 1
    assert rom_blocks([0, (1 << 17) - 1], 17, shapes) == 2
