import numpy as np
import pytest

from narrowcast.search.proxy import Proxy


def test_it_learns_which_tensor_matters() -> None:
    random = np.random.default_rng(0)
    names = [f"t{i}" for i in range(6)]
    assignments = [{name: int(random.integers(2, 9)) for name in names} for _ in range(60)]
    distances = [float(np.exp(20 * 4.0 ** -bits["t3"])) for bits in assignments]
    proxy = Proxy.fit(assignments, distances)
    eight = dict.fromkeys(names, 8)
    losses = {name: proxy.distance({**eight, name: 2}) for name in names}
    assert max(losses, key=lambda name: losses[name]) == "t3"


def test_equal_distances_are_predicted_as_they_are() -> None:
    assignments = [{"a": bits, "b": 10 - bits} for bits in range(2, 9)]
    proxy = Proxy.fit(assignments, [0.5] * 7)
    assert proxy.distance({"a": 3, "b": 3}) == pytest.approx(0.5)
