"""The slave on SPI by itself: every transaction is that of its twin."""

import random

import pytest
from bench import Bench, Numbers, binary

from spi_slave import READ, WRITE, SpiSlave, bits_of, byte_of

LEAST = 4  # clocks in which SCLK is high or low, and around the edges of cs_n


@pytest.fixture(scope="module")
def slave(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("spi"), "spi_slave")


class Master:
    """What a master puts on the lines, by clock, and what has to come of it.

    Args:
        noise: Chooses how long each level lasts, from the least that is allowed.
        most: Clocks that a level lasts at most.
    """

    def __init__(self, noise: random.Random, most: int = LEAST) -> None:
        self.noise, self.most = noise, most
        self.twin = SpiSlave()
        self.clocks: list[tuple[int, int, int, int, int]] = []
        self.samples: list[int] = []  # clocks in which MISO is sampled
        self.expected: list[int] = []
        self.answers: list[int] = []  # bytes that wait, sooner or later
        self.cs_n, self.sclk, self.mosi = 1, 0, 0
        self.clocks += [(1, 1, 0, 0, 0)] * 3
        self.hold(8)

    def hold(self, clocks: int | None = None, reset: int = 0) -> None:
        count = self.noise.randint(LEAST, self.most) if clocks is None else clocks
        level = (reset, self.cs_n, self.sclk, self.mosi, len(self.answers))
        self.clocks += [level] * count

    def arrive(self, byte: int) -> int:
        """Let a byte of an answer wait from here on."""
        self.answers.append(byte)
        return byte

    def bit(self, value: int) -> None:
        self.mosi = value
        self.hold()
        self.sclk = 1
        self.samples.append(len(self.clocks))
        self.hold()
        self.sclk = 0

    def transaction(self, mosi: list[int], arriving: dict[int, int] | None = None) -> None:
        """Exchange bits; a byte of an answer comes in the middle of some of them."""
        arriving = arriving or {}
        self.cs_n = 0
        self.hold()
        for k, value in enumerate(mosi):
            if k % 8 == 4 and k // 8 in arriving:
                self.arrive(arriving[k // 8])
            self.bit(value)
        whole = {k: byte for k, byte in arriving.items() if 8 * k + 4 < len(mosi)}
        self.expected += self.twin.transaction(mosi, whole)
        self.hold()
        self.cs_n = 1
        self.hold()

    def send(self, *content: int) -> None:
        self.transaction([bit for byte in content for bit in bits_of(byte)])

    def wait(self, byte: int) -> None:
        """Let a byte of an answer wait before the next transaction."""
        self.twin.waiting.append(self.arrive(byte))
        self.hold(8)


def check(bench: Bench, master: Master) -> None:
    """Run the bench and compare it with the twin."""
    master.hold(12)
    answers = binary(master.answers or [0], 8)
    response = bench.run(
        master.clocks, {"answers.txt": answers}, ANSWERS=max(1, len(master.answers))
    )
    assert [response[k][0] for k in master.samples] == master.expected
    assert handed_over(response) == master.twin.taken
    given = sum(ready or 0 for *_, ready in response[1:])
    assert len(master.answers) - given == len(master.twin.waiting)


def handed_over(response: list[Numbers]) -> list[int | str]:
    found: list[int | str] = []
    for _, valid, broken, data, _ in response[1:]:
        assert not (valid and broken)
        if valid or broken:
            assert data is not None
            found.append("broken" if broken else data)
    return found


def heard(master: Master) -> list[int]:
    """Return the bytes on MISO of a master that has sent whole bytes only."""
    bits = master.expected
    return [byte_of(bits[k : k + 8]) for k in range(0, len(bits), 8)]


def test_all_bytes_at_the_highest_rate(slave: Bench) -> None:
    master = Master(random.Random(0))
    master.send(WRITE, *range(256))
    check(slave, master)
    assert master.twin.taken == [*range(256)]


def test_all_bytes_of_answers(slave: Bench) -> None:
    master = Master(random.Random(0))
    for byte in range(256):
        master.arrive(byte)
        master.twin.waiting.append(byte)
    master.hold(8)
    master.send(READ, *bytes(2 * 256 + 3))
    check(slave, master)
    assert heard(master) == [*(n for byte in range(256) for n in (1, byte)), 0, 0, 0, 0]


def test_a_read_that_breaks_off_loses_nothing(slave: Bench) -> None:
    master = Master(random.Random(0))
    for byte in (0xFF, 0x00, 0x01):
        master.wait(byte)
        for bits in range(1, 24):  # within the instruction, the flag and the byte
            master.transaction((bits_of(READ) + [1] * 16)[:bits][:15])
        master.transaction(bits_of(READ) + bits_of(0))
    check(slave, master)
    assert not master.twin.waiting and not master.twin.taken


def test_a_write_that_breaks_off_is_told(slave: Bench) -> None:
    master = Master(random.Random(0))
    for bits in range(1, 26):
        master.transaction((bits_of(WRITE) + [1, 0] * 12)[:bits])
    check(slave, master)
    assert master.twin.taken.count("broken") == 15 and master.twin.taken.count(0xAA) == 12


def test_other_instructions_do_nothing(slave: Bench) -> None:
    master = Master(random.Random(0))
    master.wait(0x5A)
    for instruction in range(256):
        if instruction not in (WRITE, READ):
            master.send(instruction, 0xA5)
    check(slave, master)
    assert heard(master) == [1, 0] * 254 and len(master.twin.waiting) == 1


def test_what_is_meant_for_others(slave: Bench) -> None:
    """SCLK and MOSI of a shared bus, and a chip select without clocks."""
    master = Master(random.Random(0))
    master.wait(0xC3)
    for byte in (WRITE, 0x55, READ):
        sampled = len(master.samples)
        for bit in bits_of(byte):
            master.bit(bit)
        del master.samples[sampled:]
        master.hold()
        for _ in range(2):
            master.transaction([])
    master.send(READ, 0)
    check(slave, master)
    assert heard(master) == [1, 0xC3] and not master.twin.taken


def test_a_transaction_that_began_before_a_reset_is_ignored(slave: Bench) -> None:
    master = Master(random.Random(0))
    master.cs_n = 0
    for clocks in range(1, 40, 3):
        master.hold(clocks)
        master.hold(1, reset=1)
        sampled = len(master.samples)
        for bit in bits_of(WRITE) + bits_of(0x77):
            master.bit(bit)
        del master.samples[sampled:]
    master.hold()
    master.cs_n = 1
    master.hold()
    master.send(WRITE, 0x12)
    check(slave, master)
    assert master.twin.taken == [0x12]


@pytest.mark.parametrize("seed", range(6))
def test_at_random(slave: Bench, seed: int) -> None:
    noise = random.Random(seed)
    master = Master(noise, most=noise.choice((LEAST, 5, 9, 40)))
    for _ in range(120):
        while noise.random() < 0.3:
            master.wait(noise.getrandbits(8))
        bits = bits_of(noise.choice((WRITE, READ, READ, noise.getrandbits(8))))
        bits += noise.choices((0, 1), k=8 * noise.randrange(8))
        if noise.random() < 0.3:
            del bits[noise.randrange(len(bits)) :]
        chosen = [k for k in range(len(bits) // 8) if noise.random() < 0.2]
        master.transaction(bits, {k: noise.getrandbits(8) for k in chosen})
    check(slave, master)
    assert len(master.twin.taken) > 20 and len(master.answers) > 20
