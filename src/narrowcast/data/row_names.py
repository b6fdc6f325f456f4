"""How messages name rows."""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narrowcast.files import names_of


@dataclass(frozen=True)
class RowNames:
    """The numbers of rows in messages: those of their file, from 1, without the header.

    Attributes:
        skipped: Number of rows that were skipped at the begin of each file.
        files: Names of the files, if there are several.
        begins: Index of the first row of each file.
    """

    skipped: int = 0
    files: tuple[str, ...] = ()
    begins: tuple[int, ...] = (0,)

    @classmethod
    def of(cls, skipped: int, files: Sequence[tuple[Path, int]]) -> "RowNames":
        """Return the names of rows.

        Args:
            skipped: Number of rows that were skipped.
            files: The files and the numbers of their rows, if there are several.
        """
        if not files:
            return cls(skipped)
        paths, sizes = zip(*files, strict=True)
        return cls(skipped, names_of(paths), tuple(itertools.accumulate((0, *sizes[:-1]))))

    def number(self, index: int) -> int:
        """Return the number of a row in its file."""
        return index - self.begins[self._file(index)] + 1 + self.skipped

    def __getitem__(self, index: int) -> str:
        """Return the number of a row, and of several files the name of its own."""
        of_file = f" of {self.files[self._file(index)]}" if self.files else ""
        return f"{self.number(index)}{of_file}"

    def names_of_files(self, indices: NDArray[np.int64]) -> NDArray[np.object_]:
        """Return the name of the file of each of some rows, if there are several files."""
        found = np.searchsorted(self.begins, indices, side="right") - 1
        return np.array(self.files, dtype=object)[found]

    def _file(self, index: int) -> int:
        return bisect_right(self.begins, index) - 1
