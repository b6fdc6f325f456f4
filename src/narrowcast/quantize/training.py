"""Quantisation-aware training from a trained model in floating point."""

from typing import Any

import torch
from torch import nn

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.model.training import History, Progress, fit, tensors
from narrowcast.model.transformer import Transformer
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.plan import BitPlan

_CALIBRATION_WINDOWS = 2048
# Learning rates, as fractions of that in floating point: of the scales, that of their logarithms.
# Chosen on the validation part of AirU, at 4 bits.
_RATE = 0.3
_SCALE_RATE = 0.3


def calibrated(source: Transformer, dataset: Dataset, config: Config) -> QuantisedTransformer:
    """Return the quantised model before fine-tuning, calibrated on the training part."""
    model = QuantisedTransformer(source, BitPlan.of(config.quantization, config.model.layers))
    inputs, target = tensors(dataset.train, dataset)
    generator = torch.Generator().manual_seed(config.train.seed)
    sample = torch.randperm(len(inputs), generator=generator)[:_CALIBRATION_WINDOWS]
    model.calibrate(inputs[sample], target)
    return model.eval()


def parameter_groups(model: nn.Module, config: Config) -> list[dict[str, Any]]:
    """Return the parameters of a model in fake quantisation, with their learning rates."""
    scales = [p for name, p in model.named_parameters() if name.endswith("log_scale")]
    others = [p for name, p in model.named_parameters() if not name.endswith("log_scale")]
    rate = config.train.learning_rate
    return [
        {"params": others, "lr": _RATE * rate},
        {"params": scales, "lr": _SCALE_RATE * rate, "weight_decay": 0.0},
    ]


def finetune(
    source: Transformer, dataset: Dataset, config: Config, progress: Progress | None = None
) -> tuple[QuantisedTransformer, History]:
    """Fine-tune with fake quantisation; the validation errors are those of the integer network.

    The same source and seed give the same model.
    """
    torch.manual_seed(config.train.seed)
    model = calibrated(source, dataset, config)
    history = fit(
        model,
        dataset,
        config.train,
        epochs=config.train.finetune_epochs,
        groups=parameter_groups(model, config),
        teacher=source,
        progress=progress,
    )
    return model, history
