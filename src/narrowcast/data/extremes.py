"""Readings so far outside of the training part that a model's numbers would overflow."""

import numpy as np

from narrowcast.config import DataConfig
from narrowcast.data.scaling import Array, Scaling
from narrowcast.data.table import Table
from narrowcast.data.windows import Dataset
from narrowcast.errors import UserError, shown

FARTHEST = 1e9
"""Largest scaled reading: products of two still are exact enough in single precision."""


def check_scaled(table: Table, dataset: Dataset, config: DataConfig) -> None:
    """Reject readings that are beyond what can be scaled as the training part is.

    Args:
        table: The readings.
        dataset: Its windows, with the scalings of the training part.
        config: Names the columns.

    Raises:
        UserError: A scaled reading is larger than ``FARTHEST``. The message names the first.
    """
    inputs = table.frame[config.inputs].to_numpy(np.float64)
    _check(inputs, dataset.input_scaling, config.inputs, table, config)
    scaling = dataset.target_scaling
    # The outputs are of one column: the narrowest scaling decides.
    target = table.frame[[config.target]].to_numpy(np.float64)
    narrowest = int(np.argmin(scaling.scale))
    one = Scaling(scaling.offset[[narrowest]], scaling.scale[[narrowest]])
    _check(target, one, [config.target], table, config)


def _check(
    values: Array, scaling: Scaling, names: list[str], table: Table, config: DataConfig
) -> None:
    for column, name in enumerate(names):
        with np.errstate(over="ignore"):
            scaled = (values[:, column] - scaling.offset[column]) / scaling.scale[column]
        row = int(np.nanargmax(np.abs(scaled)))
        if abs(scaled[row]) <= FARTHEST:
            continue
        where = f"row {row + 1 + config.skip_rows}"
        where += "" if table.time is None else f" ({table.time[row]})"
        raise UserError(
            f"{config.path}, column {shown(name)}, {where}: the value {values[row, column]:g} is "
            f"beyond what can be scaled: it is {abs(scaled[row]):.3g} times the spread of the "
            "training part away: correct it, or name it in data.missing_values"
        )
