from collections.abc import Mapping
from pathlib import Path

import pytest

from narrowcast import load_config
from narrowcast.errors import UserError
from narrowcast.search.assess import assess
from narrowcast.search.fit import fit_device, narrow
from narrowcast.search.objectives import Objectives
from narrowcast.search.space import with_bits

BITS = {"a": 8, "b": 8, "c": 8}
TABLE = {
    name: {width: weight * (8 - width) for width in range(2, 9)}
    for name, weight in (("a", 1.0), ("b", 0.1), ("c", 10.0))
}


def test_the_tensor_that_matters_least_gives_way() -> None:
    chosen = narrow(BITS, TABLE, lambda bits: sum(bits.values()) <= 20)
    assert chosen == {"a": 8, "b": 4, "c": 8}


def test_what_was_not_needed_is_given_back() -> None:
    def fits(bits: Mapping[str, int]) -> bool:
        return bits["c"] <= 5

    assert narrow(BITS, TABLE, fits) == {"a": 8, "b": 8, "c": 5}


def test_a_model_is_made_to_fit(config_file: Path, tmp_path: Path) -> None:
    config = load_config(config_file)
    slow, fast = (
        assess(with_bits(config, bits), Objectives.parse("error", "")).costs["latency_us"]
        for bits in (8, 2)
    )
    objectives = Objectives.parse("error", f"latency_us={(slow + fast) / 2}")
    found = fit_device(config, tmp_path / "out", objectives)
    assert found.changes and not found.after.violations
    again = load_config(tmp_path / "out" / "fit.toml")
    assert not assess(again, objectives).violations
    assert any("latency_us is exceeded by" in line for line in found.reasons())


def test_what_fits_is_left_alone(config_file: Path, tmp_path: Path) -> None:
    config = load_config(config_file)
    found = fit_device(config, tmp_path / "out", Objectives.parse("error", ""))
    assert not found.changes and found.config == config
    assert not (tmp_path / "out" / "models").exists()  # nothing was trained
    assert load_config(tmp_path / "out" / "fit.toml").model == config.model
    assert [*found.reasons()] == ["it fits xc7s15 as it is"]


def test_what_cannot_fit_is_refused_before_training(config_file: Path, tmp_path: Path) -> None:
    objectives = Objectives.parse("error", "latency_us=0.01")
    with pytest.raises(UserError, match="do not help: on xc7s15, latency_us is exceeded by"):
        fit_device(load_config(config_file), tmp_path / "out", objectives)
    assert not (tmp_path / "out").exists()
