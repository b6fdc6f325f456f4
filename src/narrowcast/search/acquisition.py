"""Acquisition: chooses the candidate with the largest expected hypervolume improvement.

The errors of full trainings scatter around the prediction of the proxy. So the improvement is
averaged over the likely errors of a candidate. A candidate that is predicted to lie just behind the
front can still have the largest expected improvement.
"""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from narrowcast.search.hypervolume import Points, gain, nondominated

_LEAST_TO_FIT = 5  # trainings that are necessary to fit the line
_SCATTER = 0.01  # relative scatter that is assumed before the fit
_MEDIAN_TO_DEVIATION = 1.4826  # standard deviation / median absolute value, if normal
LIKELY = 9  # errors of a candidate over which the improvement is averaged
_MARGIN = 1.1  # ratio of the reference point of the hypervolume to the worst values


@dataclass(frozen=True)
class Line:
    """The relation of the error after full training to the proxy's prediction.

    Attributes:
        offset: Offset of the error, in its unit.
        slope: Slope of the error over the prediction.
        scatter: Standard deviation of the error around the line, divided by the prediction.
    """

    offset: float = 0.0
    slope: float = 1.0
    scatter: float = _SCATTER

    @classmethod
    def fit(cls, trained: Mapping[float, float]) -> "Line":
        """Fit by medians (Theil, Sen). With too few trainings, the line is the identity.

        Args:
            trained: Measured errors by predicted errors.
        """
        if len(trained) < _LEAST_TO_FIT:
            return cls()
        slopes = ((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(trained.items(), 2))
        slope = max(0.0, statistics.median(slopes))
        offset = statistics.median(error - slope * x for x, error in trained.items())
        misses = (abs(error - offset - slope * x) / x for x, error in trained.items())
        return cls(offset, slope, _MEDIAN_TO_DEVIATION * statistics.median(misses))

    def expected(self, predicted: float) -> float:
        """Return the expected error."""
        return self.offset + self.slope * predicted

    def likely(self, predicted: float) -> Iterator[float]:
        """Yield equally likely errors, the least first."""
        normal, expected = statistics.NormalDist(), self.expected(predicted)
        for i in range(LIKELY):
            yield expected + predicted * self.scatter * normal.inv_cdf((i + 0.5) / LIKELY)


def most_promising(known: Points, likely: Points) -> int:
    """Return the index of the candidate with the largest expected hypervolume improvement.

    Args:
        known: Values of the trained models [points, values].
        likely: Equally likely values of all candidates [likely, candidates, values], of which the
            middle one is the expected one. There must be at least one candidate.
    """
    among = np.flatnonzero(nondominated(likely[len(likely) // 2]))
    points = likely[:, among]
    reference = _MARGIN * np.concatenate([known, points[len(points) // 2]]).max(axis=0)
    gains = [sum(gain(known, point, reference) for point in each) for each in points.swapaxes(0, 1)]
    return int(among[np.argmax(gains)])
