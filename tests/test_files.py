import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from narrowcast.errors import UserError
from narrowcast.files import copy, locked, write_whole

HOLDS = """
import sys
from pathlib import Path
from narrowcast.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    at_work = f"^{out}: another run of narrowcast is at work there"
    with pytest.raises(UserError, match=at_work), locked(out):
        pass
    assert out.exists()
    holder.kill()
    holder.communicate()
    with locked(out):
        (out / "file").write_text("")
    assert [each.name for each in out.iterdir()] == ["file"]


def test_a_folder_is_free_afterwards(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(out):
            assert out.exists() and not list(out.iterdir())
            raise ZeroDivisionError
        assert not (tmp_path / "a").exists()


def test_a_folder_that_was_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder ends between this process' opening and locking the folder."""
    out, opened = tmp_path / "out", os.open

    def late(path: Path, flags: int) -> int:
        descriptor = opened(path, flags)
        monkeypatch.undo()
        path.rmdir()
        return descriptor

    monkeypatch.setattr(os, "open", late)
    with locked(out):
        assert out.exists()
        with pytest.raises(UserError, match="at work there"), locked(out):
            pass
    assert not out.exists()


@pytest.mark.parametrize("place", ["fcntl.flock", "narrowcast.files._remove_parts"])
def test_an_interruption_while_the_folder_is_taken_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def interrupt(*_: object) -> None:
        assert (tmp_path / "out").exists()
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "out"):
        pass
    assert not (tmp_path / "out").exists()


def test_half_written_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    kept = [tmp_path / "my.part", tmp_path / ".front.part", tmp_path / "front" / "a.toml"]
    for path in (tmp_path / ".a.json.12.part", tmp_path / "front" / ".b.toml.13.part", *kept):
        path.touch()
    with locked(tmp_path):
        pass
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_a_copy_to_a_full_disk_names_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "text").write_text("text")
    copy(tmp_path / "a" / "text", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "text"
    monkeypatch.setattr(os, "sendfile", full)
    with pytest.raises(UserError, match=f"^{tmp_path}/b/text: cannot be written: No space left"):
        shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=copy)


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    full = f"^{tmp_path}: cannot be written: No space left"
    with pytest.raises(UserError, match=full), locked(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), locked(tmp_path):
        (tmp_path / "missing").read_text()


def test_a_file_that_cannot_be_written_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "whole")
    code = (
        "import resource, sys; from pathlib import Path; from narrowcast.files import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_whole(Path(sys.argv[1]), bytes(2000))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert ended.stderr.endswith(f"UserError: {path}: cannot be written: File too large\n")
    assert [each.name for each in tmp_path.iterdir()] == ["file"] and path.read_text() == "whole"
