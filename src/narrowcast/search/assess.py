"""Assessment of a point before any training: its costs, and by how much it exceeds limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from narrowcast.config import Config, shape_of
from narrowcast.errors import UserError
from narrowcast.estimate import Estimate, estimate_on, stand_in
from narrowcast.search.objectives import QUANTITIES, Costs, Objectives, percent
from narrowcast.targets.device import Device, load_device

_REFUSED = 1e6


@dataclass(frozen=True)
class Assessment:
    """The estimated costs of a point, and its violations of limits.

    Attributes:
        costs: Costs by the names of ``QUANTITIES``, without the error; empty if the point cannot be
            compiled.
        violations: By how much each limit is exceeded, as a fraction of the limit; empty if the
            point is feasible.
        refusal: The compiler's message if the point cannot be compiled, else empty.
    """

    costs: Costs
    violations: Mapping[str, float]
    refusal: str = ""

    @property
    def violation(self) -> float:
        """Sum of all violations."""
        return sum(self.violations.values())


def costs_of(estimate: Estimate) -> dict[str, float]:
    """Return the costs of an estimate, by the names of ``QUANTITIES``."""
    return {name: float(getattr(estimate, name)) for name in QUANTITIES if hasattr(estimate, name)}


def assess_estimate(found: Estimate, objectives: Objectives) -> Assessment:
    """Compare an estimate, at its upper bounds, with the limits and with the device."""
    device = load_device(found.device)
    costs = costs_of(found)
    violations = objectives.violations({**costs, **_most(found)})
    if not found.fits:
        violations |= {
            f"{name} of {device.name}": excess
            for name, excess in _excess(found, device).items()
            if excess > 0
        }
    return Assessment(costs, violations)


def missed(name: str, excess: float) -> str:
    """Return the text of a violation."""
    margin = ", the estimate's margin included" if name.startswith(("lut", "ff", "cells")) else ""
    return f"{name} is exceeded by {percent(excess)}{margin}"


def assess(config: Config, objectives: Objectives) -> Assessment:
    """Estimate a point and compare it with the limits.

    A point that cannot be compiled gets a violation larger than any other, which grows with its
    mean width, so that a sampler moves towards narrower points.
    """
    try:
        return assess_estimate(estimate_on(config, stand_in(config)), objectives)
    except UserError as error:
        widths = config.quantization.widths(shape_of(config)).values()
        return Assessment({}, {"device": _REFUSED + sum(widths) / len(widths)}, str(error))


def _most(found: Estimate) -> dict[str, float]:
    """Return the upper bounds of the fitted counts."""
    return {
        "lut": found.lut * (1 + found.lut_error),
        "ff": found.ff * (1 + found.ff_error),
        "cells": found.cells * (1 + found.cells_error),
    }


def _excess(found: Estimate, device: Device) -> dict[str, float]:
    """Return the relative excess over each resource of the device, at the upper bounds."""
    most = _most(found)
    return {
        "lut": most["lut"] / device.lut - 1,
        "ff": most["ff"] / device.ff - 1,
        "cells": most["cells"] / device.lut - 1,
        "dsp": found.dsp / device.dsp - 1 if device.dsp else 0.0,
        "blocks": found.blocks / device.blocks - 1,
    }
