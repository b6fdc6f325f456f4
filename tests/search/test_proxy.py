import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.search.proxy import Proxy


def assignments(count: int) -> list[dict[str, int]]:
    random = np.random.default_rng(0)
    return [{f"t{i}": int(random.integers(2, 9)) for i in range(6)} for _ in range(count)]


def dearest(proxy: Proxy) -> str:
    """The tensor that costs most if it alone is narrow."""
    eight = dict.fromkeys(proxy.names, 8)
    return max(proxy.names, key=lambda name: proxy.error({**eight, name: 2}))


def test_it_learns_which_tensor_matters() -> None:
    tried = assignments(60)
    distances = [float(np.exp(20 * 4.0 ** -bits["t3"])) for bits in tried]
    assert dearest(Proxy.fit(tried, distances, [4.0] * 60)) == "t3"
    assert dearest(Proxy.fit(tried, [0.5] * 60, [4 + d for d in distances])) == "t3"


def test_it_looks_at_the_distance_first() -> None:
    tried = assignments(60)
    distances = [float(np.exp(20 * 4.0 ** -bits["t3"])) for bits in tried]
    errors = [4 + 20 * 4.0 ** -bits["t5"] for bits in tried]
    assert dearest(Proxy.fit(tried, distances, errors)) == "t3"


def test_equal_errors_are_predicted_as_they_are() -> None:
    tried = [{"a": bits, "b": 10 - bits} for bits in range(2, 9)]
    proxy = Proxy.fit(tried, [0.5] * 7, [4.0] * 7)
    assert proxy.error({"a": 3, "b": 3}) == pytest.approx(4.0)


@given(wrong=st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_no_error_at_all_can_be_predicted(wrong: list[int]) -> None:
    """As of a classifier that is right in all of few windows."""
    tried = assignments(12)
    proxy = Proxy.fit(tried, [0.5] * 12, [count / 40 for count in (0, *wrong[1:])])
    assert all(0 < proxy.error(bits) < math.inf for bits in tried)


def test_an_error_of_zero_is_better_than_any_other() -> None:
    tried = [{"a": bits, "b": 5} for bits in range(2, 9)]
    proxy = Proxy.fit(tried, [2.0 ** -bits["a"] for bits in tried], [0.3, 0.2, 0.1, 0.1, 0, 0, 0])
    predicted = [proxy.error(bits) for bits in tried]
    assert predicted == sorted(predicted, reverse=True)
