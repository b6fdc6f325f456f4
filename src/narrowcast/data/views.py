"""Windows of rows, gathered when they are asked for: all of them may not fit in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narrowcast.data.holes import Bridges
from narrowcast.data.scaling import Array

_CHUNK = 8192  # windows

Index = slice | NDArray[np.int64]
"""Which windows."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of n successive rows; in a stream, the rows of a token.

    Attributes:
        values: Readings of all rows [rows, m].
        last: Last row of each window [windows].
        first: First row that a window may have [windows]; where a window would begin before, this
            row stands in for those that do not exist.
        size: Rows n of a window.
        bridges: Interpolates the first columns where a hole ends in a window; None if nothing does.
    """

    values: Array
    last: NDArray[np.int64]
    first: NDArray[np.int64]
    size: int
    bridges: Bridges | None = None

    @classmethod
    def of(cls, readings: Array) -> "Windows":
        """Return windows whose readings are given [windows, n, m]."""
        count, size, columns = readings.shape
        first = np.arange(count) * size
        return cls(readings.reshape(-1, columns), first + size - 1, first, size)

    def __len__(self) -> int:
        return len(self.last)

    @property
    def columns(self) -> int:
        """Columns m of a window."""
        return int(self.values.shape[1])

    def some(self, index: Index) -> "Windows":
        """Return some of the windows."""
        return replace(self, last=self.last[index], first=self.first[index])

    def __getitem__(self, index: Index) -> Array:
        """Return the readings of some windows [windows, n, m]."""
        rows = self.last[index][:, None] + np.arange(1 - self.size, 1)
        rows = np.maximum(rows, self.first[index][:, None])
        found: Array = self.values[rows]
        if self.bridges is not None:
            self.bridges.fill(found[..., : self.bridges.line.shape[1]], rows)
        return found

    @property
    def newest(self) -> Array:
        """The last row of each window [windows, 1, m]."""
        found: Array = self.values[self.last][:, None]
        return found

    def chunks(self) -> Iterator[Array]:
        """Yield the readings of all windows, some at a time."""
        for begin in range(0, len(self), _CHUNK):
            yield self[begin : begin + _CHUNK]

    def ends(self) -> tuple[Array, Array]:
        """Return the least and the greatest reading of each column [m] in the windows."""
        found = [(x.min(axis=(0, 1)), x.max(axis=(0, 1))) for x in self.chunks()]
        least, most = zip(*found, strict=True)
        return np.min(least, axis=0), np.max(most, axis=0)
