"""Test vectors: the input words of the accelerator and the expected output words, one per line.

Each file holds one stream of the engine: window after window, in a window tensor after tensor, in
a tensor row after row (the oldest first), and in a row column after column. A word is in two's
complement, written in as many hexadecimal digits as the widest tensor of the stream needs. Words of
narrower tensors are sign-extended. The manifest lists the tensors of a window and their widths.

The windows of a model with states are consecutive inferences. A third file then has a line for each
inference: 1 if it follows a restart, else 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer import IntegerModel
from narrowcast.integer.execute import Flags
from narrowcast.integer.model import Array, Tensor
from narrowcast.integer.validate import check_inputs, check_outputs, check_restart
from narrowcast.records import write_json

INPUTS, EXPECTED, MANIFEST = "inputs.hex", "expected.hex", "vectors.json"
RESTART = "restart.txt"


def write_vectors(
    folder: Path, model: IntegerModel, inputs: Array, expected: Array, restart: Flags | None = None
) -> None:
    """Write both streams of a model, and the manifest.

    Args:
        folder: Folder of the files.
        model: The model, which defines the tensors of both streams.
        inputs: Words [windows, input_words], as ``model.pack_inputs`` gives.
        expected: Words [windows, output_words], as ``model.pack_outputs`` gives.
        restart: Which windows follow a restart, as for ``execute``, if the model has states; only
            the first one unless given.

    Raises:
        ValueError: Words are of another shape, no integers, or beyond the range of their tensor;
            or there is not a flag for each window.
    """
    check_inputs(model, model.unpack_inputs(inputs))
    check_outputs(model, model.unpack_outputs(expected))
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
    if model.states:
        flags = np.arange(len(inputs)) == 0 if restart is None else restart
        check_restart(flags, len(inputs))
        write_whole(folder / RESTART, "".join(f"{flag}\n" for flag in flags.astype(int).tolist()))
    write_json(folder / MANIFEST, manifest)


def read_vectors(folder: Path, model: IntegerModel) -> tuple[Array, Array, Flags | None]:
    """Read the files that :func:`write_vectors` wrote for this model.

    Returns:
        Input words [windows, input_words], expected output words [windows, output_words], and which
        windows follow a restart; None if the model has no states.

    Raises:
        UserError: A file is missing or truncated, or belongs to a model of another shape.
    """
    inputs = _read(folder / INPUTS, model.input_tensors)
    expected = _read(folder / EXPECTED, model.output_tensors)
    if len(inputs) != len(expected):
        raise UserError(
            f"{folder}: {len(inputs)} windows go in and {len(expected)} results come out: "
            "run 'narrowcast compile' again"
        )
    return inputs, expected, _read_restart(folder / RESTART, len(inputs)) if model.states else None


def _word_bits(tensors: Sequence[Tensor]) -> int:
    return max(each.bits for each in tensors)


def _read(path: Path, tensors: Sequence[Tensor]) -> Array:
    """Return words [windows, words of a window]."""
    try:
        words = np.array([int(word, 16) for word in path.read_text().split()], dtype=np.int64)
        streams = words.reshape(-1, sum(each.size for each in tensors))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, OverflowError):
        raise UserError(f"{path}: damaged: run 'narrowcast compile' again") from None
    sign = 1 << (_word_bits(tensors) - 1)
    return (streams ^ sign) - sign


def _read_restart(path: Path, windows: int) -> Flags:
    """Return the flags of the windows that follow a restart."""
    try:
        lines = path.read_text().split()
    except (OSError, ValueError):
        raise UserError(f"{path}: cannot be read: run 'narrowcast compile' again") from None
    if len(lines) != windows or not set(lines) <= {"0", "1"}:
        raise UserError(f"{path}: damaged: run 'narrowcast compile' again")
    flags: Flags = np.array(lines) == "1"
    return flags
