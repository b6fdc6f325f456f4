"""The compiler: integer graph -> program, memory images and storage, for one device."""

from narrowcast.compile.design import TRACE_ORDER, Design, StepCost
from narrowcast.compile.memory import Buffer
from narrowcast.compile.select import (
    Area,
    AreaModel,
    HardwareOptions,
    best_design,
    compile_model,
    most_lanes,
)

__all__ = [
    "TRACE_ORDER",
    "Area",
    "AreaModel",
    "Buffer",
    "Design",
    "HardwareOptions",
    "StepCost",
    "best_design",
    "compile_model",
    "most_lanes",
]
