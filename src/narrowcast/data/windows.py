"""Windows cut from a table, in three parts by time.

A window has n consecutive rows. Its first target is ``lead`` rows after the window's last row; the
other targets are in the rows that follow. From the first row to the last target there is no gap in
time. No input, no target and no value that is known ahead is missing.

The parts are three ranges of rows: training, validation, test. **A window belongs to the part in
which its first row lies.** So the inputs of a test window lie within the test part, and the first
target of a part comes after every row that an earlier part reads as an input. Readings of earlier
seasons may lie in an earlier part: they are known by then.

A window with several targets whose last one is not before the first target of the next part
straddles both. It is left out and counted. So each target of a part also comes after all targets of
the earlier parts, and no value from the first target of a part on affects what is decided in an
earlier one. With one target, no window straddles, and the validation boundary does not change which
windows are in training and validation together.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.ahead import ahead_scaling, values_ahead
from narrowcast.data.calendar import calendar_values
from narrowcast.data.holes import bridge, held, held_rows
from narrowcast.data.scaling import Array, Scaling, fit_scaling, refuse_far
from narrowcast.data.seasons import earlier_rows, seasonal_readings
from narrowcast.data.table import Table
from narrowcast.errors import UserError
from narrowcast.integer.readings import relative_to_last


@dataclass(frozen=True, eq=False)
class Part:
    """The windows of one part, ordered by time, in the units of the table.

    Attributes:
        inputs: Input values [windows, n, m].
        target: Targets [windows, outputs].
        row: Row of the first target [windows], counted from 0 in the table.
        time: Time of the first target [windows], UTC; None for a table without time stamps.
        last_known: Value of the target column in the window's last row [windows], or the one that
            stands in for it; NaN if missing. Persistence forecasts it for every target. None if
            ``lead`` is 0.
        further: Readings [windows, rows, columns] of the model's further inputs: those of earlier
            seasons, relative to the last reading, and values known ahead, column by column. There
            is no array for what the configuration does not have.
    """

    inputs: Array
    target: Array
    row: NDArray[np.int64]
    time: pd.DatetimeIndex | None
    last_known: Array | None
    further: tuple[Array, ...] = ()

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False)
class Dataset:
    """All windows of a table.

    Attributes:
        columns: Names of the m inputs.
        relative: Indices of the inputs that the model receives relative to their last row.
        target: Index of the target among the inputs; None if it is not one of them.
        added: Index of the target among the relative inputs; None if it is not one of them. The
            model then forecasts the change from its last reading.
        earlier: How many rows before the last one each reading of an earlier season is.
        held: For how many rows in succession the last reading stands in for a missing one.
        train: Windows for fitting.
        validation: Windows for early stopping and for all choices.
        test: Windows for the final evaluation, used once.
        skipped_gaps: Number of windows left out because of a gap in time.
        skipped_missing: Number of windows without a gap left out because of a missing value.
        skipped_straddling: Number of complete windows left out because their targets are in two
            parts.
        input_scaling: Scaling of the m inputs, fitted on the rows of the training windows.
        further_scaling: Scaling of each further input: that of differences for readings of earlier
            seasons, and one fitted on the values at the training targets for what is known ahead.
        target_scaling: Scaling of the outputs, fitted on the targets of the training windows, or
            on their changes.
    """

    columns: tuple[str, ...]
    relative: tuple[int, ...]
    target: int | None
    added: int | None
    earlier: tuple[int, ...]
    held: int
    train: Part
    validation: Part
    test: Part
    skipped_gaps: int
    skipped_missing: int
    skipped_straddling: int
    input_scaling: Scaling
    further_scaling: tuple[Scaling, ...]
    target_scaling: Scaling

    def scaled_inputs(self, readings: Array) -> Array:
        """Convert readings [windows, n, m] to what the model receives."""
        return self.input_scaling.apply(relative_to_last(readings, self.relative))

    def scaled_further(self, further: tuple[Array, ...]) -> tuple[Array, ...]:
        """Convert the readings of further inputs to what the model receives."""
        pairs = zip(self.further_scaling, further, strict=True)
        return tuple(scaling.apply(each) for scaling, each in pairs)

    def scaled_target(self, part: Part) -> Array:
        """Return what the model has to forecast in a part [windows, outputs]."""
        return self.target_scaling.apply(part.target - self._base(part.inputs))

    def forecasts(self, scaled: Array, readings: Array) -> Array:
        """Convert the model's results [windows, outputs] for ``readings`` to the target's unit."""
        return self.target_scaling.invert(scaled) + self._base(readings)

    def _base(self, readings: Array) -> Array:
        """Return what is added to the forecasts of each window, [windows, 1] or 0."""
        return np.zeros((1, 1)) if self.added is None else readings[:, -1, self.added, None]


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a table that windows are cut from. NaN is what is still missing.

    Attributes:
        table: The table.
        config: The configuration of the windows.
        held: For how many rows in succession the last reading stands in for a missing one.
        inputs: Inputs [rows, m], with the last reading in place of missing ones.
        target: Target [rows].
        last_known: Target [rows], with the last reading in place of missing ones.
        ahead: Values known ahead [rows, columns].
        earlier: How many rows before the last one each reading of an earlier season is.
    """

    table: Table
    config: DataConfig
    held: int
    inputs: Array
    target: Array
    last_known: Array
    ahead: Array
    earlier: tuple[int, ...]

    @classmethod
    def of(cls, table: Table, config: DataConfig) -> "_Rows":
        """Return the rows of a table."""
        most = held_rows(config, table.interval)
        target = table.frame[config.target].to_numpy(np.float64)
        last_known = held(target[:, None], table.gaps, most)[:, 0]
        inputs, ahead = _inputs(table, config, most), values_ahead(table, config)
        return cls(
            *(table, config, most, inputs, target, last_known, ahead, earlier_rows(table, config))
        )

    def _at_targets(self, values: Array) -> Array:
        """Return values [rows, ...] at the targets of each window, [windows, ..., outputs]."""
        config = self.config
        return sliding_window_view(
            values[config.window + config.lead - 1 :], config.outputs, axis=0
        )

    def incomplete(self) -> NDArray[np.bool_]:
        """Return whether an input, a target or a value ahead of each window is missing."""
        missing = np.concatenate(([0], np.cumsum(np.isnan(self.inputs).any(axis=1))))
        at_targets = np.isnan(self._at_targets(np.column_stack((self.target, self.ahead))))
        n, windows = self.config.window, len(at_targets)
        found: NDArray[np.bool_] = missing[n : n + windows] != missing[:windows]
        return found | at_targets.any(axis=(1, 2))

    def part(self, starts: NDArray[np.int64]) -> Part:
        """Return the windows that start in some rows."""
        table, config, n = self.table, self.config, self.config.window
        windows = sliding_window_view(self.inputs, (n, self.inputs.shape[1]))[:, 0][starts]
        if config.missing == "interpolate":
            readings = table.frame[config.inputs].to_numpy(np.float64)
            columns = windows[..., : len(config.inputs)]
            bridge(columns, starts, readings, table.gaps, self.held)
        last = starts + n - 1
        further = []
        if self.earlier:
            known = self.target, self.last_known
            further.append(seasonal_readings(table, *known, last, self.earlier))
        if config.known:
            further.append(self._at_targets(self.ahead)[starts].reshape(len(starts), 1, -1))
        row = last + config.lead
        return Part(
            inputs=windows,
            target=self._at_targets(self.target)[starts],
            row=row,
            time=None if table.time is None else table.time[row],
            last_known=self.last_known[last] if config.lead else None,
            further=tuple(further),
        )

    def check_range(self, dataset: Dataset) -> None:
        """Reject values that are too far from those of the training part.

        Raises:
            UserError: The message names the column and the row.
        """
        config = self.config
        refuse_far(self.inputs, dataset.input_scaling, config.columns)
        outputs = [(self.target[:, None], dataset.target_scaling, [config.target])]
        if config.known:
            outputs.append((self.ahead, dataset.further_scaling[-1], config.known))
        for values, every, names in outputs:
            one = slice(None, None, config.outputs)  # the scaling of each column's first step
            refuse_far(values, Scaling(every.offset[one], every.scale[one]), names)


