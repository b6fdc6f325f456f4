"""Simulators and synthesis tools, and the VHDL that they read."""
