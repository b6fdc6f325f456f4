"""Records: frozen dataclasses that are stored as JSON files."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from narrowcast.errors import ToolError, UserError, boundary
from narrowcast.files import write_whole

Content = TypeVar("Content")

IF_KNOWN = Field(exclude_if=lambda value: value is None)
"""Annotation of a field that is omitted from the file if it is None."""


def to_json(record: object) -> dict[str, Any]:
    """Return a record, with its computed fields, as plain JSON values."""
    adapter = TypeAdapter(type(record))
    plain: dict[str, Any] = adapter.dump_python(record, mode="json", by_alias=True)
    return plain


def write_record(path: Path, record: object) -> None:
    """Write a record to a file.

    Raises:
        UserError: The file cannot be written.
        ToolError: A number of the record is not finite.
    """
    write_json(path, to_json(record))


def write_json(path: Path, value: object) -> None:
    """Write plain JSON values to a file.

    Raises:
        UserError: The file cannot be written.
        ToolError: A number is not finite. JSON has no such numbers, and no result is one.
    """
    try:
        text = json.dumps(value, indent=1, allow_nan=False)
    except ValueError:
        raise ToolError(
            f"{path.name}: a number is not finite: this is an error in narrowcast, please report it"
        ) from None
    write_whole(path, text + "\n")


def read_record(path: Path, kind: type[Content]) -> Content:
    """Read a record from a file.

    Args:
        path: The file.
        kind: Dataclass of the record.

    Raises:
        UserError: The file cannot be read, is not JSON, or lacks fields of ``kind``.
    """
    with boundary(str(path), "delete it and run again"):
        try:
            return TypeAdapter(kind).validate_python(json.loads(path.read_bytes()))
        except ValidationError:
            raise  # to the boundary, which names the field; it is a ValueError, too
        except ValueError:
            raise UserError(f"{path}: is truncated or not JSON: delete it and run again") from None
