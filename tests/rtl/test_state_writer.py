"""States that are put back: what is written where, and what is refused."""

import random

import pytest
from bench import Bench, binary

from narrowcast.integer import join_rows, unpack_state
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model

PLACE_BITS = 11
ROWS = 5
MODEL = random_model(Shape(ROWS, 1, 3, kind="stream"), (8,), 1)
SIZE = 6  # bytes of a row: a key and a value of three channels
COUNT = 2  # bytes of the count
DRAIN = 3  # clocks from the last number until it is written


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("state_writer"), "state_writer", "rom")


class Host:
    """Sends states with gaps, and knows what the writer has to do in each clock."""

    def __init__(self, seed: int, gaps: float) -> None:
        self.noise, self.gaps = random.Random(seed), gaps
        self.places = [self.noise.getrandbits(PLACE_BITS) for _ in range(SIZE)]
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[list[int]] = []  # ready, ends, restored, refused, busy
        self.writes: dict[int, tuple[int, int]] = {}  # by clock: place and data
        self.row_ends: set[int] = set()
        self.clears: set[int] = set()
        self.verdict = [0, 0]
        self.clock(reset=1)

    def row(self) -> bytes:
        return bytes(self.noise.choice(range(256)) for _ in range(SIZE))

    def clock(
        self, reset: int = 0, idle: int | None = None, byte: int | None = None, last: int = 0
    ) -> None:
        """One clock with the outputs of a writer that waits; a byte is offered if there is one."""
        noise = self.noise
        idle = noise.randint(0, 1) if idle is None else idle
        data = noise.getrandbits(8) if byte is None else byte
        last = noise.randint(0, 1) if byte is None else last
        self.clocks.append((reset, idle, int(byte is not None), data, last))
        self.due.append([0, 0, *self.verdict, int(byte is not None and idle)])

    def pause(self, *, ends: int) -> None:
        """Clocks without a byte, in the middle of a state."""
        while self.noise.random() < self.gaps:
            self.clock()
            self.due[-1] = [1, ends, 0, 0, 1]

    def put_back(self, content: bytes, *, reset_at: int | None = None) -> None:
        """Send a state; the engine is reset with one of its bytes, if that is given."""
        for _ in range(self.noise.randint(0, 3)):
            self.clock(idle=0, byte=content[0], last=int(len(content) == 1))
        self.clock(idle=1, byte=content[0], last=int(len(content) == 1))
        self.clears.add(len(self.clocks))
        count = int.from_bytes(content[:COUNT], "big")
        rows = COUNT + count * SIZE if count <= ROWS else COUNT
        for i, byte in enumerate(content):
            after_rows = i > rows if count <= ROWS else i >= COUNT
            ends, last = int(i >= COUNT and after_rows), int(i == len(content) - 1)
            self.pause(ends=ends)
            now = len(self.clocks)
            self.clock(byte=byte, last=last)
            self.due[-1] = [1, ends, 0, 0, 1]
            if reset_at == i:
                self.clocks[-1] = 1, *self.clocks[-1][1:]
                self.verdict = [0, 0]
                self.forget(now)
                return
            at = (i - COUNT) % SIZE
            if COUNT <= i < rows:
                self.writes[now + 2] = self.places[at], byte
                if at == SIZE - 1:
                    self.row_ends.add(now + DRAIN)
                    if not last:
                        self.clock()
                        self.due[-1] = [0, int(i + 1 > rows), 0, 0, 1]
        for _ in range(DRAIN + 1):
            self.clock()
            self.due[-1] = [0, 0, 0, 0, 1]
        try:
            unpack_state(MODEL, content)
            self.verdict = [1, 0]
        except ValueError:
            self.verdict = [0, 1]
            self.clears.add(len(self.clocks) - 1)

    def forget(self, now: int) -> None:
        self.writes = {clock: each for clock, each in self.writes.items() if clock <= now}
        self.row_ends = {clock for clock in self.row_ends if clock <= now}

    def check(self, bench: Bench, block: int) -> None:
        for _ in range(5):
            self.clock()
        sizes = {"ROWS": ROWS, "ROW_BYTES": SIZE, "PLACE_BITS": PLACE_BITS}
        files = {"places.txt": binary(self.places, PLACE_BITS)}
        found = bench.run(self.clocks, files, BLOCK_MEMORY=block, **sizes)
        for clock, outputs in enumerate(found[1:], 1):
            assert outputs[:5] == self.due[clock], clock
            assert outputs[5] == (clock in self.clears), clock
            assert outputs[6] == (clock in self.writes), clock
            if clock in self.writes:
                assert tuple(outputs[7:9]) == self.writes[clock], clock
            assert outputs[9] == (clock in self.row_ends), clock


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("gaps", [0.0, 0.5])
def test_rows_are_written(bench: Bench, gaps: float, block: int) -> None:
    host = Host(1, gaps)
    for count in (*range(ROWS + 1), ROWS, 1):
        rows = [bytes(host.noise.randint(-127, 127) % 256 for _ in range(SIZE))] * count
        host.put_back(join_rows(rows))
        assert host.verdict == [1, 0]
    host.check(bench, block)


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_other_lengths_and_checks_are_refused(bench: Bench, gaps: float) -> None:
    host = Host(2, gaps)
    good = join_rows([bytes(range(SIZE))] * 3)
    many = join_rows([bytes(range(SIZE))] * (ROWS + 1))
    for content in (
        *(good[:length] for length in range(1, len(good))),
        *(good + bytes(more) for more in (1, 2, SIZE)),
        *(many, b"\xff" + good[1:], good[:COUNT] + good[COUNT + SIZE :]),
        *(join_rows([bytes(SIZE)] * 2)[:-1] + b"\0", join_rows([])[:-1] + b"\0"),
    ):
        host.put_back(content)
        assert host.verdict == [0, 1]
        if host.noise.random() < 0.3:
            host.put_back(good)
            assert host.verdict == [1, 0]
    host.check(bench, 0)


def test_a_length_is_wrong_even_if_the_check_is_right(bench: Bench) -> None:
    """Of some states the CRC is 0 before the end, and it stays 0 while zeros follow."""
    host = Host(5, 0.0)
    states = (join_rows([bytes([i, j, 3, 4, 5, 6])]) for i in range(99) for j in range(99))
    good = next(content for content in states if content[-1] == 0)
    for content in (good, good[:-1], good + bytes(1), good + bytes(9)):
        host.put_back(content)
        assert host.verdict == [int(content == good), int(content != good)]
    host.check(bench, 0)


def test_every_changed_bit_is_found(bench: Bench) -> None:
    host = Host(3, 0.0)
    good = join_rows([bytes([1, 255, 128 + 1, 0, 127, 3])] * 2)
    for at in range(len(good)):
        for bit in range(8):
            host.put_back(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
            assert host.verdict == [0, 1]
    host.check(bench, 0)


def test_a_reset_comes_at_any_time(bench: Bench) -> None:
    host = Host(4, 0.2)
    good = join_rows([bytes(range(SIZE))] * 2)
    for at in range(len(good)):
        host.put_back(good, reset_at=at)
        host.put_back(good)
    host.check(bench, 0)
