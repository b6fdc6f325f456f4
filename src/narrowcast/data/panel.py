"""The series of a panel: each one's level and spread, and how hard it is to forecast.

One model forecasts all series, in units of their spreads: ``scaled = (value - level) / spread``.
The level and the spread of a series are those of its target in the training part, so that they are
known before the first forecast that counts. Both are kept with the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from narrowcast.config import DataConfig
from narrowcast.data.parts import parts_of_rows
from narrowcast.data.scaling import FARTHEST, Array
from narrowcast.data.table import Table
from narrowcast.data.values import LARGEST, first
from narrowcast.errors import UserError, shown

_NAMED = 5  # series in a remark
_RESOLVED = 4 * float(np.finfo(np.float64).eps)  # of a level


@dataclass(frozen=True)
class SeriesScale:
    """What is known of a series, as :class:`Panel` has it of all.

    Attributes:
        level: Level, in the target's unit.
        spread: Spread, in the target's unit, of a size that can be scaled.
        naive_mae: Mean absolute change in the training part; None if there is none.
        naive_mse: Mean squared change, likewise.
    """

    level: Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
    spread: Annotated[float, Field(ge=1 / LARGEST, le=LARGEST)]
    naive_mae: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    naive_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


@dataclass(frozen=True, eq=False)
class Panel:
    """The series of a panel.

    Attributes:
        names: Name of each series.
        level: Level [series], in the target's unit; not a number if it is not known.
        spread: Spread [series], in the target's unit, above 0; likewise.
        naive_mae: Mean absolute change from one row to the next in the training part [series], in
            the target's unit; not a number without any.
        naive_mse: Mean squared change [series], likewise.
        trained: Index of each series in the panel of the training [series]; -1 for none.
    """

    names: tuple[str, ...]
    level: Array
    spread: Array
    naive_mae: Array
    naive_mse: Array
    trained: NDArray[np.int64]

    @classmethod
    def of_scales(cls, scales: Mapping[str, SeriesScale]) -> "Panel":
        """Return the panel that :meth:`scales` has taken apart."""
        every = list(scales.values())
        return cls(
            names=tuple(scales),
            level=np.array([each.level for each in every]),
            spread=np.array([each.spread for each in every]),
            naive_mae=np.array([each.naive_mae for each in every], dtype=np.float64),
            naive_mse=np.array([each.naive_mse for each in every], dtype=np.float64),
            trained=np.arange(len(every)),
        )

    def scales(self) -> dict[str, SeriesScale]:
        """Return what is known of each series by its name."""
        naive = (self.naive_mae.tolist(), self.naive_mse.tolist())
        known = ([None if math.isnan(x) else x for x in each] for each in naive)
        every = zip(self.level.tolist(), self.spread.tolist(), *known, strict=True)
        return {name: SeriesScale(*each) for name, each in zip(self.names, every, strict=True)}

    @classmethod
    def of(cls, table: Table, config: DataConfig) -> "Panel":
        """Return the series of a table, with what their training parts say.

        Raises:
            UserError: A series ends before the test part; the message names its last row. Or each
                is constant.
        """
        number, values = table.series_of_rows, table.frame[config.targets[0]].to_numpy(np.float64)
        names, codes = table.series, parts_of_rows(table, config.split)
        if config.short_series == "refuse":
            _refuse_early_ends(table, number, codes)
        known = (codes == 0) & ~np.isnan(values)
        change = np.diff(values, prepend=np.nan)
        change[table.gaps | ~known] = np.nan
        naive_mae, naive_mse = (
            _means(number, each, len(names)) for each in (np.abs(change), change**2)
        )
        level, spread = _levels_and_spreads(number, np.where(known, values, np.nan), len(names))
        if known.any() and not np.any(spread[~np.isnan(spread)]):
            raise UserError(
                f"column {shown(config.targets[0])} is constant in each series throughout the "
                "training part: forecast another one, or move data.split"
            )
        for each in (naive_mae, naive_mse):
            each[spread == 0] = 0.0  # changes that are not resolved are none
        if not config.local_scaling:
            level, spread = np.zeros(len(names)), np.ones(len(names))
        every = np.arange(len(names))
        return cls(names, level, _positive(spread, spread), naive_mae, naive_mse, every)

    def for_table(self, table: Table, config: DataConfig) -> "Panel":
        """Return the series of a table, of which some may not be in the panel.

        Those that are not, or have no training part, have the level and the spread of the readings
        of their first window.
        """
        place = {name: i for i, name in enumerate(self.names)}
        rows = np.array([place.get(name, -1) for name in table.series], dtype=np.int64)

        def found(values: Array) -> Array:
            return np.where(rows < 0, np.nan, values[rows])

        level, spread = found(self.level), found(self.spread)
        if not config.local_scaling:
            level, spread = np.zeros(len(rows)), np.ones(len(rows))
        number, values = table.series_of_rows, table.frame[config.targets[0]].to_numpy(np.float64)
        begin = _first_windows(number, values, config.window)
        own = _levels_and_spreads(number, np.where(begin, values, np.nan), len(rows))
        unknown = np.isnan(level) | np.isnan(spread)
        level, spread = (
            np.where(unknown, *each) for each in zip(own, (level, spread), strict=True)
        )
        # A series without any reading has no forecast either.
        level, spread = np.nan_to_num(level), _positive(spread, self.spread)
        naive = found(self.naive_mae), found(self.naive_mse)
        return Panel(table.series, level, spread, *naive, rows)

    def unknown(self, table: Table) -> list[str]:
        """Return a remark on the series of a table that are not in the panel."""
        known = set(self.names)
        others = [name for name in table.series if name not in known]
        if not others:
            return []
        listed = ", ".join(shown(name) for name in others[:_NAMED])
        further = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return [
            f"{len(others)} series that the training has not seen, {listed}{further}: the level "
            "and the spread of each are those of its first window"
        ]

    def scaled(self, table: Table, config: DataConfig) -> Table:
        """Return a table with the target of each series in units of its spread, from its level.

        The panel is :meth:`for_table`, and the result keeps it.
        """
        number, name = table.series_of_rows, config.targets[0]
        values = table.frame[name].to_numpy(np.float64)
        frame = table.frame.assign(**{name: (values - self.level[number]) / self.spread[number]})
        return replace(table, frame=frame, panel=self)

    def scaled_new(self, table: Table, config: DataConfig) -> Table:
        """Return new data for a trained model likewise; ``self`` is the panel of its training."""
        found = self.for_table(table, config).scaled(table, config)
        return replace(found, notes=(*table.notes, *self.unknown(table)))


def scaled_by_series(table: Table, config: DataConfig) -> Table:
    """Return the table of a training with the target of each series in units of its spread.

    Raises:
        UserError: As for :meth:`Panel.of`; or a reading is too far from the level of its series.
    """
    panel, name = Panel.of(table, config).for_table(table, config), config.targets[0]
    found = panel.scaled(table, config)
    scaled = found.frame[name].to_numpy(np.float64)
    finite = np.isfinite(panel.level) & np.isfinite(panel.spread)
    far = ~finite[table.series_of_rows] | (np.abs(scaled) > FARTHEST)
    if (row := first(far & ~table.frame[name].isna().to_numpy())) is not None:
        series = int(table.series_of_rows[row])
        raise UserError(
            f"column {shown(name)} has {table.frame[name][row]:g} in row {table.place(row)}, whose "
            f"level and spread in the training part are {panel.level[series]:g} and "
            f"{panel.spread[series]:g}, too far apart to be scaled: correct it, name it in "
            "data.missing_values, or leave out the series"
        )
    return found


@dataclass(frozen=True, eq=False)
class Members:
    """The series that windows are of.

    Attributes:
        panel: All series.
        number: Index of each window's series [windows].
    """

    panel: Panel
    number: NDArray[np.int64]

    @property
    def names(self) -> NDArray[np.object_]:
        """Name of each window's series [windows]."""
        return np.array(self.panel.names, dtype=object)[self.number]

    @property
    def spread(self) -> Array:
        """Spread of each window's series [windows], in the target's unit."""
        return np.asarray(self.panel.spread[self.number])

    def some(self, windows: slice) -> "Members":
        """Return the series of some of the windows."""
        return Members(self.panel, self.number[windows])

    def in_units(self, values: Array) -> Array:
        """Return forecasts or targets [windows, ...] in the target's unit."""
        level, spread = (
            each[self.number].reshape(-1, *(1,) * (values.ndim - 1))
            for each in (self.panel.level, self.panel.spread)
        )
        return np.asarray(level + spread * values)


