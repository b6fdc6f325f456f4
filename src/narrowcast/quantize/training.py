"""Quantisation-aware training, which starts from a trained float model."""

import math

import numpy as np
import torch
from torch import Tensor

from narrowcast.config import Config, shape_of
from narrowcast.data import Dataset, Monitored, Targets
from narrowcast.integer.builder import LinearSpec, transformer, weight_name
from narrowcast.model.examples import Inputs, drawn
from narrowcast.model.training import EpochCallback, fit, one_thread
from narrowcast.model.transformer import Transformer, arranged
from narrowcast.quantize.fold import folded
from narrowcast.quantize.input_range import Levels, Reader, balance, expected_levels
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.precision import Precision
from narrowcast.training_records import History

CALIBRATION_WINDOWS = 2048
# Differences grow with the level of a series, too. The range has room for those of twice the level.
_GROWTH = 2.0
_ANOMALY = 4.0  # by how much readings that are anomalies may exceed those of training
_REVIEW_WINDOWS = 512
_RATE = 0.5  # learning rate as a fraction of that in floating point
# Batches of the fine-tuning, and most epochs. Rare peaks need many batches: see docs/accuracy.md.
_BATCHES = 10_000
_MOST_EPOCHS = 100


@one_thread()
def calibrated(
    source: Transformer, dataset: Dataset, config: Config, factors: Tensor | None = None
) -> QuantisedTransformer:
    """Return the quantised model, calibrated on the training part and not yet fine-tuned.

    Args:
        source: The float model.
        dataset: The data.
        config: Configuration with the widths of the model.
        factors: Divisors of the columns of the input; those of :func:`balance` unless given.
    """
    precision = Precision.of(config.quantization, shape_of(config))
    inputs, restart = sample(dataset, config, CALIBRATION_WINDOWS)
    columns = config.relative_columns
    levels: Levels = []
    if columns:
        parts = [
            np.concatenate([dataset.scaled_inputs(x)[..., columns] for x in each.windows.chunks()])
            for each in (dataset.train, dataset.validation)
        ]
        levels = [expected_levels(*(x[..., i] for x in parts)) for i in range(len(columns))]
    alike = shape_of(config).inputs - shape_of(config).shared if config.model.series else 0
    if factors is None:
        readers = _readers(source, precision)
        factors = balance(inputs[0], precision.bits["input"], readers, columns, levels, alike)
    model = QuantisedTransformer(source, precision, factors)
    target = torch.from_numpy(dataset.scaled_target(dataset.train))
    if not isinstance(dataset.targets, Targets):  # the results have no range but their own
        target = source.evaluate(*inputs, restart=restart)
    growth = _GROWTH if dataset.relative else 1.0
    if isinstance(dataset.targets, Monitored):
        growth = _ANOMALY
    model.calibrate(inputs, target, levels, growth, restart)
    return model.eval()


def _readers(source: Transformer, precision: Precision) -> list[Reader]:
    """Return the trained matrices that read the window.

    There are none of a detector, to whose results the rounding of readings adds as it is.
    """
    shape = source.shape
    if shape.compared:
        return []
    graph, columns = transformer(shape), torch.arange(shape.inputs)
    of_row = arranged(columns.expand(1, shape.window, -1), shape)[0, 0]
    parameters = folded(source, torch.ones(shape.inputs))
    return [
        Reader(
            parameters[each.name].weight,
            precision.bits[weight_name(each)],
            of_row.repeat(each.kernel),
        )
        for each in graph.operations
        if isinstance(each, LinearSpec) and each.learnt and each.operand == graph.inputs[0]
    ]


def sample(dataset: Dataset, config: Config, windows: int) -> tuple[Inputs, Tensor]:
    """Return the scaled readings of training windows, or of segments of a stream, at random.

    Args:
        dataset: The data.
        config: Configuration with the seed and the size of the model.
        windows: Most inferences that are returned.

    Returns:
        Readings of each input, and whether an inference is the first of its stretch.
    """
    generator = torch.Generator().manual_seed(config.train.seed)
    return drawn(dataset.train, dataset, shape_of(config).reach, windows, generator)


def finetune_epochs(dataset: Dataset, config: Config) -> int:
    """Return the number of epochs of the fine-tuning, the configured one or the default."""
    if config.train.finetune_epochs is not None:
        return config.train.finetune_epochs
    batches = math.ceil(len(dataset.train) / config.train.batch)
    return min(_MOST_EPOCHS, math.ceil(_BATCHES / batches))


def finetune(
    source: Transformer, dataset: Dataset, config: Config, progress: EpochCallback | None = None
) -> tuple[QuantisedTransformer, History]:
    """Fine-tune with fake quantisation. Validation errors are those of the integer model.

    Scales, biases and gains are learned. The integers of the weights remain those of the
    calibration. If they were learned with straight-through gradients, weights between two integers
    would change from one to the other up to the end, and the rest could not adapt to them.

    After each epoch of the first half, the decisions of adaptive schemes are repeated for the
    current distributions.

    The same source and seed give the same model.
    """
    torch.manual_seed(config.train.seed)
    model = calibrated(source, dataset, config)
    epochs = finetune_epochs(dataset, config)
    few, restart = sample(dataset, config, _REVIEW_WINDOWS)
    learnt = [each for each in model.parameters() if each.requires_grad]

    def after_epoch(epoch: int) -> bool:
        return 2 * epoch <= epochs and model.review(few, restart)

    history = fit(
        model,
        dataset,
        config.train,
        epochs=epochs,
        groups=[{"params": learnt, "lr": _RATE * config.train.learning_rate, "weight_decay": 0.0}],
        teacher=source,
        review=after_epoch,
        progress=progress,
    )
    return model, history
