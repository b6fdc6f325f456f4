"""Quantisation-aware training of a Transformer, and its export to an integer model."""

from narrowcast.quantize.cut_off import cut_off
from narrowcast.quantize.export import to_integer_model
from narrowcast.quantize.fake_quantise import ActivationQuantiser, QuantisedWeight
from narrowcast.quantize.network import QuantisedTransformer
from narrowcast.quantize.precision import Precision
from narrowcast.quantize.summary import summarise
from narrowcast.quantize.training import finetune

__all__ = [
    "ActivationQuantiser",
    "Precision",
    "QuantisedTransformer",
    "QuantisedWeight",
    "cut_off",
    "finetune",
    "summarise",
    "to_integer_model",
]
