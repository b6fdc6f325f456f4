import numpy as np
import pytest

from narrowcast.search.acquisition import LIKELY, Line, most_promising


def test_a_line_is_found_in_spite_of_one_bad_training() -> None:
    trained = {x: 0.5 + 0.9 * x for x in (4.0, 4.1, 4.3, 4.4, 5.0)} | {4.2: 9.0}
    line = Line.fit(trained)
    assert (line.offset, line.slope) == pytest.approx((0.5, 0.9))
    assert line.scatter == pytest.approx(0)


def test_likely_errors_have_the_scatter_of_what_was_trained() -> None:
    random = np.random.default_rng(0)
    trained = {x: x * (1 + 0.02 * random.standard_normal()) for x in 4 + random.random(200)}
    line = Line.fit(trained)
    likely = list(line.likely(4.5))
    assert len(likely) == LIKELY and likely == sorted(likely)
    assert likely[LIKELY // 2] == pytest.approx(4.5, rel=0.01)
    assert line.scatter == pytest.approx(0.02, rel=0.25)


def with_scatter(expected: np.ndarray, scatter: float) -> np.ndarray:
    deviations = scatter * np.linspace(-1.5, 1.5, LIKELY)
    return expected + deviations[:, None, None] * np.array([1.0, 0.0])


def test_the_candidate_that_adds_most_is_taken() -> None:
    known = np.array([[1.0, 4.0], [4.0, 1.0]])
    expected = np.array([[0.9, 3.9], [2.0, 2.0], [3.9, 0.9], [5.0, 5.0]])
    assert most_promising(known, with_scatter(expected, 1e-6)) == 1


def test_behind_the_front_the_one_that_luck_helps_most_is_taken() -> None:
    known = np.array([[1.0, 1.0]])
    expected = np.array([[1.5, 0.999], [1.05, 1.01], [1.04, 1.9]])
    without = most_promising(known, with_scatter(expected, 1e-6))
    assert without == 0  # it is on the front, if only just
    behind = expected[1:]
    assert most_promising(known, with_scatter(behind, 0.1)) == 0
