"""Running sums: each row's sum of products, kept from the clock promised on."""

import random

import pytest
from bench import Bench, binary, either

from narrowcast.compile.timing import VALUE_TO_RESULT, VALUE_TO_RUN

X_BITS, W_BITS, SUM_BITS = 6, 4, 16
STAGES = VALUE_TO_RESULT - 1  # of the epilogue, from a sum to its number
KEPT = VALUE_TO_RUN - STAGES  # clocks from a row's last number to its sum
OPERAND = 2  # ... from a number to its operand


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    work = tmp_path_factory.mktemp("running_sums")
    return Bench(work, "running_sums", "rom", "lane")


class Conversation:
    """Rows of numbers, each with the weights of its sum, and what is kept in each clock."""

    def __init__(self, lengths: list[int]) -> None:
        self.noise = random.Random(str(lengths))
        self.lengths = lengths
        self.weights = [[either(self.noise, W_BITS) for _ in range(n)] for n in lengths]
        self.clocks: list[list[int]] = []
        self.operands: list[int] = []
        self.known: list[int | None] = [None] * len(lengths)
        self.due: list[list[int | None]] = []
        self.coming: dict[int, tuple[int, int]] = {}  # by clock: number and sum

    def clock(self, *command: int, x: int | None = None) -> None:
        """One clock; what belongs to no number of a row is noise."""
        now, noise = len(self.clocks), self.noise
        if now in self.coming:
            number, total = self.coming.pop(now)
            self.known[number] = total
        self.due.append(list(self.known))
        idle = [0, *(noise.randint(0, 1) for _ in range(2)), noise.randrange(len(self.lengths)), 0]
        self.clocks.append(list(command) or idle)
        self.operands.append(either(noise, X_BITS) if x is None else x)

    def row(self, number: int, gaps: float) -> None:
        base, length = sum(self.lengths[:number]), self.lengths[number]
        total = 0
        for i, weight in enumerate(self.weights[number]):
            while self.noise.random() < gaps:
                self.clock()
            x = either(self.noise, X_BITS)
            total += x * weight
            if i == length - 1:
                self.coming[len(self.clocks) + KEPT] = number, total
            at = base if i == 0 else self.noise.getrandbits(6)
            self.clock(1, int(i == 0), int(i == length - 1), number, at, x=x)

    def check(self, bench: Bench, block: int) -> None:
        for _ in range(KEPT + 1):
            self.clock()
        later = [0] * OPERAND + self.operands
        words = [weight for row in self.weights for weight in row]
        out = bench.run(
            [[*clock, x] for clock, x in zip(self.clocks, later, strict=False)],
            {"weights.txt": binary(words, W_BITS)},
            **{"BLOCK_MEMORY": block, "SUMS": len(self.lengths), "X_BITS": X_BITS},
            **{"W_BITS": W_BITS, "SUM_BITS": SUM_BITS, "ADDRESS_BITS": 7, "WEIGHTS": len(words)},
        )
        for k, (found, due) in enumerate(zip(out, self.due, strict=True)):
            assert [f for f, d in zip(found, due, strict=True) if d is not None] == [
                d for d in due if d is not None
            ], k


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize("lengths", [[1], [9], [1, 2], [30, 5, 17]])
def test_rows_one_after_the_other(bench: Bench, lengths: list[int], block: int) -> None:
    talk = Conversation(lengths)
    for _ in range(40):
        talk.row(talk.noise.randrange(len(lengths)), talk.noise.choice((0, 0, 0.4)))
        for _ in range(talk.noise.choice((0, 0, 3))):
            talk.clock()
    talk.check(bench, block)
