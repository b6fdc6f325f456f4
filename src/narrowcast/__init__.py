"""Transformer forecasters on very small FPGAs, from a table of readings to a verified design."""

__version__ = "0.1.0"
