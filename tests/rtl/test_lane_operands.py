"""The operands of the lanes: weights of any bank, keys and values, each in its lane."""

import random
from pathlib import Path

import pytest
from bench import Bench, binary, shown

from narrowcast.compile.emit import aggregate, array_of, scalar, vector
from narrowcast.integer.loaded_weights import LoadedWeights

COLUMNS, LANE_BITS, Y_BITS = 4, 8, 8
KEY_BITS, VALUE_BITS, DEPTH = 5, 6, 7
BANKS = {  # widths of weights, and segments: words, columns in block memory, bits of a column
    1: {6: [(9, 0, 1)]},
    2: {8: [(6, 2, 9), (5, 0, 1)], 3: [(8, 1, 18)]},
    3: {2: [(5, 0, 1)], 5: [(7, 1, 9)], 7: [(3, 0, 1), (4, 0, 1)]},
}

BELOW = (
    *("ram", "rom", "lane_cache", "weight_bank"),
    *("weight_ram", "weight_loader", "weight_memory"),
)

Word = list[int | None]  # a number for each lane


class Operands:
    """Weights, keys and values, and what the lanes get of them.

    Args:
        ways: of the engine.
        banks: how many banks of weights there are.
        key_lanes: lanes that keep keys.
        value_lanes: lanes that keep values.
        split: whether a word has operands of both ways.
        loaded: whether a host loads the weights.
    """

    def __init__(
        self,
        ways: int,
        banks: int,
        key_lanes: int,
        value_lanes: int,
        *,
        split: bool,
        loaded: bool = False,
    ) -> None:
        self.loaded = loaded
        self.split, self.lanes = split, COLUMNS * (2 if split else 1)
        self.noise, self.ways = random.Random(f"{ways} {banks}"), ways
        self.key_lanes, self.value_lanes = key_lanes, value_lanes
        self.banks = [
            [[self.number(bits) for _ in range(self.lanes)] for _ in range(depth(segments))]
            for bits, segments in BANKS[banks].items()
        ]
        self.shapes = BANKS[banks]
        self.keys = [[0] * self.lanes for _ in range(DEPTH * self.lanes // COLUMNS)]
        self.values = [
            [[0] * self.lanes for _ in range(DEPTH)] for _ in range(1 if split else ways)
        ]

    def number(self, bits: int) -> int:
        return self.noise.randrange(-(1 << (bits - 1)), 1 << (bits - 1))

    def config(self, block: int) -> list[str]:
        numbers = {
            "WAYS": self.ways,
            "SPLIT": int(self.split),
            "COLUMNS": COLUMNS,
            "LANE_BITS": LANE_BITS,
            "LANE_INDEX_BITS": 2,
            "ADDRESS_BITS": 5,
            "Y_BITS": Y_BITS,
            "KEY_BITS": KEY_BITS,
            "KEY_LANES": self.key_lanes,
            "KEY_WORDS": DEPTH if self.key_lanes else 0,
            "KEY_BLOCK": block,
            "VALUE_BITS": VALUE_BITS,
            "VALUE_LANES": self.value_lanes,
            "VALUE_WORDS": DEPTH if self.value_lanes else 0,
            "VALUE_BLOCK": block,
        }
        segments: list[dict[str, int]] = []
        bits, first_bits = [], [0]
        for bank, (width, of_bank) in enumerate(self.shapes.items()):
            first = 0
            for words, columns, column_bits in of_bank:
                segments.append(
                    {
                        "bank": bank,
                        "first": first,
                        "words": words,
                        "columns": columns,
                        "column_bits": column_bits,
                    }
                )
                first += words
            first_bits.append(first_bits[-1] + first * width * self.lanes)
            for word in self.banks[bank]:  # the first lane is in the lowest bits
                for number in reversed(word):
                    bits += [number >> at & 1 for at in reversed(range(width))]
        if self.loaded:
            words = len(self.banks[0])
            memory = {"first": 0, "words": words, "columns": self.columns, "column_bits": 16}
            segments = [{"bank": 0, **memory}]
        depths = [len(bank) for bank in self.banks]
        arrays = {"BANK_BITS": self.shapes, "BANK_DEPTH": depths, "BANK_FIRST": first_bits[:-1]}
        return [
            *(scalar(*each) for each in numbers.items()),
            *(array_of(n, "natural_array", list(map(str, a))) for n, a in arrays.items()),
            array_of("SEGMENTS", "segment_array", list(map(aggregate, segments))),
            vector("WEIGHTS", [0] if self.loaded else bits, 1),
        ]

    @property
    def columns(self) -> int:
        """Columns of 16 bits of a word that a host loads."""
        return max(2, -(-max(self.shapes) * self.lanes // 16))

    def weights(self) -> str:
        """The only bank as a host loads it, in words of whole columns of 16 bits, two at least."""
        (width,) = self.shapes
        size = 2 * self.columns
        words = [
            sum(number % (1 << width) << width * lane for lane, number in enumerate(word))
            for word in self.banks[0]
        ]
        loaded = LoadedWeights("", b"".join(word.to_bytes(size, "little") for word in words))
        return binary(list(loaded.content + loaded.check), 8)

    def converse(self, bench: Bench, clocks: int) -> None:
        """Read and write at random, and compare the lanes' operands."""
        noise, ways, count = self.noise, self.ways, len(self.banks)
        sources = [*range(count), *([count] if self.key_lanes else [])]
        sources += [count + 1] if self.value_lanes else []
        stimulus: list[tuple[int, ...]] = []
        # what each memory reads, by clock: banks, keys, values of each way
        parts = len(self.values)  # of the values: ways
        read: list[list[Word | None]] = [[] for _ in range(count + 1 + parts)]
        for _ in range(clocks):
            source, issue = noise.choice(sources), int(noise.random() < 0.7)
            if self.loaded and not stimulus:  # what was read back last is no operand
                source, issue = 0, 1
            values_of = noise.randrange(parts)
            if source < count:
                at = address = noise.randrange(len(self.banks[source]))
            else:
                at = noise.randrange(len(self.keys) if source == count else DEPTH)
                address = at * parts + values_of if source > count else at
            key_write, value_write = noise.getrandbits(ways), noise.getrandbits(ways)
            lane = noise.randrange(COLUMNS)
            apart = at // 2 if self.split and source == count else at
            written = noise.choice([word for word in range(DEPTH) if word != apart])
            key_way = noise.getrandbits(1)
            data = [self.number(Y_BITS) for _ in range(ways)]
            stimulus.append(
                (
                    *(issue, source, address, noise.getrandbits(1)),
                    *(key_write, value_write, lane, written, key_way, *data),
                )
            )
            memory = source + values_of if source > count else source
            memories = [*self.banks, self.keys, *self.values]
            for number, words in enumerate(memories):
                taken = issue and number == memory
                read[number].append(list(words[at]) if taken else None)
            for way in range(ways if self.split else 0):  # each writes every other number
                own = lane + way * COLUMNS
                if key_write >> way & 1 and lane < self.key_lanes:
                    word = self.keys[2 * written + way]
                    word[lane + key_way * COLUMNS] = cut(data[way], KEY_BITS)
                if value_write >> way & 1 and lane < self.value_lanes:
                    self.values[0][written][own] = cut(data[way], VALUE_BITS)
            for way in range(0 if self.split else ways):
                of_way = lane // ways * ways + way  # a way's keys lie beside the other's
                if key_write >> way & 1 and of_way < self.key_lanes:
                    self.keys[written][of_way] = cut(data[way], KEY_BITS)
                if value_write >> way & 1 and lane < self.value_lanes:
                    self.values[way][written][lane] = cut(data[way], VALUE_BITS)
        by_lane = [
            [
                shown([None if word is None else word[lane] for word in words])
                for lane in range(self.lanes)
            ]
            for words in read
        ]
        due: Word | None = None
        files = {"weights.txt": self.weights()} if self.loaded else {}
        for k, numbers in enumerate(bench.run(stimulus, files)[2:]):
            assert due is None or numbers == due, k
            _, source, address = stimulus[k][:3]
            if stimulus[k + 2][3]:
                memory = source + (address % parts if source > count else 0)
                due = [lane[k] for lane in by_lane[memory]]
        assert due is not None


def depth(segments: list[tuple[int, int, int]]) -> int:
    return sum(words for words, _, _ in segments)


def cut(number: int, bits: int) -> int:
    """The lowest bits of a number, with a sign."""
    sign = 1 << (bits - 1)
    return (number % (1 << bits) ^ sign) - sign


@pytest.mark.parametrize(("ways", "split"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize(
    ("banks", "key_lanes", "value_lanes"), [(1, 0, 0), (2, 4, 4), (3, 3, 2), (2, 0, 3), (1, 4, 0)]
)
def test_each_lane_has_its_operand(
    tmp_path: Path, banks: int, key_lanes: int, value_lanes: int, ways: int, split: bool
) -> None:
    operands = Operands(ways, banks, key_lanes, value_lanes, split=split)
    bench = Bench(tmp_path, "lane_operands", *BELOW, config=operands.config(ways - 1))
    operands.converse(bench, 400)


@pytest.mark.parametrize(("ways", "split"), [(1, False), (2, False), (2, True)])
def test_a_host_loads_the_weights(tmp_path: Path, ways: int, split: bool) -> None:
    operands = Operands(ways, 1, 3, 2, split=split, loaded=True)
    bench = Bench(tmp_path, "lane_operands", *BELOW, config=operands.config(ways - 1))
    operands.converse(bench, 400)
