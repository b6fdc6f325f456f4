"""Simple classifiers to compare a model with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.data.labels import Labels
from narrowcast.data.ridge import fit_ridge, slices, with_intercept
from narrowcast.data.rows import Part
from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.windows import Dataset
from narrowcast.training_records import CLASSIFIERS, Recognition


@dataclass(frozen=True, eq=False)
class Classifiers:
    """The simple classifiers, as they were fitted in a training.

    ``majority`` finds the most frequent label of the training part in every window.
    ``ridge_classifier`` is ridge regression on the n x m scaled values of a window: of each class
    of 1 for its windows and -1 for the others; the class is that of the largest result. The penalty
    is that of :func:`fit_ridge`, by the share of wrong labels.

    Attributes:
        labels: The classes.
        majority: Number of the most frequent class.
        window: Scaling of the m inputs.
        weights: Weights [features, classes]; the last row is the intercept.
    """

    labels: Labels
    majority: int
    window: Scaling
    weights: Array

    def scores(self, part: Part) -> dict[str, Recognition]:
        """Return how well the labels of a part's windows are recognised, by classifier."""
        return {
            name: self.labels.recognition(found[:, None], part.target)
            for name, found in zip(
                CLASSIFIERS, (np.full(len(part), self.majority), self._by_ridge(part)), strict=True
            )
        }

    def _by_ridge(self, part: Part) -> NDArray[np.intp]:
        found = [(_features(self.window, part, rows) @ self.weights) for rows in slices(part)]
        return np.asarray(np.concatenate(found).argmax(axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as arrays by name, for a file."""
        return {
            "majority": np.array([self.majority]),
            "window.offset": self.window.offset,
            "window.scale": self.window.scale,
            "weights": self.weights,
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], labels: Labels) -> "Classifiers":
        """Return what :meth:`arrays` has made arrays of.

        Raises:
            KeyError: An array is missing.
        """
        window = Scaling(arrays["window.offset"], arrays["window.scale"])
        return cls(labels, int(arrays["majority"][0]), window, arrays["weights"])


def fit_classifiers(dataset: Dataset, labels: Labels) -> Classifiers:
    """Fit the simple classifiers to the training and validation parts of windows."""
    counts = labels.counts(dataset.train.target)
    window, size = dataset.input_scaling, len(labels.classes)

    def pairs(part: Part) -> Iterator[tuple[Array, Array]]:
        for rows in slices(part):
            of_class = part.target[rows] == np.arange(size)
            yield _features(window, part, rows), np.where(of_class, 1.0, -1.0)

    def error(weights: Array) -> float:
        found = [(x @ weights).argmax(axis=1) for x, _ in pairs(dataset.validation)]
        return float((np.concatenate(found) != dataset.validation.target[:, 0]).mean())

    weights = fit_ridge(pairs(dataset.train), pairs(dataset.validation), error)
    return Classifiers(labels, list(counts.values()).index(max(counts.values())), window, weights)


def _features(window: Scaling, part: Part, rows: slice) -> Array:
    """Return the scaled readings of windows and a 1 [windows, features]."""
    x = window.apply(part.windows[rows])
    return with_intercept(x.reshape(len(x), -1))
