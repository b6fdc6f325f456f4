"""The integer model as C code for microcontrollers."""

from narrowcast.export.code import CCode, c_code

__all__ = ["CCode", "c_code"]
