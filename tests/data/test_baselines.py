from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast.config import DataConfig, load_config
from narrowcast.data import Table, baselines, errors, make_windows, read_table
from narrowcast.training_records import Errors

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_errors() -> None:
    assert errors(np.array([[1.0], [2.0]]), np.array([[4.0], [6.0]])) == Errors(
        rmse=12.5**0.5, mae=3.5
    )


def test_errors_by_step_ahead() -> None:
    truth = np.array([[1.0, 2.0, 5.0], [2.0, 2.0, 5.0]])
    found = errors(np.array([[4.0, 2.0, 5.0], [6.0, 2.0, 7.0]]), truth)
    assert found.by_step == pytest.approx((12.5**0.5, 0.0, 2**0.5))
    assert found.rmse == pytest.approx(np.mean(np.square(found.by_step)) ** 0.5)


def test_ridge_finds_a_linear_rule_and_ridge_quadratic_a_quadratic_one() -> None:
    x = np.random.default_rng(0).normal(size=(500, 2)) * [1, 100]
    config = DataConfig(inputs=["a", "b"], target="y", window=3, lead=0)
    linear = x[:, 0] + 0.02 * np.roll(x[:, 1], 2) + 5
    for target, exact in [(linear, "ridge"), (x[:, 0] ** 2, "ridge_quadratic")]:
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": target})
        found = baselines(make_windows(Table(None, frame, None), config))
        assert found["persistence"] is None
        assert found[exact] is not None and found[exact].rmse < 0.01 * target.std()
    assert found["ridge"] is not None and found["ridge"].rmse > 0.5 * target.std()


def test_persistence_is_judged_where_the_target_is_known() -> None:
    y = np.arange(100.0)
    y[90] = np.nan
    frame = pd.DataFrame({"a": np.sin(y + 1), "y": y}).assign(a=lambda f: f["a"].fillna(0))
    config = DataConfig(inputs=["a"], target="y", window=3, lead=2)
    found = baselines(make_windows(Table(None, frame, None), config))
    assert found["persistence"] == Errors(rmse=2.0, mae=2.0)


@pytest.mark.parametrize(
    ("n", "ridge", "quadratic"), [(6, 6.46, 4.92), (12, 6.73, 5.07), (24, 6.84, 5.39)]
)
def test_airu_reference(real_data: Path, n: int, ridge: float, quadratic: float) -> None:
    path = real_data / "airu" / "airu.csv"
    config = load_config(EXAMPLES / "airu.toml", [f"data.window={n}"], path).data
    found = baselines(make_windows(read_table(config), config))
    assert found["persistence"] is None
    assert found["ridge"] is not None and found["ridge_quadratic"] is not None
    assert found["ridge"].rmse == pytest.approx(ridge, abs=0.02)
    assert found["ridge_quadratic"].rmse == pytest.approx(quadratic, abs=0.02)


def test_demo() -> None:
    config = load_config(EXAMPLES / "demo.toml").data
    table = read_table(config)
    assert int(table.gaps.sum()) == 2
    assert sum(table.missing.values()) == 4
    dataset = make_windows(table, config)
    found = baselines(dataset)
    assert dataset.skipped_gaps == 2 * 12 and dataset.skipped_missing > 0
    assert found["ridge"] is not None and found["persistence"] is not None
    assert found["ridge"].rmse < 0.5 * found["persistence"].rmse
