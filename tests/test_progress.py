"""What a log, which is no terminal, is told while a stage works."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from narrowcast import progress
from narrowcast.progress import Bars, Lines, Progress, Warnings


def test_lines_tell_how_far_a_long_stage_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    log = io.StringIO()
    lines = Lines(Console(file=log, width=40))
    lines.started("search")
    for seconds in (1, 29, 31, 32, 59, 62):
        now[0] = 100.0 + seconds
        lines.advanced(seconds, 90, f"s, {seconds} [trials]")
    lines.remarked("search", "left out [n12-d5]: too wide a line is not cut")
    lines.finished("search", 90.0, reused=False)
    assert log.getvalue().splitlines() == [
        "search:   31 of 90 s, 31 [trials]",
        "search:   62 of 90 s, 62 [trials]",
        "search:   left out [n12-d5]: too wide a line is not cut",
        "search:   done in 90.0 s",
    ]


def test_what_is_shown_is_also_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="narrowcast")
    log = io.StringIO()
    for each in (Progress(), Warnings(Console(file=log)), Lines(Console(file=log))):
        caplog.clear()
        each.started("train")
        each.advanced(1, 3, "epochs, error 2")
        each.remarked("train", "100 % [of] rows")
        each.warned("train", "too fast")
        each.ended()
        each.finished("train", 1.0, reused=True)
        assert caplog.record_tuples == [
            ("narrowcast.train", 20, "started"),
            ("narrowcast.train", 10, "1 of 3 epochs, error 2"),
            ("narrowcast.train", 20, "100 % [of] rows"),
            ("narrowcast.train", 30, "too fast"),
            ("narrowcast.train", 20, "up to date"),
        ]
    warning = "train:    warning: too fast"
    assert log.getvalue().splitlines() == [
        warning,
        "train:    100 % [of] rows",
        warning,
        "train:    up to date",
    ]


def test_bars_in_a_terminal_and_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**kinds: bool) -> type[Progress]:
        monkeypatch.setattr(progress, "Console", lambda **_: Console(file=io.StringIO(), **kinds))
        return type(progress.choose_progress())

    monkeypatch.setattr(progress, "find_spec", lambda _: None)
    assert chosen(force_terminal=True) is Bars
    assert chosen(force_terminal=False) is Lines
    assert chosen(force_jupyter=True) is Lines  # without ipywidgets there are no bars
    monkeypatch.setattr(progress, "find_spec", lambda _: "found")
    assert chosen(force_jupyter=True) is Bars
    assert type(progress.choose_progress("quiet")) is Warnings
    assert type(progress.choose_progress("verbose")) is Progress


def test_an_import_installs_no_handler() -> None:
    code = "import narrowcast, narrowcast.pipeline, logging; print(logging.getLogger('narrowcast')"
    code += ".handlers, logging.getLogger().handlers)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[] []\n"
