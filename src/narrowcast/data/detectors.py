"""Simple scores of anomalies to compare a model with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DetectConfig
from narrowcast.data.monitored import Monitored
from narrowcast.data.rows import Part
from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.windows import Dataset
from narrowcast.training_records import DETECTORS, Detection


@dataclass(frozen=True, eq=False)
class Detectors:
    """The simple detectors, as they were fitted in a training.

    ``z_score`` is the mean over the columns of the distance of the newest reading from the mean of
    the training part, in standard deviations. ``persistence_error`` is that of its distance from
    the reading before. Their thresholds are chosen as that of the model.

    Attributes:
        monitored: The readings that are compared, with the threshold of each score.
        scaling: Scaling of the inputs to standard deviations.
    """

    monitored: Mapping[str, Monitored]
    scaling: Scaling

    def scores(self, part: Part) -> dict[str, Detection]:
        """Return how well the scores of a part's windows tell anomalies, by detector."""
        return {
            name: self.monitored[name].detection(each, part.target, part.row)
            for name, each in self.decisions(part).items()
        }

    def decisions(self, part: Part) -> dict[str, Array]:
        """Return score and flag of a part's windows [windows, 2], by detector."""
        return {
            name: each.decided(_sizes(name, each, self.scaling, part))
            for name, each in self.monitored.items()
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted as arrays by name, for a file."""
        thresholds = {
            f"{name}.threshold": np.array([each.threshold]) for name, each in self.monitored.items()
        }
        return {"offset": self.scaling.offset, "scale": self.scaling.scale, **thresholds}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], monitored: Monitored) -> "Detectors":
        """Return what :meth:`arrays` has made arrays of.

        Raises:
            KeyError: An array is missing.
        """
        thresholds = {name: float(arrays[f"{name}.threshold"][0]) for name in DETECTORS}
        fitted = {name: replace(monitored, threshold=each) for name, each in thresholds.items()}
        return cls(fitted, Scaling(arrays["offset"], arrays["scale"]))


def fit_detectors(dataset: Dataset, monitored: Monitored, config: DetectConfig) -> Detectors:
    """Fit the simple detectors: scales to the training, thresholds to the validation part."""
    rows = dataset.train.inputs.reshape(-1, dataset.train.inputs.shape[2])
    spread = rows.std(axis=0)
    scaling = Scaling(rows.mean(axis=0), np.where(spread > 0, spread, 1.0))
    fitted = {}
    for name in DETECTORS:
        sizes = _sizes(name, monitored, scaling, dataset.validation)
        fitted[name] = monitored.with_threshold(monitored.decided(sizes)[:, 0], config)
    return Detectors(fitted, scaling)


def _sizes(name: str, monitored: Monitored, scaling: Scaling, part: Part) -> Array:
    """Return what the score is the sum of [windows, columns]."""
    columns = list(monitored.columns)
    newest, before = (scaling.apply(part.inputs[:, row])[:, columns] for row in (-1, -2))
    return (newest if name == "z_score" else newest - before) / len(columns)
