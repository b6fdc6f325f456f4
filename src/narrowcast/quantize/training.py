"""Quantisation-aware training, which starts from a trained float model."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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
# Share of the weights that have settled after a fraction of the epochs. Before, schemes may change.
_SETTLED = {0.5: 0.5, 0.6: 0.75, 0.7: 0.9, 0.8: 1.0}
# Learning rate as a fraction of that in floating point. Scales are learned as logarithms. At twice
# the rate, the loss of 3- and 4-bit models of electricity demand oscillates; at three fifths of it,
# those of an ECG end farther from the float model.
_RATE = 0.05
# Above this width, the learning rate is reduced in proportion to the squared rounding error. At the
# full rate, an 8-bit model ends farther from the float model than after calibration.
_FULL_RATE_BITS = 6
# Batches of the fine-tuning, and most epochs. Rare peaks need many batches: see docs/accuracy.md.
_BATCHES = 10_000
_MOST_EPOCHS = 100


def _settled(fraction: float) -> float:
    """Return the share of the weights that have settled after a fraction of the epochs."""
    return max((share for at, share in _SETTLED.items() if fraction >= at), default=0.0)


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


def parameter_groups(model: nn.Module, config: Config, scale: str) -> list[dict[str, Any]]:
    """Return the parameters of a model with fake quantisation, with their learning rates.

    Args:
        model: The model to fine-tune.
        config: Configuration with the learning rate in floating point and the widths.
        scale: Text that the names of all scales contain, and no other parameter's name.
    """
    learnt = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    scales = [p for name, p in learnt if scale in name]
    others = [p for name, p in learnt if scale not in name]
    narrowest = min(config.quantization.widths(shape_of(config)).values())
    rate = config.train.learning_rate * min(1.0, 4.0 ** (_FULL_RATE_BITS - narrowest))
    return [
        {"params": others, "lr": _RATE * rate},
        {"params": scales, "lr": _RATE * rate, "weight_decay": 0.0},
    ]


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

    After each epoch of the first half, the decisions of adaptive schemes are repeated for the
    current distributions. In the second half the schemes are frozen, and the weights settle: more
    and more of them keep their integers, those first that are nearest to one, and the others and
    all scales and biases adapt to that (as in Zhou et al., "Incremental network quantization",
    2017). Weights between two integers would change from one to the other up to the end, and which
    of them the average of the weights is rounded to would be chance. The epoch that is kept may be
    one before that.

    The same source and seed give the same model.
    """
    torch.manual_seed(config.train.seed)
    model = calibrated(source, dataset, config)
    epochs = finetune_epochs(dataset, config)
    few, restart = sample(dataset, config, _REVIEW_WINDOWS)

    def after_epoch(epoch: int) -> bool:
        before, now = (_settled(each / epochs) for each in (epoch - 1, epoch))
        changed = before == 0.0 and model.review(few, restart)
        if now > before:
            model.settle(now)
        return changed or now > before

    history = fit(
        model,
        dataset,
        config.train,
        epochs=epochs,
        groups=parameter_groups(model, config, "log_scale"),
        teacher=source,
        review=after_epoch,
        progress=progress,
    )
    return model, history
