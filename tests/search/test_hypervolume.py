import numpy as np
import pytest

from narrowcast.search.hypervolume import gain, hypervolume, nondominated


def test_equal_points_stay_on_the_front() -> None:
    points = np.array([[1, 2], [2, 1], [1, 2], [2, 2]], float)
    assert nondominated(points).tolist() == [True, True, True, False]


@pytest.mark.parametrize("values", [1, 2, 3, 4])
def test_volume_is_that_found_by_throwing_darts(values: int) -> None:
    random = np.random.default_rng(values)
    points = random.random((12, values))
    darts = random.random((200_000, values))
    hit = (points[:, None] <= darts[None]).all(axis=2).any(axis=0).mean()
    assert hypervolume(points, np.ones(values)) == pytest.approx(hit, abs=0.005)


def test_points_beyond_the_reference_add_nothing() -> None:
    points = np.array([[0.5, 0.5], [0.1, 2.0]])
    assert hypervolume(points, np.ones(2)) == pytest.approx(0.25)
    assert hypervolume(points[1:], np.ones(2)) == 0


@pytest.mark.parametrize("values", [1, 2, 3])
def test_gain_is_the_difference_of_two_volumes(values: int) -> None:
    random = np.random.default_rng(values)
    reference = np.full(values, 0.9)
    for _ in range(20):
        points, point = random.random((8, values)), random.random(values)
        more = hypervolume(np.vstack([points, point]), reference)
        assert gain(points, point, reference) == pytest.approx(
            more - hypervolume(points, reference)
        )
