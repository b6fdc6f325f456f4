"""Scores of windows that tell anomalies, and how well they do."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.config import DataConfig, DetectConfig
from narrowcast.data.scaling import Array
from narrowcast.errors import UserError
from narrowcast.training_records import Detection

_DAY = pd.Timedelta(1, "D")
_LEAST_QUANTILE = 0.5  # that the configuration allows is above this
_ROUNDING = 1e-9  # of a number of flags


@dataclass(frozen=True)
class Monitored:
    """The readings that a model compares with what it computes, and the threshold of their score.

    Attributes:
        names: Names of the columns.
        columns: Indices of these columns among the inputs.
        window: Rows of a window. Anomalies that are further apart are two.
        per_day: Windows in a day, if the interval of the rows is known.
        labelled: Whether a column says which rows have an anomaly.
        threshold: The largest score without a flag.
        flags: Number of scores of the validation part above it.
    """

    names: tuple[str, ...]
    columns: tuple[int, ...]
    window: int
    per_day: float | None
    labelled: bool
    threshold: float = np.inf
    flags: int = 0

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        config: DataConfig,
        interval: pd.Timedelta | None,
        stride: int,
    ) -> "Monitored":
        """Return what is compared, without a threshold.

        Args:
            names: Names of the columns.
            config: The configuration of the windows.
            interval: Time from one row to the next; None if unknown.
            stride: Rows from one window to the next.
        """
        return cls(
            names=names,
            columns=tuple(map(config.inputs.index, names)),
            window=config.window,
            per_day=windows_per_day(interval, stride),
            labelled=bool(config.targets),
        )

    def with_threshold(self, scores: Array, config: DetectConfig) -> "Monitored":
        """Return the same with a threshold.

        Args:
            scores: Scores of the validation part [windows].
            config: Says how many flags there may be.

        Raises:
            UserError: So few flags cannot be told; see :meth:`flags_of`.
        """
        threshold = float(np.sort(scores)[len(scores) - self.flags_of(len(scores), config) - 1])
        return replace(self, threshold=threshold, flags=int((scores > threshold).sum()))

    def flags_of(self, windows: int, config: DetectConfig) -> int:
        """Return how many of the windows of the validation part may have a flag.

        Raises:
            UserError: There are too few windows to tell so few flags, a day has no more windows
                than flags, or the interval of the rows is unknown.
        """
        stated, share = f"detect.quantile = {config.quantile}", 1 - config.quantile
        largest = largest_quantile(windows)
        possible = f"state {largest:.12g} or less, or " if largest > _LEAST_QUANTILE else ""
        if (per_day := config.false_alarms_per_day) is not None:
            if self.per_day is None:
                raise UserError(
                    "detect.false_alarms_per_day needs the interval of the rows: set "
                    "data.interval, or state detect.quantile instead"
                )
            stated, share = f"detect.false_alarms_per_day = {per_day:g}", per_day / self.per_day
            possible = f"state {_not_below(self.per_day / windows):g} or more, or "
            if share >= 1:
                raise UserError(
                    f"{stated} cannot be met: a day has {self.per_day:.6g} windows: state fewer"
                )
        if share * windows < 1 - _ROUNDING:
            raise UserError(
                f"{stated} cannot be met: it needs {math.ceil((1 - _ROUNDING) / share)} windows in "
                f"the validation part, which has {windows}: {possible}choose a longer "
                "validation part"
            )
        return int(share * windows + _ROUNDING)

    def decided(self, results: Array) -> Array:
        """Return score and flag of each window [windows, 2].

        Args:
            results: Weighted differences [windows, differences].
        """
        score = np.abs(results).sum(axis=1)
        return np.stack((score, score > self.threshold), axis=1)

    def detection(self, decisions: Array, truth: Array, row: NDArray[np.int64]) -> Detection:
        """Return how well scores tell anomalies, and flags.

        Args:
            decisions: Score and flag of each window [windows, 2], in order of their rows.
            truth: Whether there is an anomaly in the last row of each window [windows, 1], as a
                number, NaN if unknown; without a column that says so [windows, 0]. Windows of
                which it is unknown count for the flags only.
            row: Last row of each window [windows].
        """
        score, flag = decisions[:, 0], decisions[:, 1] > 0
        found = Detection(flagged=float(flag.mean()), flags_per_day=self._per_day(flag))
        if not self.labelled:
            return found
        known = ~np.isnan(truth[:, 0])
        anomaly, score, flag, row = truth[known, 0] > 0, score[known], flag[known], row[known]
        if len(normal := flag[~anomaly]):
            found = replace(found, false_alarms_per_day=self._per_day(normal))
        if anomaly.all() or not anomaly.any():
            return found
        return with_labels(found, score, flag, anomaly, row, self.window)

    def _per_day(self, flags: NDArray[np.bool_]) -> float | None:
        return None if self.per_day is None else float(flags.mean() * self.per_day)


def largest_quantile(windows: int) -> float:
    """Return the largest ``detect.quantile`` that so many windows of the validation part tell."""
    return 1 - _not_below(1 / windows)


def _not_below(number: float) -> float:
    """Return a number rounded up to three digits."""
    unit = 10.0 ** (math.floor(math.log10(number)) - 2)
    return math.ceil(number / unit - _ROUNDING) * unit


def windows_per_day(interval: pd.Timedelta | None, stride: int) -> float | None:
    """Return how many windows a day has; None if the interval of the rows is unknown."""
    return None if interval is None else float(_DAY / interval / stride)


def with_labels(
    found: Detection,
    score: Array,
    flag: NDArray[np.bool_],
    anomaly: NDArray[np.bool_],
    row: NDArray[np.int64],
    window: int,
) -> Detection:
    """Return scores with those that need labels of both kinds.

    Successive windows with an anomaly are one event, also if some between them are left out.

    Args:
        found: Scores that need no labels.
        score: Score of each window, in order of their rows [windows].
        flag: Whether it is above the threshold [windows].
        anomaly: Whether there is an anomaly [windows].
        row: Last row of each window [windows].
        window: Most rows from one window of an event to the next.
    """
    right = flag & anomaly
    begins = anomaly & ~np.append(False, anomaly[:-1] & (np.diff(row) <= window))
    event = np.cumsum(begins) - 1
    events = int(begins.sum())
    detected = np.zeros(events, dtype=np.bool_)
    detected[event[right]] = True
    first = np.full(events, np.iinfo(np.int64).max)
    np.minimum.at(first, event[right], row[right])
    delays = (first - row[begins])[detected]
    adjusted = np.where(anomaly, detected[np.maximum(event, 0)], flag)
    return replace(
        found,
        roc_auc=roc_auc(score, anomaly),
        pr_auc=average_precision(score, anomaly),
        precision=float(right.sum() / max(1, flag.sum())),
        recall=float(right.sum() / anomaly.sum()),
        f1=_f1(flag, anomaly),
        f1_point_adjusted=_f1(adjusted, anomaly),
        events=events,
        events_detected=int(detected.sum()),
        delay_rows=float(delays.mean()) if len(delays) else None,
    )


def _f1(flag: NDArray[np.bool_], anomaly: NDArray[np.bool_]) -> float:
    return float(2 * (flag & anomaly).sum() / (flag.sum() + anomaly.sum()))


def roc_auc(score: Array, positive: NDArray[np.bool_]) -> float:
    """Return the probability that a positive has a higher score than a negative; ties count half.

    This is the area under the receiver operating characteristic (Mann and Whitney, 1947).
    """
    rank = pd.Series(score).rank().to_numpy()
    count = int(positive.sum())
    above = rank[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(score) - count)))


def average_precision(score: Array, positive: NDArray[np.bool_]) -> float:
    """Return the mean precision at each threshold, weighted by the increase of the recall."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.diff(score[order]) != 0, True)  # equal scores share a threshold
    right = np.cumsum(positive[order])[ends]
    flagged = np.flatnonzero(ends) + 1
    steps = np.diff(right, prepend=0) / positive.sum()
    return float((steps * right / flagged).sum())
