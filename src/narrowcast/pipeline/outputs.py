"""The names of the files in the output folder."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from narrowcast.errors import UserError

FLOAT_MODEL = "float.safetensors"
TRAINING = "training.json"
INTEGER_MODEL = ("integer_model.json", "integer_model.safetensors")
PREDICTIONS = "predictions.safetensors"
QUANTIZATION = "quantization.json"
ACCURACY = "accuracy.json"
RTL = "rtl"  # folder of the sources
VECTORS = "vectors"  # folder of test vectors
PROGRAM = "program.json"
VERIFICATION = "verification.json"
VIVADO = "vivado"  # folder of a project
SYNTHESIS = "synthesis.json"
BOARD = "board"  # folder of the bitstream
PLACEMENT = "place_and_route.json"
REPORT = "report.json"
PAGE = "report.html"


def read_predictions(out: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of the test part: truth, forecasts, and words of the engine's streams.

    Raises:
        UserError: The file is missing or damaged.
    """
    path = out / PREDICTIONS
    try:
        arrays: dict[str, NDArray[Any]] = load(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except SafetensorError as error:
        raise UserError(f"{path}: damaged ({error}): run 'narrowcast quantize' again") from None
    return arrays
