"""The commands of narrowcast, called in this process."""

import sys
from collections.abc import Callable

import pytest

from narrowcast import cli

Run = Callable[..., tuple[int, str, str]]
"""Runs a command with its arguments: exit code, stdout, stderr."""


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs commands in the working directory."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["narrowcast", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return call
