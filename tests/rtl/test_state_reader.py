"""The newest row of the states, as it is given out."""

import random

import pytest
from bench import Bench, binary

SPACING = 6  # clocks from a byte to the next one
WIDTH = 5


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("state_reader"), "state_reader", "rom", "ram")


class Conversation:
    """Inferences whose numbers are made in an order of their own, and the bytes that are due."""

    def __init__(self, size: int, numbers: int) -> None:
        self.noise = random.Random(size)
        self.size, self.numbers = size, numbers
        pairs = list(range(size // numbers))
        self.noise.shuffle(pairs)
        self.order = [pair * numbers + i for pair in pairs for i in range(numbers)]
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[list[int | None]] = []

    def clock(
        self,
        *,
        reset: int = 0,
        begins: int = 0,
        keep: int | None = None,
        made: list[int] | None = None,
        sent: int = 0,
        ready: int | None = None,
        over: int = 0,
        byte: int | None = None,
        last: int = 0,
    ) -> None:
        noise = self.noise
        keep = noise.randint(0, 1) if keep is None else keep
        word = noise.getrandbits(WIDTH * self.numbers)
        if made is not None:
            word = sum(n % (1 << WIDTH) << WIDTH * i for i, n in enumerate(made))
        ready = noise.randint(0, 1) if ready is None else ready
        self.clocks.append((reset, begins, keep, int(made is not None), word, sent, ready))
        self.due.append([over, int(byte is not None), byte, last if byte is not None else None])

    def inference(self, *, keep: bool, stalls: float, until: int | None = None) -> None:
        """One inference; the host is reset after so many bytes, if that is given."""
        self.clock(begins=1, keep=int(keep))
        row = [self.noise.randint(-(1 << WIDTH - 1), (1 << WIDTH - 1) - 1) for _ in self.order]
        for first in range(0, self.size, self.numbers):
            while self.noise.random() < 0.3:
                self.clock()
            self.clock(made=row[first : first + self.numbers])
        self.clock(sent=1, over=int(not keep))
        if not keep:
            return
        for i, at in enumerate(self.order):
            if i == until:
                self.clock(reset=1)
                return
            for _ in range(SPACING - 1):
                self.clock()
            last = int(i == self.size - 1)
            while self.noise.random() < stalls:
                self.clock(ready=0, byte=row[at] % 256, last=last)
            self.clock(ready=1, byte=row[at] % 256, last=last, over=last)

    def check(self, bench: Bench, block: int) -> None:
        sizes = {"ROW_BYTES": self.size, "NUMBERS": self.numbers, "WIDTH": WIDTH}
        bits = max(1, (self.size - 1).bit_length())
        files = {"order.txt": binary(self.order, bits)}
        found = bench.run(self.clocks, files, BLOCK_MEMORY=block, **sizes)
        for clock, outputs in enumerate(found[1:], 1):
            due = self.due[clock]
            assert outputs[:2] == due[:2], clock
            if due[1]:
                assert outputs[2:] == due[2:], clock


@pytest.mark.parametrize(("size", "numbers"), [(2, 1), (2, 2), (7, 1), (12, 2), (16, 1), (34, 2)])
@pytest.mark.parametrize("block", [0, 1])
def test_rows_come_in_order(bench: Bench, size: int, numbers: int, block: int) -> None:
    talk = Conversation(size, numbers)
    talk.clock(reset=1)
    for inference in range(12):
        talk.inference(keep=talk.noise.random() < 0.7, stalls=0.5 * (inference % 2))
    talk.check(bench, block)


def test_a_reset_comes_at_any_time(bench: Bench) -> None:
    talk = Conversation(8, 2)
    talk.clock(reset=1)
    for until in range(8):
        talk.inference(keep=True, stalls=0.2, until=until)
        talk.inference(keep=until % 2 == 0, stalls=0.2)
    talk.check(bench, 0)
