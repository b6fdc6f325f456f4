"""The rows of a table, and the windows that end in some of them.

Training and the use of a trained model cut their windows here, so that a forecast rests on the same
readings in both.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from narrowcast.config import DataConfig, Stream
from narrowcast.data.calendar import calendar_values
from narrowcast.data.holes import Bridges, held
from narrowcast.data.labels import labels_of_windows
from narrowcast.data.panel import Members
from narrowcast.data.scaling import Array
from narrowcast.data.seasons import seasonal_readings
from narrowcast.data.stretches import Stretches, read_rows
from narrowcast.data.table import Table
from narrowcast.data.views import Windows
from narrowcast.integer.readings import ages


@dataclass(frozen=True, eq=False)
class Part:
    """The windows of one part, ordered by time, in the units of the table.

    For a stream, each reading that a forecast rests on is an inference, with the last ``kernel``
    readings as its input; only some of them have targets.

    Attributes:
        windows: Windows of the input values, of n rows, or of a stream of ``kernel`` rows.
        target: Targets [windows, forecasts], target by target, and of each step by step; NaN if
            missing, which of those of a data set only labels of anomalies are.
        row: Row of the first target [windows], counted from 0 in the table.
        time: Time of the first target [windows], UTC, NaT after the last row of the table; None for
            a table without time stamps.
        last_known: Value of each target's column in the window's last row [windows, targets], or
            the one that stands in for it; NaN if missing. Persistence forecasts it for every step.
            None if ``lead`` is 0.
        further: Readings [inferences, rows, columns] of the model's further inputs: those of
            earlier seasons, an array for each target, relative to its last reading, and values
            known ahead, column by column.
            There is no array for what the configuration does not have.
        stretches: The stretches of a stream; None for windows, each of which has a target.
        members: The series that the windows of a panel are of, in units of whose spreads the
            target is; None if it is no panel.
    """

    windows: Windows
    target: Array
    row: NDArray[np.int64]
    time: pd.DatetimeIndex | None
    last_known: Array | None
    further: tuple[Array, ...] = ()
    stretches: Stretches | None = None
    members: Members | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def inputs(self) -> Array:
        """All input values [windows, n, m], or [inferences, kernel, m]."""
        return self.windows[:]

    @property
    def restart(self) -> NDArray[np.bool_]:
        """Whether an inference is the first of a stretch [inferences]; every window is."""
        if self.stretches is None:
            return np.ones(len(self.windows), dtype=np.bool_)
        return self.stretches.restart

    @property
    def at(self) -> NDArray[np.int64]:
        """The inference of each target [windows]."""
        return np.arange(len(self)) if self.stretches is None else self.stretches.at

    def of_targets(self, values: Array) -> Array:
        """Return the values [inferences, ...] of the inferences that have targets."""
        return values if self.stretches is None else values[self.stretches.at]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that windows are cut from. NaN is what is still missing.

    Attributes:
        table: The table.
        config: The configuration of the windows.
        held: For how many rows in succession the last reading stands in for a missing one.
        inputs: Inputs [rows, m], with the last reading in place of missing ones.
        target: Targets [rows, targets]; of classes the number of that of the window that ends in
            each row.
        mixed: Whether the window that ends in each row is left out, or not accepted, because its
            rows have several labels [rows].
        last_known: The same, with the last reading in place of missing ones.
        ahead: Values known ahead [rows, columns].
        earlier: How many rows before the last one each reading of an earlier season is.
    """

    table: Table
    config: DataConfig
    held: int
    inputs: Array
    target: Array
    mixed: NDArray[np.bool_]
    last_known: Array
    ahead: Array
    earlier: tuple[int, ...]

    @classmethod
    def of(cls, table: Table, config: DataConfig, most: int, earlier: tuple[int, ...]) -> "Rows":
        """Return the rows of a table; ``most`` is ``held`` of the attributes."""
        target = table.frame[list(config.targets)].to_numpy(np.float64)
        mixed = np.zeros(len(target), dtype=np.bool_)
        if config.classes:
            target, mixed = labels_of_windows(target[:, 0], table.gaps, config)
        return cls(
            table=table,
            config=config,
            held=most,
            inputs=_inputs(table, config, most),
            target=target,
            mixed=mixed,
            last_known=held(target, table.gaps, most),
            ahead=table.frame[config.known].to_numpy(np.float64),
            earlier=earlier,
        )

    @cached_property
    def _bridges(self) -> Bridges:
        readings = self.table.frame[self.config.inputs].to_numpy(np.float64)
        return Bridges.of(readings, self.table.gaps, self.held)

    @cached_property
    def _targets(self) -> Array:
        return self._at_targets(self.target)

    @cached_property
    def _ahead(self) -> Array:
        return self._at_targets(self.ahead)

    @cached_property
    def _times(self) -> pd.DatetimeIndex | None:
        """The time of each row, and NaT for those after the last one."""
        time = self.table.time
        if time is None:
            return None
        return pd.DatetimeIndex(time.append(pd.DatetimeIndex([pd.NaT], tz="UTC")))

    def _at_targets(self, values: Array) -> Array:
        """Return values [rows, ...] at the targets of windows that end in each row.

        Returns:
            Values [rows, ..., outputs]; NaN after the last row of the table.
        """
        lead, outputs = self.config.lead, self.config.outputs
        after = np.full((lead + outputs - 1, *values.shape[1:]), np.nan)
        return sliding_window_view(np.concatenate((values, after))[lead:], outputs, axis=0)

    @cached_property
    def stretch(self) -> NDArray[np.int64]:
        """First row of the stretch without a gap or a missing input that each row is in [rows]."""
        row, missing = np.arange(len(self.inputs)), np.isnan(self.inputs)
        begins = self.table.gaps | np.append(False, missing.any(axis=1))[:-1]
        return np.maximum.accumulate(np.where(begins, row, 0))

    def candidates(self, n: int, *, targets: bool = True) -> NDArray[np.bool_]:
        """Return whether a window of n rows that begins in a row could be one, whatever is missing.

        It does so if it begins on the stride of its recording, which has its rows and targets.

        Args:
            n: Rows of a window.
            targets: As for :meth:`left_out`.

        Returns:
            Flags for the rows of :meth:`left_out`, which says what is missing.
        """
        first = self.table.first_rows
        count, span = self._extent(n, targets=targets)
        row = np.arange(count)
        begin = first[:count]
        ends = np.append(first, np.full(span, -1))[span - 1 :][:count]
        found: NDArray[np.bool_] = (begin == ends) & ((row - begin) % self.config.stride == 0)
        return found

    def _extent(self, n: int, *, targets: bool) -> tuple[int, int]:
        """Return how many windows of n rows there are, and how many rows each needs."""
        after = self.config.lead + self.config.outputs - 1
        # One row must follow the window even with lead 0, as the published benchmark has it.
        follow = 0 if self.config.classes else max(after, 1)
        count = max(0, len(self.inputs) - n + 1 - (follow if targets else 0))
        return count, n + (after if targets or self.config.known else 0)

    def left_out(
        self, n: int, *, targets: bool = True
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return why the windows of n rows that begin in each row are left out.

        Args:
            n: Rows of a window.
            targets: Whether the targets must be known; else they may be missing or in the future,
                and the windows end in the last row of the table.

        Returns:
            Whether there is a gap in time, and whether there is none, but an input, a target or a
            value ahead is missing.
        """
        count, span = self._extent(n, targets=targets)
        gaps = np.cumsum(np.append(self.table.gaps, np.zeros(span - n, dtype=np.bool_)))
        gapped = (gaps[span - 1 :] != gaps[: max(0, len(gaps) - span + 1)])[:count]
        missing = np.concatenate(([0], np.cumsum(np.isnan(self.inputs).any(axis=1))))
        incomplete = missing[n : n + count] != missing[:count]
        for wanted in ([self._targets] if targets else []) + [self._ahead]:
            incomplete |= np.isnan(wanted[n - 1 : n - 1 + count]).any(axis=(1, 2))
        return gapped, incomplete & ~gapped

    def part(self, last: NDArray[np.int64], stream: Stream | None) -> Part:
        """Return the windows that end in some rows, or the stretches of a stream up to them.

        Args:
            last: Last row of each window, ascending.
            stream: What a model of a stream reads; None for windows.
        """
        table, config = self.table, self.config
        if stream is None:
            ends, stretches, size = last, None, config.window
            first = np.zeros_like(last)
        else:
            ends, restart = read_rows(self.inputs, table.gaps, last, stream.reach)
            stretches = Stretches(restart, np.searchsorted(ends, last))
            size, first = stream.kernel, ends[np.arange(len(ends)) - ages(restart)]
        bridges = self._bridges if config.missing == "interpolate" else None
        further = []
        if self.earlier:
            further += [
                seasonal_readings(table, *column, ends, self.earlier)
                for column in zip(self.target.T, self.last_known.T, strict=True)
            ]
        if config.known:  # what no forecast needs may be missing
            ahead = np.nan_to_num(self._ahead[ends], nan=0.0)
            further.append(ahead.reshape(len(ends), 1, -1))
        row = last + config.lead
        return Part(
            windows=Windows(self.inputs, ends, first, size, bridges),
            target=self._targets[last].reshape(len(last), -1),
            row=row,
            time=None if self._times is None else self._times[np.minimum(row, len(self.inputs))],
            last_known=self.last_known[last] if config.lead else None,
            further=tuple(further),
            stretches=stretches,
            members=None
            if table.panel is None
            else Members(table.panel, table.series_of_rows[last]),
        )


def _inputs(table: Table, config: DataConfig, most: int) -> Array:
    """Return the inputs [rows, m]: columns of the table, their masks, those of the calendar.

    The last reading stands in for missing ones in at most ``most`` rows in succession.
    """
    readings = table.frame[config.inputs].to_numpy(np.float64)
    columns = [held(readings, table.gaps, most)]
    if config.missing == "mask":
        columns.append(np.isnan(readings).astype(np.float64))
    if config.clock is not None and table.time is not None:
        columns.append(calendar_values(config.clock, table.time))
    return np.hstack(columns)
