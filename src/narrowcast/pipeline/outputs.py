"""The names of the files in the output folder."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load

from narrowcast import outputs
from narrowcast.errors import UserError, boundary

FLOAT_MODEL = "float.safetensors"
TRAINING = "training.json"
BASELINES = "baselines.safetensors"
INTEGER_MODEL = ("integer_model.json", "integer_model.safetensors")
SOURCE = "source.json"
PREDICTIONS = "predictions.safetensors"
QUANTIZATION = "quantization.json"
ACCURACY = "accuracy.json"
PROGRAM, RTL = outputs.PROGRAM, outputs.RTL
VECTORS = "vectors"  # folder of test vectors
VERIFICATION = "verification.json"
VIVADO = "vivado"  # folder of a project
SYNTHESIS = "synthesis.json"
BOARD = "board"  # folder of the bitstream
PLACEMENT = "place_and_route.json"
REPORT = "report.json"
PAGE = "report.html"

_KINDS = {  # of the arrays of predictions: floating point or integers
    **dict.fromkeys(("truth", "float", "qat", "integer"), "f"),
    **dict.fromkeys(("row", "inputs", "results"), "i"),
    "restart": "b",
}
# With one entry for each inference, also for those of a stream that have no target.
_STREAMS = {"inputs", "results", "restart"}


def read_predictions(out: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of the test part: truth, forecasts, and words of the engine's streams.

    Raises:
        UserError: The file is missing or damaged.
    """
    path, again = out / PREDICTIONS, "run 'narrowcast quantize' again"
    with boundary(str(path), again):
        arrays: dict[str, NDArray[Any]] = load(path.read_bytes())
        for name, kind in _KINDS.items():
            if name not in arrays or arrays[name].dtype.kind != kind:
                raise UserError(f"{path}: has no {name}, or not of the right type: {again}")
        for alike in (_STREAMS & arrays.keys(), arrays.keys() - _STREAMS):
            windows = {arrays[name].shape[:1] for name in alike}
            if len(windows) > 1 or not all(windows.pop()):
                raise UserError(f"{path}: its arrays have different numbers of windows: {again}")
    return arrays
