"""Gradient boosted trees as a forecaster to compare with, for ``benchmarks/accuracy.py``."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data import Dataset, Part, errors
from narrowcast.integer.calendar import calendar_columns
from narrowcast.training_records import Errors

Values = NDArray[np.float64]

_SETTINGS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "seed": 0,
    "verbosity": -1,
}
_MOST_TREES = 2000
_PATIENCE = 50  # trees without a better validation error


def why_not() -> str | None:
    """Return why LightGBM cannot be used; None if it can."""
    if importlib.util.find_spec("lightgbm") is None:
        return "LightGBM is not installed, so its column is left out: pip install -e .[benchmarks]"
    return None


def features(dataset: Dataset, part: Part, config: DataConfig) -> Values:
    """Return what the trees see [windows, features], which is what the model sees.

    These are the readings of the window, with their masks, the calendar columns of its last row,
    which tell those of the other rows, and the readings of earlier seasons relative to the last
    reading.
    """
    table_columns = len(dataset.columns) - len(calendar_columns(config.calendar))
    readings = part.inputs[:, :, :table_columns]
    every = (readings, part.inputs[:, -1, table_columns:], *part.further)
    return np.hstack([each.reshape(len(part), -1) for each in every])


def lightgbm_errors(dataset: Dataset, config: DataConfig) -> dict[str, Errors]:
    """Return the errors of LightGBM on the validation part and on the test part.

    The forecast is direct: one model for each step ahead. If the target is among the inputs, the
    trees forecast the change from its last reading, as the model does. The number of trees is the
    one with the least squared error on the validation part. As with ridge regression, the final fit
    is on the training and validation parts together, here with this number of trees. The errors on
    the validation part are those before that fit.

    Args:
        dataset: The windows.
        config: The configuration of the windows.
    """
    import lightgbm  # noqa: PLC0415

    def base(part: Part) -> Values:
        if not dataset.target_columns:
            return np.zeros((len(part), 1))
        return np.asarray(part.inputs[:, -1, list(dataset.target_columns)])

    train, validation, test = dataset.train, dataset.validation, dataset.test
    seen, checked, unseen = (features(dataset, part, config) for part in (train, validation, test))
    forecasts = base(validation).repeat(config.outputs, 1), base(test).repeat(config.outputs, 1)
    for step in range(config.outputs):
        target = (train.target - base(train))[:, step]
        expected = (validation.target - base(validation))[:, step]
        known = lightgbm.Dataset(seen, target)
        stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
        held_out = known.create_valid(checked, expected)
        model = lightgbm.train(_SETTINGS, known, _MOST_TREES, [held_out], callbacks=[stop])
        forecasts[0][:, step] += model.predict(checked, num_iteration=model.best_iteration)
        whole = lightgbm.Dataset(np.vstack((seen, checked)), np.append(target, expected))
        model = lightgbm.train(_SETTINGS, whole, model.best_iteration)
        forecasts[1][:, step] += model.predict(unseen)
    return {
        "validation": errors(forecasts[0], validation.target, members=validation.members),
        "test": errors(forecasts[1], test.target, members=test.members),
    }
