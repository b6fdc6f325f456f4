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

**In a panel, a window belongs to the part in which all its targets lie**; its inputs may lie in an
earlier part, as they are known by then. Where the targets are in two parts, it is left out and
counted. So here, too, no value from the first target of a part on affects an earlier part.

Where the rows are of several recordings, where the parts are whole values of a column or stated by
one, and where windows have labels, a window lies in one part with all its rows and targets, or is
left out and counted. So windows that overlap are never in two parts.

A model of a stream takes one reading at a time. **A reading belongs to the part in which a window
would begin whose last row it is.** The targets of the validation and of the test part are those of
the windows. The training part also has the targets of readings that are among the first n - 1 of a
stretch. Besides, a part holds the earlier readings that its forecasts rest on, without targets.
They may lie in an earlier part, as the state of the model is known by then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narrowcast.config import DataConfig, Monitors, Stream
from narrowcast.data.ahead import ahead_scaling, check_ahead
from narrowcast.data.holes import held_rows
from narrowcast.data.labels import Labels, refuse_mixed
from narrowcast.data.monitored import Monitored
from narrowcast.data.parts import PARTS, in_one_part, parts_of_rows
from narrowcast.data.rows import Part, Rows
from narrowcast.data.scaling import (
    Array,
    Scaling,
    fit_scaling,
    fit_scaling_in_chunks,
    refuse_far,
)
from narrowcast.data.seasons import earlier_rows
from narrowcast.data.stretches import read_rows
from narrowcast.data.table import Table
from narrowcast.data.targets import Targets, errors
from narrowcast.errors import UserError
from narrowcast.integer.readings import ordered, relative_to_last
from narrowcast.training_records import Scores


@dataclass(frozen=True, eq=False)
class Dataset:
    """All windows of a table.

    Attributes:
        columns: Names of the m inputs.
        relative: Indices of the inputs that the model receives relative to their last row.
        targets: The columns that are forecast, the classes that windows are told apart by, or the
            readings that are compared.
        target_columns: Index of each target among the inputs; none if one of them is no input.
        added: The same if the targets are relative inputs, else none. The model then forecasts the
            changes from their last readings.
        earlier: How many rows before the last one each reading of an earlier season is.
        held: For how many rows in succession the last reading stands in for a missing one.
        train: Windows for fitting.
        validation: Windows for early stopping and for all choices.
        test: Windows for the final evaluation, used once.
        skipped_gaps: Number of windows left out because of a gap in time.
        skipped_missing: Number of windows without a gap left out because of a missing value.
        skipped_straddling: Number of complete windows left out because their rows or targets are in
            two parts.
        skipped_mixed: Number of windows left out because their rows have several labels.
        early: Number of readings of a stream with targets, but less than n readings of their
            stretch. The forecasts of those in the training part are trained, and no error counts
            any of them.
        input_scaling: Scaling of the m inputs, fitted on the rows of the training windows.
        further_scaling: Scaling of each further input: that of differences for readings of earlier
            seasons of each target, and one fitted on the values at the training targets for what is
            known ahead.
        target_scaling: Scaling of the steps of all targets, fitted on the training windows, or on
            the changes in them, or that of the same columns among the inputs. Numbers of classes
            are not scaled.
    """

    columns: tuple[str, ...]
    relative: tuple[int, ...]
    targets: Targets | Labels | Monitored
    target_columns: tuple[int, ...]
    added: tuple[int, ...]
    earlier: tuple[int, ...]
    held: int
    train: Part
    validation: Part
    test: Part
    skipped_gaps: int
    skipped_missing: int
    skipped_straddling: int
    skipped_mixed: int
    early: int
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
        """Return what the model's results should be in a part [windows, results].

        Differences should be 0.
        """
        if isinstance(self.targets, Monitored):
            return np.zeros((len(part), len(self.target_scaling.scale)))
        return self.target_scaling.apply(
            part.target - self._base(part.of_targets(part.windows.newest))
        )

    @property
    def forecast_targets(self) -> Targets:
        """The columns that are forecast, if the model forecasts any."""
        assert isinstance(self.targets, Targets)
        return self.targets

    def scores(self, decoded: Array, part: Part) -> Scores:
        """Return how good forecasts or decisions of a part are.

        Args:
            decoded: What :meth:`decoded` returns.
            part: The windows.
        """
        match self.targets:
            case Labels():
                return self.targets.recognition(decoded, part.target)
            case Monitored():
                return self.targets.detection(decoded, part.target, part.row)
            case Targets():
                return errors(decoded, part.target, self.targets, part.members)

    def decoded(self, scaled: Array, readings: Array) -> Array:
        """Convert the model's results to the units of the targets, or to decisions.

        Quantiles of a step are put in ascending order.

        Args:
            scaled: Results of the model [windows, results].
            readings: Readings from which they result, or only their newest row.

        Returns:
            Forecasts [windows, forecasts], or decisions [windows, 2], see :meth:`Labels.decided`
            and :meth:`Monitored.decided`.
        """
        if not isinstance(self.targets, Targets):
            return self.targets.decided(scaled)
        times = scaled.shape[1] // len(self.target_scaling.scale)
        changes = self.target_scaling.repeated(times).invert(scaled)
        found = changes + np.repeat(self._base(readings), times, axis=1)
        return ordered(found, times)

    def differing(self, one: Array, other: Array) -> NDArray[np.bool_]:
        """Return in which windows two results of :meth:`decoded` are of different integers.

        Margins and scores are sums of dequantised integers or a dequantised sum, which are rounded
        differently.
        """
        if not isinstance(self.targets, Targets):
            return np.asarray(~np.isclose(one, other, rtol=1e-9, atol=1e-12).all(axis=1))
        return np.asarray((one != other).any(axis=1))

    @property
    def error_scale(self) -> Array:
        """Factors [steps of all targets] from scaled errors to the units of ``targets``.

        What no forecast is has one factor, 1.
        """
        targets = self.targets
        if not isinstance(targets, Targets):
            return np.ones(1)
        units = targets.repeated(np.array([targets.units]))[0]
        return np.asarray(self.target_scaling.scale / units, dtype=np.float64)

    def _base(self, readings: Array) -> Array:
        """Return what is added to the forecasts of each window, [windows, steps] or 0."""
        if not self.added:
            return np.zeros((1, len(self.target_scaling.scale)))
        return self.forecast_targets.repeated(readings[:, -1, list(self.added)])


