"""What training and quantisation find out, in words that need neither torch nor pandas."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Errors:
    """Errors of a forecast, in the target's own unit.

    Attributes:
        rmse: Root mean squared error.
        mae: Mean absolute error.
    """

    rmse: float
    mae: float


@dataclass(frozen=True)
class History:
    """The course of a training, one entry per epoch run.

    Attributes:
        loss: Mean squared error of the scaled forecasts in training.
        validation_rmse: In the target's own unit.
        best: Index of the epoch whose weights were kept.
    """

    loss: tuple[float, ...]
    validation_rmse: tuple[float, ...]
    best: int


@dataclass(frozen=True)
class TensorSummary:
    """The distribution of a tensor before quantisation, and how it was quantised.

    Attributes:
        name: That in the integer model.
        bits: Width.
        scheme: Whether there is a zero point.
        scale: Of a tensor; of weights the mean over the channels.
        zero_point: 0 if symmetric.
        lowest: Real number of the lowest integer; of weights, in the channel with the largest
            scale.
        highest: Real number of the highest integer, likewise.
        error: Root mean square of the rounding error, as a fraction of that of the tensor.
        error_symmetric: The same for the best range without a zero point; None if the tensor has
            no choice.
        error_asymmetric: The same for the best range with a zero point, to which the adaptive
            scheme compares the former; None if the tensor has no choice.
        edges: The least and the largest number that occurs.
        counts: Numbers in each of the equal bins between these.
    """

    name: str
    bits: int
    scheme: Literal["symmetric", "asymmetric"]
    scale: float
    zero_point: int
    lowest: float
    highest: float
    error: float
    error_symmetric: float | None
    error_asymmetric: float | None
    edges: tuple[float, float]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """How many windows a table gave.

    Attributes:
        train: Of the training part.
        validation: Of the validation part.
        test: Of the test part.
        skipped_gaps: Left out because of a gap in time.
        skipped_missing: Left out because of a missing value.
    """

    train: int
    validation: int
    test: int
    skipped_gaps: int
    skipped_missing: int


@dataclass(frozen=True)
class DataSummary:
    """Where the readings came from.

    Attributes:
        file: Name of the file, without its folder.
        rows: Of the table.
        inputs: Columns that go in.
        target: Column that is forecast.
        lead: Rows from the end of a window to its first target.
        outputs: Targets of a window.
        missing: Missing values by column.
        windows: What was cut from it.
    """

    file: str
    rows: int
    inputs: tuple[str, ...]
    target: str
    lead: int
    outputs: int
    missing: dict[str, int]
    windows: Windows


@dataclass(frozen=True)
class TrainResults:
    """What training in floating point found: ``training.json``.

    Attributes:
        data: The readings.
        test: Errors on the test part, of the float model and of simple forecasts; None where there
            is no forecast.
        history: Of the training.
    """

    data: DataSummary
    test: dict[str, Errors | None]
    history: History


@dataclass(frozen=True)
class QuantizeResults:
    """What fine-tuning with fake quantisation found: ``accuracy.json``.

    Attributes:
        test: Errors on the test part by forecaster: ``float``, ``qat`` and ``integer``.
        history: Of the fine-tuning.
    """

    test: dict[str, Errors]
    history: History


@dataclass(frozen=True)
class Quantization:
    """What became of every tensor: ``quantization.json``.

    Attributes:
        tensors: In order of execution.
    """

    tensors: tuple[TensorSummary, ...]
