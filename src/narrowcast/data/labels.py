"""Labels of windows, and how well they are recognised."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array
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
        Number of each window's class [rows, 1], NaN if it has none, and whether its rows have
        several labels [rows].

    Raises:
        UserError: They have, but ``config.mixed`` is ``refuse``. The message names the row.
    """
    rows, n = len(label), config.window
    row = np.arange(rows)
    first = np.maximum.accumulate(np.where(gaps, row, 0))  # row after the last gap
    first = np.maximum(first, row - n + 1)
    of_class = label[:, None] == np.arange(len(config.classes))
    before = np.concatenate((np.zeros((1, of_class.shape[1]), np.int64), of_class.cumsum(axis=0)))
    counts = before[1:] - before[first]  # rows of each class in the window
    mixed = (counts > 0).sum(axis=1) > 1
    if config.mixed == "refuse" and (whole := mixed & (row - first == n - 1)).any():
        last = int(whole.argmax())
        names = [shown(config.classes[i]) for i in np.flatnonzero(counts[last])]
        raise UserError(
            f"data.mixed = 'refuse': the window of {n} rows that ends in row {last + 1} has the "
            f"labels {' and '.join(names)}: choose 'majority', 'last' or 'drop'"
        )
    if config.mixed == "majority":
        known = counts.any(axis=1) & ~np.isnan(label)
        found = np.where(known, counts.argmax(axis=1), np.nan)
    else:
        found = np.where(mixed & (config.mixed == "drop"), np.nan, label)
    return found[:, None], mixed & (config.mixed == "drop")


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
                f"{shown(none[0])}: split in another way, or leave it out of data.classes and name "
                "it in data.missing_values"
            )

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
