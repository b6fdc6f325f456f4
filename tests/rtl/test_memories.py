"""rom, ram, weight_bank and lane_cache: what they hold, where, and that they keep it."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench import Bench, Numbers, binary, shown

from narrowcast.errors import ToolError

WRITE, WRITE_ADDRESS, DATA, READ, READ_ADDRESS = range(5)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memories")


@pytest.fixture(scope="module")
def rom(work: Path) -> Bench:
    return Bench(work, "rom")


@pytest.fixture(scope="module")
def ram(work: Path) -> Bench:
    return Bench(work, "ram")


@pytest.fixture(scope="module")
def weight_bank(work: Path) -> Bench:
    return Bench(work, "weight_bank", "rom")


@pytest.fixture(scope="module")
def lane_cache(work: Path) -> Bench:
    return Bench(work, "lane_cache", "ram")


def reads(noise: random.Random, addresses: Sequence[int]) -> list[tuple[int, int]]:
    """Read all addresses in any order, several times, with gaps; as enable and address."""
    order = [*addresses, *noise.sample(addresses, len(addresses))]
    clocks = []
    for address in order:
        clocks += [(0, noise.choice(addresses)) for _ in range(noise.choice((0, 0, 0, 1, 3)))]
        clocks.append((1, address))
    return [*clocks, (0, 0), (0, 0)]


def column(response: Sequence[Numbers]) -> list[int | None]:
    """The only output of a bench, from the third clock on."""
    return [numbers[0] for numbers in response[2:]]


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(
    ("depth", "width"), [(1, 1), (2, 9), (63, 5), (64, 18), (65, 1), (200, 20), (256, 3)]
)
def test_rom(rom: Bench, block: int, depth: int, width: int) -> None:
    noise = random.Random(depth)
    words = [noise.getrandbits(width) for _ in range(depth)]
    clocks = reads(noise, range(depth))
    sizes = {"BLOCK_MEMORY": block, "WIDTH": width, "DEPTH": depth, "ADDRESS_BITS": 9}
    out = rom.run(clocks, {"contents.txt": binary(words, width)}, **sizes)
    assert column(out) == shown([words[a] if enable else None for enable, a in clocks])


@pytest.mark.parametrize("block", [0, 1])
def test_rom_begins_with_zeros(rom: Bench, block: int) -> None:
    sizes = {"BLOCK_MEMORY": block, "WIDTH": 3, "DEPTH": 100, "ADDRESS_BITS": 7}
    out = rom.run([(0, 99)] * 4, {"contents.txt": binary([7] * 100, 3)}, **sizes)
    assert column(out) == [0, 0]


@pytest.mark.parametrize("block", [0, 1])
def test_rom_outside(rom: Bench, block: int) -> None:
    sizes = {"BLOCK_MEMORY": block, "WIDTH": 3, "DEPTH": 100, "ADDRESS_BITS": 7}
    files = {"contents.txt": binary([5] * 100, 3)}
    rom.run([(1, 99), (0, 100), (0, 127)], files, **sizes)
    with pytest.raises(ToolError, match="rom: a read outside"):
        rom.run([(1, 99), (1, 100)], files, **sizes)


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(("depth", "width"), [(1, 4), (2, 1), (13, 7), (64, 18), (100, 24)])
def test_ram(ram: Bench, block: int, depth: int, width: int) -> None:
    noise = random.Random(depth)
    words: list[int] = [0] * depth
    clocks, read = [], []
    for _ in range(12 * depth + 50):
        write, enable = noise.randint(0, 1), int(noise.random() < 0.6)
        to, source = noise.randrange(depth), noise.randrange(depth)
        if write and to == source:
            enable = 0
        data = noise.getrandbits(width)
        clocks.append((write, to, data, enable, source))
        read.append(words[source] if enable else None)
        if write:
            words[to] = data
    sizes = {"BLOCK_MEMORY": block, "WIDTH": width, "DEPTH": depth, "ADDRESS_BITS": 8}
    assert column(ram.run(clocks, **sizes)) == shown(read)


def test_ram_read_while_it_is_written(ram: Bench) -> None:
    """Another address, or a write alone, is allowed; both at once of one word are not."""
    sizes = {"BLOCK_MEMORY": 1, "WIDTH": 3, "DEPTH": 6, "ADDRESS_BITS": 3}
    before, idle = [(1, 3, 5, 0, 3), (1, 2, 6, 1, 3)], [(0,) * 5] * 2
    assert column(ram.run([*before, *idle], **sizes)) == [0, 5]
    with pytest.raises(ToolError, match="ram: a read and a write of one address in one clock"):
        ram.run([*before, (1, 3, 6, 1, 3), *idle], **sizes)


def test_ram_outside(ram: Bench) -> None:
    sizes = {"BLOCK_MEMORY": 1, "WIDTH": 3, "DEPTH": 6, "ADDRESS_BITS": 3}
    ram.run([(1, 5, 0, 1, 4), (0, 6, 0, 0, 7)], **sizes)
    with pytest.raises(ToolError, match="ram: a read outside"):
        ram.run([(0, 0, 0, 1, 6)], **sizes)
    with pytest.raises(ToolError, match="ram: a write outside"):
        ram.run([(1, 6, 0, 0, 0)], **sizes)


# bank, first word, words, columns in block memory, bits of a column
SEGMENTS = {
    "one of tables": (0, [(0, 0, 70, 0, 4)]),
    "one of blocks": (0, [(0, 0, 33, 3, 4)]),
    "a last column that is narrow": (0, [(0, 0, 20, 2, 7)]),
    "blocks and tables": (0, [(0, 0, 40, 1, 4), (0, 40, 20, 2, 4), (0, 60, 3, 0, 9)]),
    "another bank's before and behind": (
        1,
        [(0, 0, 9, 0, 4), (1, 0, 16, 2, 3), (1, 16, 1, 0, 3), (2, 0, 5, 1, 4)],
    ),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_weight_bank(weight_bank: Bench, name: str) -> None:
    bank, segments = SEGMENTS[name]
    noise = random.Random(name)
    width = 11
    depth = max(first + words for of, first, words, _, _ in segments if of == bank)
    words = [noise.getrandbits(width) for _ in range(depth)]
    clocks = reads(noise, range(depth))
    text = "".join(" ".join(map(str, segment)) + "\n" for segment in segments)
    out = weight_bank.run(
        clocks,
        {"contents.txt": binary(words, width), "segments.txt": text},
        **{"BANK": bank, "WIDTH": width, "DEPTH": depth, "ADDRESS_BITS": 8},
        SEGMENT_COUNT=len(segments),
    )
    assert column(out) == shown([words[a] if enable else None for enable, a in clocks])


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(("lanes", "ways"), [(1, 1), (5, 1), (2, 2), (5, 2), (6, 2)])
def test_lane_cache(lane_cache: Bench, block: int, lanes: int, ways: int) -> None:
    noise = random.Random(lanes)
    width, depth = 4, 7
    words = [[0] * lanes for _ in range(depth)]
    clocks, read = [], []
    for _ in range(400):
        write, first_lane = noise.getrandbits(ways), noise.randrange(-(-lanes // ways)) * ways
        data, to, source = noise.getrandbits(ways * width), noise.randrange(7), noise.randrange(7)
        enable = int(not (write and to == source) and noise.random() < 0.6)
        clocks.append((write, first_lane, to, data, enable, source))
        word = sum(number << lane * width for lane, number in enumerate(words[source]))
        read.append(word if enable else None)
        for way in range(ways):
            if write >> way & 1 and first_lane + way < lanes:
                words[to][first_lane + way] = data >> way * width & 15
    sizes = {"BLOCK_MEMORY": block, "LANES": lanes, "WAYS": ways, "WIDTH": width, "DEPTH": depth}
    out = lane_cache.run(clocks, **sizes, ADDRESS_BITS=4, LANE_INDEX_BITS=3)
    assert column(out) == shown(read)
