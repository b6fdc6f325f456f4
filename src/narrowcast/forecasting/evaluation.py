"""The errors of a trained model on new data, beside those of simple forecasts, and its drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import load

from narrowcast.data import Baselines, ErrorSums, Table
from narrowcast.digests import digest
from narrowcast.errors import UserError, boundary
from narrowcast.forecasting.drift import ColumnDrift, Drift
from narrowcast.forecasting.trained import TrainedModel
from narrowcast.pipeline.outputs import BASELINES
from narrowcast.training_records import BASELINES as NAMES
from narrowcast.training_records import Errors, TargetNames, target_names


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
        errors: Errors by forecaster: the integer model and the simple forecasts of the training.
            None for a forecast that is impossible.
        drift: How far the readings lie outside of the trained range, by input column.
        notes: Remarks, each in one line.
    """

    target: TargetNames
    lead: int
    outputs: int
    windows: int
    skipped_gaps: int
    skipped_missing: int
    errors: dict[str, Errors | None]
    drift: dict[str, ColumnDrift]
    notes: tuple[str, ...]

    def _of(self, target: str) -> dict[str, Errors | None]:
        """Return the errors of one target by forecaster."""
        return {
            name: found and (found.by_target[target] if found.by_target else found)
            for name, found in self.errors.items()
        }

    def overall(self) -> list[list[str]]:
        """Return a table of the errors over all steps ahead, the first row with its names.

        Several targets have columns of their own, before those of all together.
        """
        kinds, targets = ("RMSE", "MAE"), target_names(self.target)
        columns, heads = [self.errors], [*kinds]
        if len(targets) > 1:
            columns = [*map(self._of, targets), self.errors]
            heads = [f"{name}, {kind}" for name in (*targets, "all") for kind in kinds]
        rows = [["forecast", *heads]]
        for name in self.errors:
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
        possible = [name for name, found in self.errors.items() if found]
        rows = [["forecast", *(f"{name}, {kind}" for name in possible for kind in ("RMSE", "MAE"))]]
        for target in target_names(self.target):
            known = [found for found in self._of(target).values() if found]
            columns = [each or () for found in known for each in (found.by_step, found.mae_by_step)]
            for step, numbers in enumerate(zip(*columns, strict=True)):
                shown = (f"{each:.4g}" for each in numbers)
                rows.append([f"{target}+{self.lead + step}", *shown])
        return rows

    def drifts(self) -> list[list[str]]:
        """Return a table of the readings outside of the trained range."""
        rows = [["input", "outside", "trained range", "readings"]]
        for name, column in self.drift.items():
            ends = [
                " to ".join(f"{end:.4g}" for end in each) for each in (column.range, column.found)
            ]
            rows.append([name, f"{column.outside:.2%}", *ends])
        return rows


def evaluate(trained: TrainedModel, simple: Baselines, table: Table) -> Evaluation:
    """Return the errors of a model and of simple forecasts on a table with targets.

    Raises:
        UserError: No window has a known target.
    """
    origins, data = trained.origins(table, targets=True), trained.rules.data
    sums = {"integer": ErrorSums(trained.targets)}
    drift, streams = Drift(trained.model), trained.rules.stream is not None
    for part, forecasts in trained.batches(origins):
        drift.add(part)
        sums["integer"].add(forecasts, part.target)
        windows = origins.rows.part(part.row - data.lead, None) if streams else part
        for name, forecast in simple.forecasts(windows, table):
            sums.setdefault(name, ErrorSums(simple.targets)).add(forecast, part.target)
    found = {name: each.errors() for name, each in sums.items()}
    return Evaluation(
        target=data.target,
        lead=data.lead,
        outputs=data.outputs,
        windows=len(origins.last),
        skipped_gaps=origins.gaps,
        skipped_missing=origins.missing,
        errors={name: found.get(name) for name in ("integer", *NAMES)},
        drift=drift.columns(),
        notes=(*origins.notes, *_left_out(simple)),
    )


def _left_out(simple: Baselines) -> Sequence[str]:
    if simple.weights:
        return ()
    return (f"{BASELINES} is not there: of the simple forecasts, only persistence needs no fit",)


def load_baselines(out: Path, trained: TrainedModel) -> Baselines:
    """Return the simple forecasts of the training; without their file, those that need no fit.

    Raises:
        UserError: The file is damaged, or of another training.
    """
    path, again = out / BASELINES, "run 'narrowcast train' and 'narrowcast quantize' again"
    if not path.exists():
        return Baselines.without_fit(trained.rules.data, trained.targets.units)
    with boundary(str(path), again):
        content = path.read_bytes()
        if digest(content) != trained.rules.baselines_sha256:
            raise UserError(f"{path}: has been altered, or is of another training; {again}")
        return Baselines.of_arrays(load(content), trained.rules.data)
