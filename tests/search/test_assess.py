from dataclasses import replace
from pathlib import Path

from narrowcast import load_config
from narrowcast.estimate import estimate
from narrowcast.search.assess import assess_estimate
from narrowcast.search.objectives import Objectives


def test_a_device_without_dsp_blocks(config_file: Path) -> None:
    config = load_config(config_file, ["hardware.device=hx8k"])
    found = replace(estimate(config), lut=10_000, fits=False)
    assert found.dsp == 0
    assessed = assess_estimate(found, Objectives.parse("error", ""))
    assert {name for name in assessed.violations if "dsp" in name} == set()
    assert assessed.violations["lut of hx8k"] > 0.3


def test_limits_on_what_is_fitted_hold_at_its_bound(config_file: Path) -> None:
    found = replace(estimate(load_config(config_file)), lut=1000, lut_error=0.1)
    assert not assess_estimate(found, Objectives.parse("error", "lut=1101")).violations
    assessed = assess_estimate(found, Objectives.parse("error", "lut=1050"))
    assert set(assessed.violations) == {"lut"} and assessed.costs["lut"] == 1000
