"""Test vectors: what goes into the accelerator and what must come out, one word per line.

Each file is a stream of the engine: windows follow one another, within a window the tensors, in a
tensor its rows, oldest first, and in a row its columns. A word is two's complement in hexadecimal
digits, as many as the widest tensor of the stream needs; words of narrower tensors are
sign-extended. The manifest says which tensors a window has, and how wide each is.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer import IntegerModel
from narrowcast.integer.model import Array, Tensor

INPUTS, EXPECTED, MANIFEST = "inputs.hex", "expected.hex", "vectors.json"


def write_vectors(folder: Path, model: IntegerModel, inputs: Array, expected: Array) -> None:
    """Write both streams of a model, and the manifest.

    Args:
        folder: Where to.
        model: Says which tensors the streams have.
        inputs: Words [windows, input_words], as ``model.pack_inputs`` gives.
        expected: Words [windows, output_words], as ``model.pack_outputs`` gives.
    """
    manifest: dict[str, Any] = {"windows": len(inputs), "format": "hexadecimal, one word per line"}
    for name, tensors, words in (
        (INPUTS, model.input_tensors, inputs),
        (EXPECTED, model.output_tensors, expected),
    ):
        bits = _word_bits(tensors)
        digits = -(-bits // 4)
        unsigned = words.ravel() & ((1 << bits) - 1)
        write_whole(folder / name, "".join(f"{word:0{digits}x}\n" for word in unsigned.tolist()))
        layout = [
            {"tensor": each.name, "rows": each.rows, "columns": each.columns, "bits": each.bits}
            for each in tensors
        ]
        manifest[name] = {"bits": bits, "signed": True, "layout": layout}
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def read_vectors(folder: Path, model: IntegerModel) -> tuple[Array, Array]:
    """Read what :func:`write_vectors` wrote for this model.

    Returns:
        Words [windows, input_words] that go in, and words [windows, output_words] that come out.

    Raises:
        UserError: A file is missing, cut short, or belongs to a model of another shape.
    """
    inputs = _read(folder / INPUTS, model.input_tensors)
    expected = _read(folder / EXPECTED, model.output_tensors)
    if len(inputs) != len(expected):
        raise UserError(
            f"{folder}: {len(inputs)} windows go in and {len(expected)} results come out: "
            "run 'narrowcast compile' again"
        )
    return inputs, expected


def _word_bits(tensors: Sequence[Tensor]) -> int:
    return max(each.bits for each in tensors)


def _read(path: Path, tensors: Sequence[Tensor]) -> Array:
    """Return words [windows, words of a window]."""
    try:
        words = np.array([int(word, 16) for word in path.read_text().split()], dtype=np.int64)
        streams = words.reshape(-1, sum(each.size for each in tensors))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path}: damaged: run 'narrowcast compile' again") from None
    sign = 1 << (_word_bits(tensors) - 1)
    return (streams ^ sign) - sign
