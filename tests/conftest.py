"""What all tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, which are not part of this repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NARROWCAST_DATA", default))
    if not folder.is_dir():
        pytest.fail(f"{folder} is no folder: set NARROWCAST_DATA to that of the real data sets")
    return folder
