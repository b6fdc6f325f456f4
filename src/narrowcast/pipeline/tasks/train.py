"""Training in floating point."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.config import Config
from narrowcast.files import write_whole
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.outputs import BASELINES, FLOAT_MODEL, TRAINING
from narrowcast.pipeline.stages import Stage
from narrowcast.pipeline.tasks.readings import (
    epoch_progress,
    learning_settings,
    load_windows,
    source_files,
)
from narrowcast.progress import Progress
from narrowcast.training_records import History, TrainResults

if TYPE_CHECKING:
    from narrowcast.data import Dataset, Table
    from narrowcast.model import Learnt


def stage(config: Config, precondition: Callable[[], None]) -> Stage[TrainResults]:
    """Return the stage that trains the float model."""

    def run(work: Path, progress: Progress) -> TrainResults:
        from safetensors.numpy import save

        from narrowcast.data import Dataset, make_windows
        from narrowcast.model import learn, save_state

        dataset, table, summary = load_windows(config)
        windows = dataset
        if config.stream is not None:
            windows = make_windows(table, config.data, monitors=config.monitors)
        for remark in (*summary.notes, str(summary.windows), *_labelled(dataset)):
            progress.remarked("train", remark)

        def last(dataset: Dataset, history: History) -> None:
            epochs = f"{history.best + 1} epoch{'s' if history.best else ''}"
            both = f"{len(dataset.train)} targets of the training and the validation part"
            progress.remarked("train", f"trained anew for {epochs}, on {both} together")

        learnt = learn(dataset, table, config, epoch_progress(progress), last)
        save_state(learnt.model, work / FLOAT_MODEL)
        arrays, simple = _simple(windows, learnt.dataset, table, config)
        write_whole(work / BASELINES, save(arrays))
        test = {"float": learnt.scores, **simple}
        if config.refits:
            counts = replace(summary.windows, refit=len(learnt.dataset.train))
            summary = replace(summary, windows=counts)
        if learnt.faults is not None:
            progress.remarked("train", _choice(learnt.config, learnt.faults))
        if config.monitors is not None:
            progress.remarked("train", _threshold(learnt))
        return TrainResults(
            *(summary, test, learnt.history, learnt.constant_width),
            method=None if config.monitors is None else learnt.config.detect.method,
            faults=learnt.faults,
        )

    settings = learning_settings(config)
    del settings["train"]["finetune_epochs"]
    return Stage(
        name="train",
        run=run,
        record=TRAINING,
        kind=TrainResults,
        outputs=(FLOAT_MODEL, BASELINES),
        settings=settings,
        options={"code": code_digest(__name__)},
        files=source_files(config),
        precondition=precondition,
    )


def _choice(config: Config, faults: dict[str, float]) -> str:
    """Return a remark on the method of a detector."""
    areas = ", ".join(f"{area:.3f} by '{name}'" for name, area in faults.items())
    return f"detect.method = '{config.detect.method}': ROC AUC of faults put in: {areas}"


def _threshold(learnt: "Learnt") -> str:
    """Return a remark on the threshold of a detector."""
    from narrowcast.data import Monitored

    dataset = learnt.dataset
    monitored = dataset.targets
    assert isinstance(monitored, Monitored)
    return (
        f"threshold {monitored.threshold:.4g}: {monitored.flags} of {len(dataset.validation)} "
        "scores of the validation part are above it"
    )


def _labelled(dataset: "Dataset") -> Iterator[str]:
    """Yield a remark on each part without anomalies, as a detector assumes, that has some."""
    from narrowcast.data import Monitored

    if not isinstance(dataset.targets, Monitored):
        return
    parts = {"training": dataset.train, "validation": dataset.validation}
    for name, part in parts.items():
        if count := int((part.target > 0).sum()):
            yield (
                f"{count} windows of the {name} part are labelled as anomalies: they count as "
                "normal, so leave out such rows, or choose another data.split"
            )


def _simple(
    windows: "Dataset", learnt: "Dataset", table: "Table", config: Config
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the simple methods to compare a model with.

    Args:
        windows: Windows, also if the model is of a stream.
        learnt: Data that the model has learnt from in the end.
        table: The table that they were cut from.
        config: The configuration.

    Returns:
        What was fitted as arrays by name, and the scores on the test part by method.
    """
    from narrowcast.data import (
        Labels,
        Monitored,
        baseline_errors,
        fit_baselines,
        fit_classifiers,
        fit_detectors,
    )

    match windows.targets:
        case Labels():
            classifiers = fit_classifiers(windows, windows.targets)
            return classifiers.arrays(), dict(classifiers.scores(windows.test))
        case Monitored():
            detectors = fit_detectors(windows, windows.targets, config.detect)
            return detectors.arrays(), dict(detectors.scores(windows.test))
    simple = fit_baselines(windows, table, config.data, learnt.forecast_targets)
    return simple.arrays(), dict(baseline_errors(simple, windows.test, table))
