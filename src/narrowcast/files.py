"""Atomic file writes: a file appears complete or not at all. Files that are read several times."""

import os
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from narrowcast.errors import UserError


def clear_parts(*folders: Path) -> None:
    """Remove the temporary files that killed runs have left. No run may be at work there."""
    for folder in folders:
        for path in folder.glob(".*.[0-9]*.part"):
            with suppress(OSError):
                path.unlink()


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file atomically: write a temporary file in the same folder, then rename it.

    Args:
        path: The file. Missing parent folders are created.
        content: Bytes, or text that is encoded as UTF-8.

    Raises:
        UserError: The file cannot be written, for example because the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


_LARGEST_STREAM = 2 * 10**9  # bytes
_CHUNK = 1 << 20


def rereadable(path: Path) -> Path:
    """Return a path with the content of ``path`` that can be read several times.

    That is ``path`` itself, unless it is a pipe, or ``-`` for standard input: these are read once,
    into a temporary file that this process and its children can open, and that ends with it.

    Raises:
        UserError: The pipe cannot be read, or holds more than 2 GB; or ``path`` is a device.
    """
    name = Path("/dev/stdin") if str(path) == "-" else path
    try:
        status = name.stat()
    except (OSError, ValueError):
        return path  # whoever opens it reports that
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        raise UserError(f"{path}: is a device, not a file: give a file, or a pipe that ends")
    if name == path and not stat.S_ISFIFO(status.st_mode):
        return path
    return Path(f"/proc/{os.getpid()}/fd/{_spooled(name, status.st_ino).fileno()}")


@cache
def _spooled(path: Path, inode: int) -> IO[bytes]:  # noqa: ARG001
    """Return a temporary file without a name, with the content of a pipe."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (it stays open)
    try:
        with path.open("rb") as stream:
            size = 0
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > _LARGEST_STREAM:
                    raise UserError(f"{path}: more than 2 GB come through the pipe: use a file")
                copy.write(chunk)
        copy.flush()
    except OSError as error:
        folder = tempfile.gettempdir()
        raise UserError(f"{path}: cannot be copied to {folder}: {error.strerror}") from None
    return copy
