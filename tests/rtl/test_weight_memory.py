"""Weights that a host loads: what is taken, what is refused, and what the lanes get then."""

import random

import pytest
from bench import Bench

from narrowcast.integer.loaded_weights import CHECK_BYTES, LoadedWeights

SIZES = [(1, 2), (5, 2), (4, 3), (7, 4)]  # words, and columns of each
OUTPUTS = 5  # before the data


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    work = tmp_path_factory.mktemp("weight_memory")
    return Bench(work, "weight_memory", "weight_ram", "weight_loader")


class Host:
    """Sends weights and reads words, and knows what the memory has to do in each clock."""

    def __init__(self, words: int, columns: int, seed: int, gaps: float) -> None:
        self.words, self.columns = words, columns
        self.noise, self.gaps = random.Random(f"{words} {columns} {seed}"), gaps
        self.size = 2 * columns * words  # bytes of the weights
        self.memory: list[int | None] = [None] * (self.size + 2 * columns)
        self.mode, self.taken, self.left, self.loaded = "rest", 0, 0, False
        self.low = 0  # byte of a column whose higher one has not come
        self.shown: list[list[int] | None] = [None, None]  # latched, and at the output
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[list[int | None]] = []

    def weights(self) -> LoadedWeights:
        return LoadedWeights("", self.noise.randbytes(self.size))

    def clock(
        self, start: int = 0, examine: int = 0, byte: int | None = None, word: int | None = None
    ) -> None:
        """One clock: a byte is offered, or a word is read, if there is one."""
        noise = self.noise
        data = noise.getrandbits(8) if byte is None else byte
        at = noise.randrange(self.words) if word is None else word
        self.clocks.append((start, examine, int(byte is not None), data, int(word is not None), at))
        receiving = self.mode == "write" and self.taken < self.size + CHECK_BYTES
        check = self._check() if self.loaded else None
        halves = [None, None] if check is None else [check >> 16, check & 0xFFFF]
        shown = self.shown[1] or [None] * self.columns
        self.due.append([receiving, self.mode != "rest", self.loaded, *halves, *shown])
        if self.mode != "rest":
            self.shown = [None, self.shown[0]]
        else:
            read = self.shown[0] if word is None else self._word(word)
            self.shown = [read, self.shown[0]]
        if start or examine:
            self.mode, self.taken, self.loaded = "write" if start else "read", 0, False
            self.left = self._reading
        elif self.mode == "write" and not receiving:
            self.mode, self.left = "read", self._reading
        elif self.mode == "write" and byte is not None:
            if self.taken % 2:
                self.memory[self.taken - 1 : self.taken + 1] = [self.low, byte]
            self.low, self.taken = byte, self.taken + 1
        elif self.mode == "read":
            self.left -= 1
            if not self.left:
                self.mode, self.loaded = "rest", self._is_sound()

    @property
    def _reading(self) -> int:
        return 16 * (self.size // 2 + 2 + 1)  # a bit in a clock, and the first column in front

    def _content(self) -> bytes:
        return bytes(byte or 0 for byte in self.memory[: self.size])

    def _check(self) -> int:
        return int.from_bytes(LoadedWeights("", self._content()).check, "little")

    def _is_sound(self) -> bool:
        found = self.memory[self.size : self.size + CHECK_BYTES]
        return None not in self.memory[: self.size] and found == list(
            LoadedWeights("", self._content()).check
        )

    def _word(self, word: int) -> list[int] | None:
        at = 2 * self.columns * word
        own = self.memory[at : at + 2 * self.columns]
        if None in own:
            return None
        numbers = [byte or 0 for byte in own]
        return [a | b << 8 for a, b in zip(numbers[::2], numbers[1::2], strict=True)]

    def send(self, content: bytes) -> None:
        self.clock(start=1)
        for byte in content:
            while self.noise.random() < self.gaps:
                self.clock()
            self.clock(byte=byte)

    def wait(self) -> None:
        while self.mode == "read" or (
            self.mode == "write" and self.taken == self.size + CHECK_BYTES
        ):
            self.clock(byte=self.noise.choice((None, 0, 255)))

    def read(self) -> None:
        for _ in range(3 * self.words):
            self.clock(word=self.noise.choice((None, *range(self.words))))

    def verify(self, bench: Bench) -> None:
        self.clock()
        bits = (self.words + 1).bit_length()
        sizes = {"WORDS": self.words, "COLUMNS": self.columns, "ADDRESS_BITS": bits}
        for clock, outputs in enumerate(bench.run(self.clocks, **sizes)):
            for found, due in zip(outputs, self.due[clock], strict=True):
                assert due is None or found == due, (clock, outputs, self.due[clock])


@pytest.mark.parametrize("gaps", [0.0, 0.6])
@pytest.mark.parametrize(("words", "columns"), SIZES)
def test_weights_are_loaded_and_read(bench: Bench, words: int, columns: int, gaps: float) -> None:
    host = Host(words, columns, 1, gaps)
    for _ in range(3):
        weights = host.weights()
        host.send(weights.content + weights.check)
        host.wait()
        assert host.loaded
        host.read()
        host.clock(examine=1)
        host.wait()
        assert host.loaded
        host.read()
    host.verify(bench)


@pytest.mark.parametrize(("words", "columns"), SIZES[:2])
def test_every_changed_bit_is_found(bench: Bench, words: int, columns: int) -> None:
    host = Host(words, columns, 2, 0.0)
    weights = host.weights()
    good = weights.content + weights.check
    for at in range(len(good)):
        for bit in range(8):
            host.send(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
            host.wait()
            assert not host.loaded
    host.verify(bench)


@pytest.mark.parametrize(("words", "columns"), SIZES)
def test_weights_that_break_off_do_not_count(bench: Bench, words: int, columns: int) -> None:
    """Not until others are whole, or what is there turns out to be so."""
    host = Host(words, columns, 3, 0.2)
    weights = host.weights()
    good = weights.content + weights.check
    host.send(good)
    host.wait()
    for length in range(len(good) + 1):
        host.send(good[:length])
        assert not host.loaded
        host.clock(examine=1)
        host.wait()
        assert host.loaded, "the bytes that came are those that were there"
        host.send(host.weights().content[:length] if length < host.size else good[:length])
        host.clock(examine=host.noise.randint(0, 1))
        for _ in range(host.noise.randrange(300)):
            host.clock()
        host.send(good)
        host.wait()
        assert host.loaded
    host.verify(bench)


def test_nothing_is_loaded_to_begin_with(bench: Bench) -> None:
    host = Host(3, 2, 4, 0.0)
    host.clock()
    host.verify(bench)
