"""What workers do, on this machine or on a cluster: plain values in, plain values out."""

import time
from dataclasses import dataclass

import numpy as np
import safetensors.torch

from narrowcast.config import Config
from narrowcast.data import Dataset, errors
from narrowcast.errors import UserError
from narrowcast.estimate import estimate_model
from narrowcast.model import Transformer, build, predict
from narrowcast.quantize import finetune, to_integer_model
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.search.assess import Assessment, judge_estimate
from narrowcast.search.objectives import Objectives
from narrowcast.targets.device import load_device


@dataclass(frozen=True)
class Trained:
    """A point that was trained in full.

    Attributes:
        rmse: on the validation part, in the target's unit, of the integer network.
        distance: mean square of the difference from the float model there.
        assessment: what the trained model costs; it may miss what its stand-in did not.
        seconds: that it took.
    """

    rmse: float
    distance: float
    assessment: Assessment
    seconds: float


def load_float(state: bytes, config: Config) -> Transformer:
    """Return the float model of a configuration with the weights of a file's content."""
    model = build(config)
    model.load_state_dict(safetensors.torch.load(state))
    return model.eval()


def train(state: bytes, dataset: Dataset, config: Config, goals: Objectives) -> Trained:
    """Fine-tune at the widths of a point, as ``narrowcast quantize`` does."""
    start = time.monotonic()
    source = load_float(state, config)
    model, _ = finetune(source, dataset, config)
    windows = dataset.validation
    forecast = predict(model, windows.inputs, dataset)
    teacher = predict(source, windows.inputs, dataset)
    return Trained(
        rmse=errors(forecast, windows.target).rmse,
        distance=float(np.square(forecast - teacher).mean()),
        assessment=judge_model(model, dataset, config, goals),
        seconds=time.monotonic() - start,
    )


def judge_model(
    model: QuantisedTransformer, dataset: Dataset, config: Config, goals: Objectives
) -> Assessment:
    """Say what a quantised model costs: it may miss what its stand-in did not."""
    hardware = config.hardware
    integers = to_integer_model(model, dataset, config.data)
    try:
        found = estimate_model(
            integers, load_device(hardware.device), hardware.clock_mhz, **hardware.choices()
        )
    except UserError as error:
        return Assessment({}, {"device": 1.0}, str(error))
    return judge_estimate(found, goals)
