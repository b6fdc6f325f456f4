"""The package as pip installs it from a wheel, outside of the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from narrowcast.integer import save_model
from narrowcast.integer.builder import Shape
from narrowcast.integer.random_model import random_model

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "narrowcast"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def call(*command: str | Path, **environment: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the sources, so that nothing of an earlier build gets into it."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    shutil.copytree(PACKAGE, sources / "src" / "narrowcast", ignore=shutil.ignore_patterns("*.nb?"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    call(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    call(*PIP, "install", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def test_a_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    present = {path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*.*")}
    packed = zipfile.ZipFile(wheel).namelist()
    assert {name for name in present if "__pycache__" not in name} == {
        name for name in packed if ".dist-info/" not in name
    }
    assert sum(name.endswith("/LICENSE") for name in packed) == 1


def test_commands_run_from_a_wheel(installed: Path, tmp_path: Path) -> None:
    save_model(random_model(Shape(3, 2, 4), (4, 8), 3), tmp_path)
    command = (sys.executable, "-P", "-m", "narrowcast")
    # To compile the scheduler in a new place takes longer than to interpret it.
    place = {"PYTHONPATH": str(installed), "NUMBA_DISABLE_JIT": "1"}
    said = call(*command, "export", "c", tmp_path, "--to", tmp_path / "firmware", **place)
    assert "narrowcast_model.c" in said and (tmp_path / "firmware" / "narrowcast_model.c").is_file()
    demo = ROOT / "examples" / "demo.toml"
    assert call(*command, "estimate", demo, **place).startswith("latency: ")
    where = "import narrowcast; print(narrowcast.__file__)"
    assert Path(call(sys.executable, "-P", "-c", where, **place)).is_relative_to(installed)
