"""The contents of read-only memories by bit columns, which synthesis optimises separately."""

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
        words: Number of words of the memory.
        columns: Array [width, blocks of 64 words]. An entry holds one bit of each word of a block,
            that of the first word lowest. Bits after the last word are 0.
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
        """Return ``words`` words from ``first`` on: whole blocks, or all words to the end."""
        blocks = slice(first // BLOCK, -(-(first + words) // BLOCK))
        return type(self)(words, self.columns[:, blocks])

    def changing(self, *, before_zeros: bool = False) -> NDArray[np.bool_]:
        """Return for each column whether its words differ.

        Args:
            before_zeros: Whether further words of zeros follow.
        """
        ones = np.full(self.columns.shape[1], _ONES)
        ones[-1] >>= np.uint64(-self.words % BLOCK)
        result: NDArray[np.bool_] = (self.columns != 0).any(axis=1)
        if not before_zeros:
            result &= (self.columns != ones).any(axis=1)
        return result

    @cached_property
    def different(self) -> NDArray[np.int64]:
        """Number of different non-constant columns of each block; zeros fill the last block."""
        columns = np.sort(self.columns, axis=0)
        counted = (columns != 0) & (columns != _ONES)
        counted[1:] &= columns[1:] != columns[:-1]
        result: NDArray[np.int64] = counted.sum(axis=0)
        return result

    @cached_property
    def changes(self) -> int:
        """Number of columns whose words differ."""
        return int(self.changing().sum())
