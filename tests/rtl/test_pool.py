"""The pool: sums of rows, as fast as values may come."""

import random

import pytest
from bench import Bench, shown

from narrowcast.compile.timing import POOL_SPACING

WIDTH = 12
ADD_AGAIN = POOL_SPACING  # after as many clocks a channel can be read, too


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("pool"), "pool", "ram")


class Conversation:
    """Applies values and reads sums, and knows what has to come out."""

    def __init__(self, channels: int) -> None:
        self.noise = random.Random(channels)
        self.channels = channels
        self.sums = [0] * channels
        self.in_flight: list[tuple[int, int]] = []  # channel and sum, of the last clocks
        self.clocks: list[tuple[int, ...]] = []
        self.read: list[int | None] = []

    def clock(
        self, command: str, channel: int = 0, value: int = 0, first_row: int | None = None
    ) -> None:
        """One clock; whatever belongs to no command is noise."""
        other, noise = self.noise.randrange(self.channels), self.noise
        reset, valid, read = (int(command == each) for each in ("reset", "add", "read"))
        if not valid:
            value = noise.randint(-(2 ** (WIDTH - 1)), 2 ** (WIDTH - 1) - 1)
        first_row = noise.randint(0, 1) if first_row is None else first_row
        to, source = (channel, other) if valid else (other, channel)
        self.clocks.append((reset, valid, first_row, to, value, read, source))
        self.read.append(self.sums[channel] if valid or read else None)

    def idle(self, clocks: int = ADD_AGAIN) -> None:
        for _ in range(clocks):
            self.clock("idle")

    def add_row(self, first_row: int) -> None:
        for channel in range(self.channels):
            value = self.noise.randint(-99, 99)
            self.clock("add", channel, value, first_row)
            self.sums[channel] = value + (0 if first_row else self.sums[channel])

    def read_all(self) -> None:
        for channel in range(self.channels):
            self.clock("read", channel)

    def check(self, bench: Bench, block: int) -> None:
        """What the pool itself reads while values come is compared as well."""
        self.idle(2)
        sizes = {"BLOCK_MEMORY": block, "WIDTH": WIDTH, "DEPTH": self.channels, "ADDRESS_BITS": 5}
        out = bench.run(self.clocks, **sizes)
        assert [numbers[0] for numbers in out[2:]] == shown(self.read)


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("channels", [ADD_AGAIN, 5, 17])
def test_sums_of_rows(bench: Bench, channels: int, block: int) -> None:
    talk = Conversation(channels)
    talk.clock("reset")
    for rows in (1, 2, 9):
        for row in range(rows):
            talk.add_row(int(row == 0))
            talk.idle(talk.noise.choice((0, 0, 1, 5)))
        talk.idle(ADD_AGAIN - 1)
        talk.read_all()
    talk.check(bench, block)


def test_few_channels_with_pauses(bench: Bench) -> None:
    talk = Conversation(1)
    talk.clock("reset")
    for row in range(6):
        talk.add_row(int(row == 0))
        talk.idle(ADD_AGAIN - 1)
    talk.read_all()
    talk.check(bench, 1)


@pytest.mark.parametrize("after", range(6))
def test_a_reset_drops_what_is_in_flight(bench: Bench, after: int) -> None:
    """The last values before it are lost, the others stay until a first row comes."""
    talk = Conversation(8)
    talk.clock("reset")
    talk.add_row(1)
    talk.idle()
    kept = list(talk.sums)
    talk.add_row(0)
    talk.idle(after)
    lost = range(8 - max(0, ADD_AGAIN - 2 - after), 8)  # the one before them is being written
    for channel in lost:
        talk.sums[channel] = kept[channel]
    talk.clock("reset")
    talk.idle()
    talk.read_all()
    talk.add_row(1)
    talk.add_row(0)
    talk.idle()
    talk.read_all()
    talk.check(bench, 0)
