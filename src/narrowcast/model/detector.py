"""Detectors of anomalies: their training, their threshold, and the choice between two kinds."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from narrowcast.config import Config, DetectConfig
from narrowcast.data import Dataset, Monitored
from narrowcast.data.monitored import roc_auc
from narrowcast.model.examples import Examples
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.training import EpochCallback, predict, predict_part, train_float
from narrowcast.model.transformer import Transformer
from narrowcast.training_records import History

_LEAST_SIZE = 1e-6  # of the mean difference of a column, in standard deviations

_OFFSET = 2.0  # of a fault, in standard deviations
_METHODS: tuple[Literal["forecast", "reconstruct"], ...] = ("forecast", "reconstruct")


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained detector.

    Attributes:
        model: The model, whose differences are weighted.
        dataset: The data, with the threshold.
        config: The configuration, with the method that was chosen.
        history: History of the training.
        faults: Area under the ROC curve by method, of faults that were put into the validation
            part; None if the method is stated.
    """

    model: Transformer
    dataset: Dataset
    config: Config
    history: History
    faults: dict[str, float] | None


def train_detector(
    dataset: Dataset, config: Config, progress: EpochCallback | None = None
) -> Detector:
    """Train the detector of a configuration; of two methods, keep the one that tells faults better.

    Args:
        dataset: The windows; the test part is not used.
        config: The configuration.
        progress: Called after each epoch.

    Raises:
        UserError: The training diverges, or the threshold cannot be met.
    """
    monitored = dataset.targets
    assert isinstance(monitored, Monitored)
    monitored.flags_of(len(dataset.validation), config.detect)  # before a training in vain
    if config.detect.method != "auto":
        model, history = _trained(dataset, config, progress)
        return Detector(
            *(model, with_threshold(model, dataset, config.detect), config, history), faults=None
        )
    found: dict[str, Detector] = {}
    faults: dict[str, float] = {}
    for method in _METHODS:
        detect = config.detect.model_copy(update={"method": method})
        chosen = config.model_copy(update={"detect": detect})
        found[method] = train_detector(dataset, chosen, progress)
        faults[method] = _told_faults(found[method].model, dataset, config.train.seed)
    return replace(found[max(faults, key=lambda method: faults[method])], faults=faults)


def _trained(
    dataset: Dataset, config: Config, progress: EpochCallback | None
) -> tuple[Transformer, History]:
    """Train a detector of a stated method, and weigh its differences.

    The score of a usual window is then about 1.
    """
    model, history = train_float(dataset, config, progress)
    differences = Examples.of(dataset.train, dataset).forecasts(model)
    size = differences.abs().mean(dim=0).clamp(min=_LEAST_SIZE)
    model.scale_results((1 / (size * len(size))).float())
    return model, history


def _told_faults(model: Transformer, dataset: Dataset, seed: int) -> float:
    """Return the area under the ROC curve for faults in windows of the validation part.

    Each fault is of one column and of the whole window: an offset, the readings of another window,
    or a constant reading.
    """
    monitored, random = dataset.targets, np.random.default_rng(seed)
    assert isinstance(monitored, Monitored)
    readings = dataset.validation.inputs
    window, columns = np.arange(len(readings)), np.array(monitored.columns)
    column = columns[random.integers(len(columns), size=len(window))]
    other = readings[random.permutation(window), :, column]  # [windows, n]
    sign = random.choice([-_OFFSET, _OFFSET], size=len(window))[:, None]
    offset = readings[window, :, column] + sign * dataset.input_scaling.scale[column, None]
    usual = predict(model, readings, dataset)[:, 0]
    areas = []
    for fault in (offset, other, np.repeat(other[:, :1], other.shape[1], axis=1)):
        faulty = readings.copy()
        faulty[window, :, column] = fault
        scores = np.concatenate((usual, predict(model, faulty, dataset)[:, 0]))
        areas.append(roc_auc(scores, np.arange(len(scores)) >= len(usual)))
    return float(np.mean(areas))


def with_threshold(model: Forecaster, dataset: Dataset, config: DetectConfig) -> Dataset:
    """Return data with the threshold of a model's scores, by those of the validation part.

    Args:
        model: A model whose differences are weighted.
        dataset: The data.
        config: Says how many flags there may be.

    Raises:
        UserError: The validation part is too short to tell so few false alarms.
    """
    monitored = dataset.targets
    assert isinstance(monitored, Monitored)
    scores = predict_part(model, dataset.validation, dataset)[:, 0]
    return replace(dataset, targets=monitored.with_threshold(scores, config))
