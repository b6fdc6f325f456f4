"""Functions for workers, on this machine or on a cluster. All values can be pickled."""

import time
from dataclasses import dataclass

import safetensors.torch

from narrowcast.config import Config
from narrowcast.data import Dataset
from narrowcast.errors import UserError
from narrowcast.estimate import estimate_on
from narrowcast.model import Transformer, build
from narrowcast.model.examples import Examples
from narrowcast.model.objectives import mean_square_difference
from narrowcast.quantize import finetune, to_integer_model
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.search.assess import Assessment, assess_estimate
from narrowcast.search.objectives import Objectives


@dataclass(frozen=True)
class Trained:
    """A point that was trained in full.

    Attributes:
        error: Error of the integer model on the validation part, as ``error_of`` names it.
        distance: Mean square difference of its results there from the float model's.
        assessment: Costs of the trained model. It may violate limits that its stand-in meets.
        seconds: Duration of the training, in seconds.
    """

    error: float
    distance: float
    assessment: Assessment
    seconds: float


def load_float(state: bytes, config: Config) -> Transformer:
    """Return the float model of a configuration, with weights from the content of its file."""
    model = build(config)
    model.load_state_dict(safetensors.torch.load(state))
    return model.eval()


def train(state: bytes, dataset: Dataset, config: Config, objectives: Objectives) -> Trained:
    """Fine-tune a point in full, as ``narrowcast quantize`` does."""
    start = time.monotonic()
    source = load_float(state, config)
    model, history = finetune(source, dataset, config)
    validation = Examples.of(dataset.validation, dataset)
    results, wanted = validation.forecasts(model), validation.forecasts(source)
    return Trained(
        error=history.error,
        distance=mean_square_difference(results, wanted, dataset),
        assessment=assess_model(model, dataset, config, objectives),
        seconds=time.monotonic() - start,
    )


def assess_model(
    model: QuantisedTransformer, dataset: Dataset, config: Config, objectives: Objectives
) -> Assessment:
    """Estimate the costs of a quantised model and compare them with the limits."""
    integers = to_integer_model(model, dataset, config.data)
    try:
        estimate = estimate_on(config, integers)
    except UserError as error:
        return Assessment({}, {"device": 1.0}, str(error))
    return assess_estimate(estimate, objectives)
