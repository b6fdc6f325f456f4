"""What all tests share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from browser import Page, chromium
from commands import Run, runner

# Several threads for small tensors only wait for each other where other processes run.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says how busy the machine is.
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")


CONFIG = """
[data]
path = "readings.csv"
time = "time"
inputs = ["a"]
target = "b"
window = 3
lead = 0
[train]
epochs = 1
finetune_epochs = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with readings, and with ``run.toml``, which needs a moment to be trained."""
    (tmp_path / "run.toml").write_text(CONFIG)
    rows = [f"2024-01-01T{i // 60:02}:{i % 60:02}:00Z,{i % 7},{i % 5}\n" for i in range(120)]
    (tmp_path / "readings.csv").write_text("time,a,b\n" + "".join(rows))
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in ``folder``."""
    monkeypatch.chdir(folder)
    return runner(monkeypatch, capsys)


@pytest.fixture(scope="session", autouse=True)
def unsynchronised() -> Iterator[None]:
    """Leave it to the system when files reach the disk: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def library_objects(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile what all simulations share once: it takes most of the time of a small one."""
    script = Path(__file__).with_name("library_objects.sh")
    kept = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        kept = kept.parent  # which all workers of this run have
    kept = kept / "verilator"
    kept.mkdir(exist_ok=True)
    os.environ["OBJCACHE"] = f"'{script}' '{kept}'"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of Chromium."""
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, which are not part of this repository."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NARROWCAST_DATA", default))
    if not folder.is_dir():
        pytest.fail(f"{folder} is no folder: set NARROWCAST_DATA to that of the real data sets")
    return folder


@pytest.fixture
def vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script in place of Vivado; called again, another one."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)

    def put(script: str) -> None:
        (tools / "vivado").write_text(f"#!/bin/sh\n{script}")
        (tools / "vivado").chmod(0o755)

    return put
