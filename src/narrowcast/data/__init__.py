"""Reading a table of sensor readings and cutting it into windows."""

from narrowcast.data.baselines import baselines, errors
from narrowcast.data.scaling import Scaling, fit_scaling
from narrowcast.data.stretches import Stretches
from narrowcast.data.table import Table, check_columns, read_table
from narrowcast.data.windows import Dataset, Part, make_windows

__all__ = [
    "Dataset",
    "Part",
    "Scaling",
    "Stretches",
    "Table",
    "baselines",
    "check_columns",
    "errors",
    "fit_scaling",
    "make_windows",
    "read_table",
]
