"""A problem small enough to search in seconds."""

from pathlib import Path

import pytest


@pytest.fixture
def config_file(folder: Path) -> Path:
    path = folder / "small.toml"
    path.write_text((folder / "run.toml").read_text() + "[model]\nchannels = 4\n")
    return path
