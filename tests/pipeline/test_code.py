"""What counts as the code of a stage."""

from pathlib import Path

import pytest

from narrowcast.pipeline import code
from narrowcast.pipeline.code import code_digest, code_files

TASKS = "narrowcast.pipeline.tasks"
PACKAGE = Path(code.__file__).parents[1]


def names(module: str) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in code_files(module)}


def test_training_depends_on_what_it_imports_and_on_no_hardware() -> None:
    found = names(f"{TASKS}.train")
    assert {"pipeline/tasks/train.py", "pipeline/tasks/readings.py"} <= found
    assert {"config/sections.py", "config/mistakes.py", "pipeline/stages.py"} <= found
    assert {"data/windows.py", "model/training.py", "files.py"} <= found
    folders = {name.partition("/")[0] for name in found}
    assert not folders & {"compile", "tools", "estimate", "targets", "rtl", "report", "search"}
    assert "pipeline/tasks/quantize.py" not in found


def test_data_files_count_where_their_package_does() -> None:
    found = names(f"{TASKS}.compile")
    assert {"rtl/engine.vhd", "targets/devices/xc7s15.toml"} <= found
    assert not any(name.startswith(("model/", "quantize/", "data/")) for name in found)
    assert "rtl/testbench/engine_main.cpp" in names(f"{TASKS}.verify")
    assert "report/templates/report.html.j2" in names(f"{TASKS}.report")
    assert not any("__pycache__" in name for name in found)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in place of this one."""
    sources = {
        "__init__.py": "",
        "stage.py": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from narrowcast.types import T\n"
        "def run():\n    from narrowcast.part import deep\n    import numpy\n",
        "types.py": "T = int\n",
        "part/__init__.py": "from narrowcast.other import x\n",
        "part/deep.py": "from narrowcast.stage import run\n",
        "part/tables/a.toml": "a = 1\n",
        "other.py": "x = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    for each in (code.code_digest, code._imports, code._data):
        each.cache_clear()
    return tmp_path


def test_imports_are_followed_wherever_they_stand(package: Path) -> None:
    found = [path.relative_to(package).as_posix() for path in code_files("narrowcast.stage")]
    assert found == ["part/deep.py", "part/tables/a.toml", "stage.py"]
    found = [path.relative_to(package).as_posix() for path in code_files("narrowcast.part")]
    assert found == ["other.py", "part/__init__.py", "part/tables/a.toml"]


@pytest.mark.parametrize(
    ("name", "counts"), [("part/deep.py", True), ("part/tables/a.toml", True), ("other.py", False)]
)
def test_the_digest_follows_the_files(package: Path, name: str, counts: bool) -> None:
    before = code_digest("narrowcast.stage")
    (package / name).write_text("# changed\n")
    code_digest.cache_clear()
    assert (code_digest("narrowcast.stage") != before) is counts