def make_windows(table: Table, config: DataConfig) -> Dataset:
    """Cut all windows and split them by time.

    At least one row of the table follows each window, even with lead 0, as in the published AirU
    benchmark. A split given as a fraction is rounded to whole rows: ``test`` is a fraction of all
    rows, ``validation`` of those before the test part. A split given as a time stamp is the first
    time of its part, in UTC unless it names a zone.

    Raises:
        UserError: The table has fewer rows than one window spans, a part has no complete window,
            a feature is constant throughout the training part, a reading is too far from those of
            the training part, or a column known ahead ends before the last target.
    """
    rows, n, outputs = len(table.frame), config.window, config.outputs
    span = n + config.lead + outputs - 1
    if rows < max(span, n + 1):
        further = f" and {outputs} outputs" if outputs > 1 else ""
        kind = "rows" if config.resample is None else f"bins of {config.resample}"
        advice = "" if config.resample is None else ", or a shorter data.resample"
        raise UserError(
            f"the table has {rows} {kind}, but a window of {n} with lead {config.lead}{further} "
            f"needs {max(span, n + 1)}: choose a shorter window{advice}"
        )
    source = _Rows.of(table, config)

    gaps = np.cumsum(table.gaps)
    # One row must follow the window even with lead 0, as the published benchmark has it.
    count = rows - max(span, n + 1) + 1
    gapped = (gaps[span - 1 :] != gaps[: rows - span + 1])[:count]
    incomplete = source.incomplete()[:count]
    first = np.flatnonzero(~gapped & ~incomplete)

    test = _boundary("test", config.split.test, rows, table.time)
    validation = min(test, _boundary("validation", config.split.validation, test, table.time))
    edges = {"training": (0, validation), "validation": (validation, test), "test": (test, rows)}
    # The next part's first target is as far after its first row as in every window.
    starts = {
        name: first[(first >= a) & (first + outputs - 1 < b)] for name, (a, b) in edges.items()
    }
    skipped_gaps, skipped_missing = int(gapped.sum()), int((~gapped & incomplete).sum())
    skipped_straddling = len(first) - sum(map(len, starts.values()))
    for name, (a, b) in edges.items():
        if not len(starts[name]):
            raise UserError(
                f"no complete window of {span} rows starts in the {b - a} rows of the {name} part "
                f"(of all windows, {skipped_gaps} have a gap in time, {skipped_missing} a missing "
                f"value and {skipped_straddling} targets in two parts): choose a shorter window, "
                "fewer outputs or another split"
            )

    train = source.part(starts["training"])
    edge = np.zeros(rows + 1, dtype=np.int64)
    edge[starts["training"]] += 1
    edge[starts["training"] + n] -= 1
    used = np.cumsum(edge[:-1]) > 0
    relative = tuple(config.inputs.index(name) for name in config.relative_inputs)
    column = config.inputs.index(config.target) if config.target in config.inputs else None
    added = column if column in relative else None
    seen, expected = source.inputs[used], train.target
    if relative:
        seen = relative_to_last(train.inputs, relative).reshape(-1, train.inputs.shape[2])
    if added is not None:
        expected = train.target - train.inputs[:, -1, added, None]
    input_scaling = _input_scaling(seen, config)
    dataset = Dataset(
        columns=config.columns,
        relative=relative,
        target=column,
        added=added,
        earlier=source.earlier,
        held=source.held,
        train=train,
        validation=source.part(starts["validation"]),
        test=source.part(starts["test"]),
        skipped_gaps=skipped_gaps,
        skipped_missing=skipped_missing,
        skipped_straddling=skipped_straddling,
        input_scaling=input_scaling,
        further_scaling=_further_scaling(input_scaling, train, config, len(source.earlier)),
        target_scaling=fit_scaling(expected, config.scaling, [config.target] * outputs),
    )
    source.check_range(dataset)
    return dataset


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


