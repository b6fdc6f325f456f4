"""Classifiers and detectors to compare with, for ``benchmarks/decisions.py``."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import Config
from narrowcast.data import Dataset, Labels, Monitored, Part
from narrowcast.data.ridge import fit_ridge, with_intercept
from narrowcast.training_records import Detection, Recognition

Values = NDArray[np.float64]

_COPIES = 3  # of each window with random signs
_BATCH = 4096  # windows


def minirocket(dataset: Dataset, labels: Labels, kernels: int, flip: list[str]) -> Recognition:
    """Return how well ridge regression on the features of MiniRocket recognises the test part.

    The final fit is on the training and validation parts together, as for the project's models.

    Args:
        dataset: The windows.
        labels: The classes.
        kernels: How many features there are, rounded down to a multiple of 84.
        flip: Names of the columns whose sign is random in each of three copies of all windows that
            are fitted; none for the windows as they are.
    """
    from aeon.transformations.collection.convolution_based import MiniRocket  # noqa: PLC0415

    random, rocket = np.random.default_rng(0), MiniRocket(n_kernels=kernels, random_state=0)
    either = np.array([name in flip for name in dataset.columns])

    def series(part: Part) -> NDArray[np.float32]:
        scaled = dataset.input_scaling.apply(part.inputs)
        return np.ascontiguousarray(scaled.transpose(0, 2, 1), dtype=np.float32)

    def fitted(part: Part) -> tuple[NDArray[np.float32], Values]:
        x, target = series(part), np.eye(len(labels.classes))[part.target[:, 0].astype(int)]
        if not flip:
            return x, 2 * target - 1
        signs = np.where(either, random.choice((-1, 1), (_COPIES * len(x), len(either))), 1)
        copies = np.tile(x, (_COPIES, 1, 1)) * signs[:, :, None].astype(np.float32)
        return copies, np.tile(2 * target - 1, (_COPIES, 1))

    train, validation = fitted(dataset.train), fitted(dataset.validation)
    found = rocket.fit_transform(train[0])
    spread = np.maximum(found.std(axis=0), 1e-6)

    def features(x: NDArray[np.float32]) -> Values:
        return with_intercept(rocket.transform(x) / spread)

    def pairs(x: Values, target: Values) -> Iterator[tuple[Values, Values]]:
        for start in range(0, len(x), _BATCH):
            yield x[start : start + _BATCH], target[start : start + _BATCH]

    seen = with_intercept(found / spread), train[1]
    checked, unseen = features(series(dataset.validation)), features(series(dataset.test))

    def error(weights: Values) -> float:
        wrong = (checked @ weights).argmax(axis=1) != dataset.validation.target[:, 0]
        return float(wrong.mean())

    last = features(validation[0]), validation[1]
    weights = fit_ridge(list(pairs(*seen)), list(pairs(*last)), error)
    decided = (unseen @ weights).argmax(axis=1)[:, None]
    return labels.recognition(decided, dataset.test.target)


def isolation_forest(dataset: Dataset, config: Config, rows: int, seed: int) -> Detection:
    """Return how well an isolation forest tells anomalies of the test part.

    Args:
        dataset: The windows.
        config: Says how the threshold is chosen.
        rows: How many of the newest rows of each window the forest sees.
        seed: Seed of the forest.
    """
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415

    def newest(part: Part) -> Values:
        return part.inputs[:, -rows:].reshape(len(part), -1)

    forest = IsolationForest(random_state=seed).fit(newest(dataset.train))
    scores = [
        -forest.score_samples(newest(part))[:, None] for part in (dataset.validation, dataset.test)
    ]
    return _detection(dataset, config, *scores)


def linear_reconstruction(dataset: Dataset, config: Config) -> Detection:
    """Return how well a linear map of low rank tells anomalies of the test part.

    It computes the newest rows of a window from the whole window, as the model does. Its rank is
    the number of the model's channels: reduced-rank regression by least squares.

    Args:
        dataset: The windows.
        config: The size of the model, and how the threshold is chosen.
    """
    monitors = config.monitors
    assert monitors is not None

    def pair(part: Part) -> tuple[Values, Values]:
        scaled = dataset.input_scaling.apply(part.inputs)
        newest = scaled[:, -monitors.rows :][:, :, list(monitors.columns)]
        return with_intercept(scaled.reshape(len(part), -1)), newest.reshape(len(part), -1)

    x, y = pair(dataset.train)
    whole = np.linalg.lstsq(x, y)[0]
    middle = y.mean(axis=0)
    directions = np.linalg.svd(x @ whole - middle, full_matrices=False)[2][: config.model.channels]

    def differences(part: Part) -> Values:
        x, y = pair(part)
        return y - middle - (x @ whole - middle) @ directions.T @ directions

    size = np.abs(differences(dataset.train)).mean(axis=0) * y.shape[1]
    scores = (differences(part) / size for part in (dataset.validation, dataset.test))
    return _detection(dataset, config, *scores)


def _detection(dataset: Dataset, config: Config, validation: Values, test: Values) -> Detection:
    """Return scores of the test part, with the threshold that the validation part chooses.

    The score of a window is the sum of the sizes of what is given for it [windows, values].
    """
    monitored = dataset.targets
    assert isinstance(monitored, Monitored)
    found = monitored.with_threshold(monitored.decided(validation)[:, 0], config.detect)
    return found.detection(found.decided(test), dataset.test.target, dataset.test.row)
