"""Estimates of resources, cycles and energy from a configuration, without training or synthesis."""

from narrowcast.estimate.area import area, area_model
from narrowcast.estimate.estimator import (
    Estimate,
    estimate,
    estimate_design,
    estimate_model,
    estimate_on,
)
from narrowcast.estimate.power import energy_at
from narrowcast.estimate.untrained import stand_in

__all__ = [
    "Estimate",
    "area",
    "area_model",
    "energy_at",
    "estimate",
    "estimate_design",
    "estimate_model",
    "estimate_on",
    "stand_in",
]
