"""Quantisation-aware training from a trained model in floating point."""

import math

import torch
from torch import Tensor

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.model.training import History, Progress, fit, tensors
from narrowcast.model.transformer import Transformer
from narrowcast.quantize.network import QuantisedTransformer, balance
from narrowcast.quantize.plan import QuantizationPlan

_CALIBRATION_WINDOWS = 2048
_REVIEW_WINDOWS = 512
_REVIEWED = 0.5  # of all epochs; then schemes are frozen
# Learning rates, as fractions of that in floating point: of the scales, that of their logarithms.
# Chosen on the validation part of AirU, at 4 bits.
RATE = 0.3
SCALE_RATE = 0.3


def calibrated(source: Transformer, dataset: Dataset, config: Config) -> QuantisedTransformer:
    """Return the quantised model before fine-tuning, calibrated on the training part."""
    plan = QuantizationPlan.of(config.quantization, config.model.layers)
    inputs = sample(dataset, config, _CALIBRATION_WINDOWS)
    factors = balance(inputs, plan.bits["input"]).float()
    model = QuantisedTransformer(source, plan, factors)
    _, target = tensors(dataset.train, dataset)
    model.calibrate(inputs, target)
    return model.eval()


def sample(dataset: Dataset, config: Config, windows: int) -> Tensor:
    """Return scaled training windows [windows, n, m], drawn at random."""
    inputs, _ = tensors(dataset.train, dataset)
    generator = torch.Generator().manual_seed(config.train.seed)
    return inputs[torch.randperm(len(inputs), generator=generator)[:windows]]


def finetune(
    source: Transformer, dataset: Dataset, config: Config, progress: Progress | None = None
) -> tuple[QuantisedTransformer, History]:
    """Fine-tune with fake quantisation; the validation errors are those of the integer network.

    After each epoch of the first half, adaptive schemes may follow what has become of their
    tensors; then they are frozen. The same source and seed give the same model.
    """
    torch.manual_seed(config.train.seed)
    model = calibrated(source, dataset, config)
    scales = [p for name, p in model.named_parameters() if name.endswith("log_scale")]
    others = [p for name, p in model.named_parameters() if not name.endswith("log_scale")]
    rate, epochs = config.train.learning_rate, config.train.finetune_epochs
    few = sample(dataset, config, _REVIEW_WINDOWS)
    last_review = math.floor(_REVIEWED * epochs)
    groups = [
        {"params": others, "lr": RATE * rate},
        {"params": scales, "lr": SCALE_RATE * rate, "weight_decay": 0.0},
    ]
    history = fit(
        model,
        dataset,
        config.train,
        epochs=epochs,
        groups=groups,
        teacher=source,
        review=lambda epoch: epoch <= last_review and model.review(few),
        progress=progress,
    )
    return model, history