def _input_scaling(values: Array, config: DataConfig) -> Scaling:
    """Return the scaling of the inputs. Masks and the calendar are not scaled."""
    columns = len(config.inputs)
    fitted = fit_scaling(values[:, :columns], config.scaling, config.inputs)
    further = values.shape[1] - columns
    return Scaling(
        np.append(fitted.offset, [0.0] * further), np.append(fitted.scale, [1.0] * further)
    )


def _further_scaling(
    inputs: Scaling, train: Part, config: DataConfig, earlier: int
) -> tuple[Scaling, ...]:
    """Return the scalings of differences between readings of the target, and of values ahead."""
    found = []
    if earlier:
        scale = inputs.scale[config.inputs.index(config.target)]
        found.append(Scaling(np.zeros(earlier), np.full(earlier, scale)))
    if config.known:
        found.append(ahead_scaling(train.further[-1], config))
    return tuple(found)


def _boundary(part: str, rule: float | str, rows: int, time: pd.DatetimeIndex | None) -> int:
    """Return the first row of the part that ``rule`` cuts off at the end of ``rows`` rows."""
    if isinstance(rule, float):
        return rows - round(rule * rows)
    if time is None:
        raise UserError(f"a split at {rule!r} needs time stamps: set data.time")
    stamp = pd.Timestamp(datetime.fromisoformat(rule))
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    if not time[0] < stamp <= time[-1]:
        raise UserError(
            f"data.split.{part}: {rule} is not within the readings, which are from "
            f"{time[0].isoformat()} to {time[-1].isoformat()}"
        )
    return int(time.searchsorted(stamp))
