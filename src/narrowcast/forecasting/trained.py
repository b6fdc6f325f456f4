"""A trained model, and the windows of new data that it forecasts from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from narrowcast.data import (
    Labels,
    Members,
    Monitored,
    Part,
    Rows,
    Rules,
    Table,
    Targets,
    load_rules,
)
from narrowcast.data.ahead import last_rows, place
from narrowcast.data.rules import NAME as RULES
from narrowcast.data.scaling import Array
from narrowcast.data.values import first as first_true
from narrowcast.errors import UserError, shown
from narrowcast.integer import (
    Classification,
    Detection,
    Forecast,
    IntegerModel,
    forecast,
    load_model,
)
from narrowcast.integer.model import Decoder
from narrowcast.integer.serialise import AGAIN
from narrowcast.training_records import left_out

_BATCH_NUMBERS = 1 << 21  # readings in the windows of a batch
_LEAST_SHARE = 8  # of a batch of a stream, in units of what leads up to its first forecast


@dataclass(frozen=True, eq=False)
class Origins:
    """The rows of a table in which forecasts are made.

    Attributes:
        rows: The rows of the table.
        last: Last row of each forecast's window, ascending.
        gaps: Number of windows left out because of a gap in time.
        missing: Number of windows without a gap left out because of a missing value.
        mixed: Number of these left out because their rows have several labels instead.
        early: Number of forecasts of a stream that rest on fewer readings than a window has.
        notes: Remarks on the table, each in one line.
        end: Number of rows up to the last one in which a forecast may be made.
        done: Number of rows of the table that an engine has been given before.
        before: Number of rows that came before the table.
    """

    rows: Rows
    last: NDArray[np.int64]
    gaps: int
    missing: int
    mixed: int
    early: int
    notes: tuple[str, ...]
    end: int
    done: int = 0
    before: int = 0

    @property
    def members(self) -> Members | None:
        """The series that each forecast is of; None if it is no panel."""
        table = self.rows.table
        if table.panel is None:
            return None
        return Members(table.panel, table.series_of_rows[self.last])

    @property
    def times(self) -> pd.Index:
        """Time stamp of each origin in UTC, or the number of its row, from 1."""
        table, config = self.rows.table, self.rows.config
        if table.time is None:
            return pd.Index(self.before + self.last + 1, name="row")
        return table.time[self.last].rename(config.time_name)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """What the forecasts are of, by their times: the series, or the names of the recording.

        A recording has a column ``file`` if there are several files and ``data.recording`` has none
        of that name. A label that tells recordings apart is left to the forecasts. Other tables
        have no column.
        """
        table, config = self.rows.table, self.rows.config
        columns: dict[str, NDArray[np.object_]] = {}
        if self.members is not None:
            columns["/".join(config.recording)] = self.members.names
        else:
            told = [name for name in config.recording if name in table.names]
            for name in (each for each in told if each not in config.targets):
                codes = table.frame[name].to_numpy(np.int64)[self.last]
                columns[name] = np.array(table.names[name], dtype=object)[codes]
            if table.rows.files and table.source is not None and "file" not in columns:
                columns["file"] = table.rows.names_of_files(table.source[self.last])
        return pd.DataFrame(columns, index=self.times)


@dataclass(frozen=True, eq=False)
class Inference:
    """What an engine is given at once.

    Attributes:
        readings: [rows, columns] of each of the model's inputs, in their own units.
        restart: Whether a stretch begins; a window always is one.
        origin: Index of the origin whose forecast it is; None if there is none.
    """

    readings: tuple[Array, ...]
    restart: bool
    origin: int | None


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """An integer model, and the rules by which it reads a table.

    Attributes:
        model: The model.
        rules: Its rules.
    """

    model: IntegerModel
    rules: Rules

    @classmethod
    def load(cls, out: Path) -> "TrainedModel":
        """Read the model in the output folder of ``narrowcast quantize`` or ``build``.

        Raises:
            UserError: A file is missing, truncated, altered, or of another model.
        """
        if not out.is_dir():
            raise UserError(f"{out}: there is no such folder: give that of 'narrowcast quantize'")
        found = cls(load_model(out), load_rules(out))
        if not found._consistent():
            raise UserError(
                f"{out / RULES}: its settings are not those of the integer model; {AGAIN}"
            )
        return found

    def _consistent(self) -> bool:
        """Return whether the inputs and outputs of the model are those of the rules."""
        model, data, stream = self.model, self.rules.data, self.rules.stream
        (window, *further), source = model.input_tensors, model.inputs[0]
        known = [each.ahead.columns for each in model.inputs if each.ahead]
        steps = range(data.lead, data.lead + data.outputs)
        return (
            bool(self.rules.series) == (data.id is not None)
            and source.columns == data.columns
            and source.window(window) == (data.window if stream is None else stream.kernel)
            and source.calendar == data.clock
            and source.relative == tuple(map(data.inputs.index, data.relative_inputs))
            and known == ([tuple(name for name in data.known for _ in steps)] if data.known else [])
            and len(further) == len(known) + sum(each.earlier is not None for each in model.inputs)
            and self._fitting_outputs()
        )

    def _fitting_outputs(self) -> bool:
        """Return whether the outputs are the forecasts or the decisions of the rules."""
        targets, outputs = self.targets, self.model.outputs
        match targets:
            case Labels():
                expected = Classification(targets.target, targets.classes)
                return [each.decoders for each in outputs] == [(expected,)]
            case Monitored():
                return len(outputs) == 1 and set(targets.names) <= set(self.rules.data.inputs)
            case Targets():
                columns = {each.columns for each in self.model.output_tensors}
                return (
                    columns == {self.rules.data.outputs * targets.each}
                    and tuple(each.target for each in self._decoders) == self.rules.data.targets
                )

    def frame(
        self, results: Array, labels: pd.DataFrame, members: Members | None = None
    ) -> pd.DataFrame:
        """Return results of the model as a table.

        Args:
            results: Forecasts [windows, forecasts], or decisions [windows, 2].
            labels: The rows of :attr:`Origins.labels` that they are of.
            members: The series of each row, if the model is of a panel.

        Returns:
            The labels, and columns named by the target, how many rows ahead, and the quantile if
            any; or the label, and its margin to the next one; or the score, and whether it is above
            the threshold. A label whose column has the name of one of these gets another one.
        """
        data, targets = self.rules.data, self.targets
        if isinstance(targets, Labels):
            found = np.array(targets.classes, dtype=object)[results[:, 0].astype(np.int64)]
            return _beside(
                labels, {targets.target: found, f"{targets.target} margin": results[:, 1]}
            )
        if isinstance(targets, Monitored):
            flags = results[:, 1].astype(np.int64)
            return _beside(labels, {"score": results[:, 0], "flag": flags})
        steps = range(data.lead, data.lead + data.outputs)
        ends = [f" q{each:g}" for each in targets.quantiles] or [""]
        names = [f"{name}+{step}{end}" for name in data.targets for step in steps for end in ends]
        values = results if members is None else members.in_units(results)
        return _beside(labels, dict(zip(names, values.T, strict=True)))

    @property
    def targets(self) -> Targets | Labels | Monitored:
        """The columns that are forecast, the classes that are told apart, or what is compared."""
        decoders = self._decoders
        if decoders and isinstance(decoder := decoders[0], Detection):
            ns = self.rules.interval
            interval = None if ns is None else pd.Timedelta(ns, "ns")
            return Monitored.of(decoder.target, self.rules.data, interval, stride=1)
        if self.rules.data.classes:
            return Labels(self.rules.data.targets[0], tuple(self.rules.data.classes))
        forecasts = [each for each in decoders if isinstance(each, Forecast)]
        scales = [np.array(each.scaling.scale) for each in forecasts]
        quantiles = forecasts[0].quantiles if forecasts else ()
        return Targets.of(self.rules.data, scales, quantiles)

    @property
    def _decoders(self) -> list[Decoder]:
        """What a host makes of each row of the outputs."""
        return [decoder for each in self.model.outputs for decoder in each.decoders]

    @property
    def result(self) -> Literal["forecast", "label", "score"]:
        """What messages call a result of the model."""
        match self.targets:
            case Labels():
                return "label"
            case Monitored():
                return "score"
            case Targets():
                return "forecast"

    def summary(self, made: int, gaps: int, missing: int, early: int) -> str:
        """Return how many results there are, and how many windows were left out and why.

        Args:
            made: Number of results.
            gaps: As in :class:`Origins`.
            missing: As in :class:`Origins`.
            early: As in :class:`Origins`.
        """
        line = f"{made} {self.result}s; windows left out: {left_out(gaps, missing)}"
        if early:
            line += f"; {early} rest on fewer readings than a window has"
        return line

    @property
    def detects(self) -> bool:
        """Whether the model tells anomalies."""
        return isinstance(self.targets, Monitored)

    def origins(self, table: Table, *, targets: bool) -> Origins:
        """Return the rows of a table in which the model forecasts.

        They end with the last row that has a reading: rows below it may hold values known ahead.

        Args:
            table: New data.
            targets: Whether only forecasts with known targets are wanted, and, of a stream, only
                those that rest on as many readings as a window has. Windows of a detector need no
                label.

        Raises:
            UserError: There are none, or a column known ahead ends before the readings do.
        """
        found = self.further_origins(table, targets=targets)
        if not len(found.last):
            missing = found.missing + found.mixed
            raise self.no_forecast(found.end, found.gaps, missing, targets=targets)
        return found

    def no_forecast(
        self, rows: int, gaps: int, missing: int, *, targets: bool = False
    ) -> UserError:
        """Return the error of a table without a forecast.

        Args:
            rows: Number of its rows with readings.
            gaps: As in :class:`Origins`.
            missing: As in :class:`Origins`.
            targets: As for :meth:`origins`.
        """
        reading = self.rules.stream is not None and not targets
        needed = 1 if reading else self.rules.data.window + (self._after if targets else 0)
        return UserError(
            f"no {self.result} is possible: the table has {rows} rows with readings, and a "
            f"{self.result} needs {needed} in succession without a gap or a missing value (of all "
            f"windows, {gaps} have a gap in time and {missing} a missing value)"
        )

    def further_origins(
        self, table: Table, *, targets: bool = False, done: int = 0, before: int = 0
    ) -> Origins:
        """Return the rows in which the model forecasts from a row on; there may be none.

        Args:
            table: New data.
            targets: As for :meth:`origins`.
            done: Number of rows whose forecasts are not wanted.
            before: Number of rows that came before the table.

        Raises:
            UserError: A column known ahead ends before the readings do.
        """
        config, stream, after = self.rules.data, self.rules.stream, self._after
        table = self.rules.scaled(table)
        rows = Rows.of(table, config, self.model.inputs[0].held, self._earlier)
        present = _present(table, rows)
        remarks = _check_ahead(table, rows, present, after)
        ends = present + 1 - (after if targets else 0)
        allowed = np.arange(len(rows.inputs)) < ends[table.series_of_rows]
        end = int(ends.max(initial=0))

        def windows(rows_of_each: int) -> tuple[NDArray[np.int64], int, int, int]:
            """Return the last rows of whole windows, and how many have a gap, a hole, labels."""
            first = max(0, done - rows_of_each + 1)
            some = slice(first, max(0, end - rows_of_each + 1))
            gapped, missing = (
                each[some]
                for each in rows.left_out(rows_of_each, targets=targets and not self.detects)
            )
            within = allowed[first + rows_of_each - 1 :][: len(gapped)]
            begin = rows.table.first_rows  # rows of two recordings are not a window at all
            within &= begin[some][: len(gapped)] == begin[rows_of_each - 1 :][some][: len(gapped)]
            whole = np.flatnonzero(within & ~gapped & ~missing) + first + rows_of_each - 1
            mixed = missing & targets & rows.mixed[rows_of_each - 1 :][some][: len(missing)]
            gaps, holes, labels = (
                int((within & each).sum()) for each in (gapped, missing & ~mixed, mixed)
            )
            return whole, gaps, holes, labels

        last, gaps, holes, mixed = windows(config.window)
        early = 0
        if stream is not None:
            every, gaps, holes, mixed = windows(1)
            early = 0 if targets else len(every) - len(last)
            last = last if targets else every
        notes = (*table.notes, *remarks)
        return Origins(rows, last, gaps, holes, mixed, early, notes, end, done, before)

    @property
    def _after(self) -> int:
        """Rows from the last one of a window to its last target."""
        return self.rules.data.lead + self.rules.data.outputs - 1

    @property
    def kept(self) -> int:
        """Rows that the forecasts of further rows may rest on."""
        stream = self.rules.stream
        reach = self.rules.data.window + (0 if stream is None else stream.reach)
        return reach + self.model.inputs[0].held + max(self._earlier, default=0) + 1

    @property
    def _earlier(self) -> tuple[int, ...]:
        """How many rows before the last one each reading of an earlier season is."""
        return next((each.earlier.rows for each in self.model.inputs if each.earlier), ())

    def batches(self, origins: Origins) -> Iterator[tuple[Part, Array]]:
        """Yield the windows that end in the origins, and the model's results of them.

        Results are forecasts [windows, forecasts], or decisions [windows, 2].

        Their memory does not depend on the number of origins.
        """
        stream, columns = self.rules.stream, origins.rows.inputs.shape[1]
        reading = self.model.inputs[0].window(self.model.input_tensors[0]) * columns
        size = max(1, _BATCH_NUMBERS // reading, _LEAST_SHARE * (stream.reach if stream else 0))
        for first in range(0, len(origins.last), size):
            part = origins.rows.part(origins.last[first : first + size], stream)
            every = forecast(self.model, part.inputs, *part.further, restart=part.restart)
            yield part, part.of_targets(every)

    def inferences(self, origins: Origins) -> Iterator[tuple[Part, Inference]]:
        """Yield what an engine has to be given for the forecasts of some origins, one by one.

        Every reading of a stream comes once, also one in which no forecast is made, but none that
        the engine has been given before. A stream is in memory as a whole.
        """
        stream, last = self.rules.stream, origins.last
        size = len(last) if stream else max(1, _BATCH_NUMBERS // self.model.input_words)
        for first in range(0, len(last), size):
            part = origins.rows.part(last[first : first + size], stream)
            number_of = dict(zip(part.at.tolist(), range(first, first + len(part)), strict=True))
            windows = part.inputs
            for i, restart in enumerate(part.restart.tolist()):
                if origins.done and i < part.at[0]:
                    continue
                readings = windows[i], *(each[i] for each in part.further)
                yield part, Inference(readings, restart, number_of.get(i))


def _beside(labels: pd.DataFrame, results: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Return results beside what they are of; a label that has the name of a result is renamed."""
    names = {name: f"recording {name}" for name in labels if name in results}
    return labels.rename(columns=names).assign(**results)


