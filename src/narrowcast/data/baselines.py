"""Simple forecasts to compare a model with, and the error measures for the comparison."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from narrowcast.config import DataConfig
from narrowcast.data.rows import Part
from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.seasons import reading_before, season_before
from narrowcast.data.table import Table
from narrowcast.data.windows import Dataset
from narrowcast.training_records import Errors

_PENALTIES = 10.0 ** np.arange(-4, 4)
# A single validation part is a noisy measure: errors within this factor count as equal.
_TIE = 1.02
_CHUNK = 8192
# A period of the target: its autocorrelation, and its share of the highest one.
_LEAST_CORRELATION = 0.2
_NEARLY = 0.9


def errors(prediction: Array, truth: Array) -> Errors:
    """Return the errors of ``prediction`` against ``truth``, both [windows, outputs]."""
    if prediction.shape != truth.shape:
        raise ValueError(f"forecasts of shape {prediction.shape}, truth of {truth.shape}")
    difference = prediction - truth
    squares = np.mean(difference**2, axis=0)
    return Errors(
        rmse=float(np.sqrt(np.mean(difference**2))),
        mae=float(np.mean(np.abs(difference))),
        by_step=tuple(np.sqrt(squares).tolist()) if len(squares) > 1 else None,
    )


def baselines(dataset: Dataset, table: Table, config: DataConfig) -> dict[str, Errors | None]:
    """Return the errors of the simple forecasts on the test part.

    ``persistence`` forecasts the target's value in the window's last row. It is None if ``lead`` is
    0. ``seasonal_naive`` forecasts the value of a season before: of the seasons in
    :func:`seasons_to_try` the one with the least RMSE on the validation part. Windows in which such
    a value is missing do not count; without any other window, the error is None.

    ``ridge`` is ridge regression on the scaled inputs of the model: the n x m values of the window,
    with those of the calendar, the readings of earlier seasons and the values known ahead.
    ``ridge_quadratic`` is ridge regression on these values and their squares. ``nlinear`` is ridge
    regression of the change from the target's last value on the n changes of the target in the
    window (Zeng et al., "Are Transformers Effective for Time Series Forecasting?", 2023); it is
    None if the target is not among the inputs. The penalty is the smallest of a grid whose RMSE on
    the validation part is within 2 % of the least. The final fit is on the training and validation
    parts together.

    Args:
        dataset: The windows.
        table: The table that they were cut from.
        config: The configuration of the windows.
    """
    low = dataset.train.inputs.min(axis=(0, 1))
    span = dataset.train.inputs.max(axis=(0, 1)) - low
    scaling = Scaling(low, np.where(span > 0, span, 1.0))  # a calendar may be constant

    def flat(part: Part, rows: slice) -> Array:
        further = dataset.scaled_further(tuple(each[rows] for each in part.further))
        every = scaling.apply(part.inputs[rows]), *further
        return np.hstack([x.reshape(len(x), -1) for x in every])

    def with_squares(part: Part, rows: slice) -> Array:
        x = flat(part, rows)
        return np.hstack((x, x**2))

    def changes(part: Part, rows: slice) -> Array:
        x = dataset.scaled_inputs(part.inputs[rows])[:, :, dataset.target]
        return x - x[:, -1:]

    return {
        "persistence": _persistence(dataset.test),
        "seasonal_naive": _seasonal_naive(dataset, table, config),
        "nlinear": None if dataset.target is None else _ridge(dataset, changes, relative=True),
        "ridge": _ridge(dataset, flat),
        "ridge_quadratic": _ridge(dataset, with_squares),
    }


def _persistence(test: Part) -> Errors | None:
    if test.last_known is None:
        return None
    return _known_errors(np.repeat(test.last_known[:, None], test.target.shape[1], axis=1), test)


def _known_errors(forecast: Array, part: Part) -> Errors | None:
    """Return the errors in the windows whose forecasts [windows, outputs] are all known."""
    known = ~np.isnan(forecast).any(axis=1)
    return errors(forecast[known], part.target[known]) if known.any() else None


def seasons_to_try(table: Table, config: DataConfig, training_rows: int) -> list[int]:
    """Return lengths of seasons in rows: a day, a week, and the peak of the autocorrelation.

    Args:
        table: The table.
        config: Configuration with the target.
        training_rows: Number of rows of the training part, in which the autocorrelation is taken.
    """
    found = []
    if table.interval is not None:
        found = [round(pd.Timedelta(days, "D") / table.interval) for days in (1, 7)]
    found.append(_period(table.frame[config.target].to_numpy(np.float64)[:training_rows]))
    return sorted({rows for rows in found if 2 <= rows <= training_rows // 2})


def _period(values: Array) -> int:
    """Return the shortest lag whose autocorrelation is nearly the highest of all peaks; or 0."""
    x = np.nan_to_num(values - np.nanmean(values))
    power = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    correlation = np.fft.irfft(power)[: len(x) // 2]
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[correlation[peaks] > _LEAST_CORRELATION * correlation[0]]
    if not len(peaks):
        return 0
    return int(peaks[correlation[peaks] >= _NEARLY * correlation[peaks].max()][0])


def _seasonal_naive(dataset: Dataset, table: Table, config: DataConfig) -> Errors | None:
    target = table.frame[config.target].to_numpy(np.float64)

    def measure(part: Part, season: int) -> Errors | None:
        last = part.row - config.lead
        columns = [
            reading_before(table, target, last, rows) for rows in season_before(season, config)
        ]
        return _known_errors(np.stack(columns, axis=1), part)

    best: tuple[float, int] | None = None
    for season in seasons_to_try(table, config, int(dataset.validation.row[0])):
        found = measure(dataset.validation, season)
        if found is not None and (best is None or found.rmse < best[0]):
            best = found.rmse, season
    return None if best is None else measure(dataset.test, best[1])


def _ridge(
    dataset: Dataset, features: Callable[[Part, slice], Array], *, relative: bool = False
) -> Errors:
    """Return the errors of ridge regression on features [windows, ...] of a slice of a part.

    With ``relative``, it forecasts changes from the last reading of the target.
    """
    train, validation, test = dataset.train, dataset.validation, dataset.test

    def base(part: Part, rows: slice) -> Array | float:
        return part.inputs[rows][:, -1, dataset.target, None] if relative else 0.0

    def chunks(part: Part) -> Iterator[tuple[Array, slice]]:
        # A flattened, scaled and squared copy of a long table may not fit in memory.
        for start in range(0, len(part), _CHUNK):
            rows = slice(start, start + _CHUNK)
            x = features(part, rows)
            yield np.hstack((x, np.ones((len(x), 1)))), rows

    def moments(part: Part) -> Array:
        """Return x' [x y], which is sufficient for least squares on a part."""
        total = np.zeros((), dtype=np.float64)
        for x, rows in chunks(part):
            total = total + x.T @ np.hstack((x, part.target[rows] - base(part, rows)))
        return total

    def measure(part: Part, weights: Array) -> Errors:
        forecasts = [x @ weights + base(part, rows) for x, rows in chunks(part)]
        return errors(np.concatenate(forecasts), part.target)

    fitted = moments(train)
    rmse = np.array([measure(validation, _solve(fitted, penalty)).rmse for penalty in _PENALTIES])
    penalty = _PENALTIES[np.argmax(rmse <= _TIE * rmse.min())]
    return measure(test, _solve(fitted + moments(validation), penalty))


def _solve(moments: Array, penalty: float) -> Array:
    """Return weights [features, outputs]; the last row, the intercept, is not penalised."""
    size = len(moments)
    gram = moments[:, :size].copy()
    inner = np.arange(size - 1)
    gram[inner, inner] += penalty
    return np.asarray(np.linalg.solve(gram, moments[:, size:]), dtype=np.float64)
