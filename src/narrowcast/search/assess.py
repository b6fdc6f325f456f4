"""What a point costs, and by how much it misses what it must keep to; known before any training."""

from collections.abc import Mapping
from dataclasses import dataclass

from narrowcast.config import Config
from narrowcast.errors import UserError
from narrowcast.estimate import Estimate, estimate
from narrowcast.search.objectives import QUANTITIES, Costs, Objectives, percent
from narrowcast.targets.device import Device, load_device

_REFUSED = 1e6


@dataclass(frozen=True)
class Assessment:
    """What the estimator says of a point.

    Attributes:
        costs: by the names of ``QUANTITIES``, without the error; empty if it cannot be compiled.
        violations: by how much limits are exceeded, as fractions of them; none if feasible.
        refusal: why it cannot be compiled.
    """

    costs: Costs
    violations: Mapping[str, float]
    refusal: str = ""

    @property
    def violation(self) -> float:
        """Sum of all violations."""
        return sum(self.violations.values())


def costs_of(estimate: Estimate) -> dict[str, float]:
    """Return an estimate by the names of ``QUANTITIES``."""
    return {name: float(getattr(estimate, name)) for name in QUANTITIES if hasattr(estimate, name)}


def judge_estimate(found: Estimate, goals: Objectives) -> Assessment:
    """Hold an estimate against the limits, and against the device, at its upper bounds."""
    device = load_device(found.device)
    costs = costs_of(found)
    violations = goals.violations({**costs, **_most(found)})
    if not found.fits:
        violations |= {
            f"{name} of {device.name}": excess
            for name, excess in _excess(found, device).items()
            if excess > 0
        }
    return Assessment(costs, violations)


def missed(name: str, excess: float) -> str:
    """Return a violation in words."""
    margin = ", the estimate's margin included" if name.startswith(("lut", "ff")) else ""
    return f"{name} is exceeded by {percent(excess)}{margin}"


def assess(config: Config, goals: Objectives) -> Assessment:
    """Estimate a point.

    What cannot be compiled at all misses by more than what can, and the more, the wider it is.
    """
    try:
        return judge_estimate(estimate(config), goals)
    except UserError as error:
        widths = config.quantization.widths(config.model.layers).values()
        return Assessment({}, {"device": _REFUSED + sum(widths) / len(widths)}, str(error))


def _most(found: Estimate) -> dict[str, float]:
    """Return the upper bounds of what is fitted."""
    return {"lut": found.lut * (1 + found.lut_error), "ff": found.ff * (1 + found.ff_error)}


def _excess(found: Estimate, device: Device) -> dict[str, float]:
    """Return by how much each of the device's resources is exceeded, at the upper bounds."""
    most = _most(found)
    return {
        "lut": most["lut"] / device.lut - 1,
        "ff": most["ff"] / device.ff - 1,
        "dsp": found.dsp / device.dsp - 1 if device.dsp else 0.0,
        "blocks": found.blocks / device.blocks - 1,
    }
