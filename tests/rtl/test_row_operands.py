"""The stores of rows: what was written is the operand of its way, less the zero point."""

import random
from pathlib import Path

import pytest
from bench import Bench, shown

from narrowcast.compile.emit import scalar
from narrowcast.compile.encode import Source
from narrowcast.compile.timing import POOL_SPACING

BITS = {Source.FROM_SCRATCH: 6, Source.FROM_TOKENS: 7, Source.FROM_INPUTS: 5, Source.FROM_POOL: 9}
X_BITS, Y_BITS, DEPTH = 11, 8, 9


class Stores:
    """Writes and reads rows, and knows what every operand has to be.

    Args:
        ways: of the engine.
        sources: the stores that there are.
        split: whether the numbers of a row lie in both ways in turn.
    """

    def __init__(self, ways: int, sources: tuple[Source, ...], *, split: bool) -> None:
        self.split = split
        self.noise, self.ways, self.sources = random.Random(f"{ways} {sources}"), ways, sources
        self.words = {source: [[0] * DEPTH for _ in range(ways)] for source in Source}
        self.clocks: list[tuple[int, ...]] = []
        # the words that each way of each store reads, by clock; None: it keeps what it has
        self.read: dict[Source, list[list[int | None]]] = {
            source: [[] for _ in range(ways)] for source in Source
        }
        self.residuals: list[list[int | None]] = [[] for _ in range(ways)]

    def config(self, block: int) -> list[str]:
        present = {source: DEPTH if source in self.sources else 0 for source in Source}
        numbers = {
            "WAYS": self.ways,
            "SPLIT": int(self.split),
            "ADDRESS_BITS": 5,
            "X_BITS": X_BITS,
            "Y_BITS": Y_BITS,
            "SCRATCH_BITS": BITS[Source.FROM_SCRATCH],
            "TOKEN_BITS": BITS[Source.FROM_TOKENS],
            "INPUT_BITS": BITS[Source.FROM_INPUTS],
            "POOL_BITS": BITS[Source.FROM_POOL],
            "SCRATCH_WORDS": present[Source.FROM_SCRATCH],
            "TOKEN_WORDS": present[Source.FROM_TOKENS],
            "INPUT_WORDS_OF_WAY": DEPTH,
            "POOL_WORDS": present[Source.FROM_POOL],
            **{
                f"{name}_BLOCK": block for name in ("INPUT", "SCRATCH", "TOKEN", "RESIDUAL", "POOL")
            },
        }
        return [scalar(*each) for each in numbers.items()]

    def number(self, bits: int) -> int:
        return self.noise.randrange(-(1 << (bits - 1)), 1 << (bits - 1))

    def clock(
        self,
        *,
        reset: int = 0,
        summed: tuple[int, int, int] | None = None,
        sum_read: int | None = None,
    ) -> None:
        """One clock, with writes to any words but those that are read.

        Args:
            reset: of the pool.
            summed: first row, channel and value of a term of a sum.
            sum_read: channel of the sum that is read; else a row of another store is.
        """
        noise, ways = self.noise, self.ways
        source = noise.choice([each for each in self.sources if each != Source.FROM_POOL])
        reading, with_residual = int(noise.random() < 0.7), noise.getrandbits(1)
        address, residual = noise.randrange(DEPTH), noise.randrange(DEPTH)
        if sum_read is not None:
            reading, source, address = 1, Source.FROM_POOL, sum_read
        odd = noise.getrandbits(1)
        active, residual_ways = (noise.randrange(1, 1 << ways) for _ in range(2))
        active |= self.split << odd
        written, input_written = noise.randrange(DEPTH), noise.randrange(DEPTH)
        free = input_free = (1 << ways) - 1  # ways that do not read these words
        if written == address:
            free &= ~active
        if written == residual:
            free &= ~residual_ways
        if input_written == address:
            input_free &= ~active
        writes = {
            store: noise.getrandbits(ways) & free
            for store in (Source.FROM_SCRATCH, Source.FROM_TOKENS)
        }
        input_write = noise.getrandbits(ways) & input_free
        input_data = self.number(BITS[Source.FROM_INPUTS])
        data = [self.number(Y_BITS) for _ in range(ways)]
        asked = 2 * address + odd if self.split else address
        first, channel, value = summed or (noise.getrandbits(1), noise.randrange(DEPTH), 1)
        self.clocks.append(
            (
                *(reset, reading, int(source), active, asked, self.number(X_BITS - 2)),
                *(noise.getrandbits(1), with_residual, residual_ways, residual),
                *(input_write, input_written, input_data, writes[Source.FROM_SCRATCH]),
                *(writes[Source.FROM_TOKENS], written, int(summed is not None), first, channel),
                *(value, *data),
            )
        )
        for way in range(ways):
            for each in Source:
                taken, at = reading and source == each, address
                if each != Source.FROM_POOL:
                    taken = taken and active >> way & 1
                elif summed is not None:  # for the sum itself
                    taken, at = True, channel
                self.read[each][way].append(self.words[each][way][at] if taken else None)
            tokens = with_residual and Source.FROM_TOKENS in self.sources
            tokens = tokens and residual_ways >> way & 1
            self.residuals[way].append(
                self.words[Source.FROM_TOKENS][way][residual] if tokens else None
            )
            for each, ways_written in writes.items():
                if ways_written >> way & 1:
                    low = data[way] % (1 << BITS[each])  # as many bits as the store has
                    sign = 1 << (BITS[each] - 1)
                    self.words[each][way][written] = (low ^ sign) - sign
            if input_write >> way & 1:
                self.words[Source.FROM_INPUTS][way][input_written] = input_data
            if summed is not None:
                pool = self.words[Source.FROM_POOL][way]
                pool[channel] = value + (0 if first else pool[channel])

    def sum_rows(self, rows: int) -> None:
        """Sum up rows, and read the sums."""
        for row in range(rows):
            for channel in range(DEPTH):
                self.clock(summed=(int(row == 0), channel, self.noise.randint(-20, 20)))
        for _ in range(POOL_SPACING):
            self.clock()
        for channel in range(DEPTH):
            self.clock(sum_read=channel)

    def check(self, bench: Bench) -> None:
        """Compare all operands, from the first that is taken on, and all residuals."""
        found = bench.run(self.clocks)
        words = {source: [shown(way) for way in self.read[source]] for source in Source}
        residuals = [shown(way) for way in self.residuals]
        operands: list[int | None] | None = None
        for k, numbers in enumerate(found[2:]):
            assert numbers[self.ways :] == [way[k] for way in residuals], k
            if operands is not None:
                assert numbers[: self.ways] == operands, k
            source, active = Source(self.clocks[k][2]), self.clocks[k][3]
            zero, take = self.clocks[k + 2][5:7]
            if take:
                operands = []
                for way in range(self.ways):
                    # the second way's token alone is in the first way's lanes
                    of = self.ways - 1 if active == 2 and way == 0 else way
                    of = self.clocks[k][4] % 2 if self.split else of
                    word = words[source][of][k]
                    assert word is not None
                    operands.append(word - zero)
        assert operands is not None


SOURCES = [
    tuple(Source),
    (Source.FROM_INPUTS,),
    (Source.FROM_SCRATCH, Source.FROM_INPUTS),
    (Source.FROM_TOKENS, Source.FROM_INPUTS, Source.FROM_POOL),
]


@pytest.mark.parametrize(
    ("sources", "ways", "split"),
    [
        *((sources, ways, False) for sources in SOURCES for ways in (1, 2)),
        ((Source.FROM_SCRATCH, Source.FROM_TOKENS, Source.FROM_INPUTS), 2, True),
    ],
)
def test_operands_are_what_was_written(
    tmp_path: Path, sources: tuple[Source, ...], ways: int, split: bool
) -> None:
    stores = Stores(ways, sources, split=split)
    bench = Bench(tmp_path, "row_operands", "ram", "pool", config=stores.config(ways - 1))
    stores.clock(reset=1)
    for rows in (1, 3):
        for _ in range(150):
            stores.clock()
        if Source.FROM_POOL in sources:
            stores.sum_rows(rows)
    stores.check(bench)
