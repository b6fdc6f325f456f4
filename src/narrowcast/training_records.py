"""Records of training and quantisation results. They need neither torch nor pandas."""

from dataclasses import dataclass
from typing import Annotated, Literal

from narrowcast.records import IF_KNOWN


@dataclass(frozen=True)
class Errors:
    """Errors of a forecast, in the target's own unit.

    Attributes:
        rmse: Root mean squared error.
        mae: Mean absolute error.
        by_step: Root mean squared error of each step ahead; None for a single one.
    """

    rmse: float
    mae: float
    by_step: Annotated[tuple[float, ...] | None, IF_KNOWN] = None


@dataclass(frozen=True)
class History:
    """The history of a training run, with one entry per epoch.

    Attributes:
        loss: Mean squared error of the scaled forecasts on the training part.
        validation_rmse: RMSE on the validation part, in the target's own unit.
        best: Index of the epoch whose weights were kept.
    """

    loss: tuple[float, ...]
    validation_rmse: tuple[float, ...]
    best: int


@dataclass(frozen=True)
class TensorSummary:
    """The distribution of a tensor before quantisation, and how it was quantised.

    Attributes:
        name: Name in the integer model.
        bits: Width in bits.
        scheme: ``asymmetric`` if the tensor has a zero point, else ``symmetric``.
        scale: Scale of the tensor; for weights the mean of the channels' scales.
        zero_point: Zero point; 0 if symmetric.
        lowest: Real value of the lowest integer; for weights in the channel with the largest
            scale.
        highest: Real value of the highest integer; for weights in the same channel.
        error: Root mean square of the rounding error, divided by that of the tensor.
        error_symmetric: The same error with the best range without a zero point; None if the
            tensor's scheme is fixed.
        error_asymmetric: The same error with the best range with a zero point; None if the
            tensor's scheme is fixed. The adaptive scheme compares these two.
        edges: The least and the largest value that occurs.
        counts: Histogram: number of values in each of the equal bins between the edges.
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
    """The number of windows that were cut from a table.

    Attributes:
        train: Windows of the training part.
        validation: Windows of the validation part.
        test: Windows of the test part.
        skipped_gaps: Windows left out because they span a gap in time.
        skipped_missing: Windows left out because a value is missing.
    """

    train: int
    validation: int
    test: int
    skipped_gaps: int
    skipped_missing: int


@dataclass(frozen=True)
class DataSummary:
    """The table of readings that a model was trained on.

    Attributes:
        file: Name of the file, without its folder.
        rows: Rows of the table.
        inputs: Input columns.
        target: Column that is forecast.
        lead: Rows from the last row of a window to its first target.
        outputs: Targets of a window.
        missing: Number of missing values in each column.
        windows: Windows cut from the table.
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
    """Results of training in floating point: ``training.json``.

    Attributes:
        data: The table of readings.
        test: Errors on the test part by forecaster: the float model and the simple forecasts. None
            for a forecast that is impossible.
        history: History of the training.
    """

    data: DataSummary
    test: dict[str, Errors | None]
    history: History


@dataclass(frozen=True)
class QuantizeResults:
    """Results of fine-tuning with fake quantisation: ``accuracy.json``.

    Attributes:
        test: Errors on the test part by forecaster: ``float``, ``qat`` and ``integer``.
        history: History of the fine-tuning.
    """

    test: dict[str, Errors]
    history: History


@dataclass(frozen=True)
class Quantization:
    """How every tensor was quantised: ``quantization.json``.

    Attributes:
        tensors: All tensors and weight matrices, in order of execution.
    """

    tensors: tuple[TensorSummary, ...]
