"""The compiler: integer model -> program, memory images and storage, for one device."""

from narrowcast.compile.compiler import best_design, compile_model
from narrowcast.compile.design import TRACE_ORDER, Design, StepCost
from narrowcast.compile.memory import Buffer
from narrowcast.compile.select import HardwareOptions

__all__ = [
    "TRACE_ORDER",
    "Buffer",
    "Design",
    "HardwareOptions",
    "StepCost",
    "best_design",
    "compile_model",
]
