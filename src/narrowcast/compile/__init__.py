"""The compiler: integer model -> program, memory images and storage, for one device."""

from narrowcast.compile.design import TRACE_ORDER, Design, StepCost, compile_model
from narrowcast.compile.memory import Buffer

__all__ = ["TRACE_ORDER", "Buffer", "Design", "StepCost", "compile_model"]
