"""The buffer of results: all of them in order, from registers at once, from a memory later."""

import random

import pytest
from bench import Bench

from narrowcast.compile.timing import RESULT_BUFFER, SHIFTED_RESULTS

WIDTH = 9


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("result_buffer"), "result_buffer", "ram")


class Results:
    """Writes results and takes them, and knows what is to be offered when."""

    def __init__(self, results: int, latency: int, at_once: int) -> None:
        self.noise = random.Random(results)
        self.results, self.latency, self.at_once = results, latency, at_once
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[tuple[int | None, ...]] = []

    def idle(self, clocks: int) -> None:
        for _ in range(clocks):
            self._clock(ready=self.noise.randint(0, 1))

    def reset(self, offered: int | None = None) -> None:
        """Reset, before all is written or while a result is offered."""
        self._clock(reset=1, offered=offered, sending=int(offered is not None))

    def write(self, count: int, gaps: float) -> list[int]:
        words = [self.noise.getrandbits(WIDTH) for _ in range(count)]
        left = list(words)
        while left:
            while self.noise.random() < gaps:
                self.idle(1)
            both = int(self.at_once == 2 and len(left) > 1 and self.noise.random() < 0.6)
            data = left[0] + (left[1] << WIDTH) if both else left[0]
            self._clock(write=1, both=both, data=data, ready=self.noise.randint(0, 1))
            left = left[1 + both :]
        return words

    def take(self, words: list[int], stalls: float) -> None:
        """Take what is offered: from the first one on there is one in every clock."""
        for _ in range(self.latency):
            self._clock(sending=1, ready=1)
        for i, word in enumerate(words):
            while self.noise.random() < stalls:
                self._clock(sending=1, offered=word)
            self._clock(sending=1, offered=word, ready=1, sent=int(i == self.results - 1))

    def _clock(
        self,
        reset: int = 0,
        write: int = 0,
        both: int = 0,
        data: int | None = None,
        ready: int = 0,
        offered: int | None = None,
        sending: int = 0,
        sent: int = 0,
    ) -> None:
        noise = self.noise.getrandbits(WIDTH)
        if not write:
            both = self.noise.randint(0, 1)
        self.clocks.append((reset, write, both, noise if data is None else data, ready))
        self.due.append((int(offered is not None), offered, sending, sent))

    def check(self, bench: Bench, block: int, memory: int) -> None:
        sizes = {"WIDTH": WIDTH, "RESULTS": self.results, "AT_ONCE": self.at_once}
        out = bench.run(self.clocks, BLOCK_MEMORY=block, IN_MEMORY=memory, **sizes)
        for k, (seen, due) in enumerate(zip(out, self.due, strict=True)):
            if k > 0:  # the first clock is the reset's
                assert [seen[0], seen[1] if due[0] else None, *seen[2:]] == list(due), k


@pytest.mark.parametrize(
    ("results", "block", "memory", "at_once"),
    [
        *((1, 0, 0, 1), (2, 0, 0, 1), (7, 0, 0, 1), (SHIFTED_RESULTS, 0, 0, 1)),
        *((SHIFTED_RESULTS + 1, 0, 1, 1), (SHIFTED_RESULTS + 2, 1, 1, 1), (3, 1, 1, 1)),
        *((2, 0, 0, 2), (3, 0, 0, 2), (8, 0, 0, 2), (SHIFTED_RESULTS, 0, 0, 2)),
    ],
)
def test_results_leave_in_order(
    bench: Bench, results: int, block: int, memory: int, at_once: int
) -> None:
    talk = Results(results, RESULT_BUFFER * memory, at_once)
    talk.reset()
    for gaps, stalls in ((0.0, 0.0), (0.5, 0.0), (0.2, 0.5), (0.0, 0.9), (0.0, 0.1)):
        talk.take(talk.write(results, gaps), stalls)
        talk.idle(talk.noise.randrange(3))
    for count in range(0, results, 1 + results // 5):  # a reset before and after the last one
        talk.write(count, 0.0)
        talk.reset()
        words = talk.write(results, 0.0)
        talk.take(words[:count], 0.3)
        talk.reset(words[count])
    talk.take(talk.write(results, 0.0), 0.0)
    talk.check(bench, block, memory)
