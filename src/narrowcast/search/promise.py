"""Which candidate to train next: the one that is expected to add the most to the front.

Training in full is a matter of luck as well: errors scatter around what the proxy lets expect. So a
candidate is not worth the volume that its expected error would add, but the mean over all errors
that are likely; one that is expected to lie just behind the front may still be worth a training.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from narrowcast.search.hypervolume import Points, gain, nondominated

_LEAST_TO_FIT = 5  # trainings, for a line through them
_SCATTER = 0.01  # of the float model's error, as long as nothing is known of it
_MEDIAN_TO_DEVIATION = 1.4826  # of a normal distribution: from the median of absolute values
LIKELY = 9  # errors of a candidate that are looked at
_MARGIN = 1.1  # the reference of the volume is worse than the worst by this factor


@dataclass(frozen=True)
class Measured:
    """A model that was trained in full.

    Attributes:
        distance: from the float model, as the proxy predicts it.
        exact: error of the float model. error: its own.
    """

    distance: float
    exact: float
    error: float


@dataclass(frozen=True)
class Line:
    """What training in full leaves of the distance that the proxy predicts.

    Attributes:
        offset, slope: of the excess over the float model's squared error, over the distance.
        scatter: standard deviation of the error around it, over the float model's error.
    """

    offset: float
    slope: float
    scatter: float = _SCATTER

    @classmethod
    def fit(cls, trained: Sequence[Measured]) -> "Line":
        """Fit by medians (Theil, Sen); too few leave all of the distance, and little scatter."""
        points = {m.distance: m for m in trained}
        if len(points) < _LEAST_TO_FIT:
            return cls(0.0, 1.0)
        excess = [(distance, m.error**2 - m.exact**2) for distance, m in points.items()]
        slopes = ((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(excess, 2))
        slope = max(0.0, statistics.median(slopes))
        line = cls(statistics.median(y - slope * x for x, y in excess), slope)
        misses = (
            abs(m.error - line.error(m.exact, m.distance)) / (m.exact or 1.0)
            for m in points.values()
        )
        return replace(line, scatter=_MEDIAN_TO_DEVIATION * statistics.median(misses))

    def error(self, exact: float, distance: float) -> float:
        """Return the error to expect, from that of the float model and the predicted distance."""
        return math.sqrt(max(0.0, exact**2 + self.offset + self.slope * distance))

    def likely(self, exact: float, distance: float) -> Iterator[float]:
        """Yield errors that are as likely as one another, the least first."""
        normal, expected = statistics.NormalDist(), self.error(exact, distance)
        for i in range(LIKELY):
            yield expected + exact * self.scatter * normal.inv_cdf((i + 0.5) / LIKELY)


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
