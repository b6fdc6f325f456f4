"""The softmax's divisions: every quotient exact, and found where the context product looks."""

import random
from dataclasses import dataclass

import pytest
from bench import Bench, shown

from narrowcast.compile.timing import (
    BELOW_TO_DIVIDE,
    MULTIPLIER_RING,
    ROW_MULTIPLIER_BITS,
    VALUE_TO_RESULT,
)

TABLE = 2  # clocks of the table of exponentials, after the epilogue

RESET, REWIND, VALID, E, FIRST, LAST, NUMERATOR, READ, ADDRESS, OTHER = range(10)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("reciprocal"), "row_reciprocal", "ram")


@dataclass(frozen=True)
class Sizes:
    """Widths of the unit."""

    ring_bits: int
    e_bits: int
    sum_bits: int
    quotient_bits: int
    numerator_bits: int
    in_parts: bool = False

    @property
    def written_after(self) -> int:
        """Clocks from a row's last exponential to the clock in which its quotient is written."""
        return self.quotient_bits + BELOW_TO_DIVIDE - VALUE_TO_RESULT - TABLE


class Conversation:
    """Applies rows and reads quotients, and knows what has to come out."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        self.sizes, self.noise = sizes, random.Random(seed)
        self.clocks: list[list[int]] = []
        self.writes: dict[int, tuple[int, int]] = {}  # by clock: slot and quotient
        self.row = 0

    def clock(self, **inputs: int) -> None:
        """One clock; what is not given is idle, and its numbers are noise."""
        s = self.sizes
        numbers = {
            "E": self.noise.getrandbits(s.e_bits),
            "FIRST": self.noise.randint(0, 1),
            "LAST": self.noise.randint(0, 1),
            "NUMERATOR": self.noise.getrandbits(s.numerator_bits),
            "ADDRESS": self.noise.getrandbits(s.ring_bits),
            "OTHER": self.noise.getrandbits(s.e_bits),
        } | inputs
        names = ("RESET", "REWIND", "VALID", "E", "FIRST", "LAST", "NUMERATOR", "READ", "ADDRESS")
        self.clocks.append([numbers.get(name, 0) for name in (*names, "OTHER")])

    def idle(self, clocks: int) -> None:
        for _ in range(clocks):
            self.clock()

    def add_row(self, row: list[int], numerator: int, gaps: float = 0.0) -> None:
        total = 0
        for i, e in enumerate(row):
            while self.noise.random() < gaps:
                self.clock()
            first, last = int(i == 0), int(i == len(row) - 1)
            at_last = numerator if last else self.noise.getrandbits(self.sizes.numerator_bits)
            self.clock(VALID=1, E=e, FIRST=first, LAST=last, NUMERATOR=at_last)
            total += e + (self.clocks[-1][OTHER] if self.sizes.in_parts else 0)
        slot = self.row % (1 << self.sizes.ring_bits)
        at = len(self.clocks) - 1 + self.sizes.written_after
        self.writes[at] = (slot, numerator // total)
        self.row += 1

    def forget(self, **command: int) -> None:
        """A reset or a rewind; after a reset nothing is written of what has begun.

        Args:
            command: RESET or REWIND, and what else stands at the inputs in its clock.
        """
        if "RESET" in command:
            now = len(self.clocks)
            self.writes = {at: write for at, write in self.writes.items() if at <= now}
        self.clock(**command)
        self.row = 0

    def check(self, bench: Bench) -> int:
        """Read in every clock what can be read, compare, and return the number of reads."""
        s = self.sizes
        memory: dict[int, int] = {}
        read: list[int | None] = []
        for k, numbers in enumerate(self.clocks):
            slot = numbers[ADDRESS]
            being_written = self.writes.get(k, (-1, 0))
            readable = slot in memory and slot != being_written[0]
            numbers[READ] = int(readable and self.noise.random() < 0.9)
            read.append(memory[slot] if numbers[READ] else None)
            if k in self.writes:
                memory[being_written[0]] = being_written[1]
        out = bench.run(
            self.clocks,
            IN_PARTS=int(s.in_parts),
            RING_BITS=s.ring_bits,
            E_BITS=s.e_bits,
            ROW_SUM_BITS=s.sum_bits,
            QUOTIENT_BITS=s.quotient_bits,
            NUMERATOR_BITS=s.numerator_bits,
        )
        found = [numbers[0] for numbers in out[2:]]
        assert found == shown(read)
        return sum(word is not None for word in read)


def test_every_sum_and_numerator(bench: Bench) -> None:
    """Rows of one exponential, one behind the other, each quotient read as soon as it can be."""
    talk = Conversation(Sizes(1, 5, 5, 4, 9), 0)
    talk.forget(RESET=1)
    for total in range(1, 32):
        for numerator in range(total << 4):
            if talk.row:  # the row before is written in the third clock from here
                slot = (talk.row - 1) % 2
                talk.add_row([total], numerator)
                talk.idle(2)
                talk.clock(ADDRESS=slot)
                talk.clock(ADDRESS=slot)
            else:
                talk.add_row([total], numerator)
                talk.idle(4)
    assert talk.check(bench) > 1.5 * talk.row


def draw(talk: Conversation, rows: int) -> None:
    """Rows of any length, the fastest of them as near to each other as a division lasts."""
    s = talk.sizes
    for _ in range(rows):
        length = talk.noise.choice((1, 2, 5, 40))
        row = [talk.noise.getrandbits(s.e_bits) for _ in range(length)]
        row[talk.noise.randrange(length)] = (1 << s.e_bits) - 1
        least = s.quotient_bits + 1 - length
        talk.idle(max(0, least) + talk.noise.choice((0, 0, 7)))
        bound = min(1 << s.numerator_bits, sum(row) << s.quotient_bits)
        talk.add_row(row, talk.noise.randrange(bound), talk.noise.choice((0, 0.3)))


@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("ring_bits", [2, MULTIPLIER_RING.bit_length() - 1])
def test_drawn_rows_through_the_ring(bench: Bench, ring_bits: int, in_parts: bool) -> None:
    sizes = Sizes(ring_bits, 8, 14 + in_parts, ROW_MULTIPLIER_BITS, 25, in_parts)
    talk = Conversation(sizes, ring_bits)
    talk.forget(RESET=1)
    draw(talk, 60)
    talk.idle(talk.sizes.written_after)
    talk.forget(REWIND=1)
    draw(talk, 45)
    talk.idle(talk.sizes.written_after + 20)
    assert talk.check(bench) > 500


@pytest.mark.parametrize("after", [*range(1, 9), ROW_MULTIPLIER_BITS + 1, ROW_MULTIPLIER_BITS + 2])
def test_a_reset_drops_what_is_in_flight(bench: Bench, after: int) -> None:
    talk = Conversation(Sizes(2, 8, 14, ROW_MULTIPLIER_BITS, 25), after)
    talk.forget(RESET=1)
    draw(talk, 7)
    talk.idle(after - 1)
    talk.forget(RESET=1)
    talk.idle(40)
    draw(talk, 3)
    talk.idle(40)
    assert talk.check(bench) > 50


def test_a_reset_drops_a_row_that_ends_with_it(bench: Bench) -> None:
    talk = Conversation(Sizes(2, 8, 14, ROW_MULTIPLIER_BITS, 25), 0)
    talk.forget(RESET=1)
    draw(talk, 5)
    talk.idle(talk.sizes.written_after)
    talk.forget(RESET=1, VALID=1, FIRST=1, LAST=1, E=200)
    talk.idle(40)
    draw(talk, 3)
    talk.idle(40)
    assert talk.check(bench) > 50
