"""Save and load an integer model: ``integer_model.json`` and ``integer_model.safetensors``."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer.arithmetic import signed_bits
from narrowcast.integer.model import (
    SCHEMA_VERSION,
    Affine,
    Array,
    Context,
    IntegerModel,
    Linear,
    Scores,
    Tensor,
)

JSON_NAME = "integer_model.json"
ARRAYS_NAME = "integer_model.safetensors"

_KINDS = {"linear": Linear, "scores": Scores, "context": Context}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def save_model(model: IntegerModel, folder: Path) -> None:
    """Write both files of the model to ``folder``; the JSON, which vouches for both, last.

    Raises:
        UserError: a file cannot be written.
        ValueError: an array holds an integer of more than 32 bits.
    """
    for name, array in model.arrays.items():
        if array.size and signed_bits(int(array.min()), int(array.max())) > 32:
            raise ValueError(f"array {name} holds an integer of more than 32 bits")
    arrays = save({k: np.ascontiguousarray(v, np.int32) for k, v in model.arrays.items()})
    fields = {
        f.name: getattr(model, f.name)
        for f in dataclasses.fields(model)
        if f.name not in ("tensors", "steps", "arrays", "input_scaling", "target_scaling")
    }
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        **fields,
        "input_scaling": dataclasses.asdict(model.input_scaling),
        "target_scaling": dataclasses.asdict(model.target_scaling),
        "tensors": [dataclasses.asdict(t) for t in model.tensors.values()],
        "steps": [{"kind": _NAMES[type(s)], **dataclasses.asdict(s)} for s in model.steps],
        "arrays_sha256": _digest(arrays),
    }
    document = json.loads(json.dumps(document))
    document["sha256"] = _digest(_canonical(document))
    write_whole(folder / ARRAYS_NAME, arrays)
    write_whole(folder / JSON_NAME, (json.dumps(document, indent=1) + "\n").encode())


def load_model(folder: Path | str) -> IntegerModel:
    """Read the model from ``folder``.

    Raises:
        UserError: a file is missing, truncated, altered, or of another schema version.
    """
    folder = Path(folder)
    path = folder / JSON_NAME
    again = "run 'narrowcast quantize' again"
    try:
        document = json.loads(path.read_bytes())
        arrays = (folder / ARRAYS_NAME).read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: there is no such file; {again}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path}: is truncated or not JSON; {again}") from None
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise UserError(f"{path}: is not an integer model of version {SCHEMA_VERSION}; {again}")
    seal = document.pop("sha256", None)
    if seal != _digest(_canonical(document)):
        raise UserError(f"{path}: has been altered: its digest does not match; {again}")
    if document.pop("arrays_sha256") != _digest(arrays):
        raise UserError(f"{folder / ARRAYS_NAME}: does not belong to {path.name}; {again}")
    try:
        loaded = {name: array.astype(np.int64) for name, array in load(arrays).items()}
    except SafetensorError as error:
        raise UserError(f"{folder / ARRAYS_NAME}: cannot be read: {error}; {again}") from None
    document.pop("schema_version")
    try:
        return _model(document, loaded)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: is not a whole integer model ({error!r}); {again}") from None


def _model(document: dict[str, Any], arrays: dict[str, Array]) -> IntegerModel:
    steps = tuple(_KINDS[step.pop("kind")](**step) for step in document.pop("steps"))
    return IntegerModel(
        tensors={t["name"]: Tensor(**t) for t in document.pop("tensors")},
        steps=steps,
        arrays=arrays,
        input_scaling=_affine(document.pop("input_scaling")),
        target_scaling=_affine(document.pop("target_scaling")),
        input_names=tuple(document.pop("input_names")),
        **document,
    )


def _affine(document: dict[str, Any]) -> Affine:
    return Affine(tuple(document["offset"]), tuple(document["scale"]))
