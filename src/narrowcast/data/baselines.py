"""Simple forecasts to compare a model with, and the error measures for the comparison."""

from collections.abc import Iterator

import numpy as np

from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.windows import Dataset, Part
from narrowcast.training_records import Errors

_PENALTIES = 10.0 ** np.arange(-4, 4)
# A single validation part is a noisy measure: errors within this factor count as equal.
_TIE = 1.02
_CHUNK = 8192


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


def baselines(dataset: Dataset) -> dict[str, Errors | None]:
    """Return the errors of the simple forecasts on the test part.

    ``persistence`` forecasts the target's value in the window's last row. Windows in which that
    value is missing do not count. It is None if ``lead`` is 0 or if the value is always missing.
    ``ridge`` is ridge regression on the n x m min-max scaled values of the window, and
    ``ridge_quadratic`` is ridge regression on these values and their squares. The penalty is the
    smallest of a grid whose RMSE on the validation part is within 2 % of the least. The final fit
    is on the training and validation parts together.
    """
    return {
        "persistence": _persistence(dataset.test),
        "ridge": _ridge(dataset, quadratic=False),
        "ridge_quadratic": _ridge(dataset, quadratic=True),
    }


def _persistence(test: Part) -> Errors | None:
    if test.last_known is None:
        return None
    known = ~np.isnan(test.last_known)
    last = np.broadcast_to(test.last_known[:, None], test.target.shape)
    return errors(last[known], test.target[known]) if known.any() else None


def _ridge(dataset: Dataset, *, quadratic: bool) -> Errors:
    train, validation, test = dataset.train, dataset.validation, dataset.test
    low, high = train.inputs.min(axis=(0, 1)), train.inputs.max(axis=(0, 1))
    scaling = Scaling(low, np.where(high > low, high - low, 1.0))  # a calendar may not change

    def features(part: Part) -> Iterator[tuple[Array, Array]]:
        # In chunks: a flattened, scaled and squared copy of a long table may not fit in memory.
        for start in range(0, len(part), _CHUNK):
            x = scaling.apply(part.inputs[start : start + _CHUNK])
            x = x.reshape(len(x), -1)
            powers = (x, x**2) if quadratic else (x,)
            yield np.hstack((*powers, np.ones((len(x), 1)))), part.target[start : start + _CHUNK]

    def moments(part: Part) -> Array:
        """Return x' [x y], which is sufficient for least squares on a part."""
        total = np.zeros((), dtype=np.float64)
        for x, y in features(part):
            total = total + x.T @ np.hstack((x, y))
        return total

    def measure(part: Part, weights: Array) -> Errors:
        return errors(np.concatenate([x @ weights for x, _ in features(part)]), part.target)

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
