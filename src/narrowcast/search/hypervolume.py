"""Pareto fronts and their hypervolume. All values are minimised."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def nondominated(points: Points) -> NDArray[np.bool_]:
    """Return which points [points, values] are on the front. Of equal points, all are."""
    better = (points[:, None] <= points[None]).all(axis=2)
    strictly = (points[:, None] < points[None]).any(axis=2)
    return np.asarray(~(better & strictly).any(axis=0))


def hypervolume(points: Points, reference: Points) -> float:
    """Return the volume that points [points, values] dominate, up to a reference point [values].

    It is the sum of what each point adds to the points after it (While, Bradstreet, Barone, "A fast
    way of calculating exact hypervolumes", 2012).
    """
    inside = np.unique(points[(points < reference).all(axis=1)], axis=0)
    if not len(inside):
        return 0.0
    if inside.shape[1] == 1:
        return float(reference[0] - inside.min())
    inside = inside[nondominated(inside)]
    if inside.shape[1] == 2:  # sorted by the first value, so the second one decreases
        heights = np.diff(inside[:, 1], prepend=reference[1])
        return float(((reference[0] - inside[:, 0]) * -heights).sum())
    total = 0.0
    for i, point in enumerate(inside):
        others = np.maximum(inside[i + 1 :], point)
        total += float(np.prod(reference - point)) - hypervolume(others, reference)
    return total


def gain(points: Points, point: Points, reference: Points) -> float:
    """Return by how much one more point [values] increases the hypervolume of a front."""
    alone = float(np.prod(np.maximum(reference - point, 0.0)))
    return alone - hypervolume(np.maximum(points, point), reference)
