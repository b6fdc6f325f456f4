"""The ring of states: where the newest row lies, from restart to restart."""

import random

import pytest
from bench import Bench

STRIDE = 7


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("state_ring"), "state_ring")


class Conversation:
    """Inferences with gaps between their inputs, and where the row of each has to lie."""

    def __init__(self, rows: int, lanes: int) -> None:
        self.noise = random.Random(rows)
        self.rows, self.lanes = rows, lanes
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[list[int]] = []
        self.since = 0  # inferences before this one since a restart
        self.fresh = 1

    def clock(
        self, reset: int = 0, taken: int = 0, restart: int | None = None, sent: int = 0
    ) -> None:
        """One clock; "restart" is noise unless it is given."""
        place = self.since % self.rows
        keys = place // self.lanes * STRIDE
        full = int(self.since >= self.rows)
        self.due.append([place, self.rows - 1 - place, place % self.lanes, keys, full, self.fresh])
        restart = self.noise.randint(0, 1) if restart is None else restart
        self.clocks.append((reset, taken, restart, sent))
        self.fresh = int(reset or sent or (self.fresh and not taken))

    def reset(self) -> None:
        self.clock(reset=1, taken=self.noise.randint(0, 1))
        self.since = 0

    def inference(self, *, restart: bool, inputs: int) -> None:
        """Only what comes with the first input counts."""
        for i in range(inputs):
            for _ in range(self.noise.choice((0, 0, 3))):
                self.clock()
            self.clock(taken=1, restart=int(restart) if i == 0 else None)
            if i == 0 and restart:
                self.since = 0
        for _ in range(self.noise.randint(0, 9)):
            self.clock()
        self.clock(sent=1)
        self.since += 1

    def check(self, bench: Bench) -> None:
        self.clock()
        sizes = {"ROWS": self.rows, "LANES": self.lanes, "KEY_STRIDE": STRIDE}
        index_bits = max(1, (self.lanes - 1).bit_length())
        out = bench.run(self.clocks, **sizes, ADDRESS_BITS=10, LANE_INDEX_BITS=index_bits)
        assert out[1:] == self.due[1:]


@pytest.mark.parametrize(("rows", "lanes"), [(2, 1), (2, 8), (5, 2), (12, 4), (9, 9), (33, 8)])
def test_every_row_has_its_place(bench: Bench, rows: int, lanes: int) -> None:
    talk = Conversation(rows, lanes)
    talk.reset()
    for inputs in (1, 3):
        for inference in range(5 * rows):
            often = inference < 3 * rows  # at first seldom, so that the ring becomes full
            restart = talk.noise.random() < (0.02 if often else 0.4)
            talk.inference(restart=restart, inputs=inputs)
        talk.reset()
    talk.check(bench)


def test_a_reset_comes_at_any_time(bench: Bench) -> None:
    talk = Conversation(3, 2)
    talk.reset()
    for inferences in range(12):
        for _ in range(inferences):
            talk.inference(restart=False, inputs=2)
        talk.clock(taken=1, restart=0)
        talk.reset()
    talk.inference(restart=False, inputs=1)
    talk.check(bench)
