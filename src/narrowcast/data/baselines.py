"""Simple forecasts to compare a model with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.holes import held, held_rows
from narrowcast.data.parts import parts_of_rows
from narrowcast.data.ridge import Pairs, fit_ridge, fit_ridges, slices, with_intercept
from narrowcast.data.rows import Part
from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.seasons import reading_before, season_before
from narrowcast.data.table import Table
from narrowcast.data.targets import ErrorSums, Targets
from narrowcast.data.windows import Dataset
from narrowcast.training_records import BASELINES, PANEL_BASELINES, Errors

# A period of the target: its autocorrelation, and its share of the highest one.
_LEAST_CORRELATION = 0.2
_NEARLY = 0.9
# Where the rows are at least so far apart, a year is a season, too.
_LONG, _YEAR = "1D", 365.25
_LINEAR = ("nlinear", "ridge", "ridge_quadratic")


@dataclass(frozen=True, eq=False)
class Baselines:
    """The simple forecasts, as they were fitted in a training.

    ``persistence`` forecasts the target's value in the window's last row. It is impossible if
    ``lead`` is 0. ``seasonal_naive`` forecasts the value of a season before: of the seasons in
    :func:`seasons_to_try` the one with the least RMSE on the validation part.

    ``ridge`` is ridge regression on the scaled inputs of the model: the n x m values of the window,
    with those of the calendar, the readings of earlier seasons and the values known ahead.
    ``ridge_quadratic`` is ridge regression on these values and their squares. ``nlinear`` is ridge
    regression of the changes from the targets' last values on the n changes of the targets in the
    window (Zeng et al., "Are Transformers Effective for Time Series Forecasting?", 2023); it is
    impossible if a target is not among the inputs. In a panel, these three are fitted to the
    windows of all series, and ``ridge_per_series`` is ridge regression on the windows of each
    series of its own. The penalty is the smallest of a grid whose
    RMSE on the validation part is within 2 % of the least. The final fit is on the training and
    validation parts together.

    Attributes:
        config: Configuration of the windows.
        season: Length of the season in rows; None without any.
        window: Scaling of the m inputs for ridge regression.
        change: Scale of the changes of each target for ``nlinear``.
        further: Scaling of each further input.
        units: Units of the targets' errors, see :class:`Targets`.
        weights: Weights [features, forecasts] of the linear forecasts by name; the last row is the
            intercept.
        per_series: Weights [series, features, forecasts] of ``ridge_per_series``, not a number for
            a series without windows; None if it is no panel.
    """

    config: DataConfig
    season: int | None
    window: Scaling
    change: Array
    further: tuple[Scaling, ...]
    units: tuple[float, ...]
    weights: Mapping[str, Array]
    per_series: Array | None = None

    @property
    def targets(self) -> Targets:
        """The columns that are forecast."""
        return Targets(self.config.targets, self.config.outputs, self.units)

    def forecasts(self, part: Part, table: Table, known: Array) -> Iterator[tuple[str, Array]]:
        """Yield the simple forecasts that are possible, [windows, forecasts], by name.

        Args:
            part: Windows. A value that is missing in one makes its forecast NaN.
            table: The table that they were cut from.
            known: Its targets [rows, targets], see :func:`last_known`.
        """
        if part.last_known is not None:
            yield "persistence", self.targets.repeated(part.last_known)
        if self.season is not None:
            yield "seasonal_naive", self.a_season_before(part, table, known, self.season)
        for name, weights in self.weights.items():
            found = [
                x @ weights + self._base(name, part, rows) for x, rows in self.chunks(name, part)
            ]
            yield name, np.concatenate(found)
        if self.per_series is not None and part.members is not None:
            series = part.members.panel.trained[part.members.number]
            weights = self.per_series
            found = [_of_each(x, weights, series[rows]) for x, rows in self.chunks("ridge", part)]
            yield "ridge_per_series", np.concatenate(found)

    def a_season_before(self, part: Part, table: Table, known: Array, season: int) -> Array:
        """Return the targets' values a season before [windows, forecasts], NaN where missing."""
        last = part.row - self.config.lead
        earlier = season_before(season, self.config)
        found = [reading_before(table, each, last, rows) for each in known.T for rows in earlier]
        return np.stack(found, axis=1)

    def chunks(self, name: str, part: Part) -> Iterator[tuple[Array, slice]]:
        """Yield features [windows, features] of a linear forecast, a slice at a time."""
        for rows in slices(part):
            yield with_intercept(self._features(name, part, rows)), rows

    def to_forecast(self, name: str, part: Part, rows: slice) -> Array:
        """Return what a linear forecast is fitted to [windows, forecasts]."""
        return part.target[rows] - self._base(name, part, rows)

    def _features(self, name: str, part: Part, rows: slice) -> Array:
        if name == "nlinear":
            x = part.windows[rows][:, :, list(self.config.target_columns)] / self.change
            return (x - x[:, -1:]).reshape(len(x), -1)
        further = zip(self.further, part.further, strict=True)
        every = (
            self.window.apply(part.windows[rows]),
            *(scaling.apply(each[rows]) for scaling, each in further),
        )
        flat = np.hstack([x.reshape(len(x), -1) for x in every])
        return np.hstack((flat, flat**2)) if name == "ridge_quadratic" else flat

    def _base(self, name: str, part: Part, rows: slice) -> Array | float:
        """Return what is added to a linear forecast."""
        if name != "nlinear":
            return 0.0
        return self.targets.repeated(part.windows[rows][:, -1, list(self.config.target_columns)])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as arrays by name, for a file."""
        scalings = {"window": self.window}
        scalings |= {f"further.{i}": each for i, each in enumerate(self.further)}
        return {
            "season": np.array([] if self.season is None else [self.season], dtype=np.int64),
            "change": self.change,
            "units": np.array(self.units),
            **{f"{name}.offset": each.offset for name, each in scalings.items()},
            **{f"{name}.scale": each.scale for name, each in scalings.items()},
            **{f"{name}.weights": each for name, each in self.weights.items()},
            **({} if self.per_series is None else {"per_series": self.per_series}),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], config: DataConfig) -> "Baselines":
        """Return what :meth:`arrays` has made arrays of.

        Raises:
            KeyError: An array is missing.
        """

        def scaling(name: str) -> Scaling:
            return Scaling(arrays[f"{name}.offset"], arrays[f"{name}.scale"])

        further = sum(name.startswith("further.") for name in arrays) // 2
        return cls(
            config=config,
            season=next(iter(arrays["season"].tolist()), None),
            window=scaling("window"),
            change=arrays["change"],
            further=tuple(scaling(f"further.{i}") for i in range(further)),
            units=tuple(arrays["units"].tolist()),
            weights={
                name: arrays[f"{name}.weights"] for name in _LINEAR if f"{name}.weights" in arrays
            },
            per_series=arrays.get("per_series"),
        )

    @classmethod
    def without_fit(cls, config: DataConfig, units: tuple[float, ...]) -> "Baselines":
        """Return the simple forecasts that need no fit: persistence."""
        none = np.zeros(0)
        return cls(config, None, Scaling(none, none), none, (), units, {})


def last_known(table: Table, config: DataConfig) -> Array:
    """Return the targets [rows, targets], NaN where missing.

    The last reading stands in for a missing one where it does for the model.
    """
    readings = table.frame[list(config.targets)].to_numpy(np.float64)
    return held(readings, table.gaps, held_rows(config, table.interval))


def fit_baselines(
    dataset: Dataset, table: Table, config: DataConfig, targets: Targets | None = None
) -> Baselines:
    """Fit the simple forecasts to the training and validation parts of a table.

    Args:
        dataset: The windows.
        table: The table that they were cut from.
        config: The configuration of the windows.
        targets: The columns that are forecast, with the units of the errors of the model that they
            are compared with; those of the windows unless given.
    """
    low, high = dataset.train.windows.ends()
    span = high - low
    columns = list(dataset.target_columns)
    empty = Baselines(
        config=config,
        season=None,
        window=Scaling(low, np.where(span > 0, span, 1.0)),  # a calendar may be constant
        change=dataset.input_scaling.scale[columns],
        further=dataset.further_scaling,
        units=(targets or dataset.forecast_targets).units,
        weights={},
    )
    names = [name for name in _LINEAR if name != "nlinear" or columns]
    return replace(
        empty,
        season=_season(empty, dataset, table),
        weights={name: _ridge(empty, name, dataset) for name in names},
        per_series=None if dataset.train.members is None else _ridges(empty, dataset),
    )


def baselines(dataset: Dataset, table: Table, config: DataConfig) -> dict[str, Errors | None]:
    """Return the errors of the simple forecasts on the test part, see :class:`Baselines`.

    Windows in which a forecast is impossible do not count; without any other window, the error is
    None. The arguments are those of :func:`fit_baselines`.
    """
    return baseline_errors(fit_baselines(dataset, table, config), dataset.test, table)


def baseline_errors(fitted: Baselines, part: Part, table: Table) -> dict[str, Errors | None]:
    """Return the errors of fitted forecasts on a part of a table, None for impossible ones."""
    names = (*BASELINES, *(() if part.members is None else PANEL_BASELINES))
    found: dict[str, Errors | None] = dict.fromkeys(names)
    for name, forecast in fitted.forecasts(part, table, last_known(table, fitted.config)):
        sums = ErrorSums(fitted.targets)
        sums.add(forecast, part.target, part.members)
        found[name] = sums.errors()
    return found


def seasons_to_try(table: Table, config: DataConfig, training_rows: int) -> list[int]:
    """Return lengths of seasons in rows: a day, a week, a year, the peak of the autocorrelation.

    Args:
        table: The table.
        config: Configuration with the targets.
        training_rows: Number of rows of the training part, in which it is taken. With recordings
            or groups, it is taken in the rows of the training part, wherever they are.
    """
    found = []
    if table.interval is not None:
        long = table.interval >= pd.Timedelta(_LONG)
        days = (1, 7, _YEAR) if long else (1, 7)
        found = [round(pd.Timedelta(each, "D") / table.interval) for each in days]
    targets = table.frame[list(config.targets)].to_numpy(np.float64)
    pieces = [targets[:training_rows]]
    if table.recording is not None or config.groups:
        used = parts_of_rows(table, config.split) == 0
        edges = np.flatnonzero(table.begins | np.append(False, used[1:] != used[:-1]))
        begins = np.append(0, edges)
        pieces = [
            piece
            for piece, begin in zip(np.split(targets, edges), begins, strict=True)
            if used[begin]
        ]
    longest = max(map(len, pieces))
    found += [_period([piece[:, i] for piece in pieces]) for i in range(targets.shape[1])]
    return sorted({rows for rows in found if 2 <= rows <= longest // 2})


def _period(pieces: Sequence[Array]) -> int:
    """Return the shortest lag whose autocorrelation is nearly the highest of all peaks; or 0.

    The autocorrelation is summed up over pieces of consecutive values.
    """
    mean, longest = np.nanmean(np.concatenate(pieces)), max(map(len, pieces))
    power = np.zeros(longest + 1)
    for values in pieces:
        power += np.abs(np.fft.rfft(np.nan_to_num(values - mean), 2 * longest)) ** 2
    correlation = np.fft.irfft(power)[: longest // 2]
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[correlation[peaks] > _LEAST_CORRELATION * correlation[0]]
    if not len(peaks):
        return 0
    return int(peaks[correlation[peaks] >= _NEARLY * correlation[peaks].max()][0])


def _season(plain: Baselines, dataset: Dataset, table: Table) -> int | None:
    """Return the season with the least RMSE on the validation part; None without any."""
    validation, known = dataset.validation, last_known(table, plain.config)
    best: tuple[float, int] | None = None
    for season in seasons_to_try(table, plain.config, int(validation.row[0])):
        sums = ErrorSums(plain.targets)
        forecast = plain.a_season_before(validation, table, known, season)
        sums.add(forecast, validation.target, validation.members)
        found = sums.errors()
        if found is not None and (best is None or found.error < best[0]):
            best = found.error, season
    return None if best is None else best[1]


def _ridge(plain: Baselines, name: str, dataset: Dataset) -> Array:
    """Return the weights [features, forecasts] of ridge regression."""

    def pairs(part: Part) -> Iterator[tuple[Array, Array]]:
        for x, rows in plain.chunks(name, part):
            yield x, plain.to_forecast(name, part, rows)

    def rmse(weights: Array) -> float:
        sums = ErrorSums(plain.targets)
        for x, y in pairs(dataset.validation):
            sums.add(x @ weights, y)
        found = sums.errors()
        assert found is not None
        return found.rmse

    return fit_ridge(pairs(dataset.train), pairs(dataset.validation), rmse)


def _ridges(plain: Baselines, dataset: Dataset) -> Array:
    """Return the weights [series, features, forecasts] of ridge regression on each series."""
    members = dataset.train.members
    assert members is not None
    count = len(members.panel.names)
    train, validation = (
        _by_series(plain, part, count) for part in (dataset.train, dataset.validation)
    )
    some = next(iter(plain.chunks("ridge", dataset.train)))[0]
    return fit_ridges(train, validation, (some.shape[1], dataset.train.target.shape[1]))


def _by_series(plain: Baselines, part: Part, count: int) -> list[Pairs]:
    """Return the features of a part's windows, and what they are fitted to, series by series."""
    assert part.members is not None
    found: list[list[tuple[Array, Array]]] = [[] for _ in range(count)]
    for x, rows in plain.chunks("ridge", part):
        number, y = part.members.number[rows], plain.to_forecast("ridge", part, rows)
        for i, mine in _rows_of_each(number):
            found[i].append((x[mine], y[mine]))
    return list(found)


def _rows_of_each(series: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each number among those of some windows' series, and its windows in their order."""
    order = np.argsort(series, kind="stable")
    numbers, begins = np.unique(series[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, begins[1:]), strict=True)


def _of_each(x: Array, weights: Array, series: NDArray[np.int64]) -> Array:
    """Return forecasts [windows, forecasts] by the weights of each window's series; NaN for -1."""
    found = np.full((len(x), weights.shape[2]), np.nan)
    for i, mine in _rows_of_each(series):
        if i >= 0:
            found[mine] = x[mine] @ weights[i]
    return found
