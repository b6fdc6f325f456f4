"""Signals of processes that tests start, and interruptions of this process."""

import sys
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

DEFAULT_SIGNALS = ("env", "--default-signal")
"""Start of a command that heeds signals which its parent may ignore, as a run under nohup does."""


def interruptions(function: Callable[[], object], *modules: ModuleType) -> Iterator[None]:
    """Call a function again and again; interrupt it before each line that some modules run."""
    files = {module.__file__ for module in modules}
    count = left = 0
    while left <= 0:
        count += 1
        left = count

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in files:
                return None
            left -= event == "line"
            if left == 0 and event == "line":
                raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        yield
