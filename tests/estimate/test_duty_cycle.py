import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.estimate.duty_cycle import DAY, DutyPoint, curve_intervals, duty_cycle
from narrowcast.estimate.power import Energy
from narrowcast.targets.device import Device, device_names, load_device

FORECAST = Energy(32.0, 1.0, 2.0, 3.0, 0.5, 1e-4, 0.4)  # 9.7 uJ in 0.1 ms
XC7S15, UP5K, HX8K = (load_device(name) for name in ("xc7s15", "up5k", "hx8k"))


def at(every: float, device: Device = XC7S15, cell_wh: float | None = None) -> DutyPoint:
    return duty_cycle(FORECAST, device, device.clock_mhz, [every], cell_wh).points[0]


def test_the_published_crossover_of_the_xc7s15() -> None:
    found = duty_cycle(FORECAST, XC7S15, 100.0, [1.0])
    assert found.configuration_mj == pytest.approx(11.85, rel=0.01)  # arXiv 2407.12027
    assert found.configuration_ms == pytest.approx(36.145, rel=0.01)
    assert found.crossover_s == pytest.approx(0.49906, rel=0.05)


def test_the_node_that_is_switched_off_takes_under_two_joule_a_day() -> None:
    day_j = at(600).day_j
    assert day_j["power_off"] == pytest.approx(144 * 11.86e-3, rel=0.01)
    assert day_j["power_off"] < 2
    assert day_j["always_on"] == pytest.approx(2765, rel=0.01)
    assert day_j["clock_stopped"] == pytest.approx(0.024 * DAY, rel=0.01)


def test_the_up5k_agrees_with_what_was_measured() -> None:
    slow = duty_cycle(FORECAST, UP5K, 0.01, [1.0])
    assert slow.idle_mw["always_on"] == pytest.approx(0.151, rel=0.05)  # at 10 kHz
    fast = duty_cycle(FORECAST, UP5K, 12.0, [1.0])
    core = fast.idle_mw["always_on"] - fast.idle_mw["clock_stopped"]
    assert core == pytest.approx((0.6135 - 0.0921) * 1.219, rel=0.02)
    assert fast.configuration_ms == pytest.approx(70, rel=0.02)
    assert fast.configuration_mj is not None
    charge = 46e-9 * 3600  # coulomb, at 1.219 V to 3.283 V
    assert 1.219 * charge < fast.configuration_mj / 1000 < 3.283 * charge


@pytest.mark.parametrize(
    "name", [name for name in device_names() if name.startswith(("xc7", "up"))]
)
def test_the_best_mode_changes_at_the_crossover(name: str) -> None:
    device = load_device(name)
    crossover = duty_cycle(FORECAST, device, device.clock_mhz, []).crossover_s
    assert crossover is not None
    assert at(0.99 * crossover, device).best != "power_off"
    assert at(1.01 * crossover, device).best == "power_off"


def test_the_crossover_leaves_time_to_configure() -> None:
    thirsty = replace(XC7S15, power=replace(XC7S15.power, static_mw=1e4, stopped_mw=None))
    crossover = duty_cycle(FORECAST, thirsty, 100.0, []).crossover_s
    assert crossover == pytest.approx(thirsty.configuration.ms / 1000 + FORECAST.seconds)
    assert "power_off" not in at(0.99 * crossover, thirsty).day_j


def test_an_unknown_energy_of_the_configuration_is_said() -> None:
    found = duty_cycle(FORECAST, HX8K, 12.0, [600.0])
    assert found.crossover_s is None and "power_off" not in found.points[0].day_j
    assert "with an unknown energy" in found.lines()[2]
    assert found.lines()[3].split(":")[1].strip() == "clock stopped"


def test_an_unknown_power_of_the_clock_is_said() -> None:
    assert "the clock's unknown share" in duty_cycle(FORECAST, XC7S15, 100.0, [600.0]).lines()[0]
    assert "unknown" not in duty_cycle(FORECAST, UP5K, 12.0, [600.0]).lines()[0]


@given(every=st.floats(1e-4, 1e6), cell=st.floats(0.01, 100))
def test_a_battery_lasts_until_its_energy_is_used(every: float, cell: float) -> None:
    for device in (XC7S15, UP5K, HX8K):
        point = at(every, device, cell)
        assert point.battery_days is not None
        for mode, day_j in point.day_j.items():
            assert point.battery_days[mode] * day_j == pytest.approx(3600 * cell)
            assert day_j >= FORECAST.inference_uj / 1e6 * DAY / every * (1 - 1e-9)


def test_a_curve_goes_from_a_forecast_to_a_day() -> None:
    for seconds in (1e-6, 1e-3, 0.7, 100.0):
        found = curve_intervals(seconds)
        assert found[0] == max(1e-3, seconds) and found[-1] == DAY
        assert all(1 < later / first < 1.3 for first, later in itertools.pairwise(found))
