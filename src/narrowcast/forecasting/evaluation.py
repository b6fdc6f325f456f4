"""The errors of a trained model on new data, beside those of simple forecasts, and its drift."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from narrowcast.data import (
    Baselines,
    Classifiers,
    Detectors,
    ErrorSums,
    Labels,
    Monitored,
    Part,
    Table,
    Targets,
)
from narrowcast.data.columns import listed
from narrowcast.data.labels import recognition
from narrowcast.data.rules import NAME as RULES
from narrowcast.data.scaling import Array
from narrowcast.digests import digest
from narrowcast.errors import UserError, boundary
from narrowcast.forecasting.drift import ColumnDrift, Drift
from narrowcast.forecasting.trained import Origins, TrainedModel
from narrowcast.pipeline.outputs import BASELINES
from narrowcast.training_records import BASELINES as NAMES
from narrowcast.training_records import (
    PANEL_BASELINES,
    Detection,
    Errors,
    Recognition,
    Scores,
    TargetNames,
    target_names,
)

Batch = tuple[Part, Array]

# Columns of the table of detectors, and the fields of Detection in them.
_DETECTION = {
    "ROC AUC": "roc_auc",
    "PR AUC": "pr_auc",
    "F1": "f1",
    "precision": "precision",
    "recall": "recall",
    "flagged": "flagged",
    "flags a day": "flags_per_day",
    "false alarms a day": "false_alarms_per_day",
    "events": "events",
    "found": "events_detected",
    "rows late": "delay_rows",
}


@dataclass(frozen=True)
class Evaluation:
    """The results of a trained model on new data.

    Attributes:
        target: Column that is forecast, or several.
        lead: Rows from the last row of a window to its first target.
        outputs: Steps ahead that are forecast.
        windows: Number of windows whose targets are all known.
        skipped_gaps: Windows left out because of a gap in time.
        skipped_missing: Windows left out because a value is missing.
        skipped_mixed: Windows left out because their rows have several labels.
        errors: Scores by method: the integer model and the simple methods of the training. None for
            a method that is impossible.
        drift: How far the readings lie outside of the integers' range, by input column.
        notes: Remarks, each in one line.
        classes: Labels that are told apart.
    """

    target: TargetNames
    lead: int
    outputs: int
    windows: int
    skipped_gaps: int
    skipped_missing: int
    skipped_mixed: int
    errors: dict[str, Scores | None]
    drift: dict[str, ColumnDrift]
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def _errors(self) -> dict[str, Errors | None]:
        return {k: e for k, e in self.errors.items() if e is None or isinstance(e, Errors)}

    def _of(self, target: str) -> dict[str, Errors | None]:
        """Return the errors of one target by forecaster."""
        return {
            name: found and (found.by_target[target] if found.by_target else found)
            for name, found in self._errors.items()
        }

    def overall(self) -> list[list[str]]:
        """Return a table of the scores, of forecasts over all steps ahead; its names come first.

        Several targets have columns of their own, before those of all together.
        """
        if detected := {k: e for k, e in self.errors.items() if isinstance(e, Detection)}:
            return _detections(detected)
        if self.classes:
            rows = [["method", "accuracy", "balanced accuracy", "macro F1"]]
            for name, each in self.errors.items():
                if isinstance(each, Recognition):
                    shares = (each.accuracy, each.balanced_accuracy, each.macro_f1)
                    rows.append([name, *(f"{share:.3f}" for share in shares)])
            return rows
        if any(found is not None and found.by_series for found in self._errors.values()):
            return _of_panel(self._errors)
        kinds, targets = ("RMSE", "MAE"), target_names(self.target)
        columns, heads = [self._errors], [*kinds]
        if len(targets) > 1:
            columns = [*map(self._of, targets), self._errors]
            heads = [f"{name}, {kind}" for name in (*targets, "all") for kind in kinds]
        rows = [["forecast", *heads]]
        for name in self._errors:
            numbers = []
            for column in columns:
                found = column[name]
                numbers += (
                    ["-", "-"] if found is None else [f"{found.rmse:.4g}", f"{found.mae:.4g}"]
                )
            rows.append([name, *numbers])
        return rows

    def by_step(self) -> list[list[str]]:
        """Return a table of the errors of each step ahead; only its names for a single one."""
        possible = [name for name, found in self._errors.items() if found]
        rows = [["forecast", *(f"{name}, {kind}" for name in possible for kind in ("RMSE", "MAE"))]]
        for target in target_names(self.target):
            known = [found for found in self._of(target).values() if found]
            columns = [each or () for found in known for each in (found.by_step, found.mae_by_step)]
            for step, numbers in enumerate(zip(*columns, strict=True)):
                shown = (f"{each:.4g}" for each in numbers)
                rows.append([f"{target}+{self.lead + step}", *shown])
        return rows

    def confusion(self) -> list[list[str]]:
        """Return a table of windows by true label, in rows, and by label found; its names first."""
        found = self.errors["integer"]
        rows = [["label \\ found", *self.classes]]
        if isinstance(found, Recognition):
            pairs = zip(self.classes, found.confusion, strict=True)
            rows += [[name, *map(str, counts)] for name, counts in pairs]
        return rows

    def drifts(self) -> list[list[str]]:
        """Return a table of the readings outside of the integers' range.

        It says how far their mean moved, too, in standard deviations of the training.
        """
        rows = [["input", "outside", "integers' range", "readings", "mean moved"]]
        for name, column in self.drift.items():
            ends = [
                " to ".join(f"{end:.4g}" for end in each) for each in (column.range, column.found)
            ]
            moved = "-" if column.moved is None else f"{column.moved:+.2f} SD"
            rows.append([name, f"{column.outside:.2%}", *ends, moved])
        return rows


def _of_panel(found: Mapping[str, Errors | None]) -> list[list[str]]:
    """Return a table of the errors over all series, the first row with its names."""
    rows = [["forecast", "RMSSE", "MASE", "RMSE", "MAE"]]
    for name, e in found.items():
        numbers = (None,) * 4 if e is None else (e.rmsse, e.mase, e.rmse, e.mae)
        rows.append([name, *("-" if each is None else f"{each:.4g}" for each in numbers)])
    return rows


def _detections(found: Mapping[str, Detection]) -> list[list[str]]:
    """Return a table of the scores of detectors that are known, the first row with its names."""
    columns = {
        head: [getattr(each, field) for each in found.values()]
        for head, field in _DETECTION.items()
    }
    known = {head: each for head, each in columns.items() if any(n is not None for n in each)}
    rows = [["method", *known]]
    for i, name in enumerate(found):
        numbers = (column[i] for column in known.values())
        rows.append([name, *("-" if each is None else f"{each:.3g}" for each in numbers)])
    return rows


Simple = Baselines | Classifiers | Detectors
"""The simple methods that a model is compared with, by its task."""


def evaluate(trained: TrainedModel, simple: Simple, table: Table) -> Evaluation:
    """Return the scores of a model and of simple methods on a table with targets.

    Raises:
        UserError: No window has a known target, or readings are too far from those of the training.
    """
    origins, data = trained.origins(table, targets=True), trained.rules.data
    drift = Drift(trained.model, trained.rules.data.scaling)
    match simple:
        case Baselines():
            scores = _errors(trained, simple, origins, drift)
        case Classifiers():
            scores = _recognised(trained, simple, origins, drift)
        case Detectors():
            scores = _detected(trained, simple, origins, drift)
    return Evaluation(
        target=data.target,
        lead=data.lead,
        outputs=data.outputs,
        windows=len(origins.last),
        skipped_gaps=origins.gaps,
        skipped_missing=origins.missing,
        skipped_mixed=origins.mixed,
        errors=scores,
        drift=drift.columns(),
        notes=(*origins.notes, *_left_out(simple)),
        classes=tuple(data.classes),
    )


def _windows(trained: TrainedModel, origins: Origins, drift: Drift) -> Iterator[Batch]:
    """Yield windows, also of a model of a stream, and the model's results of them."""
    lead, streams = trained.rules.data.lead, trained.rules.stream is not None
    for part, results in trained.batches(origins):
        drift.add(part)
        yield origins.rows.part(part.row - lead, None) if streams else part, results


