"""The integer model as C code for microcontrollers, and as an IP core."""

from narrowcast.export.bench import bench_words
from narrowcast.export.code import CCode, c_code

__all__ = ["CCode", "bench_words", "c_code"]