def _means(number: NDArray[np.int64], values: Array, count: int) -> Array:
    """Return the mean of each series' values [series], without NaN; NaN if there is no other."""
    known = ~np.isnan(values)
    rows = np.bincount(number[known], minlength=count)
    sums = np.bincount(number[known], values[known], minlength=count)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.where(rows, rows, np.nan))


def _levels_and_spreads(
    number: NDArray[np.int64], values: Array, count: int
) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of each series' values [series].

    Both are NaN of a series without values. A standard deviation is 0 if it is below what a float
    resolves at the level, or what can be scaled.
    """
    known = np.flatnonzero(~np.isnan(values))[::-1]
    base = np.full(count, np.nan)
    base[number[known]] = values[known]  # the first value: a constant series has exactly this level
    with np.errstate(invalid="ignore"):
        level = base + _means(number, values - base[number], count)
        spread = np.sqrt(_means(number, (values - level[number]) ** 2, count))
        least = np.maximum(_RESOLVED * np.abs(level), 1 / LARGEST)
        return level, np.where(spread <= least, 0.0, spread)


def _first_windows(number: NDArray[np.int64], values: Array, window: int) -> NDArray[np.bool_]:
    """Return whether each row is in the first window of its series that begins with a reading."""
    known = np.flatnonzero(~np.isnan(values))[::-1]
    first = np.full(int(number.max(initial=-1)) + 1, len(number))
    first[number[known]] = known
    row = np.arange(len(number))
    found: NDArray[np.bool_] = (row >= first[number]) & (row < first[number] + window)
    return found


def _positive(spread: Array, every: Array) -> Array:
    """Return spreads, with the median of ``every`` that is above 0 in place of 0 or NaN."""
    varied = every[every > 0]
    usual = float(np.median(varied)) if len(varied) else 1.0
    return np.where(spread > 0, spread, usual)


def _refuse_early_ends(table: Table, number: NDArray[np.int64], codes: NDArray[np.int64]) -> None:
    """Refuse a series without a row in the test part."""
    last = np.append(np.flatnonzero(np.diff(number) > 0), len(number) - 1)
    ended = last[codes[last] < 2]
    if not len(ended):
        return
    row = int(ended[0])
    when = "" if table.time is None else f", at {table.time[row].isoformat()}"
    others = f" ({len(ended)} series in all)" if len(ended) > 1 else ""
    raise UserError(
        f"series {shown(table.series[number[row]])} ends in row {table.row(row)}{when}, before the "
        f"test part begins{others}: set data.short_series = 'keep' to train on it all the same, or "
        "move data.split"
    )
