"""Tables in Parquet."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from narrowcast.config import DataConfig
from narrowcast.data.columns import Columns, find, selected, times_of
from narrowcast.data.series import is_identifier
from narrowcast.errors import UserError, boundary

_MOST_VALUES = 16_000_000  # of the columns in use, whatever the size of the file
_MOST_PER_BYTE = 2  # of a larger file


def parquet_names(content: bytes | Path, path: Path) -> list[str]:
    """Return the names of the columns; a column that pandas made of an unnamed index has none.

    Raises:
        UserError: The file is no Parquet file.
    """
    with boundary(f"{path}: not a readable Parquet file", "write it again"):
        schema = pq.read_schema(pa.BufferReader(content) if isinstance(content, bytes) else content)
        _ = schema.pandas_metadata  # raises if it is damaged, as other parts then may be
        return ["" if name == "__index_level_0__" else name for name in schema.names]


def read_parquet(
    content: bytes,
    config: DataConfig,
    wanted: Sequence[str],
    path: Path,
) -> Columns:
    """Return the columns of a Parquet file.

    Args:
        content: The file's content.
        config: Names the columns, and says whether a series is a column or a row.
        wanted: Names of the columns in use.
        path: The file, for messages.

    Raises:
        UserError: The file cannot be read, or lacks a column.
    """
    names = parquet_names(content, path)
    if config.layout == "rows":
        return _read_series(content, config, names, wanted, path)
    wanted = selected(config, wanted, names)
    keys = dict(zip(wanted, find(wanted, names, path), strict=True))
    times = find(config.time_columns, names, path)
    used = [*keys.values(), *times]
    others = _others(content, names, used, path)
    table = _read(content, [*used, *others], others, path).slice(config.skip_rows)
    if not table.num_rows:
        raise UserError(f"{path}: has no rows")
    columns = dict(zip([*used, *others], table.columns, strict=True))
    return Columns(
        readings={name: columns[each] for name, each in keys.items()},
        time=times_of([columns[each] for each in times], config.time_format),
        others={names[each]: columns[each] for each in others},
    )


def _others(content: bytes, names: Sequence[str], used: Sequence[int], path: Path) -> list[int]:
    """Return the positions of columns not in use that may tell series apart."""
    with boundary(f"{path}: not a readable Parquet file", "write it again"):
        kinds = pq.read_schema(pa.BufferReader(content)).types
    return [
        column
        for column, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if column not in used
        and names.count(name) == 1
        and (
            _is_text(kind)
            or (pa.types.is_dictionary(kind) and _is_text(kind.value_type))
            or (pa.types.is_integer(kind) and is_identifier(name))
        )
    ]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read(content: bytes, columns: Sequence[int], texts: Sequence[int], path: Path) -> pa.Table:
    """Return columns selected by position; each text of ``texts`` is in memory once."""
    with boundary(f"{path}: not a readable Parquet file", "write it again"):
        file = pq.ParquetFile(pa.BufferReader(content))
        most = max(_MOST_VALUES, _MOST_PER_BYTE * len(content))
        if file.metadata.num_rows * len(columns) > most:
            raise UserError(
                f"{path}: claims {file.metadata.num_rows} rows in {len(content)} bytes: the file "
                "is damaged, or must be split"
            )
        names = file.schema_arrow.names
        table = pq.read_table(
            pa.BufferReader(content),
            columns=[names[each] for each in columns],
            read_dictionary=[names[each] for each in texts],
        )
        table.validate(full=True)
        return table


def _read_series(
    content: bytes, config: DataConfig, names: Sequence[str], wanted: Sequence[str], path: Path
) -> Columns:
    """Return the wanted series of a file with one series per row."""
    table = _read(content, range(len(names)), (), path).slice(config.skip_rows)
    rows = [str(row) for row in range(len(table))]
    series = {}
    wanted = selected(config, wanted, rows)
    for name, row in zip(wanted, find(wanted, rows, path), strict=True):
        with boundary(f"{path}: the series {name!r}", "it must hold numbers only"):
            values = pa.array([column[row].as_py() for column in table.columns])
            series[name] = pa.chunked_array([values])
    return Columns(series)
