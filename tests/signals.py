"""Signals of processes that tests start."""

DEFAULT_SIGNALS = ("env", "--default-signal")
"""Start of a command that heeds signals which its parent may ignore, as a run under nohup does."""
