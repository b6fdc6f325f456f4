"""Test vectors: what goes into the accelerator and what must come out, one word per line.

A word is two's complement in hexadecimal digits, as many as the width needs. Windows follow one
another; within a window the readings run row by row, oldest first, and column by column.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer import IntegerModel
from narrowcast.integer.model import Array, Tensor

INPUTS, EXPECTED, MANIFEST = "inputs.hex", "expected.hex", "vectors.json"


def write_vectors(folder: Path, model: IntegerModel, inputs: Array, expected: Array) -> None:
    """Write inputs [windows, n, m] and expected results [windows, outputs] of a model."""
    streams = {
        INPUTS: (model.tensors[model.input], inputs),
        EXPECTED: (model.tensors[model.output], expected),
    }
    manifest: dict[str, Any] = {"windows": len(inputs), "format": "hexadecimal, one word per line"}
    for name, (tensor, values) in streams.items():
        digits = -(-tensor.bits // 4)
        words = values.ravel() & ((1 << tensor.bits) - 1)
        write_whole(folder / name, "".join(f"{word:0{digits}x}\n" for word in words.tolist()))
        manifest[name] = {"shape": list(values.shape), "bits": tensor.bits, "signed": True}
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def read_vectors(folder: Path, model: IntegerModel) -> tuple[Array, Array]:
    """Read what :func:`write_vectors` wrote for this model.

    Raises:
        UserError: A file is missing, cut short, or belongs to a model of another shape.
    """
    tensors = {INPUTS: model.tensors[model.input], EXPECTED: model.tensors[model.output]}
    inputs, expected = (_read(folder / name, tensor) for name, tensor in tensors.items())
    if len(inputs) != len(expected):
        raise UserError(
            f"{folder}: {len(inputs)} windows go in and {len(expected)} results come out: "
            "run 'narrowcast compile' again"
        )
    return inputs, expected[:, 0]


def _read(path: Path, tensor: Tensor) -> Array:
    """[windows, rows, columns]."""
    try:
        words = np.array([int(word, 16) for word in path.read_text().split()], dtype=np.int64)
        values = words.reshape(-1, tensor.rows, tensor.columns)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path}: damaged: run 'narrowcast compile' again") from None
    sign = 1 << (tensor.bits - 1)
    return (values ^ sign) - sign
