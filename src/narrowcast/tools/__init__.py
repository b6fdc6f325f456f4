"""Runs external tools: simulators, synthesis, place and route."""
