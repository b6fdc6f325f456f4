"""Decisions: what they make of a row, when it is there, and in which order words leave."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench import Bench, either

from narrowcast.compile.constants import DecisionConstants
from narrowcast.compile.emit import array_of, scalar
from narrowcast.compile.timing import NORM_TO_SCORE
from narrowcast.integer.arithmetic import signed_bits

Y_BITS, OUTPUT_BITS = 9, 14


def arg_max(row: Sequence[int]) -> tuple[int, int]:
    """The index of the largest number, the first of several, and its margin."""
    index = max(range(len(row)), key=lambda i: (row[i], -i))
    others = [*row[:index], *row[index + 1 :]]
    return index, row[index] - max(others)


def l1_norm(row: Sequence[int], zero: int, threshold: int) -> tuple[int, int]:
    """The sum of distances from the zero point, and whether it is above a threshold."""
    score = sum(abs(x - zero) for x in row)
    return score, int(score > threshold)


class Reducer:
    """Rows for an entity that reduces them to two numbers, and when these have to be there.

    Args:
        bits: of a number.
        late: clocks from the last number of a row to the first result, beyond the next one.
    """

    def __init__(self, bits: int, late: int) -> None:
        self.noise, self.bits, self.late = random.Random(bits), bits, late
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[list[int | None]] = []

    def clock(self, clear: int = 0, place: int | None = None, x: int | None = None) -> None:
        """One clock; what is not given is noise."""
        x = either(self.noise, self.bits) if x is None else x
        self.clocks.append((clear, int(place is not None), place or 0, x))
        self.due.append([None, None])

    def row(self, row: Sequence[int], results: tuple[int, int], gaps: float) -> None:
        self.clock(clear=1)
        for place, x in enumerate(row):
            while self.noise.random() < gaps:
                self.clock()
            self.clock(place=place, x=x)
        for i in range(self.late + 4):
            self.clock()
            first, second = results
            known = i - self.late
            self.due[-1] = [first if known >= 0 else None, second if known >= 1 else None]

    def check(self, found: list[list[int | None]]) -> None:
        for k, (outputs, due) in enumerate(zip(found, self.due, strict=True)):
            seen = [o if d is not None else None for o, d in zip(outputs, due, strict=True)]
            assert seen == due, k

    def draw(self, columns: int) -> list[int]:
        """A row of any numbers, or of few different ones."""
        if self.noise.random() < 0.5:
            return [either(self.noise, self.bits) for _ in range(columns)]
        few = [either(self.noise, self.bits) for _ in range(2)]
        return self.noise.choices(few, k=columns)


@pytest.mark.parametrize(("bits", "columns"), [(2, 2), (4, 5), (8, 16), (16, 3)])
def test_the_largest_of_a_row(tmp_path: Path, bits: int, columns: int) -> None:
    talk = Reducer(bits, 0)
    for gaps in (0.0, 0.5) * 30:
        row = talk.draw(columns)
        talk.row(row, arg_max(row), gaps)
    place_bits = max(1, (columns - 1).bit_length())
    bench = Bench(tmp_path, "arg_max")
    talk.check(bench.run(talk.clocks, WIDTH=bits, PLACE_BITS=place_bits))


@pytest.mark.parametrize(
    ("bits", "columns", "zero"), [(2, 1, 0), (4, 5, -8), (8, 16, 7), (8, 3, 0), (8, 2, 127)]
)
def test_the_norm_of_a_row(tmp_path: Path, bits: int, columns: int, zero: int) -> None:
    talk = Reducer(bits, NORM_TO_SCORE)
    rows = [talk.draw(columns) for _ in range(60)]
    threshold = l1_norm(rows[7], zero, 0)[0]  # that of a row is not above it
    for i, row in enumerate(rows):
        talk.row(row, l1_norm(row, zero, threshold), i % 2 / 2)
    half = 1 << (bits - 1)
    score_bits = signed_bits(0, columns * max(half - 1 - zero, zero + half))
    stimulus = [(clear, valid, x) for clear, valid, _, x in talk.clocks]
    sizes = {"WIDTH": bits, "ZERO": zero, "SCORE_BITS": score_bits, "THRESHOLD": threshold}
    talk.check(Bench(tmp_path, "l1_norm").run(stimulus, **sizes))


PLAIN, CLASS, SCORE = range(3)
Output = tuple[int, int]  # kind, numbers that come
BITS, ZERO, THRESHOLD = 6, -3, 70


class Stream:
    """Inferences of some outputs, one after the other, with resets at any time."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self.noise, self.outputs = random.Random(str(outputs)), outputs
        self.late = NORM_TO_SCORE if outputs[-1][0] == SCORE else 0
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[tuple[int, int | None, int, int]] = []

    def config(self) -> list[str]:
        decisions, come, leave = list[DecisionConstants](), 0, 0
        for kind, numbers in self.outputs:
            if kind != PLAIN:
                own = kind - CLASS, come, leave, numbers, BITS, ZERO, OUTPUT_BITS - 1, THRESHOLD
                decisions.append(DecisionConstants(*own))
            come, leave = come + numbers, leave + (numbers if kind == PLAIN else 2)
        sizes = {
            **{"Y_BITS": Y_BITS, "OUTPUT_BITS": OUTPUT_BITS, "OUTPUTS": leave},
            **{"RESULTS_MADE": come, "DECISIONS": len(decisions), "DECISION_LATE": self.late},
            "PLAIN_RESULTS": leave - 2 * len(decisions),
        }
        names = [f"DECISION_{name.upper()}" for name in DecisionConstants._fields]
        kinds = ["level_array" if name.endswith("ZERO") else "natural_array" for name in names]
        arrays = zip(names, kinds, zip(*decisions, strict=True), strict=True)
        return [scalar(*each) for each in sizes.items()] + [
            array_of(name, kind, list(map(str, numbers))) for name, kind, numbers in arrays
        ]

    def reset(self, offered: int | None = None, sending: int = 0) -> None:
        self.clock(reset=1, offered=offered, sending=sending)

    def come(self, gaps: float, count: int = 1 << 30) -> list[int]:
        """Write results, or the first few of them; return the words that have to leave."""
        words = []
        for kind, numbers in self.outputs:
            bits = Y_BITS if kind == PLAIN else BITS
            row = [either(self.noise, bits) for _ in range(numbers)]
            for x in row:
                while self.noise.random() < gaps:
                    self.clock()
                if count > 0:
                    self.clock(write=1, data=x)
                count -= 1
            if kind == PLAIN:
                words += row
            else:
                words += arg_max(row) if kind == CLASS else l1_norm(row, ZERO, THRESHOLD)
        return words

    def leave(self, words: list[int], stalls: float, count: int = 1 << 30) -> None:
        """Take words, or the first few of them; there is one in every clock."""
        for _ in range(self.late):
            self.clock(ready=1)
        for i, word in enumerate(words[:count]):
            while self.noise.random() < stalls:
                self.clock(offered=word, sending=1)
            last = int(i == len(words) - 1)
            self.clock(ready=1, offered=word, sending=1, sent=last)

    def clock(
        self,
        *,
        reset: int = 0,
        write: int = 0,
        data: int | None = None,
        ready: int | None = None,
        offered: int | None = None,
        sending: int = 0,
        sent: int = 0,
    ) -> None:
        data = either(self.noise, Y_BITS) if data is None else data
        if ready is None:
            ready = 0 if offered is not None else self.noise.randint(0, 1)
        self.clocks.append((reset, write, data, ready))
        self.due.append((int(offered is not None), offered, sending, sent))

    def check(self, bench: Bench) -> None:
        out = bench.run(self.clocks)
        for k, (seen, due) in enumerate(zip(out, self.due, strict=True)):
            if k > 0:  # the first clock is the reset's
                assert [seen[0], seen[1] if due[0] else None, *seen[2:]] == list(due), k


