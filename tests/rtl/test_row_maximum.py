"""The softmax's first half: every score less the largest of its row, at the clock promised."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from bench import Bench, Numbers

from narrowcast.compile.timing import BIAS_TO_SCORE, FETCH, SCORE_TO_BELOW

SUM_BITS = 14
BIAS_BITS = 10
STEP_BITS = 3
ADDRESS_BITS = 9


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("row_maximum"), "row_maximum", "ram")


@dataclass
class Row:
    """A row of scores, which of them are absent, and where its differences go."""

    scores: list[int]
    absent: list[int]
    step: int
    ways: int
    address: int


class Conversation:
    """Applies rows of scores, and knows what is handed on, and when.

    Args:
        seed: of all numbers.
        kept: whether the scores are of keys that are kept: they have biases, and some are absent.
        parts: whether another unit has a part of each row; then the first may be absent, too.
    """

    def __init__(self, seed: int, *, kept: bool = False, parts: bool = False) -> None:
        self.noise = random.Random(seed)
        self.kept, self.parts = kept, parts
        self.others: dict[int, tuple[int, int]] = {}  # by the clock from which it is known
        self.to_below = SCORE_TO_BELOW + (BIAS_TO_SCORE if kept else 0)
        self.clocks: list[tuple[int, ...]] = []
        self.biases: list[int] = []  # of the scores, two clocks before they come
        self.due: dict[int, list[int]] = {}  # by clock: all outputs but "hold"
        self.resets: list[int] = []
        self.free = 0  # the clock from which on the next row may be complete

    def clock(self, score: int | None = None, first: int = 0, last: int = 0, **of: int) -> None:
        """One clock; without a score whatever stands at the inputs is noise."""
        noise = self.noise
        borrow = noise.randint(0, 1)
        raw = noise.randint(-(1 << (SUM_BITS - 2)), 1 << (SUM_BITS - 2))
        flags, absent = noise.getrandbits(2), of.get("absent", noise.getrandbits(1))
        self.biases.append(noise.randint(-(1 << (BIAS_BITS - 1)), (1 << (BIAS_BITS - 1)) - 1))
        if score is not None:
            raw, flags = score - borrow - self.kept * self.biases[-1], first + 2 * last
        step, ways = of.get("step", noise.getrandbits(3)), of.get("ways", noise.getrandbits(2))
        head = of.get("reset", 0), int(score is not None), raw, borrow, flags & 1, flags >> 1
        address = of.get("address", noise.getrandbits(9))
        self.clocks.append((*head, step, ways, address, absent))

    def idle(self, clocks: int) -> None:
        for _ in range(clocks):
            self.clock()

    def reset(self) -> None:
        """What has not left the unit by then is lost, and so is a row that ends with it."""
        now = len(self.clocks)
        self.due = {at: outputs for at, outputs in self.due.items() if at <= now}
        self.clock(0, 1, 1, reset=1)
        self.resets.append(now)

    def add_row(self, row: Row, gaps: float = 0.0) -> None:
        """Scores one behind the other; addresses count upwards from the row's first.

        The row is complete once the one before has been handed on, and four clocks after it.
        """
        length = len(row.scores)
        self.idle(self.free - length + 1 - len(self.clocks))
        for i, score in enumerate(row.scores):
            while self.noise.random() < gaps:
                self.clock()
            first, last = int(i == 0), int(i == length - 1)
            of = {"step": row.step, "ways": row.ways, "address": row.address + i}
            self.clock(score, first, last, **of, absent=row.absent[i])
        self.free = len(self.clocks) - 1 + max(length, FETCH)
        start = len(self.clocks) - 1 + self.to_below
        present = [s for s, absent in zip(row.scores, row.absent, strict=True) if not absent]
        if self.parts:
            found = int(not present or self.noise.random() < 0.7)
            other = self.noise.choice(row.scores) + self.noise.randint(-3, 3)
            # own and other part are known two clocks after the last score has come
            self.others[start - SCORE_TO_BELOW + 2] = found, other
            present += [other] * found
        largest = max(present)
        for i, score in enumerate(row.scores):
            ends = [int(i == 0), int(i == length - 1)]
            at = row.address + i
            self.due[start + i] = [1, score - largest, row.step, row.ways, at, *ends, row.absent[i]]

    def draw(self, length: int, span: int) -> Row:
        noise = self.noise
        scores = [noise.randint(-span, span) for _ in range(length)]
        first = 0 if self.parts else 1  # that may be absent
        absent = [int(self.kept and i >= first and noise.random() < 0.4) for i in range(length)]
        address = noise.randrange(400)
        return Row(scores, absent, noise.getrandbits(3), noise.randint(1, 3), address)

    def check(self, bench: Bench, row_length: int, most: int) -> list[Numbers]:
        """Compare every clock, and return the outputs."""
        self.idle(self.to_below + most + 3)
        biases = [0] * BIAS_TO_SCORE + self.biases
        other, others = (0, 0), []
        for k in range(len(self.clocks)):
            other = self.others.get(k, other)
            others.append(other)
        given = zip(self.clocks, biases, others, strict=False)
        out = bench.run(
            [(*clock, bias, *other) for clock, bias, other in given],
            IN_PARTS=int(self.parts),
            **{"HAS_BIAS": int(self.kept), "HAS_ABSENT": int(self.kept), "BIAS_BITS": BIAS_BITS},
            **{"BLOCK_MEMORY": 0, "ROW_LENGTH": row_length, "MOST_SCORES": most},
            **{"SUM_BITS": SUM_BITS, "STEP_BITS": STEP_BITS, "ADDRESS_BITS": ADDRESS_BITS},
        )
        for k, (_, valid, *outputs) in enumerate(out[1:], 1):
            if k in self.due:
                assert [valid, *outputs] == self.due[k], k
            else:
                assert valid == 0, k
        assert all(out[k + 1][0] == 0 for k in self.resets)
        return out

    def check_holds(self, out: Sequence[Numbers]) -> None:
        """The collector is held where it has to be, and nowhere else.

        A column's sum enters the epilogue a clock after it is taken, where it may not meet a
        difference, nor come less than two clocks behind one.
        """
        held = {k for k, (hold, *_) in enumerate(out) if k and hold}
        assert held == {k + off for k in self.due for off in (-1, 0, 1)}


@pytest.mark.parametrize("span", [2, 3000])
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("length", [1, 2, 5, 16])
@pytest.mark.parametrize(("kept", "parts"), [(False, False), (True, False), (True, True)])
def test_rows_of_one_length(
    bench: Bench, kept: bool, parts: bool, length: int, fixed: bool, span: int
) -> None:
    talk = Conversation(length, kept=kept, parts=parts)
    talk.reset()
    for _ in range(40):
        talk.add_row(talk.draw(length, span), talk.noise.choice((0, 0.4)))
        talk.idle(talk.noise.choice((0, 0, 1, 30)))
    talk.check_holds(talk.check(bench, length if fixed else 0, length))


@pytest.mark.parametrize("span", [2, 3000])
@pytest.mark.parametrize("kept", [False, True])
def test_rows_of_any_length(bench: Bench, kept: bool, span: int) -> None:
    talk = Conversation(span, kept=kept)
    talk.reset()
    for _ in range(90):
        talk.add_row(talk.draw(talk.noise.choice((1, 2, 5, 16, 21)), span), 0)
        talk.idle(talk.noise.choice((0, 0, 1, 30)))
    talk.check_holds(talk.check(bench, 0, 21))


@pytest.mark.parametrize("position", range(5))
def test_the_largest_by_one(bench: Bench, position: int) -> None:
    """Wherever it stands, and wherever zero lies."""
    talk = Conversation(position)
    talk.reset()
    for least in (-700, -3, -1, 0, 1, 700):
        row = talk.draw(5, 0)
        row.scores = [least] * 5
        row.scores[position] += 1
        talk.add_row(row)
    talk.check(bench, 5, 5)


@pytest.mark.parametrize("after", range(12))
@pytest.mark.parametrize("kept", [False, True])
def test_a_reset_drops_what_is_in_flight(bench: Bench, kept: bool, after: int) -> None:
    talk = Conversation(after, kept=kept)
    talk.reset()
    for _ in range(3):
        talk.add_row(talk.draw(5, 100))
    talk.idle(max(0, after - 3))
    for score in range(max(0, 3 - after)):  # of a row that does not come to its end
        talk.clock(1000 + score, int(score == 0))
    talk.reset()
    for _ in range(3):
        talk.add_row(talk.draw(5, 100))
    talk.check(bench, 5, 5)
