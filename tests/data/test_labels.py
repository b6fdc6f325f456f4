"""Decisions of classes, their scores, and the simple classifiers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.data import Classifiers, Labels, fit_classifiers
from narrowcast.data.rows import Part
from narrowcast.data.scaling import Scaling
from narrowcast.data.views import Windows
from narrowcast.data.windows import Dataset

LABELS = Labels("kind", ("a", "b", "c"))


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=20))
def test_the_first_of_the_largest_results_is_found(results: list[list[int]]) -> None:
    decided = LABELS.decided(np.array(results, dtype=np.float64))
    for row, (found, margin) in zip(results, decided.tolist(), strict=True):
        assert found == row.index(max(row))
        others = [each for i, each in enumerate(row) if i != found]
        assert margin == max(row) - max(others)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_scores_are_those_of_plain_loops(pairs: list[tuple[int, int]]) -> None:
    truth, found = np.array(pairs, dtype=np.float64).T
    scores = LABELS.recognition(found[:, None], truth[:, None])
    assert scores.accuracy == pytest.approx(np.mean([a == b for a, b in pairs]))
    recalls, f1 = [], []
    for number in range(3):
        right = sum(a == b == number for a, b in pairs)
        true, taken = (sum(each[i] == number for each in pairs) for i in (0, 1))
        if true:
            recalls.append(right / true)
        if true + taken:
            precision, recall = right / max(1, taken), right / max(1, true)
            f1.append(2 * precision * recall / (precision + recall) if right else 0.0)
    assert scores.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert scores.macro_f1 == pytest.approx(np.mean(f1))
    assert scores.error == pytest.approx(1 - scores.macro_f1)
    for i, j in np.ndindex(3, 3):
        assert scores.confusion[i][j] == pairs.count((i, j))


def part(truth: list[int], seed: int) -> Part:
    """Windows of two rows, in which the first column tells the class."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(truth), 2, 2))
    noise[:, :, 0] += np.array(truth)[:, None]
    target = np.array(truth, dtype=np.float64)[:, None]
    return Part(Windows.of(noise), target, np.arange(len(truth)), None, None)


def dataset() -> Dataset:
    parts = [part([0, 1, 1, 2] * 10, 1), part([0, 1, 2] * 5, 2), part([0, 0, 2, 1], 3)]
    none = Scaling(np.zeros(1), np.ones(1))
    return Dataset(
        *(("x", "y"), (), LABELS, (), (), (), 0, *parts, 0, 0, 0, 0, 0),
        input_scaling=Scaling(np.ones(2), np.full(2, 0.5)),
        further_scaling=(),
        target_scaling=none,
    )


def test_simple_classifiers() -> None:
    data = dataset()
    fitted = fit_classifiers(data, LABELS)
    scores = fitted.scores(data.test)
    assert list(scores) == ["majority", "ridge_classifier"]
    assert scores["majority"].confusion == ((0, 2, 0), (0, 1, 0), (0, 1, 0))
    # One line cannot tell the class in the middle, but it can tell the outer ones.
    assert scores["ridge_classifier"].confusion[0] == (2, 0, 0)
    assert scores["ridge_classifier"].confusion[2] == (0, 0, 1)
    again = Classifiers.of_arrays(fitted.arrays(), LABELS)
    assert again.scores(data.test) == scores


def test_a_class_without_training_windows_is_named() -> None:
    with pytest.raises(Exception, match="no window of the training part has the label 'b'"):
        LABELS.check(np.array([[0.0], [2.0]]))