def _errors(
    trained: TrainedModel, simple: Baselines, origins: Origins, drift: Drift
) -> dict[str, Scores | None]:
    """Return the errors of a forecaster and of the simple forecasts.

    Raises:
        UserError: Readings are so far from those of the training that errors overflow.
    """
    assert isinstance(trained.targets, Targets)
    sums, rows = {"integer": ErrorSums(trained.targets)}, origins.rows
    with np.errstate(over="ignore", invalid="ignore"):
        for part, forecasts in _windows(trained, origins, drift):
            sums["integer"].add(forecasts, part.target, part.members)
            for name, forecast in simple.forecasts(part, rows.table, rows.last_known):
                sums.setdefault(name, ErrorSums(simple.targets)).add(
                    forecast, part.target, part.members
                )
        found = {name: each.errors() for name, each in sums.items()}
    for name, errors in found.items():
        if errors is not None and not _finite(errors):
            raise UserError(
                f"the errors of {name} are beyond what a float holds: readings of "
                f"{listed(target_names(trained.rules.data.target))} lie too far from those of the "
                "training: correct them"
            )
    names = (*NAMES, *(PANEL_BASELINES if rows.table.panel else ()))
    return {name: found.get(name) for name in ("integer", *names)}


def _finite(errors: Errors) -> bool:
    """Return whether all errors are finite."""
    numbers = [errors.rmse, errors.mae, errors.rmsse, errors.mase]
    for each in (errors.by_series or {}).values():
        numbers += [each.rmsse, each.mase]
    return bool(np.isfinite([each for each in numbers if each is not None]).all())


