"""A model that is trained once, and the commands in a folder that has it."""

from pathlib import Path

import pytest
from test_predict import trained

from commands import Run, runner


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a model of two inputs and a known column, of two steps."""
    return trained(
        tmp_path_factory.mktemp("trained"), 'data.known=["k"]', "data.outputs=2", "data.lead=2"
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capsys)
