import numpy as np
import pytest

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
