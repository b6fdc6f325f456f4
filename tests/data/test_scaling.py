import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from narrowcast.data import fit_scaling
from narrowcast.errors import UserError

VALUES = arrays(np.float64, (7, 2), elements=st.integers(-1000, 1000).map(float), unique=True)


@given(VALUES)
def test_min_max_maps_to_the_unit_interval(values: np.ndarray) -> None:
    scaled = fit_scaling(values, "min-max").apply(values)
    np.testing.assert_array_equal(scaled.min(axis=0), 0)
    np.testing.assert_array_equal(scaled.max(axis=0), 1)


@given(VALUES)
def test_standard_maps_to_zero_mean_and_unit_variance(values: np.ndarray) -> None:
    scaled = fit_scaling(values, "standard").apply(values)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1)


@given(VALUES, st.sampled_from(["min-max", "standard"]))
def test_invert(values: np.ndarray, kind: str) -> None:
    scaling = fit_scaling(values, kind)  # type: ignore[arg-type]
    np.testing.assert_allclose(scaling.invert(scaling.apply(values)), values, atol=1e-9)


def test_constant_feature_is_named() -> None:
    with pytest.raises(UserError, match="column 'b' has the constant value 3 throughout the train"):
        fit_scaling(np.array([[1.0, 3.0], [2.0, 3.0]]), "min-max", ["a", "b"])