def _present(table: Table, rows: Rows) -> NDArray[np.int64]:
    """Return the last row of each recording with a reading [recordings], or -1.

    Readings are those of the target, and of inputs that are neither known ahead nor constant.
    """
    config = rows.config
    ahead = {*config.known, *config.static_inputs}
    read = [name for name in (*config.inputs, *config.targets) if name not in ahead]
    found: NDArray[np.int64] = np.max([last_rows(table, name) for name in read], axis=0)
    return found


def _check_ahead(table: Table, rows: Rows, present: NDArray[np.int64], after: int) -> list[str]:
    """Refuse a column known ahead that ends before the readings do; remark on one that ends early.

    Raises:
        UserError: The message names the column and both rows.
    """
    notes = []
    for name in rows.config.known:
        ends = last_rows(table, name)
        if (wrong := first_true(ends < present)) is not None:
            known = "has no value" if ends[wrong] < 0 else f"ends in {place(table, ends[wrong])}"
            raise UserError(
                f"column {shown(name)}, known ahead, {known}, but the readings "
                f"go on to {place(table, present[wrong])}: continue it up to {after} rows beyond"
            )
        lacking = np.where(present >= 0, present + after - ends, 0)
        if (early := first_true(lacking > 0)) is not None:
            notes.append(
                f"column {shown(name)}, known ahead, ends in {place(table, ends[early])}: the last "
                f"{lacking[lacking > 0].sum()} forecasts need further rows of it"
            )
    return notes
