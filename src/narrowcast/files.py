"""Files that appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from narrowcast.errors import UserError


def write_whole(path: Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` by way of a temporary neighbour, so no reader sees a part.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
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
