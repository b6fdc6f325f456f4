"""Compares ways to spend the time between forecasts: always on, clock stopped, power off."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from narrowcast.estimate.power import Energy
from narrowcast.records import IF_KNOWN
from narrowcast.targets.device import Device

DAY = 86_400.0  # seconds
CELL_WH = 8.0  # energy of the battery in reports, that of two AA cells
_SHORTEST = 1e-3  # seconds, of a curve
_OF_DECADE = 10  # points of a curve

ALWAYS_ON, CLOCK_STOPPED, POWER_OFF = "always_on", "clock_stopped", "power_off"


@dataclass(frozen=True)
class DutyPoint:
    """Forecasts at one interval. The keys of both dictionaries are the modes that allow it.

    Attributes:
        every_s: Interval of the forecasts, in seconds.
        day_j: Energy of a day by mode, in J.
        battery_days: Life of the battery by mode, in days; None without a battery.
    """

    every_s: float
    day_j: dict[str, float]
    battery_days: Annotated[dict[str, float] | None, IF_KNOWN] = None

    @property
    def best(self) -> str:
        """The mode with the least energy."""
        return min(self.day_j, key=lambda mode: self.day_j[mode])


@dataclass(frozen=True)
class DutyCycle:
    """The energy of forecasts at regular intervals, in three modes between them.

    The modes are ``always_on``, where the clock runs all the time, ``clock_stopped``, and
    ``power_off``, where the device is switched off and configured again for each forecast.

    Attributes:
        idle_mw: Power between two forecasts by mode, in mW.
        clock_mw: Part of ``idle_mw["always_on"]`` that the clock network takes, in mW; None if it
            is unknown. It is then not counted.
        configuration_ms: Duration of a configuration, in ms.
        configuration_mj: Energy of a configuration, in mJ; None if it is unknown. There is then no
            ``power_off``.
        errors: Relative error by mode: of the power between forecasts, or of the energy of a
            configuration.
        crossover_s: Shortest interval at which ``power_off`` takes the least energy, in seconds;
            None if its energy is unknown. Below it, the mode with the least ``idle_mw`` does.
        cell_wh: Energy of the battery, in Wh; None without one.
        points: Energy by interval.
    """

    idle_mw: dict[str, float]
    clock_mw: float | None
    configuration_ms: float
    configuration_mj: float | None
    errors: dict[str, float]
    crossover_s: float | None
    cell_wh: float | None
    points: tuple[DutyPoint, ...]

    def lines(self) -> list[str]:
        """Return the first point as lines of text."""
        point = self.points[0]
        share = "" if self.clock_mw is not None else ", the clock's unknown share not counted"
        notes = {
            ALWAYS_ON: f"{_figure(self.idle_mw[ALWAYS_ON])} mW between forecasts{share}",
            CLOCK_STOPPED: f"{_figure(self.idle_mw[CLOCK_STOPPED])} mW between forecasts",
            POWER_OFF: f"{_figure(self.configuration_ms)} ms to configure",
        }
        if self.configuration_mj is not None:
            notes[POWER_OFF] += f", {_figure(self.configuration_mj)} mJ"
        lines = []
        for mode, note in notes.items():
            name = f"{mode.replace('_', ' ')}:"
            if mode in point.day_j:
                figures = f"{_figure(point.day_j[mode])} J a day"
                if point.battery_days is not None:
                    days = _figure(point.battery_days[mode])
                    figures += f", {days} days with {self.cell_wh:g} Wh"
                text = f"{figures}, estimated, within {self.errors[mode]:.0%}: {note}"
            elif self.configuration_mj is None:
                text = f"{note}, with an unknown energy"
            else:
                text = f"{note}, which an interval of {point.every_s:g} s does not allow"
            lines.append(f"{name:<15} {text}")
        best = point.best.replace("_", " ")
        if self.crossover_s is not None:
            idle = min(self.idle_mw, key=lambda mode: self.idle_mw[mode]).replace("_", " ")
            best += f"; {idle} up to an interval of {_figure(self.crossover_s)} s, then power off"
        return [*lines, f"{'best:':<15} {best}"]


def duty_cycle(
    energy: Energy,
    device: Device,
    clock_mhz: float,
    intervals: Iterable[float],
    cell_wh: float | None = None,
) -> DutyCycle:
    """Return the energy of a day by interval and mode.

    Args:
        energy: Energy of an inference.
        device: The device.
        clock_mhz: Clock frequency, in MHz.
        intervals: Intervals of the inferences, in seconds, each at least an inference long.
        cell_wh: Energy of a battery that powers only this device, in Wh. Its self-discharge is not
            counted.
    """
    power, configuration = device.power, device.configuration
    clock_mw = None if power.clock_pj is None else power.clock_pj * clock_mhz / 1000
    stopped = power.static_mw if power.stopped_mw is None else power.stopped_mw
    stopped_error = power.static_error if power.stopped_mw is None else power.stopped_error
    # at equal power the first is the better one: an unknown clock can only add to the other
    idle_mw = {CLOCK_STOPPED: stopped, ALWAYS_ON: power.static_mw + (clock_mw or 0.0)}
    configured_mj, forecast_j = configuration.mj, energy.inference_uj / 1e6
    shortest = configuration.ms / 1000 + energy.seconds  # interval with a configuration
    crossover = None
    if configured_mj is not None:
        crossover = max(shortest, energy.seconds + configured_mj / min(idle_mw.values()))

    def point(every: float) -> DutyPoint:
        of_interval = {
            mode: forecast_j + mw / 1000 * (every - energy.seconds) for mode, mw in idle_mw.items()
        }
        if configured_mj is not None and every >= shortest:
            of_interval[POWER_OFF] = forecast_j + configured_mj / 1000
        day_j = {mode: joule * DAY / every for mode, joule in of_interval.items()}
        if cell_wh is None:
            return DutyPoint(every, day_j)
        return DutyPoint(every, day_j, {mode: 3600 * cell_wh / day_j[mode] for mode in day_j})

    return DutyCycle(
        idle_mw=idle_mw,
        clock_mw=clock_mw,
        configuration_ms=configuration.ms,
        configuration_mj=configured_mj,
        errors={
            ALWAYS_ON: power.static_error,
            CLOCK_STOPPED: stopped_error,
            POWER_OFF: configuration.error,
        },
        crossover_s=crossover,
        cell_wh=cell_wh,
        points=tuple(map(point, intervals)),
    )


def curve_intervals(seconds: float) -> list[float]:
    """Return the intervals of a curve from an inference of ``seconds`` to a day, in seconds."""
    first = max(_SHORTEST, seconds)
    steps = range(-6 * _OF_DECADE, 5 * _OF_DECADE)
    between = [every for step in steps if first < (every := 10 ** (step / _OF_DECADE)) < DAY]
    return [first, *between, DAY]


def _figure(value: float) -> str:
    """Return a number with three digits, or all of its digits before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
