"""Reads a table that a test writes."""

from collections.abc import Callable
from pathlib import Path

from narrowcast.config import DataConfig
from narrowcast.data import Table, read_table

Read = Callable[..., Table]
"""Called with the content of a file, its name, and changes of the configuration."""


def reader(folder: Path, config: Callable[..., DataConfig]) -> Read:
    """Return a function that writes a file to ``folder`` and reads it.

    Args:
        folder: The folder.
        config: Returns the configuration of a path, with changes.
    """

    def read(content: str | bytes, name: str = "r.csv", **changes: object) -> Table:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return read_table(config(folder / name, **changes))

    return read
