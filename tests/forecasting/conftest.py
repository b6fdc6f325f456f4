"""A model that is trained once, and the commands in a folder that has it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_predict import trained

from narrowcast import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a model of two inputs and a known column, of two steps."""
    return trained(
        tmp_path_factory.mktemp("trained"), 'data.known=["k"]', "data.outputs=2", "data.lead=2"
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["narrowcast", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return call
