"""Which candidate to train next: the one that is expected to add the most to the front.

Training in full is a matter of luck as well: errors scatter around what the proxy lets expect. So a
candidate is not worth the volume that its expected error would add, but the mean over all errors
that are likely; one that is expected to lie just behind the front may still be worth a training.
"""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from narrowcast.search.hypervolume import Points, gain, nondominated

_LEAST_TO_FIT = 5  # trainings, for a line through them
_SCATTER = 0.01  # of the predicted error, as long as nothing is known of it
_MEDIAN_TO_DEVIATION = 1.4826  # of a normal distribution: from the median of absolute values
LIKELY = 9  # errors of a candidate that are looked at
_MARGIN = 1.1  # the reference of the volume is worse than the worst by this factor


@dataclass(frozen=True)
class Line:
    """The error to expect after training in full, given the one that the proxy predicts.

    Attributes:
        offset, slope: of the one over the other.
        scatter: standard deviation of the error around it, as a fraction of the prediction.
    """

    offset: float = 0.0
    slope: float = 1.0
    scatter: float = _SCATTER

    @classmethod
    def fit(cls, trained: Mapping[float, float]) -> "Line":
        """Fit by medians (Theil, Sen); too few are taken as they are predicted.

        Args:
            trained: errors that were measured, by those that were predicted.
        """
        if len(trained) < _LEAST_TO_FIT:
            return cls()
        slopes = ((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(trained.items(), 2))
        slope = max(0.0, statistics.median(slopes))
        offset = statistics.median(error - slope * x for x, error in trained.items())
        misses = (abs(error - offset - slope * x) / x for x, error in trained.items())
        return cls(offset, slope, _MEDIAN_TO_DEVIATION * statistics.median(misses))

    def expected(self, predicted: float) -> float:
        """Return the error in the middle of the likely ones."""
        return self.offset + self.slope * predicted

    def likely(self, predicted: float) -> Iterator[float]:
        """Yield errors that are as likely as one another, the least first."""
        normal, expected = statistics.NormalDist(), self.expected(predicted)
        for i in range(LIKELY):
            yield expected + predicted * self.scatter * normal.inv_cdf((i + 0.5) / LIKELY)


def most_promising(known: Points, likely: Points) -> int:
    """Return the index of the candidate that is expected to add the most volume.

    Args:
        known: front to add to [points, values].
        likely: values of each candidate that are as likely as one another [likely, candidates,
            values], what is expected in the middle; at least one candidate.
    """
    among = np.flatnonzero(nondominated(likely[len(likely) // 2]))
    points = likely[:, among]
    reference = _MARGIN * np.concatenate([known, points[len(points) // 2]]).max(axis=0)
    gains = [sum(gain(known, point, reference) for point in each) for each in points.swapaxes(0, 1)]
    return int(among[np.argmax(gains)])
