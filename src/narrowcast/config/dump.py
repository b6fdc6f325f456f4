"""Writes a configuration as a file."""

import os
from pathlib import Path

import tomli_w

from narrowcast.config.sections import Config


def to_toml(config: Config, folder: Path) -> str:
    """Return the content of a configuration file in ``folder``, for :func:`load_config`."""
    values = config.model_dump(exclude_none=True)
    if config.data.path is not None:
        values["data"]["path"] = os.path.relpath(config.data.path.resolve(), folder.resolve())
    return tomli_w.dumps(values)
