"""Reading a table of sensor readings and cutting it into windows."""

from narrowcast.data.baselines import (
    Baselines,
    baseline_errors,
    baselines,
    fit_baselines,
)
from narrowcast.data.classifiers import Classifiers, fit_classifiers
from narrowcast.data.detectors import Detectors, fit_detectors
from narrowcast.data.feed import needs_end, tables_so_far
from narrowcast.data.labels import Labels
from narrowcast.data.monitored import Monitored
from narrowcast.data.panel import Members, Panel
from narrowcast.data.read import (
    SORTED,
    check_columns,
    new_table,
    read_new_table,
    read_table,
    with_index,
)
from narrowcast.data.rows import Part, Rows
from narrowcast.data.rules import Rules, load_rules, save_rules
from narrowcast.data.scaling import Scaling, fit_scaling
from narrowcast.data.stretches import Stretches
from narrowcast.data.table import Table
from narrowcast.data.targets import ErrorSums, SeriesSums, Targets, errors
from narrowcast.data.windows import Dataset, make_windows

__all__ = [
    "SORTED",
    "Baselines",
    "Classifiers",
    "Dataset",
    "Detectors",
    "ErrorSums",
    "Labels",
    "Members",
    "Monitored",
    "Panel",
    "Part",
    "Rows",
    "Rules",
    "Scaling",
    "SeriesSums",
    "Stretches",
    "Table",
    "Targets",
    "baseline_errors",
    "baselines",
    "check_columns",
    "errors",
    "fit_baselines",
    "fit_classifiers",
    "fit_detectors",
    "fit_scaling",
    "load_rules",
    "make_windows",
    "needs_end",
    "new_table",
    "read_new_table",
    "read_table",
    "save_rules",
    "tables_so_far",
    "with_index",
]
