"""Predicts the error of a model after fine-tuning from its widths.

Rounding without training says little about the error after fine-tuning, because fine-tuning adapts
scales and biases. So some random assignments of widths are fine-tuned for a few epochs. Each gives
two numbers: the distance of its results from the float model's, which depends almost only on the
widths, and its error, which is the quantity of interest but also varies at random. Both are fitted
together by a sum over tensors, in which the term of a tensor falls with its width. docs/search.md
has the rank correlations of this proxy and of alternatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narrowcast.search.space import Widths

EPOCHS = 3  # of a short training
MOST_PROBES = 60  # short trainings for each size of the model
LEAST_PROBES = 12  # short trainings for each size if the budget is small
_DISTANCE_SHARE = 2 / 3  # weight of the distance in the fit; the rest is that of the error
_BASE = 3.0  # between the amplitude of rounding noise, 2^-bits, and its power, 4^-bits
_RIDGE = 5.0

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Proxy:
    """A fitted prediction: log(error) = constant + sum of weight x 3^-bits over tensors.

    Attributes:
        names: Names of the tensors.
        weights: Weight of each tensor.
        constant: Constant term of the logarithm.
    """

    names: tuple[str, ...]
    weights: Values
    constant: float

    @classmethod
    def fit(
        cls, assignments: Sequence[Widths], distances: Sequence[float], errors: Sequence[float]
    ) -> "Proxy":
        """Fit by ridge regression on standardised features.

        Args:
            assignments: Widths of each model, all with the same tensors.
            distances: Mean square difference from the float model's results, after fine-tuning.
            errors: Error after fine-tuning. One of 0, as of a classifier that is right in all
                windows, counts as half of the least that is not.
        """
        names = tuple(assignments[0])
        features = np.array([_features(bits, names) for bits in assignments])
        scaled, mean, spread = _standardised(features)
        far, _, _ = _standardised(np.log(distances))
        wrong, usual, deviation = _standardised(np.log(_above_zero(errors)))
        score = _DISTANCE_SHARE * far + (1 - _DISTANCE_SHARE) * wrong
        gram = scaled.T @ scaled + _RIDGE * np.eye(len(names))
        weights = deviation * np.linalg.solve(gram, scaled.T @ score) / spread
        return cls(names, weights, float(usual - mean @ weights))

    def error(self, bits: Widths) -> float:
        """Return the predicted error, above 0, in its unit.

        It is the error after a short training, slightly larger than that after a full one.
        """
        return float(np.exp(self.constant + _features(bits, self.names) @ self.weights))


def _features(bits: Widths, names: Sequence[str]) -> Values:
    return np.array([_BASE ** -bits[name] for name in names])


def _above_zero(errors: Sequence[float]) -> Values:
    values = np.array(errors)
    least = min(values[values > 0], default=1.0)
    return np.where(values > 0, values, least / 2)


def _standardised(values: Values) -> tuple[Values, Values, Values]:
    """Return standardised values [points, ...], with the mean and the standard deviation."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-9
    return (values - mean) / deviation, mean, deviation
