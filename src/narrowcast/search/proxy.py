"""Predicts the error that bits leave after fine-tuning, from a few short trainings.

Rounding without training says little about what is left after fine-tuning: the weights move out of
the way. So some assignments of bits are fine-tuned for a few epochs. Each shows two things: how far
its forecasts end from the float model's, which depends on the bits and on little else, and its
error, which is what matters, but is in part the luck of a training. Both together are fitted by a
sum over tensors, in which a tensor adds the less the more bits it has. docs/search.md says how well
that ranks, and what else was tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EPOCHS = 3  # of a short training
MOST_PROBES = 60  # short trainings for each size of the model,
LEAST_PROBES = 12  # or fewer if time is short
_DISTANCE_SHARE = 2 / 3  # of what is fitted; the rest is the error
_BASE = 3.0  # between the amplitude of rounding noise, 2^-bits, and its power, 4^-bits
_RIDGE = 5.0

Bits = Mapping[str, int]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Proxy:
    """A fitted prediction; see the module.

    Attributes:
        names: of the tensors.
        weights: what each adds to the logarithm of the error, times its 3^-bits.
        constant: the rest of the logarithm.
    """

    names: tuple[str, ...]
    weights: Values
    constant: float

    @classmethod
    def fit(
        cls, assignments: Sequence[Bits], distances: Sequence[float], errors: Sequence[float]
    ) -> "Proxy":
        """Fit by ridge regression on standardised features.

        Args:
            assignments: bits by tensor, of the same tensors each.
            distances: mean squares of the difference from the float model, after fine-tuning.
            errors: root mean squares of the error there.
        """
        names = tuple(assignments[0])
        features = np.array([_features(bits, names) for bits in assignments])
        scaled, mean, spread = _standardised(features)
        far, _, _ = _standardised(np.log(distances))
        wrong, usual, deviation = _standardised(np.log(errors))
        score = _DISTANCE_SHARE * far + (1 - _DISTANCE_SHARE) * wrong
        gram = scaled.T @ scaled + _RIDGE * np.eye(len(names))
        weights = deviation * np.linalg.solve(gram, scaled.T @ score) / spread
        return cls(names, weights, float(usual - mean @ weights))

    def error(self, bits: Bits) -> float:
        """Return the error to expect, in the target's unit.

        It is the error after a short training, and so a bit more than is left by one in full.
        """
        return float(np.exp(self.constant + _features(bits, self.names) @ self.weights))


def _features(bits: Bits, names: Sequence[str]) -> Values:
    return np.array([_BASE ** -bits[name] for name in names])


def _standardised(values: Values) -> tuple[Values, Values, Values]:
    """Return values [points, ...] with mean 0 and deviation 1; and the mean and the deviation."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-9
    return (values - mean) / deviation, mean, deviation
