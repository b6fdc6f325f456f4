"""The float model, and the training loop that quantised training also uses."""

from narrowcast.model.detector import with_threshold
from narrowcast.model.forecaster import Forecaster
from narrowcast.model.learn import Learnt, learn
from narrowcast.model.quantiles import Unseen, constant_widths, scale_quantiles, spreads
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
    "Learnt",
    "Transformer",
    "Unseen",
    "build",
    "constant_widths",
    "fit",
    "learn",
    "load_state",
    "predict",
    "predict_part",
    "save_state",
    "scale_quantiles",
    "spreads",
    "train_float",
    "with_threshold",
]
