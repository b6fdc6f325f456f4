"""Predicts what bits cost after fine-tuning, from a few short trainings.

Rounding without training says little about what is left after fine-tuning: the weights move out of
the way. So some assignments of bits are fine-tuned for a few epochs, and the logarithm of the
distance from the float model is fitted by a sum over tensors. A tensor of b bits adds to it in
proportion to 4^-b, the power of rounding noise. docs/search.md says how well that ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EPOCHS = 3  # of a short training
MOST_PROBES = 40  # short trainings for each size of the model,
LEAST_PROBES = 12  # or fewer if time is short
_RIDGE = 10.0

Bits = Mapping[str, int]


@dataclass(frozen=True)
class Proxy:
    """A fitted prediction; see the module.

    Attributes:
        names: of the tensors.
        weights: what each adds to the logarithm, times its 4^-b.
        constant: the rest of the logarithm.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    constant: float

    @classmethod
    def fit(cls, assignments: Sequence[Bits], distances: Sequence[float]) -> "Proxy":
        """Fit by ridge regression on standardised features.

        Args:
            assignments: bits by tensor, of the same tensors each.
            distances: mean squares of the difference from the float model, after fine-tuning.
        """
        names = tuple(assignments[0])
        features = np.array([_features(bits, names) for bits in assignments])
        mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
        scaled, logs = (features - mean) / spread, np.log(distances)
        gram = scaled.T @ scaled + _RIDGE * np.eye(len(names))
        weights = np.linalg.solve(gram, scaled.T @ (logs - logs.mean())) / spread
        return cls(names, weights, float(logs.mean() - mean @ weights))

    def distance(self, bits: Bits) -> float:
        """Return the predicted distance from the float model, in the target's unit, squared."""
        return float(np.exp(self.constant + _features(bits, self.names) @ self.weights))


def _features(bits: Bits, names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([4.0 ** -bits[name] for name in names])
