"""Records of training and quantisation results. They need neither torch nor pandas."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from narrowcast.records import IF_KNOWN


@dataclass(frozen=True)
class Intervals:
    """How well quantiles are forecast, over all steps ahead.

    Attributes:
        quantiles: Their probabilities, ascending.
        pinball: Mean pinball loss over all quantiles, in the target's own unit; that of a median is
            half of the mean absolute error.
        below: Share of the targets that are at or below each quantile, from 0 to 1.
        coverage: Share of the targets within each interval, its ends included: from the first to
            the last quantile, from the second to the last but one, and so on.
    """

    quantiles: tuple[float, ...]
    pinball: float
    below: tuple[float, ...]
    coverage: tuple[float, ...]


def intervals_line(found: Intervals) -> str:
    """Return the coverage of each interval and the pinball loss as a part of a line."""
    ends = zip(found.quantiles, reversed(found.quantiles), found.coverage, strict=False)
    shares = ", ".join(f"{share:.1%} within {b - a:.0%}" for a, b, share in ends)
    return f"{shares}{', ' if shares else ''}pinball loss {found.pinball:.4g}"


@dataclass(frozen=True)
class SeriesErrors:
    """Errors of the forecasts of one series of a panel.

    Attributes:
        windows: Number of its windows.
        rmse: Root mean squared error, in the target's own unit.
        mae: Mean absolute error, likewise.
        rmsse: RMSE in units of the root mean squared change from one row to the next in the
            training part (Makridakis et al., "The M5 competition", 2022); None without one.
        mase: MAE in units of the mean absolute change from one row to the next in the training part
            (Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006); likewise.
    """

    windows: int
    rmse: float
    mae: float
    rmsse: Annotated[float | None, IF_KNOWN] = None
    mase: Annotated[float | None, IF_KNOWN] = None


@dataclass(frozen=True)
class Errors:
    """Errors of a forecast, in the target's own unit.

    Several targets have errors of their own in ``by_target``, each in its unit. The errors of all
    of them together are in the units of :class:`Targets`.

    Attributes:
        rmse: Root mean squared error.
        mae: Mean absolute error.
        by_step: Root mean squared error of each step ahead; None for a single one, or for several
            targets.
        mae_by_step: Mean absolute error of each step ahead, likewise.
        by_target: Errors of each target by its name; None for a single one.
        intervals: Those of the quantiles, if they are forecast; the other errors are then those of
            the medians.
        rmsse: Mean over the series of a panel of each one's RMSE relative to a naive one, see
            :class:`SeriesErrors`; None if it is no panel, or for none.
        mase: The same of the MAE.
        by_series: Errors of each series of a panel by its name; None if it is none.
    """

    rmse: float
    mae: float
    by_step: Annotated[tuple[float, ...] | None, IF_KNOWN] = None
    mae_by_step: Annotated[tuple[float, ...] | None, IF_KNOWN] = None
    by_target: Annotated[dict[str, "Errors"] | None, IF_KNOWN] = None
    intervals: Annotated[Intervals | None, IF_KNOWN] = None
    rmsse: Annotated[float | None, IF_KNOWN] = None
    mase: Annotated[float | None, IF_KNOWN] = None
    by_series: Annotated[dict[str, SeriesErrors] | None, IF_KNOWN] = None

    @property
    def error(self) -> float:
        """What is to be small: the RMSE, or of a panel the RMSSE."""
        return self.rmse if self.rmsse is None else self.rmsse


@dataclass(frozen=True)
class Recognition:
    """How well the labels of windows are recognised.

    Attributes:
        accuracy: Share of the windows whose label is right, from 0 to 1.
        balanced_accuracy: Mean over the classes of the share of their windows that are recognised.
        macro_f1: Mean over the classes of the F1 score, 2 right / (true + found).
        confusion: Number of windows by true class, then by the class that is found.
    """

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]

    @property
    def error(self) -> float:
        """What is to be small: 1 less the macro F1 score."""
        return 1 - self.macro_f1


@dataclass(frozen=True)
class Detection:
    """How well the scores of windows tell anomalies.

    Attributes:
        flagged: Share of the windows with a flag, from 0 to 1.
        flags_per_day: Flags in a day; None if the interval of the rows is unknown.
        false_alarms_per_day: Flags that a day without anomalies would have; None if the interval is
            unknown, or what is an anomaly.
        roc_auc: Probability that a window with an anomaly has a higher score than one without. This
            and what follows is None without labels of both kinds.
        pr_auc: Mean precision over all thresholds (average precision).
        precision: Share of the flags that are right.
        recall: Share of the windows with an anomaly that have a flag.
        f1: F1 score of the flags.
        f1_point_adjusted: The same if one flag within an event counts for all of its windows. It is
            high for random flags, too.
        events: Number of anomalies: successive windows are one.
        events_detected: Number of these with at least one flag.
        delay_rows: Mean number of rows from the first one of an event to its first flag, over the
            events that are detected; None if none is.
    """

    flagged: float
    flags_per_day: float | None = None
    false_alarms_per_day: float | None = None
    roc_auc: float | None = None
    pr_auc: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    f1_point_adjusted: float | None = None
    events: int | None = None
    events_detected: int | None = None
    delay_rows: float | None = None

    @property
    def error(self) -> float:
        """What is to be small: 1 less the area under the ROC curve; not a number without one."""
        return math.nan if self.roc_auc is None else 1 - self.roc_auc


Scores = Errors | Recognition | Detection
"""How good forecasts or decisions are, by the task."""

TargetNames = str | list[str]
"""The column that is forecast, or several."""


def target_names(target: TargetNames) -> tuple[str, ...]:
    """Return the columns that are forecast."""
    return (target,) if isinstance(target, str) else tuple(target)


@dataclass(frozen=True)
class ErrorName:
    """What the error on the validation part is called, :attr:`History.validation_error`.

    Attributes:
        short: Its name, such as ``RMSE``.
        full: The same with the columns that it is of, and its unit unless that is their own.
    """

    short: str
    full: str


def error_name(
    task: Literal["forecast", "classify", "detect"], target: TargetNames, *, panel: bool = False
) -> ErrorName:
    """Return what the error of a task is called.

    Args:
        task: The task.
        target: The columns that are forecast, that of the labels, or those that are compared.
        panel: Whether the forecasts are of many series.
    """
    names = target_names(target)
    listed = ", ".join(names)
    match task:
        case "forecast" if panel:
            return ErrorName("RMSSE", f"RMSSE of {listed}, its mean over the series")
        case "forecast":
            unit = ", each in units of its scale in the training part" if len(names) > 1 else ""
            return ErrorName("RMSE", f"RMSE of {listed}{unit}")
        case "classify":
            return ErrorName("1 - macro F1", f"1 less the macro F1 score of {listed}")
        case "detect":
            return ErrorName("RMS residual", f"RMS residual of {listed}, scaled, their mean")


BASELINES = ("persistence", "seasonal_naive", "nlinear", "ridge", "ridge_quadratic")
"""The simple forecasts that every forecaster is compared with."""

PANEL_BASELINES = ("ridge_per_series",)
"""Further ones that the forecaster of a panel is compared with."""

DETECTORS = ("z_score", "persistence_error")
"""The simple scores of anomalies that every detector is compared with."""

CLASSIFIERS = ("majority", "ridge_classifier")
"""The simple classifiers that every classifier is compared with."""


def recognition_line(found: Recognition) -> str:
    """Return how well labels are recognised as a part of a line."""
    return f"{found.accuracy:.1%} right, macro F1 {found.macro_f1:.3f}"


def detection_line(found: Detection) -> str:
    """Return how well anomalies are told as a part of a line."""
    if found.roc_auc is None:
        return f"{found.flagged:.2%} of the windows have a flag"
    return f"ROC AUC {found.roc_auc:.3f}, F1 {found.f1:.3f}"


def beaten_by(test: Mapping[str, Scores | None], model: str) -> str | None:
    """Return the simple method with the least error if that is below the error of a model.

    Args:
        test: Scores on the test part by method; None for a method that is impossible.
        model: Name of the model in ``test``.

    Returns:
        Name of the simple method; None if the model is at least as good as all of them.
    """
    names = (*BASELINES, *PANEL_BASELINES, *CLASSIFIERS, *DETECTORS)
    simple = {name: found.error for name in names if (found := test.get(name)) is not None}
    own, best = test[model], min(simple, key=lambda name: simple[name], default=None)
    return best if best is not None and own is not None and simple[best] < own.error else None


@dataclass(frozen=True)
class History:
    """The history of a training run, with one entry per epoch.

    Attributes:
        loss: Loss of the scaled forecasts on the training part, see :class:`TrainConfig`; in
            fine-tuning the mean squared difference from the teacher's.
        validation_error: Error on the validation part: the RMSE in the target's own unit, of a
            classifier 1 less the macro F1 score, of a detector the geometric mean over all
            differences of their RMS, scaled and without their weights. A share of any of them then
            counts the same, as in the score.
        best: Index of the epoch with the least loss on the validation part; its weights were kept.
    """

    loss: tuple[float, ...]
    validation_error: tuple[float, ...]
    best: int

    @property
    def error(self) -> float:
        """Error on the validation part with the weights that were kept."""
        return self.validation_error[self.best]


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


def left_out(gaps: int, missing: int, straddling: int = 0, mixed: int = 0) -> str:
    """Return how many windows were left out, and why, as a part of a line."""
    reasons = {
        "a gap in time": gaps,
        "a missing value": missing,
        "rows or targets in two parts": straddling,
        "several labels": mixed,
    }
    found = ", ".join(f"{count} with {reason}" for reason, count in reasons.items() if count)
    return found or "none"


@dataclass(frozen=True)
class Windows:
    """The number of windows that were cut from a table, or of forecasts of a stream.

    Attributes:
        train: Windows of the training part.
        validation: Windows of the validation part.
        test: Windows of the test part.
        skipped_gaps: Windows left out because they span a gap in time.
        skipped_missing: Windows left out because a value is missing.
        skipped_straddling: Windows left out because their rows or targets are in two parts.
        early: Forecasts of a stream that rest on fewer readings than a window has. Those of the
            training part are trained, and no error counts any. None for windows.
        refit: Windows of the last training, from the begin of the training part to the test part;
            None if there is none.
        skipped_mixed: Windows left out because their rows have several labels; None without labels.
        by_class: Windows of each label by part: ``train``, ``validation`` and ``test``; None
            without labels.
    """

    train: int
    validation: int
    test: int
    skipped_gaps: int
    skipped_missing: int
    skipped_straddling: int
    early: Annotated[int | None, IF_KNOWN] = None
    refit: Annotated[int | None, IF_KNOWN] = None
    skipped_mixed: Annotated[int | None, IF_KNOWN] = None
    by_class: Annotated[dict[str, dict[str, int]] | None, IF_KNOWN] = None

    def __str__(self) -> str:
        """Return the windows of each part, and how many were left out and why, as one line."""
        left = (self.skipped_gaps, self.skipped_missing, self.skipped_straddling)
        found = left_out(*left, self.skipped_mixed or 0)
        known = "windows" if self.early is None else "forecasts"
        line = (
            f"{self.train} {known} for training, {self.validation} for validation, "
            f"{self.test} for the test; left out: {found}"
        )
        if self.early:
            line += f"; {self.early} rest on fewer readings than a window has: no error counts them"
        return line


@dataclass(frozen=True)
class DataSummary:
    """The table of readings that a model was trained on.

    Attributes:
        file: Name of the file, without its folder.
        rows: Rows of the table.
        inputs: Input columns.
        target: Column that is forecast, or several.
        lead: Rows from the last row of a window to its first target.
        outputs: Steps ahead that are forecast.
        missing: Number of missing values in each column.
        windows: Windows cut from the table.
        notes: Remarks on how the table was read and on doubtful columns.
        known: Columns known ahead.
        classes: Labels of the target that are told apart, in the order of their numbers.
        series: Number of series of a panel; None if it is none.
    """

    file: str
    rows: int
    inputs: tuple[str, ...]
    target: TargetNames
    lead: int
    outputs: int
    missing: dict[str, int]
    windows: Windows
    notes: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    series: Annotated[int | None, IF_KNOWN] = None


@dataclass(frozen=True)
class TrainResults:
    """Results of training in floating point: ``training.json``.

    Attributes:
        data: The table of readings.
        test: Errors on the test part by forecaster: the float model and the simple forecasts. None
            for a forecast that is impossible.
        history: History of the training.
        constant_width: Errors on the test part of intervals of constant width around the medians of
            the float model, which have the quantiles of its errors on the validation part; None
            without quantiles.
        method: Method of a detector that was chosen; None for other tasks.
        faults: Area under the ROC curve of faults that were put into the validation part, by method
            of a detector; None if the method is stated, and for other tasks.
    """

    data: DataSummary
    test: dict[str, Scores | None]
    history: History
    constant_width: Annotated[Errors | None, IF_KNOWN] = None
    method: Annotated[str | None, IF_KNOWN] = None
    faults: Annotated[dict[str, float] | None, IF_KNOWN] = None


_NOTABLE = 0.01  # share of readings that are cut off
_SHOWN = 0.0005  # the least share that is rounded to 0.1%


@dataclass(frozen=True)
class CutOff:
    """The shares of the values of a part that are cut off at the ends of the integers' range.

    Attributes:
        inputs: Share of the readings in windows, from 0 to 1, by input column.
        target: Share of the targets, from 0 to 1.
    """

    inputs: dict[str, float]
    target: float


def drifting(parts: Mapping[str, CutOff]) -> tuple[str, ...]:
    """Return the input columns of which a notable share is cut off in the later parts."""
    later = [parts[name].inputs for name in ("validation", "test")]
    return tuple(name for name in later[0] if max(each[name] for each in later) > _NOTABLE)


def cut_off_line(parts: Mapping[str, CutOff]) -> str:
    """Return one line on the shares that are cut off in each part, or that there are none."""

    def shares(values: Iterable[float]) -> str:
        return ", ".join(
            f"{'<0.1%' if 0 < share < _SHOWN else f'{share:.1%}'} of {part}"
            for part, share in zip(parts, values, strict=True)
        )

    columns = {name for each in parts.values() for name, share in each.inputs.items() if share > 0}
    found = [
        f"readings of {name!r}: {shares(each.inputs[name] for each in parts.values())}"
        for name in sorted(columns)
    ]
    if any(each.target for each in parts.values()):
        found.append(f"targets: {shares(each.target for each in parts.values())}")
    return "beyond the range of the integers: " + ("; ".join(found) or "nothing")


@dataclass(frozen=True)
class QuantizeResults:
    """Results of fine-tuning with fake quantisation: ``accuracy.json``.

    Attributes:
        test: Errors on the test part by forecaster: ``float``, ``qat`` and ``integer``.
        cut_off: Shares of values beyond the integers, by part: ``train``, ``validation`` and
            ``test``.
        history: History of the fine-tuning.
    """

    test: dict[str, Scores]
    cut_off: dict[str, CutOff]
    history: History


@dataclass(frozen=True)
class Quantization:
    """How every tensor was quantised: ``quantization.json``.

    Attributes:
        tensors: All tensors and weight matrices, in order of execution.
    """

    tensors: tuple[TensorSummary, ...]
