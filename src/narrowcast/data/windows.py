"""Windows cut from a table, in three parts by time.

A window has n consecutive rows. Its first target is ``lead`` rows after the window's last row; the
other targets are in the rows that follow. From the first row to the last target there is no gap in
time, and no input and no target is missing.

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
from numpy.typing import NDArray

from narrowcast.config import DataConfig
from narrowcast.data.calendar import calendar_values
from narrowcast.data.holes import bridged, held, held_rows
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
            seasons, relative to the last reading.
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
        further_scaling: Scaling of the readings of earlier seasons.
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
    further_scaling: Scaling
    target_scaling: Scaling

    def scaled_inputs(self, readings: Array) -> Array:
        """Convert readings [windows, n, m] to what the model receives."""
        return self.input_scaling.apply(relative_to_last(readings, self.relative))

    def scaled_further(self, further: tuple[Array, ...]) -> tuple[Array, ...]:
        """Convert the readings of further inputs to what the model receives."""
        return tuple(self.further_scaling.apply(each) for each in further)

    def scaled_target(self, part: Part) -> Array:
        """Return what the model has to forecast in a part [windows, outputs]."""
        return self.target_scaling.apply(part.target - self._base(part.inputs))

    def forecasts(self, scaled: Array, readings: Array) -> Array:
        """Convert the model's results [windows, outputs] for ``readings`` to the target's unit."""
        return self.target_scaling.invert(scaled) + self._base(readings)

    def _base(self, readings: Array) -> Array:
        """Return what is added to the forecasts of each window, [windows, 1] or 0."""
        return np.zeros((1, 1)) if self.added is None else readings[:, -1, self.added, None]


def make_windows(table: Table, config: DataConfig) -> Dataset:
    """Cut all windows and split them by time.

    At least one row of the table follows each window, even with lead 0, as in the published AirU
    benchmark. A split given as a fraction is rounded to whole rows: ``test`` is a fraction of all
    rows, ``validation`` of those before the test part. A split given as a time stamp is the first
    time of its part, in UTC unless it names a zone.

    Raises:
        UserError: The table has fewer rows than one window spans, a part has no complete window,
            a feature is constant throughout the training part, or a reading is too far from those
            of the training part.
    """
    rows, n, outputs = len(table.frame), config.window, config.outputs
    span = n + config.lead + outputs - 1
    if rows < max(span, n + 1):
        further = f" and {outputs} outputs" if outputs > 1 else ""
        raise UserError(
            f"the table has {rows} rows, but a window of {n} with lead {config.lead}{further} "
            f"needs {max(span, n + 1)}: choose a shorter window"
        )
    most = held_rows(config, table.interval)
    inputs = _inputs(table, config, most)
    target = table.frame[config.target].to_numpy(np.float64)
    last_known = held(target[:, None], table.gaps, most)[:, 0]

    gaps = np.cumsum(table.gaps)
    # One row must follow the window even with lead 0, as the published benchmark has it.
    count = rows - max(span, n + 1) + 1
    gapped = (gaps[span - 1 :] != gaps[: rows - span + 1])[:count]
    targets = np.lib.stride_tricks.sliding_window_view(target[n + config.lead - 1 :], outputs)
    missing = np.concatenate(([0], np.cumsum(np.isnan(inputs).any(axis=1))))
    incomplete = missing[n : rows - span + n + 1] != missing[: rows - span + 1]
    incomplete = (incomplete | np.isnan(targets).any(axis=1))[:count]
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

    views = np.lib.stride_tricks.sliding_window_view(inputs, (n, inputs.shape[1]))[:, 0]

    earlier = earlier_rows(table, config)

    def part(name: str) -> Part:
        row = starts[name] + n + config.lead - 1
        seasons = (
            [seasonal_readings(table, target, last_known, row - config.lead, earlier)]
            if earlier
            else []
        )
        windows = views[starts[name]]
        if config.missing == "interpolate":
            readings = table.frame[config.inputs].to_numpy(np.float64)
            columns = slice(len(config.inputs))
            windows[..., columns] = bridged(
                windows[..., columns], starts[name], readings, table.gaps, most
            )
        return Part(
            inputs=windows,
            target=targets[starts[name]],
            row=row,
            time=None if table.time is None else table.time[row],
            last_known=last_known[row - config.lead] if config.lead else None,
            further=tuple(seasons),
        )

    train = part("training")
    edge = np.zeros(rows + 1, dtype=np.int64)
    edge[starts["training"]] += 1
    edge[starts["training"] + n] -= 1
    used = np.cumsum(edge[:-1]) > 0
    relative = tuple(config.inputs.index(name) for name in config.relative_inputs)
    column = config.inputs.index(config.target) if config.target in config.inputs else None
    added = column if column in relative else None
    seen, expected = inputs[used], train.target
    if relative:
        seen = relative_to_last(train.inputs, relative).reshape(-1, inputs.shape[1])
    if added is not None:
        expected = train.target - train.inputs[:, -1, added, None]
    input_scaling = _input_scaling(seen, config)
    dataset = Dataset(
        columns=config.columns,
        relative=relative,
        target=column,
        added=added,
        earlier=earlier,
        held=most,
        train=train,
        validation=part("validation"),
        test=part("test"),
        skipped_gaps=skipped_gaps,
        skipped_missing=skipped_missing,
        skipped_straddling=skipped_straddling,
        input_scaling=input_scaling,
        further_scaling=_further_scaling(input_scaling, config, len(earlier)),
        target_scaling=fit_scaling(expected, config.scaling, [config.target] * outputs),
    )
    refuse_far(inputs, dataset.input_scaling, config.columns)
    every = dataset.target_scaling
    refuse_far(target[:, None], Scaling(every.offset[:1], every.scale[:1]), [config.target])
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


def _further_scaling(inputs: Scaling, config: DataConfig, columns: int) -> Scaling:
    """Return the scaling of differences between readings of the target."""
    scale = inputs.scale[config.inputs.index(config.target)] if columns else 1.0
    return Scaling(np.zeros(columns), np.full(columns, scale))


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
