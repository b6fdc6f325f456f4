"""Files of forecasts: CSV or Parquet, by the ending of the name."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from narrowcast.errors import UserError
from narrowcast.files import writing

_PARQUET = (".parquet", ".pq")
_GROUP = 4096  # rows


def check_name(path: Path) -> None:
    """Refuse a name that says neither CSV nor Parquet, nor standard output.

    Raises:
        UserError: The name has another ending.
    """
    if str(path) != "-" and path.suffix.lower() not in (".csv", *_PARQUET):
        raise UserError(f"{path}: results are written as .csv or .parquet, or to '-' as CSV")


def write_frames(path: Path, frames: Iterable[pd.DataFrame]) -> None:
    """Write frames, one below the other, to a file that appears when it is whole.

    Args:
        path: The file; ``-`` is standard output, where rows appear at once.
        frames: Frames with the same columns. Their index is the first column.

    Raises:
        UserError: The file cannot be written.
    """
    check_name(path)
    target = nullcontext(sys.stdout.buffer) if str(path) == "-" else writing(path)
    with target as stream:
        write = _write_parquet if path.suffix.lower() in _PARQUET else _write_csv
        write(stream, frames)


def _write_csv(stream: IO[bytes], frames: Iterable[pd.DataFrame]) -> None:
    for i, frame in enumerate(map(_with_texts, frames)):
        stream.write(frame.to_csv(header=i == 0, lineterminator="\n").encode())
        stream.flush()


def _with_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose times are texts of their own: pandas writes those of a frame alike."""
    if not isinstance(frame.index, pd.DatetimeIndex):
        return frame
    texts = [time.isoformat(sep=" ") for time in frame.index]
    return frame.set_axis(pd.Index(texts, name=frame.index.name))


def _write_parquet(stream: IO[bytes], frames: Iterable[pd.DataFrame]) -> None:
    writer: pq.ParquetWriter | None = None
    for frame in _joined(frames):
        table = pa.Table.from_pandas(frame.reset_index(), preserve_index=False)
        writer = writer or pq.ParquetWriter(stream, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _joined(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the rows of frames in frames of many rows, each of which Parquet writes as a group."""
    waiting: list[pd.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(map(len, waiting)) >= _GROUP:
            yield pd.concat(waiting)
            waiting = []
    if waiting:
        yield pd.concat(waiting)
