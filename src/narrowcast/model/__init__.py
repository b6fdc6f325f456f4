"""The float model, and the training loop that quantised training also uses."""

from narrowcast.model.forecaster import Forecaster
from narrowcast.model.quantiles import residual_quantiles, shift_quantiles
from narrowcast.model.training import (
    EpochCallback,
    fit,
    load_state,
    predict,
    predict_part,
    save_state,
    train_float,
)
from narrowcast.model.transformer import Transformer, build

__all__ = [
    "EpochCallback",
    "Forecaster",
    "Transformer",
    "build",
    "fit",
    "load_state",
    "predict",
    "predict_part",
    "residual_quantiles",
    "save_state",
    "shift_quantiles",
    "train_float",
]
