"""Reads a configuration file and applies overrides."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from narrowcast.config.mistakes import first_mistake
from narrowcast.config.sections import Config
from narrowcast.errors import UserError, boundary, one_line, shown

_MOST_BYTES = 1 << 20
# The parser's time and memory grow with the square of a key's parts.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}""")


def load_config(
    path: Path | str, overrides: Sequence[str] = (), data: Path | str | None = None
) -> Config:
    """Read a configuration file.

    Args:
        path: A TOML file with the sections of ``Config``.
        overrides: ``key=value`` with a dotted key, such as ``model.channels=16``. The value is
            parsed as TOML, or taken as plain text if it is not valid TOML.
        data: The file of readings; replaces ``data.path``. This path, like one in an override, is
            relative to the working directory. A path in the file is relative to the file's folder.

    Raises:
        UserError: The configuration is invalid. One line names the first mistake: the key, its
            value, and the allowed values.
    """
    path = Path(path)
    values = _read_toml(path)
    given = {apply_override(values, override): override for override in overrides}
    section = values.setdefault("data", {})
    if isinstance(section, dict):
        if data is not None:
            section["path"] = Path(data)
        elif isinstance(name := section.get("path"), str) and name and "data.path" not in given:
            section["path"] = path.parent / name
    with boundary(str(path)):
        try:
            return Config.model_validate(values)
        except ValidationError as error:
            raise UserError(first_mistake(error, Config, path, given)) from None


def _read_toml(path: Path) -> dict[str, Any]:
    with boundary(str(path)):
        try:
            with path.open("rb") as stream:
                content = stream.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise UserError(
                    f"{path}: not a configuration: it has more than {_MOST_BYTES} bytes"
                )
            return parse_toml(content.decode("utf-8-sig"))
        except FileNotFoundError:
            raise UserError(f"{path}: no such configuration file") from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: not a TOML file: it is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{path}: not a valid TOML file: {one_line(error)}") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        tomllib.TOMLDecodeError: The text is not TOML.
        ValueError: A key has too many parts, or a number too many digits.
    """
    if _LONG_KEY.search(text):
        raise ValueError("a key has too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number has too many digits") from None


def apply_override(values: dict[str, Any], override: str) -> str:
    """Apply one override ``key=value`` to ``values`` and return the key."""
    key, equals, text = override.partition("=")
    where = f"override {shown(override)}"
    with boundary(where):
        *sections, last = _toml_key(key)
        if not equals or not all((*sections, last)):
            raise UserError(
                f"{where}: must have the form section.key=value, such as model.channels=16"
            )
        for name in sections:
            values = values.setdefault(name, {})
            if not isinstance(values, dict):
                raise UserError(f"{where}: {shown(name)} is not a section")
        values[last] = _toml_value(text.strip())
    return ".".join((*sections, last))


def _toml_key(text: str) -> list[str]:
    """Split a dotted key into its parts. Parts that contain dots are quoted."""
    try:
        rest: Any = parse_toml(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return text.strip().split(".")
    parts = []
    while isinstance(rest, dict):
        (part, rest), *_ = rest.items()
        parts.append(part)
    return parts


def _toml_value(text: str) -> object:
    try:
        parsed = parse_toml(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text
