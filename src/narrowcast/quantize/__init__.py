"""From a trained Transformer to an integer model, by quantisation-aware training."""

from narrowcast.quantize.export import to_integer_model
from narrowcast.quantize.fake import ActivationQuantiser, WeightQuantiser
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.plan import QuantizationPlan
from narrowcast.quantize.summary import TensorSummary, summarise
from narrowcast.quantize.training import finetune

__all__ = [
    "ActivationQuantiser",
    "QuantisedTransformer",
    "QuantizationPlan",
    "TensorSummary",
    "WeightQuantiser",
    "finetune",
    "summarise",
    "to_integer_model",
]
