"""Digests of JSON documents, which tell an altered file from a whole one."""

import hashlib
import json
from typing import Any

DIGEST = "sha256"
"""The key of a document's own digest."""


def digest(content: bytes) -> str:
    """Return the SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def document_digest(document: object) -> str:
    """Return the SHA-256 of a document of plain JSON values, whatever the order of its keys.

    Raises:
        ValueError: The document holds something else.
        RecursionError: It is nested too deeply.
    """
    return digest(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with its own digest, in place of one that it may have."""
    unsealed = {key: value for key, value in document.items() if key != DIGEST}
    return {**unsealed, DIGEST: document_digest(unsealed)}
