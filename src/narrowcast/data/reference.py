"""Readings relative to the first rows of their recording: ``data.reference``.

A node that is started where nothing is wrong can learn its level in the same way.
"""

import numpy as np
import pandas as pd

from narrowcast.config import HOLIDAY, DataConfig
from narrowcast.errors import UserError, shown


def relative_to_reference(frame: pd.DataFrame, config: DataConfig, place: str) -> pd.DataFrame:
    """Return the rows of a recording with inputs relative to its first ``config.reference`` rows.

    Their mean is subtracted, and the rest divided by their standard deviation if the configuration
    says so. A column that is constant in these rows keeps its unit, and holidays are as they are.
    The inputs of these rows themselves are missing: they are known only after the last of them.

    Args:
        frame: Readings [rows, columns], in order of time.
        config: The configuration.
        place: The file and the recording, for messages.

    Raises:
        UserError: There are no further rows, or an input has no reading in these rows.
    """
    if config.reference is None:
        return frame
    if len(frame) <= config.reference:
        raise UserError(
            f"{place}: has {len(frame)} rows, and data.reference = {config.reference} leaves none "
            "of them: choose fewer, or leave out the recording"
        )
    names = [name for name in config.inputs if name != HOLIDAY or config.holidays is None]
    readings = frame[names].to_numpy(np.float64)
    first = readings[: config.reference]
    if (unknown := np.isnan(first).all(axis=0)).any():
        name = names[int(unknown.argmax())]
        raise UserError(
            f"{place}: column {shown(name)} has no reading in the first {config.reference} rows, "
            "which are its reference: choose another data.reference, or leave out the recording"
        )
    varied = np.nanmax(first, axis=0) > np.nanmin(first, axis=0)
    scaled = varied & config.reference_scale
    spread = np.where(scaled, np.nanstd(first, axis=0), 1.0)
    relative = (readings - np.nanmean(first, axis=0)) / spread
    relative[: config.reference] = np.nan
    found = frame.copy()
    found[names] = relative
    return found
