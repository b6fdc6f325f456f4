"""Training in floating point."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
from narrowcast.training_records import TrainResults


def stage(config: Config, precondition: Callable[[], None]) -> Stage[TrainResults]:
    """Return the stage that trains the float model."""

    def run(work: Path, progress: Progress) -> TrainResults:
        from safetensors.numpy import save

        from narrowcast.data import baseline_errors, errors, fit_baselines, make_windows
        from narrowcast.model import (
            constant_widths,
            predict_part,
            save_state,
            scale_quantiles,
            spreads,
            train_float,
        )

        dataset, table, summary = load_windows(config)
        windows = dataset if config.stream is None else make_windows(table, config.data)
        for remark in (*summary.notes, str(summary.windows)):
            progress.remarked("train", remark)
        model, history = train_float(dataset, config, epoch_progress(progress))
        quantiles = config.model.quantiles
        widths = constant_widths(model, dataset) if quantiles else None
        factors = spreads(model, dataset) if quantiles and config.train.conformal else None
        if config.train.refit:
            dataset = make_windows(table, config.data, config.stream, quantiles, refit=True)
            counts = replace(summary.windows, refit=len(dataset.train))
            summary = replace(summary, windows=counts)
            epochs = f"{history.best + 1} epoch{'s' if history.best else ''}"
            both = f"{counts.refit} targets of the training and the validation part"
            progress.remarked("train", f"trained anew for {epochs}, on {both} together")
            model, _ = train_float(dataset, config, epoch_progress(progress), chosen=history.best)
        if factors is not None:
            scale_quantiles(model, dataset.targets, factors)
        save_state(model, work / FLOAT_MODEL)
        forecasts = predict_part(model, dataset.test, dataset)
        exact = errors(forecasts, dataset.test.target, dataset.targets)
        simple = fit_baselines(windows, table, config.data, dataset.targets)
        write_whole(work / BASELINES, save(simple.arrays()))
        test = {"float": exact, **baseline_errors(simple, windows.test, table)}
        constant = None
        if widths is not None:
            middle = dataset.targets.middle(forecasts).repeat(len(quantiles), axis=1)
            width = dataset.target_scaling.repeated(len(quantiles)).scale * widths
            constant = errors(middle + width, dataset.test.target, dataset.targets)
        return TrainResults(summary, test, history, constant)

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
