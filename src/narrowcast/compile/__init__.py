"""The compiler: integer model -> program, memory images and storage, for one device."""

from narrowcast.compile.design import Design, StepCost, compile_model
from narrowcast.compile.memory import Buffer

__all__ = ["Buffer", "Design", "StepCost", "compile_model"]
