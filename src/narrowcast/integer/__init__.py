"""The integer model, its arithmetic and its executor. Nothing here needs torch or hardware."""

from narrowcast.integer.execute import execute, forecast
from narrowcast.integer.model import (
    Affine,
    Context,
    IntegerModel,
    Linear,
    Scores,
    Step,
    Tensor,
)
from narrowcast.integer.serialise import load_model, save_model

__all__ = [
    "Affine",
    "Context",
    "IntegerModel",
    "Linear",
    "Scores",
    "Step",
    "Tensor",
    "execute",
    "forecast",
    "load_model",
    "save_model",
]
