"""What the commands say on a system that lacks what they need."""

import os
import sys
from pathlib import Path

import pytest

from narrowcast.__main__ import main
from narrowcast.errors import ToolError, UserError
from narrowcast.files import rereadable
from narrowcast.tools.process import require


def test_windows_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert captured.err.startswith("narrowcast: error: Windows lacks ")
    assert captured.err.count("\n") == 1


def test_a_pipe_needs_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UserError, match=r"pipe: is a pipe, which can be read on Linux only"):
        rereadable(tmp_path / "pipe")
    assert rereadable(tmp_path / "file") == tmp_path / "file"


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("ghdl", "on Debian and Ubuntu: apt-get install ghdl; elsewhere, install it and put it"),
        ("verilator", "on Debian and Ubuntu: apt-get install verilator; elsewhere, install it"),
        ("vivado", "use yosys, or install it and put it on the PATH"),
    ],
)
def test_a_missing_tool_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tool: str, said: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=rf"^{tool} is not installed: {said}") as error:
        require(tool)
    assert "\n" not in str(error.value)