def _recognised(
    trained: TrainedModel, simple: Classifiers, origins: Origins, drift: Drift
) -> dict[str, Scores | None]:
    """Return how well a classifier and the simple ones recognise labels."""
    confusion: dict[str, NDArray[np.int64]] = {}
    for part, results in _windows(trained, origins, drift):
        of_part = {
            "integer": simple.labels.recognition(results, part.target),
            **simple.scores(part),
        }
        for name, found in of_part.items():
            confusion[name] = confusion.get(name, 0) + np.array(found.confusion)
    return {name: recognition(each) for name, each in confusion.items()}


def _detected(
    trained: TrainedModel, simple: Detectors, origins: Origins, drift: Drift
) -> dict[str, Scores | None]:
    """Return how well a detector and the simple ones tell anomalies."""
    monitored = trained.targets
    assert isinstance(monitored, Monitored)
    decisions: dict[str, list[Array]] = {}
    truth, row = [], []
    for part, results in _windows(trained, origins, drift):
        for name, found in {"integer": results, **simple.decisions(part)}.items():
            decisions.setdefault(name, []).append(found)
        truth.append(part.target)
        row.append(part.row)
    labels = np.concatenate(truth), np.concatenate(row)
    return {
        name: monitored.detection(np.concatenate(found), *labels)
        for name, found in decisions.items()
    }


def _left_out(simple: Simple) -> Sequence[str]:
    if not isinstance(simple, Baselines) or simple.weights:
        return ()
    return (f"{BASELINES} is not there: of the simple forecasts, only persistence needs no fit",)


def load_simple(out: Path, trained: TrainedModel) -> Simple:
    """Return the simple methods of the training; without their file, those that need no fit.

    Raises:
        UserError: The file is damaged, or of another training; or it is not there, and all need it.
    """
    path, again = out / BASELINES, "run 'narrowcast train' and 'narrowcast quantize' again"
    targets = trained.targets
    if not path.exists() and isinstance(targets, Targets):
        return Baselines.without_fit(trained.rules.data, targets.units)
    with boundary(str(path), again):
        content = path.read_bytes()
        if digest(content) != trained.rules.baselines_sha256:
            raise UserError(f"{path}: has been altered, or is of another training; {again}")
        if isinstance(targets, Labels):
            return Classifiers.of_arrays(load(content), targets)
        if isinstance(targets, Monitored):
            return Detectors.of_arrays(load(content), targets)
        found, series = Baselines.of_arrays(load(content), trained.rules.data), trained.rules.series
        if (None if found.per_series is None else len(found.per_series)) != (
            series and len(series)
        ):
            raise UserError(f"{path}: is of other series than {RULES}; {again}")
        return found
