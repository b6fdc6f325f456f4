"""Atomic file writes: a file appears complete or not at all."""

import os
from contextlib import suppress
from pathlib import Path

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
