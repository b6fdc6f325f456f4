"""The serial line's two ends, each by itself and both together."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from bench import Bench, Numbers

BYTES = [*range(256)]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uart")


@pytest.fixture(scope="module")
def receiver(work: Path) -> Bench:
    return Bench(work, "uart_receiver")


@pytest.fixture(scope="module")
def transmitter(work: Path) -> Bench:
    return Bench(work, "uart_transmitter")


def bits_of(byte: int, stop: int = 1) -> list[int]:
    return [0, *(byte >> i & 1 for i in range(8)), stop]


class Line:
    """What a host puts on the line, by clock, in bits of any length."""

    def __init__(self, clocks_per_bit: float) -> None:
        self.clocks_per_bit = clocks_per_bit
        self.levels = [1] * 8  # the receiver looks for a start bit once the line has been high
        self.at = 8.0

    def hold(self, level: int, bits: float) -> None:
        self.at += bits * self.clocks_per_bit
        self.levels += [level] * (round(self.at) - len(self.levels))

    def send(self, byte: int, stop: int = 1) -> None:
        for bit in bits_of(byte, stop):
            self.hold(bit, 1)

    def clocks(self, resets: Iterable[int] = ()) -> list[tuple[int, int]]:
        """As the receiver's bench takes it: a reset in the first clock and in those named."""
        self.hold(1, 4)
        return [(int(k == 0 or k in resets), level) for k, level in enumerate(self.levels)]


def received(response: Sequence[Numbers]) -> list[int | str]:
    """Bytes that came, and "broken" for those that did."""
    found: list[int | str] = []
    for valid, broken, data in response[1:]:
        assert data is not None or not valid
        assert not (valid and broken)
        if valid or broken:
            found.append("broken" if broken or data is None else data)
    return found


@pytest.mark.parametrize(
    ("clocks_per_bit", "slower"),
    [(4, 0), (5, 0), (8, 0), (8, 0.03), (8, -0.03), (16, 0.04), (16, -0.04), (27, 0.04), (104, 0)],
)
def test_all_bytes_one_behind_the_other(
    receiver: Bench, clocks_per_bit: int, slower: float
) -> None:
    line = Line(clocks_per_bit * (1 + slower))
    for byte in BYTES:
        line.send(byte)
    out = receiver.run(line.clocks(), CLOCKS_PER_BIT=clocks_per_bit)
    assert received(out) == BYTES


@pytest.mark.parametrize("clocks_per_bit", [8, 16, 17])
def test_a_bit_counts_in_its_middle(receiver: Bench, clocks_per_bit: int) -> None:
    """Every bit but the start bit is wrong in all clocks but those about its middle."""
    line = Line(clocks_per_bit)
    middle = clocks_per_bit // 2
    for byte in (0x00, 0xFF, 0xA5, 0x3C):
        line.hold(0, 1)
        for bit in bits_of(byte)[1:]:
            for k in range(clocks_per_bit):
                line.hold(bit if abs(k - middle) <= 1 else 1 - bit, 1 / clocks_per_bit)
        line.hold(1, 2)
    out = receiver.run(line.clocks(), CLOCKS_PER_BIT=clocks_per_bit)
    assert received(out) == [0x00, 0xFF, 0xA5, 0x3C]


@pytest.mark.parametrize("clocks_per_bit", [8, 16])
def test_what_is_no_byte(receiver: Bench, clocks_per_bit: int) -> None:
    line = Line(clocks_per_bit)
    expected: list[int | str] = []

    def good(byte: int) -> None:
        line.send(byte)
        expected.append(byte)

    def broken(byte: int, low_for: float) -> None:
        line.send(byte, stop=0)
        line.hold(0, low_for)
        line.hold(1, 0.5)
        expected.append("broken")

    good(0x81)
    for clocks in range(1, clocks_per_bit // 2 - 1):  # pulses that are too short
        line.hold(0, clocks / clocks_per_bit)
        line.hold(1, 2)
    good(0x42)
    broken(0x00, 0)
    good(0x7E)
    broken(0xFF, 25)  # no other byte is looked for while the line is low
    good(0x18)
    broken(0x5A, 0.25)
    good(0xE7)
    assert received(receiver.run(line.clocks(), CLOCKS_PER_BIT=clocks_per_bit)) == expected


def test_a_reset_drops_a_byte(receiver: Bench) -> None:
    line = Line(8)
    line.send(0x55)
    begun = len(line.levels)
    line.send(0x00)  # the line is low for long after the reset, but that is no start bit
    line.hold(1, 1)
    line.send(0x99)
    for clock in (begun + 6, begun + 30, begun + 60):
        out = receiver.run(line.clocks([clock]), CLOCKS_PER_BIT=8)
        assert received(out) == [0x55, 0x99]


def transmit(
    bench: Bench, clocks_per_bit: int, requests: Sequence[tuple[int, int]], resets: Sequence[int]
) -> list[Numbers]:
    """Apply valid and data by clock, after a reset."""
    clocks = [(1, 0, 0), *((int(k in resets), *each) for k, each in enumerate(requests))]
    return bench.run(clocks, CLOCKS_PER_BIT=clocks_per_bit)[1:]


def check_line(
    response: Sequence[Numbers],
    clocks_per_bit: int,
    requests: Sequence[tuple[int, int]],
    resets: Sequence[int] = (),
) -> list[int]:
    """Follow the line clock by clock; return the bytes that were taken."""
    ahead: list[int] = []  # levels to come
    taken = []
    for k, ((ready, level), (valid, data)) in enumerate(zip(response, requests, strict=True)):
        assert (ready, level) == (int(not ahead), ahead[0] if ahead else 1), k
        ahead = ahead[1:]
        if valid and ready:
            taken.append(data)
            ahead = [bit for bit in bits_of(data) for _ in range(clocks_per_bit)]
        if k in resets:
            ahead = []
    return taken


@pytest.mark.parametrize("clocks_per_bit", [2, 3, 8, 11])
def test_every_bit_of_every_byte(transmitter: Bench, clocks_per_bit: int) -> None:
    requests = []
    for byte in BYTES:  # a byte is offered as long as the one before lasts, and one clock more
        requests += [(1, byte)] * (10 * clocks_per_bit + 1)
    response = transmit(transmitter, clocks_per_bit, requests, ())
    assert check_line(response, clocks_per_bit, requests) == BYTES


def test_with_pauses_and_resets(transmitter: Bench) -> None:
    noise = random.Random(1)
    requests = [(int(noise.random() < 0.02), noise.getrandbits(8)) for _ in range(6000)]
    resets = [k for k in range(6000) if noise.random() < 0.005]
    response = transmit(transmitter, 4, requests, resets)
    assert len(check_line(response, 4, requests, resets)) > 50


@pytest.mark.parametrize("clocks_per_bit", [4, 13])
def test_both_ends_of_a_line(receiver: Bench, transmitter: Bench, clocks_per_bit: int) -> None:
    requests = [(1, k // (10 * clocks_per_bit + 1) * 7 % 256) for k in range(8000)]
    response = transmit(transmitter, clocks_per_bit, requests, ())
    sent = check_line(response, clocks_per_bit, requests)
    levels = [(1, 1)] + [(0, 1)] * 8 + [(0, level or 0) for _, level in response]
    found = received(receiver.run(levels, CLOCKS_PER_BIT=clocks_per_bit))
    assert len(found) >= len(sent) - 1 > 50
    assert found == sent[: len(found)]
