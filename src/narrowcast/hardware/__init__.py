"""Devices, simulators and synthesis tools."""
