"""Labels of windows, and how well they are recognised."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array
from narrowcast.data.table import Table
from narrowcast.errors import UserError, shown
from narrowcast.training_records import Recognition


def labels_of_windows(
    label: Array, gaps: NDArray[np.bool_], config: DataConfig
) -> tuple[Array, NDArray[np.bool_]]:
    """Return the labels of the windows that end in each row, by the rule ``config.mixed``.

    Of a window that would begin before a gap, only the rows after the gap count.

    Args:
        label: Number of each row's class [rows], NaN where it is missing.
        gaps: Flags [rows]: whether a gap in time precedes the row.
        config: Configuration with the classes, the window and the rule.

    Returns:
        Number of each window's class [rows, 1], NaN if it has none, and whether the rule leaves a
        window out, or does not accept it, because its rows have several labels [rows].
    """
    row = np.arange(len(label))
    first = np.maximum.accumulate(np.where(gaps, row, 0))  # row after the last gap
    first = np.maximum(first, row - config.window + 1)
    most, several = np.zeros(len(label), np.int64), np.zeros(len(label), np.int64)
    majority = np.full(len(label), np.nan)
    for number in range(len(config.classes)):
        before = np.append(0, np.cumsum(label == number))
        count = before[1:] - before[first]  # rows of the class in the window
        several += count > 0
        majority[count > most] = number
        most = np.maximum(most, count)
    found = majority if config.mixed == "majority" else label
    out = (several > 1) & (config.mixed in ("drop", "refuse"))
    return np.where(np.isnan(label) | out, np.nan, found)[:, None], out


def refuse_mixed(table: Table, config: DataConfig, first: NDArray[np.int64]) -> None:
    """Refuse windows whose rows have several labels.

    Args:
        table: The table.
        config: Configuration with the classes and the window.
        first: First row of each such window [windows].

    Raises:
        UserError: There is one. The message names its rows and labels.
    """
    if not len(first):
        return
    begin, last = max(0, int(first[0])), int(first[0]) + config.window - 1
    label = table.frame[config.targets[0]].to_numpy(np.float64)[begin : last + 1]
    several = np.unique(label[~np.isnan(label)]).astype(np.int64)
    names = " and ".join(shown(config.classes[each]) for each in several[:2])
    raise UserError(
        f"data.mixed = 'refuse': the window from row {table.row(begin)} to row {table.row(last)} "
        f"has the labels {names} ({len(first)} such windows in all): choose 'majority', 'last' or "
        "'drop'"
    )


@dataclass(frozen=True)
class Labels:
    """The classes that windows are told apart by, in the order of the model's results.

    Attributes:
        target: Name of the column of labels.
        classes: The labels.
    """

    target: str
    classes: tuple[str, ...]

    def check(self, training: Array) -> None:
        """Check that the training part has windows of each class.

        Args:
            training: Number of each training window's class [windows, 1].

        Raises:
            UserError: It has none of a class, which the message names.
        """
        counts = self.counts(training)
        if none := [name for name, count in counts.items() if not count]:
            raise UserError(
                f"column {shown(self.target)}: no window of the training part has the label "
                f"{shown(none[0])}: split in another way, or move it from data.classes to "
                "data.unlabelled"
            )

    def remarks(self, parts: Mapping[str, Array]) -> list[str]:
        """Return a remark on each class without windows in a part.

        Args:
            parts: Number of each window's class [windows, 1] by the name of its part.
        """
        return [
            f"no window of the {part} part has the label {shown(name)}, so that its score there "
            "says nothing about it"
            for part, truth in parts.items()
            for name, count in self.counts(truth).items()
            if not count
        ]

    def counts(self, truth: Array) -> dict[str, int]:
        """Return the number of windows of each class, whose numbers are ``truth`` [windows, 1]."""
        found = np.bincount(truth[:, 0].astype(np.int64), minlength=len(self.classes))
        return dict(zip(self.classes, found.tolist(), strict=True))

    def decided(self, results: Array) -> Array:
        """Return the class of each window and its margin to the next one [windows, 2].

        The class is that of the largest result, the first one of several. The engine does the same
        with integers.

        Args:
            results: The model's result for each class [windows, classes].
        """
        found = results.argmax(axis=1)
        two = np.sort(results, axis=1)[:, -2:]
        return np.stack((found, two[:, 1] - two[:, 0]), axis=1)

    def recognition(self, decisions: Array, truth: Array) -> Recognition:
        """Return how well the labels of windows are recognised.

        A class that does not occur does not count in the balanced accuracy, nor, if it is never
        found, in the F1 score.

        Args:
            decisions: Class of each window, and what follows [windows, at least 1].
            truth: Number of each window's true class [windows, 1].
        """
        size = len(self.classes)
        found, true = decisions[:, 0].astype(np.int64), truth[:, 0].astype(np.int64)
        confusion = np.bincount(true * size + found, minlength=size * size).reshape(size, size)
        return recognition(confusion)


def recognition(confusion: NDArray[np.int64]) -> Recognition:
    """Return the scores of windows counted by true class, then by the class that is found."""
    right, of_true = np.diag(confusion), confusion.sum(axis=1)
    both = of_true + confusion.sum(axis=0)
    recall = right[of_true > 0] / of_true[of_true > 0]
    f1 = 2 * right[both > 0] / both[both > 0]
    return Recognition(
        accuracy=float(right.sum() / confusion.sum()),
        balanced_accuracy=float(recall.mean()),
        macro_f1=float(f1.mean()),
        confusion=tuple(map(tuple, confusion.tolist())),
    )
