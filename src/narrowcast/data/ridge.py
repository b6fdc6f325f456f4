"""Ridge regression with a penalty that the validation part chooses."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from narrowcast.data.rows import Part
from narrowcast.data.scaling import Array

_PENALTIES = np.asarray(10.0 ** np.arange(-4, 4), dtype=np.float64)
# A single validation part is a noisy measure: errors within this factor count as equal.
_TIE = 1.02
_CHUNK = 8192

Pairs = Iterable[tuple[Array, Array]]
"""Features [windows, features] and what they are fitted to [windows, columns], batch by batch."""


def slices(part: Part) -> Iterator[slice]:
    """Yield slices of a part: a flattened, scaled and squared copy of all may not fit in memory."""
    for start in range(0, len(part), _CHUNK):
        yield slice(start, start + _CHUNK)


def with_intercept(x: Array) -> Array:
    """Return features [windows, features] with a last one that is 1."""
    return np.hstack((x, np.ones((len(x), 1))))


def fit_ridge(train: Pairs, validation: Pairs, error: Callable[[Array], float]) -> Array:
    """Return weights [features, columns], fitted to both parts together.

    The penalty is the smallest of a grid whose error on the validation part, fitted to the training
    part only, is within 2 % of the least.

    Args:
        train: The training part, whose last feature is 1.
        validation: The validation part.
        error: Returns the error of weights on the validation part.
    """
    fitted = _moments(train)
    measured = np.array([error(_solve(fitted, penalty)) for penalty in _PENALTIES])
    penalty = _PENALTIES[np.argmax(measured <= _TIE * measured.min())]
    return _solve(fitted + _moments(validation), penalty)


def fit_ridges(train: Sequence[Pairs], validation: Sequence[Pairs], size: tuple[int, int]) -> Array:
    """Return the weights of several groups of windows, such as series, with a common penalty.

    The penalty is chosen as by :func:`fit_ridge`, by the squared error over all groups.

    Args:
        train: The training part of each group.
        validation: The validation part of each group.
        size: Number of features and of columns.

    Returns:
        Weights [groups, features, columns], not a number for a group without windows.
    """
    found = np.full((len(_PENALTIES), len(train), *size), np.nan)
    squares = np.zeros(len(_PENALTIES))
    for i, (fitted, unseen) in enumerate(zip(train, validation, strict=True)):
        moments = _moments(fitted)
        if not moments.ndim:
            continue
        every = list(unseen)
        both = moments + _moments(every)
        weights = _solve(moments, _PENALTIES)
        for x, y in every:
            squares += ((x @ weights - y) ** 2).sum(axis=(1, 2))
        found[:, i] = _solve(both, _PENALTIES)
    chosen = np.argmax(np.sqrt(squares) <= _TIE * np.sqrt(squares.min()))
    return np.asarray(found[chosen])


def _moments(pairs: Pairs) -> Array:
    """Return x' [x y], which is sufficient for least squares."""
    total = np.zeros((), dtype=np.float64)
    for x, y in pairs:
        total = total + x.T @ np.hstack((x, y))
    return total


def _solve(moments: Array, penalty: Array | float) -> Array:
    """Return weights [..., features, columns] for penalties [...] or a single one.

    The last row, the intercept, is not penalised.
    """
    size = len(moments)
    gram = np.broadcast_to(moments[:, :size], (*np.shape(penalty), size, size)).copy()
    inner = np.arange(size - 1)
    gram[..., inner, inner] += np.asarray(penalty)[..., None]
    return np.asarray(np.linalg.solve(gram, moments[:, size:]), dtype=np.float64)
