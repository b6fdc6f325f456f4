from dataclasses import replace
from pathlib import Path

from narrowcast import load_config
from narrowcast.estimate import estimate
from narrowcast.search.assess import judge_estimate
from narrowcast.search.objectives import Objectives


def test_limits_on_what_is_fitted_hold_at_its_bound(config_file: Path) -> None:
    found = replace(estimate(load_config(config_file)), lut=1000, lut_error=0.1)
    assert not judge_estimate(found, Objectives.parse("rmse", "lut=1101")).violations
    judged = judge_estimate(found, Objectives.parse("rmse", "lut=1050"))
    assert set(judged.violations) == {"lut"} and judged.costs["lut"] == 1000
