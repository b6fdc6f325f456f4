"""The readings, for the stages that train."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.config import Config, DataConfig
from narrowcast.files import matching_files, names_of, rereadable
from narrowcast.progress import Progress
from narrowcast.training_records import DataSummary, Windows

if TYPE_CHECKING:
    from narrowcast.data import Dataset, Table


def learning_settings(config: Config) -> dict[str, Any]:
    """Return the settings that a trained model depends on, as JSON, by section."""
    sections = {"task", "data", "model", "train", *(("detect",) if config.monitors else ())}
    plain = config.model_dump(mode="json", include=sections)
    del plain["data"]["path"]  # the content counts, and it may have moved
    return plain


def source_files(config: Config) -> dict[str, Path]:
    """Return the files of readings; of a pipe, the file that it was read into.

    Raises:
        UserError: A pipe cannot be read, or no file matches a pattern.
    """
    if config.data.path is None:
        return {}
    files = matching_files(config.data.path)
    if len(files) == 1:
        return {"data": rereadable(files[0])}
    return {f"data, {name}": each for name, each in zip(names_of(files), files, strict=True)}


def load_windows(config: Config, *, refit: bool = False) -> "tuple[Dataset, Table, DataSummary]":
    """Return the windows, the table that they were cut from, and the summary of the data.

    Args:
        config: The configuration.
        refit: Whether the training part goes on to the test part.

    Raises:
        UserError: The readings cannot be read, or cannot be used for training.
    """
    from narrowcast.data import Monitored, make_windows, read_table

    table = read_table(config.data, anomalies=config.monitors is not None)
    quantiles = config.model.quantiles
    dataset = make_windows(
        *(table, config.data, config.stream, quantiles),
        refit=refit,
        monitors=config.monitors,
        series=config.model.series,
    )
    targets = dataset.targets
    summary = DataSummary(
        file="" if config.data.path is None else config.data.path.name,
        rows=len(table.frame),
        inputs=tuple(config.data.inputs),
        target=list(targets.names) if isinstance(targets, Monitored) else config.data.target,
        lead=config.data.lead,
        outputs=config.data.outputs,
        missing=table.missing,
        windows=Windows(
            train=len(dataset.train),
            validation=len(dataset.validation),
            test=len(dataset.test),
            skipped_gaps=dataset.skipped_gaps,
            skipped_missing=dataset.skipped_missing,
            skipped_straddling=dataset.skipped_straddling,
            early=None if config.stream is None else dataset.early,
            skipped_mixed=dataset.skipped_mixed if config.data.classes else None,
            by_class=_by_class(dataset),
        ),
        notes=(*table.notes, *_remarks(dataset, table, config.data)),
        known=tuple(config.data.known),
        classes=tuple(config.data.classes),
        series=len(table.series) or None,
    )
    return dataset, table, summary


def _by_class(dataset: "Dataset") -> dict[str, dict[str, int]] | None:
    """Return the number of windows of each class by part; None if there are no classes."""
    from narrowcast.data import Labels

    labels = dataset.targets
    if not isinstance(labels, Labels):
        return None
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    counts = {part: labels.counts(windows.target) for part, windows in parts.items()}
    return {name: {part: counts[part][name] for part in parts} for name in labels.classes}


def _remarks(dataset: "Dataset", table: "Table", config: DataConfig) -> list[str]:
    """Return remarks on classes that a part has no windows of, and on the calendar."""
    from narrowcast.data import Labels
    from narrowcast.data.parts import parts_of_rows
    from narrowcast.data.remarks import remark_calendar

    if isinstance(dataset.targets, Labels):
        parts = {"validation": dataset.validation.target, "test": dataset.test.target}
        return dataset.targets.remarks(parts)
    if table.time is None or not config.calendar:
        return []
    others = parts_of_rows(table, config.split) < 2
    return remark_calendar(config.calendar, table.time[others])


def epoch_progress(progress: Progress) -> Callable[[int, int, float], None]:
    """Return the callback that reports every epoch of a training."""
    return lambda epoch, epochs, error: progress.advanced(
        epoch, epochs, f"epochs, validation error {error:.4g}"
    )
