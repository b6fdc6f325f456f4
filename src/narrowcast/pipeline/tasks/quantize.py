"""Fine-tuning with fake quantisation, and the integer model."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from narrowcast.config import Config
from narrowcast.digests import digest
from narrowcast.errors import ToolError
from narrowcast.files import write_whole
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.outputs import (
    ACCURACY,
    BASELINES,
    FLOAT_MODEL,
    INTEGER_MODEL,
    PREDICTIONS,
    QUANTIZATION,
    SOURCE,
    TRAINING,
)
from narrowcast.pipeline.stages import Stage
from narrowcast.pipeline.tasks.readings import (
    epoch_progress,
    learning_settings,
    load_windows,
    source_files,
)
from narrowcast.progress import Progress
from narrowcast.records import read_record, write_record
from narrowcast.training_records import (
    Quantization,
    QuantizeResults,
    TrainResults,
    cut_off_line,
    drifting,
)


def stage(config: Config, out: Path, precondition: Callable[[], None]) -> Stage[QuantizeResults]:
    """Return the stage that fine-tunes and exports the integer model."""

    def run(work: Path, progress: Progress) -> QuantizeResults:
        return _quantise(config, out, work, progress)

    quantization = config.model_dump(mode="json", include={"quantization"})
    return Stage(
        name="quantize",
        run=run,
        record=ACCURACY,
        kind=QuantizeResults,
        outputs=(*INTEGER_MODEL, SOURCE, PREDICTIONS, QUANTIZATION),
        needs=(FLOAT_MODEL, BASELINES, *((TRAINING,) if config.monitors else ())),
        settings=learning_settings(config) | quantization,
        options={"code": code_digest(__name__)},
        files=source_files(config),
        precondition=precondition,
    )


def _with_method(config: Config, out: Path) -> Config:
    """Return the configuration with the method of a detector that training has chosen."""
    if config.monitors is None:
        return config
    method = read_record(out / TRAINING, TrainResults).method
    return config.model_copy(update={"detect": config.detect.model_copy(update={"method": method})})


def _quantise(config: Config, out: Path, work: Path, progress: Progress) -> QuantizeResults:
    from safetensors.numpy import save

    from narrowcast.data import Rules, Targets, save_rules
    from narrowcast.integer import execute, save_model
    from narrowcast.model import build, load_state, predict_part, with_threshold
    from narrowcast.quantize import cut_off, finetune, summarise, to_integer_model

    config = _with_method(config, out)
    dataset, table, _ = load_windows(config, refit=config.refits)
    test = dataset.test
    source = build(config)
    load_state(source, out / FLOAT_MODEL)
    quantised, history = finetune(source, dataset, config, epoch_progress(progress))
    exact = dataset
    if config.monitors is not None:
        exact = with_threshold(source, dataset, config.detect)
        dataset = with_threshold(quantised, dataset, config.detect)
    model = to_integer_model(quantised, dataset, config.data)

    names = (each.tensor for each in model.inputs)
    given = dict(zip(names, (test.inputs, *test.further), strict=True))
    inputs, restart = model.quantise(given), test.restart
    results = execute(model, inputs, restart=restart)
    forecasts = {
        "float": predict_part(source, test, exact),
        "qat": predict_part(quantised, test, dataset),
        "integer": test.of_targets(model.forecasts(results, given)),
    }
    if differing := int(dataset.differing(forecasts["qat"], forecasts["integer"]).sum()):
        raise ToolError(
            f"the integer model and the quantised one in training differ on {differing} of "
            f"{len(test)} test windows: this is an error in narrowcast, please report it"
        )
    several = {"truth": test.target, **forecasts}
    if test.members is not None:
        several = {name: test.members.in_units(y) for name, y in several.items()}
    arrays = {
        **{name: y[:, 0] if y.shape[1] == 1 else y for name, y in several.items()},
        "row": test.row,
        **({} if test.time is None else {"time": test.time.as_unit("ns").asi8}),
        **({} if test.members is None else {"series": test.members.number}),
        "restart": restart,
        "inputs": model.pack_inputs(inputs).astype(np.int32),
        "results": model.pack_outputs(results).astype(np.int32),
    }
    tensors = Quantization(tuple(summarise(quantised, dataset, config)))
    write_record(work / QUANTIZATION, tensors)
    save_model(model, work)
    simple = digest((out / BASELINES).read_bytes())
    save_rules(Rules.of(table, config.data, config.stream, simple), work)
    packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_whole(work / PREDICTIONS, packed)
    accuracy = {name: dataset.scores(each, test) for name, each in forecasts.items()}
    parts = {"train": dataset.train, "validation": dataset.validation, "test": test}
    lost = {name: cut_off(model, part) for name, part in parts.items()}
    progress.remarked("quantize", cut_off_line(lost))
    known = config.data.relative_inputs
    further = [name for name in drifting(lost) if name not in known]
    if further and isinstance(dataset.targets, Targets):
        if set(further) & set(dataset.targets.names):  # all targets are relative, or none
            every = {*further, *dataset.targets.names}
            further = [name for name in dataset.columns if name in every]
        columns = json.dumps([*known, *further], ensure_ascii=False)
        advice = f"to follow a series that drifts, set data.relative_inputs = {columns}"
        progress.remarked("quantize", advice)
    return QuantizeResults(accuracy, lost, history)
