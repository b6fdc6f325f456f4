"""Files and folders that several processes may use, and that a killed process may leave behind.

A file appears complete or not at all. A folder is held by one process at a time. A pipe is read
once.
"""

import errno
import fcntl
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO

from narrowcast.errors import UserError, one_line

_PART = re.compile(r"\..+\.\d+\.part")  # a file that is being written, with its process
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file atomically, as :func:`writing` does.

    Args:
        path: The file. Missing parent folders are created.
        content: Bytes, or text that is encoded as UTF-8.

    Raises:
        UserError: The file cannot be written, for example because the disk is full.
    """
    with writing(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a stream to a temporary file in the same folder, which at the end is renamed.

    After an error there is no new file.

    Args:
        path: The file. Missing parent folders are created.

    Raises:
        UserError: The file cannot be written, for example because the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def copy(source: Path | str, target: Path | str) -> None:
    """Copy the content of a file, not atomically, for tools.

    Raises:
        OSError: A file cannot be read or written.
        UserError: The disk of ``target`` is full; Python's error names ``source``.
    """
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise UserError(f"{target}: cannot be written: {error.strerror}") from None


_LARGEST_STREAM = 2 * 10**9  # bytes
_CHUNK = 1 << 20


def rereadable(path: Path) -> Path:
    """Return a path with the content of ``path`` that can be read several times.

    That is ``path`` itself, unless it is a pipe, or ``-`` for standard input: these are read once,
    into a temporary file that this process and its children can open, and that ends with it.

    Raises:
        UserError: The pipe cannot be read, or holds more than 2 GB; ``path`` is a device; or the
            system is not Linux, whose /proc gives an open file a name.
    """
    source = 0 if str(path) == "-" else path
    try:
        status = os.stat(source)  # noqa: PTH116 (it may be a descriptor)
    except (OSError, ValueError):
        return path  # whoever opens it reports that
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        raise UserError(f"{path}: is a device, not a file: give a file, or a pipe that ends")
    if source == path and not stat.S_ISFIFO(status.st_mode):
        return path
    if sys.platform != "linux":
        raise UserError(f"{path}: is a pipe, which can be read on Linux only: give a file")
    return Path(f"/proc/{os.getpid()}/fd/{_spooled(source, status.st_ino).fileno()}")


def matching_files(path: Path) -> list[Path]:
    """Return the files that a pattern such as ``runs/*.csv`` matches, in order of their names.

    A path that exists, or that is no pattern, is returned itself.

    Raises:
        UserError: No file matches the pattern, or it is none.
    """
    if not (found := matches(path)):
        raise UserError(f"{path}: no file matches this pattern")
    return found


def matches(path: Path) -> list[Path]:
    """Do the same, but return no file if none matches."""
    try:
        if not set("*?[") & set(str(path)) or path.exists():
            return [path]
        folder = next((each for each in path.parents if each.exists()), Path())
        found = [each for each in folder.glob(str(path.relative_to(folder))) if each.is_file()]
    except (OSError, ValueError, RecursionError, re.error) as error:
        raise UserError(f"{path}: is no pattern of files: {one_line(error)}") from None
    return sorted(found, key=_natural)


def names_of(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of files in the folder that they have in common, each another one."""
    folder = os.path.commonpath([each.parent for each in files])
    return tuple(os.path.relpath(each, folder) for each in files)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts 10.csv behind 9.csv."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(int(each), "") if each.isdecimal() else (-1, each) for each in parts]


def piped_input() -> BufferedReader | None:
    """Return standard input if it is a pipe or a socket, None if it is anything else.

    What has been looked at with ``peek`` only is left to :func:`rereadable`.
    """
    try:
        status = os.fstat(0)
    except OSError:
        return None
    piped = stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)
    return _standard_input(status.st_ino) if piped else None


@cache
def _standard_input(inode: int) -> BufferedReader:  # noqa: ARG001
    # Standard input stays open: another file would get its number.
    return os.fdopen(os.dup(0), "rb")


@cache
def _spooled(source: Path | int, inode: int) -> IO[bytes]:
    """Return a temporary file without a name, with the content of a pipe."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (it stays open)
    name = "-" if isinstance(source, int) else source
    try:
        with source.open("rb") if isinstance(source, Path) else _standard_input(inode) as stream:
            size = 0
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > _LARGEST_STREAM:
                    raise UserError(f"{name}: more than 2 GB come through the pipe: use a file")
                copy.write(chunk)
        copy.flush()
    except OSError as error:
        folder = tempfile.gettempdir()
        raise UserError(f"{name}: cannot be copied to {folder}: {error.strerror}") from None
    return copy


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is created if it does not exist, for this process alone.

    The lock is one of the folder itself, so that it leaves no file and ends with its process,
    however that ends. What a killed process was writing in the folder, or in a folder in it, is
    removed. A folder that was created here and is empty at the end is removed, too.

    Raises:
        UserError: Another process holds the folder, it cannot be written, or its disk is full.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with ExitStack() as stack:
            try:
                stack.callback(os.close, _lock(folder))
            except OSError as error:
                raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
            _remove_parts(folder)
            yield
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):  # not empty
            for each in made:
                each.rmdir()


def _lock(folder: Path) -> int:
    """Create a folder, lock it, and return its descriptor.

    Raises:
        OSError: The folder cannot be created or opened.
        UserError: Another process holds it.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with ExitStack() as stack:
            stack.callback(os.close, opened)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"{folder}: another run of narrowcast is at work there: wait for its end, or "
                    "choose another folder with --out"
                ) from None
            except OSError:  # a file system without locks
                pass
            with suppress(FileNotFoundError):  # its last holder may have removed it since
                if os.path.samestat(os.fstat(opened), folder.stat()):
                    stack.pop_all()
                    return opened


def _remove_parts(folder: Path) -> None:
    for pattern in (".*.part", "*/.*.part"):
        for path in folder.glob(pattern):
            if _PART.fullmatch(path.name):
                with suppress(OSError):
                    path.unlink()
