"""The contents of read-only memories bit by bit, as synthesis sees them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BLOCK = 64  # words
_ONES = np.uint64(2**BLOCK - 1)


@dataclass(frozen=True, eq=False)
class BitColumns:
    """A memory's bits, column by column.

    Attributes:
        words: of the memory.
        columns: array [width, blocks of 64 words]: a bit of so many words, the first word's
            lowest; zeros behind the last word.
    """

    words: int
    columns: NDArray[np.uint64]

    @classmethod
    def of(cls, numbers: NDArray[np.integer[Any]], width: int) -> Self:
        """Return the bits of numbers [words] or [numbers in a word, words], the lowest first."""
        words = numbers.shape[-1]
        places = np.left_shift(1, np.arange(width)).astype(numbers.dtype)
        bits = (numbers.reshape(-1, 1, words) & places[:, None]).reshape(-1, words) != 0
        columns = np.zeros((len(bits), -(-words // BLOCK)), "<u8")
        columns.view(np.uint8)[:, : -(-words // 8)] = np.packbits(bits, axis=1, bitorder="little")
        return cls(words, columns)

    def run(self, first: int, words: int) -> Self:
        """Return some words: whole blocks from the ``first`` on, or all to the end."""
        blocks = slice(first // BLOCK, -(-(first + words) // BLOCK))
        return type(self)(words, self.columns[:, blocks])

    def changing(self, *, before_zeros: bool = False) -> NDArray[np.bool_]:
        """Say of each column whether it is not the same in all words.

        Args:
            before_zeros: as if there were more words, of zeros.
        """
        ones = np.full(self.columns.shape[1], _ONES)
        ones[-1] >>= np.uint64(-self.words % BLOCK)
        result: NDArray[np.bool_] = (self.columns != 0).any(axis=1)
        if not before_zeros:
            result &= (self.columns != ones).any(axis=1)
        return result

    @cached_property
    def different(self) -> NDArray[np.int64]:
        """How many of each block's columns change, alike ones once; zeros fill the last block."""
        columns = np.sort(self.columns, axis=0)
        counted = (columns != 0) & (columns != _ONES)
        counted[1:] &= columns[1:] != columns[:-1]
        result: NDArray[np.int64] = counted.sum(axis=0)
        return result

    @cached_property
    def changes(self) -> int:
        """How many columns are not the same in all words."""
        return int(self.changing().sum())
