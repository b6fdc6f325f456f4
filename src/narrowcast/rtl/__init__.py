"""The hand-written VHDL: generic sources of the engine, and the testbench."""

from pathlib import Path

RTL = Path(__file__).parent
