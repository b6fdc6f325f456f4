"""Readings relative to the first rows of their recording: ``data.reference``.

A node that is started where nothing is wrong can learn its level in the same way.
"""

import numpy as np
import pandas as pd

from narrowcast.config import DataConfig
from narrowcast.errors import UserError, shown


def relative_to_reference(frame: pd.DataFrame, config: DataConfig, place: str) -> pd.DataFrame:
    """Return the rows of a recording with inputs relative to its first ``config.reference`` rows.

    Their mean is subtracted, and the rest divided by their standard deviation if the configuration
    says so. A column that is constant in these rows keeps its unit. The inputs of these rows
    themselves are missing: they are known only after the last of them.

    Args:
        frame: Readings [rows, columns], in order of time.
        config: The configuration.
        place: The file and the recording, for messages.

    Raises:
        UserError: An input has no reading in these rows.
    """
    if config.reference is None:
        return frame
    readings = frame[config.inputs].to_numpy(np.float64)
    first = readings[: config.reference]
    if (unknown := np.isnan(first).all(axis=0)).any():
        name = config.inputs[int(unknown.argmax())]
        raise UserError(
            f"{place}: column {shown(name)} has no reading in the first {config.reference} rows, "
            "which are its reference: choose another data.reference, or leave out the recording"
        )
    spread = np.nanstd(first, axis=0) if config.reference_scale else np.zeros(first.shape[1])
    relative = (readings - np.nanmean(first, axis=0)) / np.where(spread > 0, spread, 1.0)
    relative[: config.reference] = np.nan
    found = frame.copy()
    found[config.inputs] = relative
    return found
