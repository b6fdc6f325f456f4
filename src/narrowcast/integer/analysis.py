"""Analysis of a graph: producers and readers of each tensor, ranges, widths of operands.

:func:`analyse` computes it once for a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from narrowcast.integer.arithmetic import signed_bits
from narrowcast.integer.bounds import (
    Bounds,
    Range,
    centred_range,
    context_bounds,
    linear_bounds,
    product_range,
    scores_bounds,
)
from narrowcast.integer.model import (
    Array,
    Context,
    IntegerModel,
    Linear,
    Operation,
    RowSum,
    Scores,
    operands_read,
)
from narrowcast.integer.validate import check_structure, refuse_wide_sums

Product = Linear | Scores | Context  # the operations that are matrix products


@dataclass(frozen=True, eq=False)
class Operands:
    """The operands of a matrix product.

    Attributes:
        x_bits: Width of the broadcast operand less its zero point.
        w_bits: Width of the weights, keys or values.
        inner: Length of the sum.
        low: Least products [columns, inner] over all inputs; one row if all columns are equal.
        high: Largest products, of the same shape.
    """

    x_bits: int
    w_bits: int
    inner: int
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class Analysis:
    """Facts derived from a valid graph.

    Attributes:
        model: The graph.
        products: Its matrix products in order of execution.
        producers: The operation that produces each tensor, by tensor; inputs have none.
        readers: The operations that read each tensor, by tensor.
        operands: Operands of each product, by its name.
        bounds: Ranges of each product, by its name.
    """

    model: IntegerModel
    products: tuple[Product, ...]
    producers: Mapping[str, Operation]
    readers: Mapping[str, tuple[Operation, ...]]
    operands: Mapping[str, Operands]
    bounds: Mapping[str, Bounds]

    def rows(self, step: Product) -> int:
        """Return the number of rows of a product's result, per head."""
        return self.model.tensors[step.output].rows // (
            step.heads if isinstance(step, Scores) else 1
        )

    def context_of(self, step: Scores) -> Context:
        """Return the context that reads the probabilities of scores."""
        (reader,) = self.readers[step.output]
        assert isinstance(reader, Context)
        return reader


def reachable_range(model: IntegerModel, producers: Mapping[str, Operation], name: str) -> Range:
    """Return the range of a tensor minus its zero point; for a sum of rows, from its terms."""
    rows = 1
    while isinstance(producer := producers.get(name), RowSum):
        name = producer.operand
        rows *= model.tensors[name].rows
    low, high = centred_range(model.tensors[name])
    return rows * low, rows * high


def _operands(
    model: IntegerModel, producers: Mapping[str, Operation], step: Product
) -> tuple[Operands, Array, Array]:
    """Return the operands, and the least and largest products for the bounds."""
    x = reachable_range(model, producers, step.operand)
    around_zero = min(x[0], 0), max(x[1], 0)
    x_bits = signed_bits(around_zero[0] - 1, around_zero[1])  # room to subtract the zero point
    if isinstance(step, Linear):
        weights = model.arrays[step.weights]
        low, high = product_range(around_zero, weights)
        return Operands(x_bits, step.weight_bits, low.shape[1], low, high), *product_range(
            x, weights
        )
    cached = model.tensors[step.key if isinstance(step, Scores) else step.value]
    columns = model.tensors[step.operand].columns
    inner = columns if isinstance(step, Context) else columns // step.heads
    high = np.full((1, inner), max(-around_zero[0], around_zero[1]) * cached.high, np.int64)
    return Operands(x_bits, cached.bits, inner, -high, high), -high, high


def analyse(model: IntegerModel) -> Analysis:
    """Validate and analyse a graph.

    Raises:
        ValueError: The graph is not valid. The message names the operation and the reason.
    """
    check_structure(model)
    producers = {step.output: step for step in model.operations}
    readers: dict[str, tuple[Operation, ...]] = dict.fromkeys(model.tensors, ())
    for step in model.operations:
        for name in operands_read(step):
            readers[name] = (*readers[name], step)
    products = tuple(s for s in model.operations if isinstance(s, Linear | Scores | Context))
    operands, bounds = {}, {}
    for step in products:
        operands[step.name], low, high = _operands(model, producers, step)
        match step:
            case Linear():
                bounds[step.name] = linear_bounds(model, step, low, high)
            case Scores():
                bounds[step.name] = scores_bounds(model, step)
            case Context():
                bounds[step.name] = context_bounds(model, step)
        refuse_wide_sums(step, bounds[step.name])
    return Analysis(model, products, producers, readers, operands, bounds)
