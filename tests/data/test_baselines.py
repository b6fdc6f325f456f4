from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from narrowcast.config import DataConfig, load_config
from narrowcast.config.sections import SplitConfig
from narrowcast.data import Table, Targets, baselines, errors, make_windows, read_table
from narrowcast.data.baselines import seasons_to_try
from narrowcast.training_records import Errors

EXAMPLES = Path(__file__).parents[2] / "examples"


def of(table: Table, config: DataConfig) -> dict[str, Errors | None]:
    return baselines(make_windows(table, config), table, config)


def hourly(values: np.ndarray, **columns: np.ndarray) -> Table:
    time = pd.date_range("2024-01-01", periods=len(values), freq="h", tz="UTC").as_unit("ns")
    return Table(time, pd.DataFrame({"y": values, **columns}), pd.Timedelta("1h"))


def test_errors() -> None:
    assert errors(np.array([[1.0], [2.0]]), np.array([[4.0], [6.0]])) == Errors(
        rmse=12.5**0.5, mae=3.5
    )


def test_errors_by_step_ahead() -> None:
    truth = np.array([[1.0, 2.0, 5.0], [2.0, 2.0, 5.0]])
    found = errors(np.array([[4.0, 2.0, 5.0], [6.0, 2.0, 7.0]]), truth)
    assert found.by_step == pytest.approx((12.5**0.5, 0.0, 2**0.5))
    assert found.rmse == pytest.approx(np.mean(np.square(found.by_step)) ** 0.5)


def test_errors_of_several_targets_are_joined_in_units_of_their_scales() -> None:
    targets = Targets(("a", "b"), 2, (2.0, 100.0))
    truth = np.zeros((2, 4))
    found = errors(np.array([[3.0, 0, 100, 300], [5.0, 0, -100, 300]]), truth, targets)
    of_a, of_b = (
        Errors(8.5**0.5, 2.0, (17**0.5, 0.0), (4.0, 0.0)),
        Errors(5e4**0.5, 200.0, (100.0, 300.0), (100.0, 300.0)),
    )
    assert found.by_target == {"a": of_a, "b": of_b}
    assert found.rmse == pytest.approx(((8.5 / 4 + 5) / 2) ** 0.5)
    assert found.mae == pytest.approx((2 / 2 + 200 / 100) / 2) and found.by_step is None


def test_errors_of_quantiles() -> None:
    targets = Targets(("a",), 2, (1.0,), (0.1, 0.5, 0.8))
    truth = np.array([[4.0, 0.0], [2.0, 0.0]])
    found = errors(np.array([[1.0, 3, 5, 0, 0, 0], [3, 4, 4, -2, -1, 0]]), truth, targets)
    plain = errors(np.array([[3.0, 0], [4, -1]]), truth)
    assert (found.rmse, found.mae, found.by_step) == (plain.rmse, plain.mae, plain.by_step)
    assert found.intervals is not None
    assert found.intervals.below == (0.5, 0.5, 1.0)
    assert found.intervals.coverage == (0.75,)
    loss = 0.1 * 3 + 0.9 * 1 + 0.1 * 2 + 0.5 * (1 + 2 + 1) + 0.2 * (1 + 2)
    assert found.intervals.pinball == pytest.approx(loss / 12)
    both = Targets(("a", "b"), 1, (2.0, 5.0), (0.5,))
    joined = errors(np.array([[2.0, 10.0]]), np.zeros((1, 2)), both)
    assert joined.intervals is not None and joined.by_target is not None
    assert joined.intervals.pinball == pytest.approx((2 / 2 / 2 + 10 / 5 / 2) / 2)
    assert joined.by_target["b"].intervals is not None
    assert joined.by_target["b"].intervals.pinball == 5 and joined.intervals.coverage == ()


def test_baselines_of_several_targets_are_those_of_each_alone() -> None:
    random = np.random.default_rng(0)
    table = hourly(np.cumsum(random.normal(size=800)), z=50 * np.cumsum(random.normal(size=800)))
    both = DataConfig(inputs=["y", "z"], target=["z", "y"], window=4, lead=1, outputs=3)
    found = of(table, both)
    for name in ("y", "z"):
        alone = of(table, both.model_copy(update={"target": name}))
        for forecaster in ("persistence", "ridge", "ridge_quadratic"):
            joint, own = found[forecaster], alone[forecaster]
            assert joint is not None and own is not None and joint.by_target is not None
            assert joint.by_target[name].by_step == pytest.approx(own.by_step, rel=0.02)


def test_ridge_finds_a_linear_rule_and_ridge_quadratic_a_quadratic_one() -> None:
    x = np.random.default_rng(0).normal(size=(500, 2)) * [1, 100]
    config = DataConfig(inputs=["a", "b"], target="y", window=3, lead=0)
    linear = x[:, 0] + 0.02 * np.roll(x[:, 1], 2) + 5
    for target, exact in [(linear, "ridge"), (x[:, 0] ** 2, "ridge_quadratic")]:
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": target})
        found = of(Table(None, frame, None), config)
        assert found["persistence"] is None
        assert found[exact] is not None and found[exact].rmse < 0.01 * target.std()
    assert found["ridge"] is not None and found["ridge"].rmse > 0.5 * target.std()


