"""Forecasts from readings that arrive one by one: each as soon as its last reading is there."""

from collections.abc import Callable, Iterator
from io import BufferedReader

import numpy as np
import pandas as pd

from narrowcast.data import SORTED, Table, tables_so_far
from narrowcast.forecasting.drift import Drift, far_outside
from narrowcast.forecasting.trained import Origins, TrainedModel
from narrowcast.progress import Progress

Frames = Iterator[pd.DataFrame]


class Live:
    """Makes forecasts from a table that grows.

    Args:
        trained: The model.
        make: Makes the forecasts from some origins, and counts the readings.
        command: Name of the command, for what is said.
        progress: Receives remarks and warnings: each remark once, a warning when it first applies
            and at the end.
    """

    def __init__(
        self,
        trained: TrainedModel,
        make: Callable[[TrainedModel, Origins, Drift], Frames],
        command: str,
        progress: Progress,
    ) -> None:
        self._trained, self._make = trained, make
        self._command, self._progress = command, progress
        self._drift = Drift(trained.model, trained.rules.data.scaling)
        self._said: set[str] = set()  # remarks, and columns that were warned of
        self._warned: list[str] = []

    def forecasts(self, source: BufferedReader) -> Frames:
        """Yield the forecasts of rows as they arrive.

        Raises:
            UserError: The input is no table, lacks a column, or holds what is no reading; or no
                forecast was possible.
        """
        trained = self._trained
        counts, rows = np.zeros(4, dtype=np.int64), 0
        ended: pd.Timestamp | int = 0  # time of the last row with a forecast, or number of rows
        for table, before in tables_so_far(trained.rules.config, source, trained.kept):
            self._remark(table)
            done = _rows_up_to(ended, table, before)
            origins = trained.further_origins(table, done=done, before=before)
            rows += max(0, origins.end - done)
            if origins.end > done:
                ended = origins.end + before
                if table.time is not None:
                    ended = table.time[origins.end - 1]
            counts += len(origins.last), origins.gaps, origins.missing, origins.early
            if len(origins.last):
                yield from self._make(trained, origins, self._drift)
                self._warn_first()
        made, gaps, missing, early = counts.tolist()
        if not made:
            raise trained.no_forecast(rows, gaps, missing)
        self._progress.remarked(self._command, trained.summary(made, gaps, missing, early))
        for warning in self._drift.warnings():
            if warning not in self._warned:
                self._progress.warned(self._command, warning)

    def _remark(self, table: Table) -> None:
        for note in table.notes:
            if note in self._said:
                continue
            self._said.add(note)
            if note == SORTED:
                self._progress.warned(
                    self._command,
                    "rows are not in order of time: one that is too late has no "
                    f"{self._trained.result}; a file would be sorted",
                )
            else:
                self._progress.remarked(self._command, note)

    def _warn_first(self) -> None:
        for name, column in self._drift.columns().items():
            if name not in self._said and (found := far_outside({name: column})):
                self._said.add(name)
                self._warned += found
                self._progress.warned(self._command, found[0])


def _rows_up_to(ended: pd.Timestamp | int, table: Table, before: int) -> int:
    """Return the number of a table's rows up to a time, or up to a row counted from the start."""
    if isinstance(ended, int):
        return max(0, ended - before)
    assert table.time is not None
    return int(table.time.searchsorted(ended, side="right"))
