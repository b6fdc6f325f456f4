"""The loader: every input to its place, every row counted, single numbers kept."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench import Bench

from narrowcast.compile.emit import array_of, scalar

BITS = 6
WAKING = 4  # clocks from a reset to the first input: until the first job's word is fetched

Shape = tuple[int, int]  # rows and columns
Element = tuple[int, int, int]  # tensor, row and column


class Loader:
    """Applies inputs, and knows what the loader has to do with them.

    Args:
        shapes: of the tensors.
        elements: numbers that are kept.
        ways: of the engine.
        split: whether the ways have every other number, and not every other row.
    """

    def __init__(
        self, shapes: Sequence[Shape], elements: Sequence[Element], ways: int, *, split: bool
    ) -> None:
        self.noise = random.Random(f"{shapes} {ways}")
        self.elements = elements
        self.places: list[tuple[Element, int, int]] = []  # number, way, address
        base = 0
        for tensor, (rows, columns) in enumerate(shapes):
            for row in range(rows):
                first = base + row // ways * columns
                self.places += [
                    ((tensor, row, column), row % ways, first + column) for column in range(columns)
                ]
            base += -(-rows // ways) * columns
        if split:
            numbers = [number for number, _, _ in self.places]
            self.places = [(number, *divmod(i, 2)[::-1]) for i, number in enumerate(numbers)]
        self.columns = [columns for _, columns in shapes]
        self.clocks: list[tuple[int, ...]] = []
        self.due: list[tuple[int | None, ...]] = []
        self.kept: list[int | None] = [None] * len(elements)
        self.written: tuple[int, int | None, int | None] = (0, None, None)
        self.at = len(self.places)  # the next input; after the last one: nothing is taken

    def clock(self, reset: int = 0, start: int = 0, valid: int = 0) -> None:
        """One clock; a number is offered in any case, valid or not."""
        data = self.noise.getrandbits(BITS)
        ready = int(self.at < len(self.places))
        loaded, written = 0, (0, None, None)
        kept = list(self.kept)
        if ready and valid:
            number, way, address = self.places[self.at]
            tensor, row, column = number
            loaded = int(column == self.columns[tensor] - 1)
            written = 1 << way, address, data
            for i, element in enumerate(self.elements):
                if element == number:
                    kept[i] = data
                elif (element[0], element[2]) == (tensor, column) and row < element[1]:
                    kept[i] = None  # not yet there, whatever the registers hold
        self.clocks.append((reset, start, valid, data))
        self.due.append((ready, loaded, *self.written, *self.kept))
        self.kept, self.written = kept, (0, None, None) if reset else written
        if ready and valid:
            self.at += 1
        if start:
            self.at = 0
        if reset:
            self.at = len(self.places)

    def wake(self) -> None:
        self.clock(reset=1, valid=1)
        for _ in range(WAKING - 1):
            self.clock(valid=1)
        self.at = 0

    def load(self, stalls: float, count: int | None = None) -> None:
        """Offer the inputs of an inference, or the first ones."""
        end = len(self.places) if count is None else count
        while self.at < end:
            self.clock(valid=int(self.noise.random() >= stalls))

    def check(self, bench: Bench) -> None:
        for k, (out, due) in enumerate(zip(bench.run(self.clocks), self.due, strict=True)):
            if k > 0:  # before the first reset everything is unknown
                seen = [o if d is not None else None for o, d in zip(out, due, strict=True)]
                assert seen == list(due), k


@pytest.mark.parametrize(("ways", "split"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize(
    ("shapes", "elements"),
    [
        ([(5, 3)], [(0, 4, 1), (0, 0, 0), (0, 2, 2)]),
        ([(1, 1)], []),
        ([(4, 1), (1, 3), (3, 2), (2, 2)], [(0, 3, 0), (1, 0, 2), (2, 1, 1), (3, 0, 0)]),
        ([(3, 4), (3, 1)], [(1, 2, 0), (0, 1, 3)]),
    ],
)
def test_every_input_has_its_place(
    tmp_path: Path, shapes: list[Shape], elements: list[Element], ways: int, split: bool
) -> None:
    tensors, rows, columns = zip(*(elements or [(0, 0, 0)]), strict=True)
    arrays = {
        "INPUT_TENSOR_ROWS": [rows for rows, _ in shapes],
        "INPUT_TENSOR_COLUMNS": [columns for _, columns in shapes],
        "ELEMENT_TENSOR": tensors,
        "ELEMENT_ROW": rows,
        "ELEMENT_COLUMN": columns,
    }
    numbers = {
        "WAYS": ways,
        "SPLIT": int(split),
        "INPUT_BITS": BITS,
        "ADDRESS_BITS": 6,
        "INPUT_TENSORS": len(shapes),
        "INPUT_ROWS": sum(rows for rows, _ in shapes),
        "ELEMENT_COUNT": len(elements),
    }
    config = [scalar(*each) for each in numbers.items()]
    config += [array_of(n, "natural_array", list(map(str, a))) for n, a in arrays.items()]
    bench = Bench(tmp_path, "input_loader", config=config)

    talk = Loader(shapes, elements, ways, split=split)
    talk.wake()
    for stalls in (0.0, 0.5, 0.0):
        talk.load(stalls)
        for _ in range(talk.noise.randrange(4)):  # nothing is taken
            talk.clock(valid=1)
        talk.clock(start=1, valid=1)
    for count in range(len(talk.places)):  # a reset at any time begins anew
        talk.load(0.3, count)
        talk.wake()
    talk.load(0.0)
    talk.check(bench)
