import pytest

from narrowcast.errors import UserError
from narrowcast.search.objectives import Objectives, parse_budget, percent, rounded_up


def test_units_may_be_left_out() -> None:
    objectives = Objectives.parse("error, energy", "latency=200, lut=8000")
    assert objectives.minimise == ("error", "energy_uj")
    assert objectives.limits == {"latency_us": 200, "lut": 8000}


def test_a_violation_is_a_fraction_of_its_limit() -> None:
    objectives = Objectives.parse("error", "latency_us=200,lut=8000")
    violations = objectives.violations({"latency_us": 300.0, "lut": 8000.0})
    assert violations == {"latency_us": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("minimise", "most", "message"),
    [
        ("rmse,energy", "", r"there is no 'rmse': it may be error, energy_uj,"),
        ("error,enrgy", "", r"there is no 'enrgy' \(did you mean 'energy_uj'\?\)"),
        ("energy", "", "must have error"),
        ("error,energy,energy_uj", "", "twice"),
        ("", "", "there is no ''"),
        ("error,", "", "there is no ''"),
        ("error", "=5", "there is no ''"),
        ("error", "error=3", "minimise it instead"),
        ("error", "lut", "a number above 0"),
        ("error", "lut=-1", "a number above 0"),
        ("error", "lut=nan", "a number above 0"),
    ],
)
def test_a_mistake_is_named(minimise: str, most: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Objectives.parse(minimise, most)


def test_a_budget_has_a_unit() -> None:
    assert [parse_budget(text) for text in ("90s", "10min", "1.5 h")] == [90, 600, 5400]
    for text in ("", "10", "0min", "-1h", "soon", "10001h", f"{'9' * 5000}h", "\x1b[2J" * 999):
        with pytest.raises(UserError, match="'10min'") as caught:
            parse_budget(text)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1137.2, 1138), (1137, 1137), (2.04561, 2.046), (0.0123451, 0.01235), (123456.5, 123457)],
)
def test_figures_that_must_not_be_missed_are_rounded_up(value: float, expected: float) -> None:
    assert rounded_up(value) == pytest.approx(expected)


def test_an_excess_is_never_nothing() -> None:
    assert percent(0.0002) == "1%" and percent(0.25) == "25%"
