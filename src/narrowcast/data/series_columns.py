"""Columns of a panel: series that are columns of their own, and what is constant in each series."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.categories import Category
from narrowcast.data.columns import Columns, find, listed
from narrowcast.data.scaling import Array
from narrowcast.data.timestamps import ZONE
from narrowcast.data.values import Notation, as_text, known_text, numbers
from narrowcast.errors import UserError, shown


def with_id(columns: Columns, config: DataConfig, path: Path) -> Columns:
    """Return the columns of one file, which is a series named by the file if no column says so.

    Raises:
        UserError: A column that tells series apart is missing, where the file cannot replace it.
    """
    if config.id is None or config.series:
        return columns
    if len(config.recording) > 1 or str(path) == "-":  # standard input has no name
        find(config.recording, [*columns.readings, *columns.others], path)
    elif config.recording[0] not in columns.readings:
        stem = path.stem.removesuffix(".csv").strip()
        names = pa.chunked_array([pa.repeat(stem, columns.rows)])
        readings = {**columns.readings, config.recording[0]: names}
        return replace(columns, readings=readings, stems=(stem,))
    return columns


def joined(columns: Sequence[Category]) -> Category:
    """Return the series of each row, told apart by one or several columns of names.

    The name of a series is those of its columns with a slash between them.

    Raises:
        UserError: Two series have the same name.
    """
    if len(columns) == 1:
        return columns[0]
    codes, found = pd.factorize(pd.MultiIndex.from_arrays([each.codes for each in columns]))
    parts = [tuple(each.names[i] for each, i in zip(columns, some, strict=True)) for some in found]
    first: dict[str, tuple[str, ...]] = {}
    for some in parts:
        if (other := first.setdefault("/".join(some), some)) is not some:
            raise UserError(
                f"data.id: the series {listed(other)} and {listed(some)} are both named "
                f"{shown('/'.join(some))}: write their names without slashes"
            )
    return Category(np.asarray(codes, dtype=np.int64), tuple(first))


def unpivoted(
    readings: Mapping[str, Array], config: DataConfig, place: str
) -> tuple[dict[str, Array], Category]:
    """Return the readings of a wide table, one series below the other, and the series of each row.

    Args:
        readings: Readings [rows] of each series, and of each input that all series have.
        config: Says which ones these are.
        place: The file, for messages.

    Raises:
        UserError: No column is a series.
    """
    shared = [name for name in (*config.inputs, *config.known) if name not in config.targets]
    names = [name for name in readings if name not in shared]
    if not names:
        raise UserError(f"{place}: no column has a name of data.series = {listed(config.series)}")
    rows = len(readings[names[0]])
    found = {name: np.tile(readings[name], len(names)) for name in shared if name in readings}
    found[config.targets[0]] = np.concatenate([readings[name] for name in names])
    return found, Category(np.repeat(np.arange(len(names)), rows), tuple(names))


def static_inputs(
    name: str,
    column: pa.ChunkedArray,
    series: Category,
    config: DataConfig,
    notation: Notation,
    place: str,
) -> dict[str, Array]:
    """Return the inputs that are made of a static column, [rows] each.

    Args:
        name: Name of the column.
        column: The column as it was read.
        series: The series of each row.
        config: Names the values of the column, if it holds no numbers.
        notation: How numbers are written.
        place: The file and the column, for messages.

    Raises:
        UserError: A value is missing, is not among those of the configuration, or differs from the
            first one of its series. The message names the series and the row.
    """
    values = config.static[name]
    if not values:
        found, _ = numbers(column, notation, place, varied=False)
        _check_constant(found, np.isnan(found), series, notation, place)
        return {name: found}
    text = Category.of(column, notation, place)
    _check_constant(text.codes, text.codes < 0, series, notation, place)
    unknown = [i for i, value in enumerate(text.names) if value not in values]
    if unknown:
        row = int(np.flatnonzero(np.isin(text.codes, unknown))[0])
        value = shown(text.names[text.codes[row]])
        raise UserError(
            f"{place}, row {notation.rows[row]}: {value} is not among the values of data.static, "
            f"{listed(values)}: add it there"
        )
    names = np.array(text.names, dtype=object)[text.codes]
    return {f"{name} = {value}": (names == value).astype(np.float64) for value in values}


def check_zones(
    times: pa.ChunkedArray, series: Category, config: DataConfig, notation: Notation, place: str
) -> None:
    """Refuse time stamps of several zones, which would not be the same hours of the day.

    Those that are missing are left to :func:`time_stamps`.

    Args:
        times: The time column as it was read.
        series: The series of each row.
        config: With a time zone, offsets may differ, as those of summer and winter do.
        notation: How rows are numbered.
        place: The file and the column, for messages.

    Raises:
        UserError: The message names the series and the row of the first other zone.
    """
    text = as_text(times)
    if text is None or config.timezone is not None:
        return
    given = known_text(text).to_pandas()
    found = given.str.extract(ZONE, expand=False).fillna("none")
    offsets = found.replace({"Z": "+00:00", "z": "+00:00"}).to_numpy()
    known = np.flatnonzero(given.notna())
    other = known[offsets[known] != offsets[known[:1]]]
    if len(other):
        first, row = int(known[0]), int(other[0])
        raise UserError(
            f"{place}, row {notation.rows[row]}: has the offset {offsets[row]} in series "
            f"{shown(series.names[series.codes[row]])}, but row {notation.rows[first]} has "
            f"{offsets[first]}: write all times in UTC, or set data.timezone if they are of one "
            "zone with summer time"
        )


def _check_constant(
    values: NDArray[np.generic],
    missing: NDArray[np.bool_],
    series: Category,
    notation: Notation,
    place: str,
) -> None:
    """Refuse a static column that is missing or changes within a series."""
    if missing.any():
        row = int(missing.argmax())
        raise UserError(
            f"{place}, row {notation.rows[row]}: is empty in series "
            f"{shown(series.names[series.codes[row]])}: a static column needs a value in each row"
        )
    _, first = np.unique(series.codes, return_index=True)
    of_series = np.zeros(len(series.names), dtype=np.intp)
    of_series[series.codes[first]] = first
    other = values != values[of_series[series.codes]]
    if other.any():
        row = int(other.argmax())
        raise UserError(
            f"{place}, row {notation.rows[row]}: is another value than in row "
            f"{notation.rows[int(of_series[series.codes[row]])]} of the same series, "
            f"{shown(series.names[series.codes[row]])}: leave it out of data.static, and name it "
            "in data.inputs or data.known if it changes"
        )
