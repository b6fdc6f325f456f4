"""Stretches: consecutive readings without a gap, which a model of a stream takes one by one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narrowcast.data.scaling import Array


@dataclass(frozen=True, eq=False)
class Stretches:
    """The stretches of one part, one inference for each reading.

    Attributes:
        restart: Whether an inference is the first of a stretch [inferences].
        at: The inference of each target [targets], ascending.
    """

    restart: NDArray[np.bool_]
    at: NDArray[np.int64]


def read_rows(
    inputs: Array, gaps: NDArray[np.bool_], last: NDArray[np.int64], reach: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the rows that forecasts rest on, and which of them begin a stretch.

    Args:
        inputs: Inputs [rows, m], NaN where missing. Rows with a missing input are left out.
        gaps: Flags [rows]: whether a gap in time precedes the row.
        last: The last row that each forecast rests on, ascending, at least one.
        reach: Rows before it that a forecast rests on at most.

    Returns:
        Rows, ascending, and a flag for each: it is the first of a stretch, because the row before
        it is missing, is not needed, or is followed by a gap.
    """
    start, end = max(0, int(last[0]) - reach), int(last[-1]) + 1
    edge = np.zeros(end - start + 1, dtype=np.int64)
    np.add.at(edge, np.maximum(last - reach, 0) - start, 1)
    np.add.at(edge, last + 1 - start, -1)
    read = (np.cumsum(edge[:-1]) > 0) & ~np.isnan(inputs[start:end]).any(axis=1)
    rows = np.flatnonzero(read)
    before = np.append(False, read[:-1])
    return start + rows, (gaps[start:end] | ~before)[rows]