@pytest.mark.parametrize(
    "outputs",
    [
        [(CLASS, 2)],
        [(CLASS, 9)],
        [(SCORE, 1)],
        [(SCORE, 8)],
        [(CLASS, 4), (PLAIN, 1)],
        [(PLAIN, 6), (CLASS, 3)],
        [(PLAIN, 1), (SCORE, 1)],
        [(SCORE, 3), (PLAIN, 2)],
        [(SCORE, 1), (PLAIN, 1)],
        [(PLAIN, 2), (SCORE, 4), (PLAIN, 8), (CLASS, 2), (CLASS, 5), (SCORE, 2)],
    ],
)
def test_words_leave_in_order(tmp_path: Path, outputs: list[Output]) -> None:
    talk = Stream(outputs)
    bench = Bench(
        tmp_path,
        "decision_buffer",
        "ram",
        "result_buffer",
        "arg_max",
        "l1_norm",
        config=talk.config(),
    )
    talk.reset()
    for gaps, stalls in ((0.0, 0.0), (0.5, 0.0), (0.2, 0.5), (0.0, 0.9), (0.0, 0.1)) * 3:
        talk.leave(talk.come(gaps), stalls)
        for _ in range(talk.noise.randrange(3)):
            talk.clock()
    for count in range(sum(numbers for _, numbers in outputs)):  # a reset between results,
        talk.come(0.0, count)
        talk.reset()
        talk.leave(talk.come(0.0), 0.0)
    for count in range(1, len(talk.come(0.0, 0))):  # and between words
        words = talk.come(0.0)
        talk.leave(words, 0.3, count)
        talk.reset(words[count], 1)
    talk.leave(talk.come(0.0), 0.0)
    talk.check(bench)
