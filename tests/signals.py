"""Signals of processes that tests start."""

import signal


def default_signals() -> None:
    """Let a new process heed the signals that its parent may ignore, as a run under nohup does."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