def test_persistence_is_judged_where_the_target_is_known() -> None:
    y = np.arange(100.0)
    y[90] = np.nan
    frame = pd.DataFrame({"a": np.sin(y + 1), "y": y}).assign(a=lambda f: f["a"].fillna(0))
    config = DataConfig(inputs=["a"], target="y", window=3, lead=2)
    found = of(Table(None, frame, None), config)
    assert found["persistence"] == Errors(rmse=2.0, mae=2.0)


@pytest.mark.parametrize(
    ("period", "timed", "best"), [(24, True, 24), (168, True, 168), (37, True, 37), (37, False, 37)]
)
def test_seasonal_naive_finds_the_season(period: int, timed: bool, best: int) -> None:
    rng = np.random.default_rng(period)
    y = np.tile(rng.normal(size=period), 3000 // period + 1)[:3000]
    y += 0.02 * np.cumsum(rng.normal(size=3000))  # so that a shorter season is better
    table = hourly(y) if timed else Table(None, pd.DataFrame({"y": y}), None)
    config = DataConfig(
        time="t" if timed else None, inputs=["y"], target="y", window=4, lead=2, outputs=5
    )
    assert best in seasons_to_try(table, config, 2000)
    found = of(table, config)["seasonal_naive"]
    test = make_windows(table, config).test
    expected = np.stack([y[row - best : row - best + 5] for row in test.row])
    assert found == errors(expected, test.target)
    assert found is not None and found.rmse < 0.5


def test_seasonal_naive_takes_the_last_reading_for_a_missing_one_as_the_model_does() -> None:
    noise = np.random.default_rng(0).normal(size=600)
    y = np.sin(2 * np.pi * np.arange(600) / 24) + 0.1 * np.cumsum(noise)
    y[7::24] = np.nan  # no day is complete
    table = hourly(y, x=np.cos(np.arange(600)))
    config = DataConfig(
        time="t", inputs=["y", "x"], target="y", window=4, lead=1, outputs=20, missing="hold"
    )
    found = of(table, config)["seasonal_naive"]
    test = make_windows(table, config).test
    filled = pd.Series(y).ffill().to_numpy()
    expected = np.stack([filled[row - 24 : row - 4] for row in test.row])
    assert found == errors(expected, test.target)


def test_seasonal_naive_is_judged_where_the_season_before_is_known() -> None:
    y = np.sin(2 * np.pi * np.arange(400) / 24)
    table = hourly(y, x=np.cos(np.arange(400)))
    table.frame.loc[330:340, "y"] = np.nan
    config = DataConfig(time="t", inputs=["x"], target="y", window=4, lead=0)
    found = of(table, config)["seasonal_naive"]
    assert found is not None and found.rmse < 1e-12
    short = hourly(np.arange(30.0), x=np.cos(np.arange(30)))
    assert of(short, config)["seasonal_naive"] is None


def test_a_series_without_a_season_has_no_period() -> None:
    table = Table(None, pd.DataFrame({"y": np.random.default_rng(0).normal(size=2000)}), None)
    config = DataConfig(inputs=["y"], target="y", window=4, lead=1)
    assert seasons_to_try(table, config, 1500) == []
    assert of(table, config)["seasonal_naive"] is None


def test_nlinear_follows_a_level_that_it_has_not_seen() -> None:
    y = np.cumsum(np.repeat([0.1, 5.0], 500)) + np.tile([0.0, 1.0], 500)
    noise = np.random.default_rng(0).normal(size=1000)
    frame = pd.DataFrame({"x": noise, "y": y})
    config = DataConfig(inputs=["x", "y"], target="y", window=4, lead=1, outputs=2)
    split = {"validation": 0.1, "test": 0.4}
    config = config.model_copy(update={"split": SplitConfig(**split)})
    found = of(Table(None, frame, None), config)
    assert found["nlinear"] is not None and found["nlinear"].rmse < 0.1
    config = DataConfig(inputs=["x"], target="y", window=4, lead=1)
    assert of(Table(None, frame, None), config)["nlinear"] is None


def test_ridge_has_the_calendar_and_the_seasons() -> None:
    """Noise that repeats each day, and a step on Sundays, of which the window shows nothing."""
    rng = np.random.default_rng(0)
    y = np.tile(rng.normal(size=24), 100)
    table = hourly(y, x=rng.normal(size=2400))
    config = DataConfig(time="t", inputs=["x", "y"], target="y", window=2, lead=1)
    plain, known = (
        of(table, config.model_copy(update={"calendar": calendar}))["ridge"]
        for calendar in ([], ["hour"])
    )
    assert plain is not None and plain.rmse > 0.3
    assert known is not None and known.rmse < 0.05


@pytest.mark.parametrize(
    ("n", "ridge", "quadratic"), [(6, 6.46, 4.92), (12, 6.73, 5.07), (24, 6.84, 5.39)]
)
def test_airu_reference(real_data: Path, n: int, ridge: float, quadratic: float) -> None:
    path = real_data / "airu" / "airu.csv"
    config = load_config(EXAMPLES / "airu.toml", [f"data.window={n}"], path).data
    found = of(read_table(config), config)
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
    found = baselines(dataset, table, config)
    assert dataset.skipped_gaps == 2 * 12 and dataset.skipped_missing > 0
    assert found["ridge"] is not None and found["persistence"] is not None
    assert found["ridge"].rmse < 0.5 * found["persistence"].rmse