def make_windows(
    table: Table,
    config: DataConfig,
    stream: Stream | None = None,
    quantiles: Sequence[float] = (),
    *,
    refit: bool = False,
    monitors: Monitors | None = None,
    series: bool = False,
) -> Dataset:
    """Cut all windows and split them by time.

    At least one row of the table follows each window, even with lead 0, as in the published AirU
    benchmark. A split given as a fraction is rounded to whole rows: ``test`` is a fraction of all
    rows, ``validation`` of those before the test part. A split given as a time stamp is the first
    time of its part, in UTC unless it names a zone.

    Args:
        table: The table.
        config: The configuration of the windows.
        stream: What a model of a stream reads, ``Config.stream``; None for windows.
        quantiles: Probabilities of the quantiles that the model forecasts; none if it forecasts one
            value of each step.
        refit: Whether the training part goes on to the test part. The validation part is then a
            part of it, for a last training with what validation has chosen.
        monitors: What a model compares that detects anomalies; None for other tasks.
        series: Whether the targets have the scaling of the same columns among the inputs, as a
            model needs that forecasts all series with the same weights.

    Raises:
        UserError: The table has fewer rows than one window spans, a part has no complete window,
            a feature is constant throughout the training part, a reading is too far from those of
            the training part, or a column known ahead ends before the last target.
    """
    rows, n, outputs = len(table.frame), config.window, config.outputs
    span = n + config.lead + outputs - 1
    least = span if config.classes or monitors else max(span, n + 1)
    if rows < least:
        further = f" and {outputs} outputs" if outputs > 1 else ""
        kind = "rows" if config.resample is None else f"bins of {config.resample}"
        advice = "" if config.resample is None else ", or a shorter data.resample"
        raise UserError(
            f"the table has {rows} {kind}, but a window of {n} with lead {config.lead}{further} "
            f"needs {least}: choose a shorter window{advice}"
        )
    check_ahead(table, config)
    most = held_rows(config, table.interval)
    source = Rows.of(table, config, most, earlier_rows(table, config))

    in_whole = bool(config.classes or config.groups or monitors or table.recording is not None)
    in_whole = in_whole and config.id is None
    chosen = _Chosen.of(source, stream, targets=monitors is None, in_whole=in_whole, refit=refit)

    train = source.part(chosen.training + n - 1, stream)
    relative = tuple(config.inputs.index(name) for name in config.relative_inputs)
    columns = config.target_columns
    added = columns if set(columns) <= set(relative) else ()
    expected = train.target
    if added:
        last = train.of_targets(train.windows.newest)[:, -1, list(added)]
        expected = train.target - np.repeat(last, outputs, axis=1)
    if relative:
        fitted = _relative_scaling(train, relative, config)
    else:
        used, _ = read_rows(source.inputs, table.gaps, chosen.training + n - 1, n - 1)
        readings = source.inputs[used, : len(config.inputs)]
        fitted = fit_scaling(readings, config.scaling, config.inputs)
    input_scaling = _with_unscaled(fitted, train.windows.columns)
    targets: Targets | Labels | Monitored
    if monitors is not None:
        size = monitors.rows * len(monitors.columns)
        target_scaling = Scaling(np.zeros(size), np.ones(size))
        monitored = tuple(config.inputs[i] for i in monitors.columns)
        targets = Monitored.of(monitored, config, table.interval, config.stride)
    elif config.classes:
        target_scaling = Scaling(np.zeros(1), np.ones(1))
        targets = Labels(config.targets[0], tuple(config.classes))
        targets.check(train.target)
    else:
        names = [name for name in config.targets for _ in range(outputs)]
        target_scaling = fit_scaling(expected, config.scaling, names)
        if series:
            of_step = np.repeat(columns, outputs)
            target_scaling = Scaling(input_scaling.offset[of_step], input_scaling.scale[of_step])
        scales = [each.scale for each in target_scaling.split(len(config.targets))]
        targets = Targets.of(config, scales, quantiles)
    dataset = Dataset(
        columns=config.columns,
        relative=relative,
        targets=targets,
        target_columns=columns,
        added=added,
        earlier=source.earlier,
        held=source.held,
        train=train,
        validation=source.part(chosen.validation + n - 1, stream),
        test=source.part(chosen.test + n - 1, stream),
        skipped_gaps=chosen.skipped_gaps,
        skipped_missing=chosen.skipped_missing,
        skipped_straddling=chosen.skipped_straddling,
        skipped_mixed=chosen.skipped_mixed,
        early=chosen.early,
        input_scaling=input_scaling,
        further_scaling=_further_scaling(input_scaling, train, config, len(source.earlier)),
        target_scaling=target_scaling,
    )
    _check_range(source, dataset)
    return dataset


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The windows of each part, and why others are left out, as in :class:`Dataset`.

    Attributes:
        training: First row of each window; of a stream also of those that would begin before the
            stretch.
        validation: First row of each window.
        test: First row of each window.
        skipped_gaps: As in :class:`Dataset`; so are the others.
    """

    training: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    skipped_gaps: int
    skipped_missing: int
    skipped_straddling: int
    skipped_mixed: int
    early: int

    @classmethod
    def of(
        cls, source: Rows, stream: Stream | None, *, targets: bool, in_whole: bool, refit: bool
    ) -> "_Chosen":
        """Choose the windows.

        Args:
            source: The rows.
            stream: As for :func:`make_windows`.
            targets: Whether a window needs its targets; labels of anomalies may be missing.
            in_whole: Whether all rows and targets of a window have to be in one part.
            refit: As for :func:`make_windows`.
        """
        table, config = source.table, source.config
        n, after = config.window, config.lead + config.outputs - 1
        whole, gapped, missing = _complete(source, n, targets=targets)
        first, size = whole, n
        if stream is not None:
            first, gapped, missing = _complete(source, size := 1, targets=targets)
            first = first - n + 1
        mixed = missing[source.mixed[missing + size - 1]]
        if config.mixed == "refuse":
            refuse_mixed(table, config, mixed + size - n)

        codes = parts_of_rows(table, config.split)
        merged = np.where(codes == 1, 0, codes) if refit else codes
        if config.id is not None:
            low = first + n - 1 + config.lead
            high = low + config.outputs - 1
        elif in_whole:
            low = np.maximum(first, source.stretch[first + n - 1])
            high = first + n - 1 + after
        else:  # the next part's first target is as far after its first row as in every window
            low, high = np.maximum(first, 0), np.maximum(first + config.outputs - 1, 0)
        starts = [
            first[(of_rows[low] == part) & in_one_part(of_rows, low, high)]
            for part, of_rows in enumerate((merged, codes, codes))
        ]
        kept, full = np.concatenate(starts), [each[np.isin(each, whole)] for each in starts]
        found = cls(
            training=starts[0],
            validation=full[1],
            test=full[2],
            skipped_gaps=len(gapped),
            skipped_missing=len(missing) - len(mixed),
            skipped_straddling=len(np.setdiff1d(first, kept)),
            skipped_mixed=len(mixed),
            early=len(np.setdiff1d(kept, whole)),
        )
        for part, (name, windows) in enumerate(zip(PARTS, full, strict=True)):
            if not len(windows):
                short = ""
                if table.recording is not None:
                    longest = int(np.bincount(table.recording).max())
                    of = "series" if table.series else "recordings"
                    short = f", whose {of} have at most {longest} rows"
                several = f", {found.skipped_mixed} several labels" if config.classes else ""
                raise UserError(
                    f"no complete window of {n + after} rows lies in the "
                    f"{int((codes == part).sum())} rows of the {name} part{short} (of all "
                    f"windows, {found.skipped_gaps} have a gap in time, {found.skipped_missing} a "
                    f"missing value{several} and {found.skipped_straddling} rows or targets in two "
                    "parts): choose a shorter window, fewer outputs or another split"
                )
        return found


def _check_range(source: Rows, dataset: Dataset) -> None:
    """Reject values that are too far from those of the training part.

    Raises:
        UserError: The message names the column and the row.
    """
    config = source.config
    row = source.table.place
    refuse_far(source.inputs, dataset.input_scaling, config.columns, row)
    outputs = []
    if not isinstance(dataset.targets, Monitored):
        outputs.append((source.target, dataset.target_scaling, config.targets))
    if config.known:
        outputs.append((source.ahead, dataset.further_scaling[-1], tuple(config.known)))
    for values, every, names in outputs:
        one = slice(None, None, config.outputs)  # the scaling of each column's first step
        refuse_far(values, Scaling(every.offset[one], every.scale[one]), names, row)


def _relative_scaling(train: Part, relative: tuple[int, ...], config: DataConfig) -> Scaling:
    """Return the scaling of the columns of the table in windows, some relative to their last."""
    columns = len(config.inputs)
    windows = replace(train.windows, values=train.windows.values[:, :columns])

    def chunks() -> Iterator[Array]:
        return (relative_to_last(x, relative).reshape(-1, columns) for x in windows.chunks())

    return fit_scaling_in_chunks(chunks, config.scaling, config.inputs)


def _with_unscaled(fitted: Scaling, columns: int) -> Scaling:
    """Return the scaling of all inputs. The last ones, masks and the calendar, are not scaled."""
    further = columns - len(fitted.scale)
    return Scaling(
        np.append(fitted.offset, [0.0] * further), np.append(fitted.scale, [1.0] * further)
    )


def _further_scaling(
    inputs: Scaling, train: Part, config: DataConfig, earlier: int
) -> tuple[Scaling, ...]:
    """Return the scalings of differences between readings of each target, and of values ahead."""
    found = []
    if earlier:
        scales = inputs.scale[list(config.target_columns)]
        found += [Scaling(np.zeros(earlier), np.full(earlier, scale)) for scale in scales]
    if config.known:
        found.append(ahead_scaling(train.of_targets(train.further[-1]), config))
    return tuple(found)


def _complete(
    source: Rows, n: int, *, targets: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the first rows of the windows of n rows that are complete.

    Besides, those of the ones with a gap in time, and of others with a missing value. The targets
    must be known if ``targets`` says so.
    """
    gapped, missing = source.left_out(n, targets=targets)
    possible = source.candidates(n, targets=targets)
    each = (~gapped & ~missing, gapped, missing)
    complete, gaps, holes = (np.flatnonzero(possible & kind) for kind in each)
    return complete, gaps, holes
