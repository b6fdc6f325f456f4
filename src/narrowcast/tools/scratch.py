"""Folders for the files of external tools, with paths that every tool can read.

make, GHDL and others fail on paths with spaces or letters beyond ASCII. So they work in a folder
for temporary files, and only results are copied to the output folder.
"""

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from narrowcast.errors import UserError, shown
from narrowcast.files import locked

_PREFIX = "narrowcast-"
_SCRATCH = f"{_PREFIX}scratch-"
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]{1,200}")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder, which is removed at the end.

    It is in the folder of the environment variable TMPDIR, or in /tmp. Those of killed processes
    are removed, too.

    Raises:
        UserError: That folder has a path that tools cannot read, or it cannot be written.
    """
    place = Path(tempfile.gettempdir()).absolute()
    if not _PLAIN.fullmatch(str(place)):
        raise UserError(
            f"TMPDIR = {shown(str(place))}: tools such as make cannot work there: set TMPDIR to "
            "a shorter path of ASCII letters and digits, without spaces"
        )
    _remove_abandoned(place)
    # The name is known before the folder exists, so that no interruption leaves it behind.
    folder = place / f"{_SCRATCH}{os.getpid()}-{secrets.token_hex(8)}"
    try:
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise UserError(f"{place}: cannot be written: {error.strerror}: set TMPDIR") from None
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def private_folder(name: str) -> Path:
    """Return a folder that is kept in the place of temporary files, for this user alone.

    Raises:
        UserError: It cannot be written, or it belongs to somebody else.
    """
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{name}-{os.geteuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    if not _is_own(folder) or folder.stat().st_mode & 0o077:
        raise UserError(f"{folder}: cannot be used, or not by this user alone: set TMPDIR")
    return folder


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_SCRATCH}*"):
        if _is_own(folder):
            with suppress(UserError, OSError):  # it is in use, or has just been removed
                if any(folder.iterdir()) or not _is_new(folder):
                    with locked(folder):
                        shutil.rmtree(folder, ignore_errors=True)


def _is_new(folder: Path) -> bool:
    """Return whether a folder may be new and not locked yet, as its process still runs."""
    process = folder.name.removeprefix(_SCRATCH).partition("-")[0]
    return not process.isdecimal() or Path(f"/proc/{process}").exists()


def _is_own(folder: Path) -> bool:
    """Return whether a folder, and no link to one, belongs to this user."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
