"""What a log, which is no terminal, is told while a stage works."""

import io

import pytest
from rich.console import Console

from narrowcast import progress
from narrowcast.progress import Lines


def test_lines_tell_how_far_a_long_stage_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    log = io.StringIO()
    lines = Lines(Console(file=log, width=40))
    lines.started("search")
    for seconds in (1, 29, 31, 32, 59, 62):
        now[0] = 100.0 + seconds
        lines.advanced(seconds, 90, f"{seconds} [trials]")
    lines.remarked("search", "left out [n12-d5]: too wide a line is not cut")
    lines.finished("search", 90.0, reused=False)
    assert log.getvalue().splitlines() == [
        "search:   31 of 90, 31 [trials]",
        "search:   62 of 90, 62 [trials]",
        "search:   left out [n12-d5]: too wide a line is not cut",
        "search:   done in 90.0 s",
    ]
