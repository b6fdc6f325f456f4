"""Quantisation-aware training from a trained model in floating point."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.data.scaling import Array
from narrowcast.model.training import ProgressCallback, fit, one_thread
from narrowcast.model.transformer import Transformer
from narrowcast.quantize.network import QuantisedTransformer, balance
from narrowcast.quantize.precision import Precision
from narrowcast.training_records import History

CALIBRATION_WINDOWS = 2048
_REVIEW_WINDOWS = 512
_REVIEWED = 0.5  # of all epochs; then schemes are frozen
# Learning rates, as fractions of that in floating point: of the scales, that of their logarithms.
# Chosen on the validation part of AirU, at 4 bits.
_RATE = 0.3
_SCALE_RATE = 0.3
# With more bits everywhere there is less to make up for, and the rate falls with the squared error
# of rounding. At the full rate, 8 bits end farther from the float model than they were calibrated.
_FULL_RATE_BITS = 6
# The least and the most that levels unseen in training are allowed for, as fractions of the range.
_LEAST_MARGIN = 0.05
_MOST_MARGIN = 0.25


@one_thread()
def calibrated(source: Transformer, dataset: Dataset, config: Config) -> QuantisedTransformer:
    """Return the quantised model before fine-tuning, calibrated on the training part."""
    plan = Precision.of(config.quantization, config.model.layers)
    inputs = sample(dataset, config, CALIBRATION_WINDOWS)
    column, levels = config.relative_column, None
    if column is not None:
        parts = (dataset.train, dataset.validation)
        levels = expected_levels(
            *(dataset.input_scaling.apply(part.inputs)[:, :, column] for part in parts)
        )
    factors = balance(inputs, plan.bits["input"], column, levels).float()
    model = QuantisedTransformer(source, plan, factors)
    target = dataset.target_scaling.apply(dataset.train.target)
    model.calibrate(inputs, torch.from_numpy(target), levels)
    return model.eval()


def expected_levels(train: Array, validation: Array) -> tuple[float, float]:
    """Return the range in which a series is expected to keep: lowest and highest.

    That of the training part is widened, on either side, by what the second half of it exceeded the
    first and what the validation part exceeded it, whichever is more: a series that has left the
    levels it was known by will do so again. Each margin is between ``_LEAST_MARGIN`` and
    ``_MOST_MARGIN`` of the range.

    Args:
        train: windows [windows, n] of the series, in order of time.
        validation: those that follow.
    """
    margins = []
    for sign in (-1, 1):
        last, following = sign * train[:, -1], sign * validation[:, -1]
        first, both, after = (
            each.max() for each in (last[: (len(last) + 1) // 2], last, following)
        )
        margins.append(max(both - first, after - both))
    lowest, highest = float(train.min()), float(train.max())
    span = highest - lowest
    below, above = np.clip(margins, _LEAST_MARGIN * span, _MOST_MARGIN * span)
    return lowest - float(below), highest + float(above)


def sample(dataset: Dataset, config: Config, windows: int) -> Tensor:
    """Return scaled training windows [windows, n, m], drawn at random."""
    generator = torch.Generator().manual_seed(config.train.seed)
    chosen = torch.randperm(len(dataset.train), generator=generator)[:windows]
    return torch.from_numpy(dataset.input_scaling.apply(dataset.train.inputs[chosen.numpy()]))


def parameter_groups(model: nn.Module, config: Config, scale: str) -> list[dict[str, Any]]:
    """Return the parameters of a model in fake quantisation, with their learning rates.

    Args:
        model: to be fine-tuned.
        config: gives the learning rate in floating point and the widths.
        scale: what the name of a scale, and of nothing else, has in it.
    """
    scales = [p for name, p in model.named_parameters() if scale in name]
    others = [p for name, p in model.named_parameters() if scale not in name]
    narrowest = min(config.quantization.widths(config.model.layers).values())
    rate = config.train.learning_rate * min(1.0, 4.0 ** (_FULL_RATE_BITS - narrowest))
    return [
        {"params": others, "lr": _RATE * rate},
        {"params": scales, "lr": _SCALE_RATE * rate, "weight_decay": 0.0},
    ]


def finetune(
    source: Transformer, dataset: Dataset, config: Config, progress: ProgressCallback | None = None
) -> tuple[QuantisedTransformer, History]:
    """Fine-tune with fake quantisation; the validation errors are those of the integer network.

    After each epoch of the first half, adaptive schemes may follow what has become of their
    tensors; then they are frozen. The same source and seed give the same model.
    """
    torch.manual_seed(config.train.seed)
    model = calibrated(source, dataset, config)
    epochs = config.train.finetune_epochs
    few = sample(dataset, config, _REVIEW_WINDOWS)
    last_review = math.floor(_REVIEWED * epochs)
    history = fit(
        model,
        dataset,
        config.train,
        epochs=epochs,
        groups=parameter_groups(model, config, "log_scale"),
        teacher=source,
        review=lambda epoch: epoch <= last_review and model.review(few),
        progress=progress,
    )
    return model, history
