"""The operations of a graph with fake quantisation, and their export to integer operations.

Each step reads its operands, real numbers [windows, rows, columns], from a dictionary by name, and
returns its result. In a stream, the first axis is that of consecutive inferences, and a step is
also told which rows of the states are absent [inferences, rows]. The export of a step reads the
scales of its operands from their integer tensors.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from narrowcast.integer.arithmetic import (
    Reals,
    Requantisation,
    exponential_step,
    exponential_table,
    requantisation,
)
from narrowcast.integer.builder import (
    AppendSpec,
    ContextSpec,
    LinearSpec,
    RowSumSpec,
    ScoresSpec,
)
from narrowcast.integer.model import (
    Append,
    Array,
    Context,
    Linear,
    RowSum,
    Scores,
    row_sum_tensor,
)
from narrowcast.integer.model import Tensor as IntegerTensor
from narrowcast.model.stream import kept
from narrowcast.model.transformer import convolved, join_heads, split_heads
from narrowcast.quantize.fake_quantise import ActivationQuantiser, QuantisedWeight
from narrowcast.quantize.fold import LinearParameters

Tensors = Mapping[str, Tensor]
IntegerTensors = Mapping[str, IntegerTensor]
Arrays = dict[str, Array]

_LARGEST_BIAS = 2.0**27
_LARGEST_FACTOR = 2.0**15  # always within the range of requantisation


def _requantisation(multiplier: Reals, residual: Reals | None = None) -> Requantisation:
    """Return the integers of factors. Factors from degenerate scales are clipped."""
    if residual is not None:
        residual = np.clip(residual, -_LARGEST_FACTOR, _LARGEST_FACTOR)
    return requantisation(np.clip(multiplier, -_LARGEST_FACTOR, _LARGEST_FACTOR), residual)


def _integer_bias(bias: Tensor, unit: Reals | float) -> Array:
    """Return the nearest integers of biases in a unit; those from degenerate scales are clipped."""
    exact = bias.detach().double().numpy() / unit
    return np.rint(np.clip(exact, -_LARGEST_BIAS, _LARGEST_BIAS)).astype(np.int64)


class QuantisedLinear(nn.Module):
    """A matrix product with its epilogue, ``y = x @ weight.T + bias [+ gain * residual]``.

    Training learns scales, biases and gains. The integers of the weights remain those of
    :meth:`calibrate`.

    Attributes:
        spec: The operation of the graph.
        rows: Rows of the result.
        exact: Weights and biases in floating point.
        bias: Biases [columns] or [rows, columns].
        gain: Factors of the residual [columns]; None without a residual.
        weight: Integers in place of the weights.
        output: Quantiser of the result.
    """

    def __init__(
        self,
        spec: LinearSpec,
        parameters: LinearParameters,
        weight_bits: int,
        output: ActivationQuantiser,
    ) -> None:
        """Copy the parameters."""
        super().__init__()
        self.spec = spec
        self.rows = output.spec.rows
        weight, bias, gain = parameters.weight.detach(), parameters.bias.detach(), parameters.gain
        self.exact = LinearParameters(weight.clone(), bias.clone())
        self.bias = nn.Parameter(bias.clone(), requires_grad=spec.learnt)
        self.gain = None if gain is None else nn.Parameter(gain.detach().clone())
        self.weight = QuantisedWeight(weight, weight_bits).requires_grad_(spec.learnt)
        self.output = output

    def forward(self, tensors: Tensors, _: Tensor | None = None) -> Tensor:
        """Return the result [windows, rows, columns], fake-quantised."""
        spec = self.spec
        x = convolved(tensors[spec.operand], spec, self.rows)
        y = self.weight(x) + self.bias
        if spec.residual is not None and self.gain is not None:
            residual = tensors[spec.residual]
            if spec.residual_element is not None:
                row, column = spec.residual_element
                residual = residual[:, row, column, None, None]
            else:
                residual = residual[:, spec.residual_row : spec.residual_row + self.rows]
            y = torch.addcmul(y, residual, self.gain)
        quantised: Tensor = self.output(y)
        return quantised

    @torch.no_grad()
    def calibrate(self, tensors: Tensors) -> None:
        """Choose the integers of the weights; see :meth:`QuantisedWeight.calibrate`."""
        read = convolved(tensors[self.spec.operand], self.spec, self.rows).flatten(0, 1)
        self.bias.copy_(self.exact.bias + self.weight.calibrate(self.exact.weight, read))

    def tensor(self, _: IntegerTensors) -> IntegerTensor:
        """Return the integer tensor of the result."""
        return self.output.tensor()

    @torch.no_grad()
    def export(self, tensors: IntegerTensors) -> tuple[Linear, Arrays]:
        """Return the integer operation and its arrays."""
        spec = self.spec
        operand, output = tensors[spec.operand].scale, tensors[spec.output].scale
        factor = None
        if spec.residual is not None and self.gain is not None:
            factor = self.gain.double().numpy() * (tensors[spec.residual].scale / output)
        scale = self.weight.scale.double().numpy()
        q = _requantisation(scale * (operand / output), factor)
        # The unit of the bias is one unit of the accumulator times the rounded multiplier.
        unit = np.maximum(q.multiplier, 1) * 2.0**-q.shift * output
        operation = Linear(
            name=spec.name,
            operand=spec.operand,
            output=spec.output,
            weights=f"{spec.name}.weights",
            weight_bits=self.weight.bits,
            bias=f"{spec.name}.bias",
            multiplier=f"{spec.name}.multiplier",
            shift=q.shift,
            operand_row=spec.operand_row,
            kernel=spec.kernel,
            stride=spec.stride,
            residual=spec.residual,
            residual_multiplier=None if q.residual is None else f"{spec.name}.residual",
            residual_shift=q.residual_shift,
            residual_row=spec.residual_row,
            residual_element=spec.residual_element,
            relu=self.output.relu,
        )
        arrays = {
            operation.weights: self.weight.integers.long().numpy(),
            operation.bias: _integer_bias(self.bias, unit),
            operation.multiplier: q.multiplier,
        }
        if operation.residual_multiplier is not None and q.residual is not None:
            arrays[operation.residual_multiplier] = q.residual
        return operation, arrays


class QuantisedRowSum(nn.Module):
    """A sum over rows. It is exact in integers, so its result is not quantised.

    Attributes:
        spec: The operation of the graph.
    """

    def __init__(self, spec: RowSumSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, tensors: Tensors, _: Tensor | None = None) -> Tensor:
        """Return the sums [windows, 1, columns]."""
        return tensors[self.spec.operand].sum(dim=1, keepdim=True)

    def tensor(self, tensors: IntegerTensors) -> IntegerTensor:
        """Return the integer tensor of the result."""
        return row_sum_tensor(self.spec.output, tensors[self.spec.operand])

    def export(self, _: IntegerTensors) -> tuple[RowSum, Arrays]:
        """Return the integer operation; it has no arrays."""
        return RowSum(self.spec.name, self.spec.operand, self.spec.output), {}


class QuantisedAppend(nn.Module):
    """A state: the last rows that were appended. Its numbers are those of the rows.

    Attributes:
        spec: The operation of the graph.
        rows: Rows of the state.
    """

    def __init__(self, spec: AppendSpec, rows: int) -> None:
        super().__init__()
        self.spec = spec
        self.rows = rows

    def forward(self, tensors: Tensors, _: Tensor | None = None) -> Tensor:
        """Return the states [inferences, rows, columns]; absent rows have any numbers."""
        return kept(tensors[self.spec.operand], self.rows)

    def tensor(self, tensors: IntegerTensors) -> IntegerTensor:
        """Return the integer tensor of the state."""
        operand = tensors[self.spec.operand]
        return replace(operand, name=self.spec.output, rows=self.rows, state=True)

    def export(self, _: IntegerTensors) -> tuple[Append, Arrays]:
        """Return the integer operation; it has no arrays."""
        return Append(self.spec.name, self.spec.operand, self.spec.output), {}


class _Exponential(torch.autograd.Function):
    """``table[round(below / step)]``, with the gradient of the exponential function."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, below: Tensor, bits: int) -> Tensor:
        table = torch.from_numpy(exponential_table(bits)).float() / ((1 << bits) - 1)
        index = torch.round(below * (-1.0 / exponential_step(bits)))
        ctx.save_for_backward(below)
        # NaN has no entry. It remains NaN, so that a diverging training is noticed by its loss.
        return table[index.nan_to_num(0.0).clamp(0, len(table) - 1).long()] + 0.0 * below

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor, None]:
        (below,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradients[0] * below.exp(), None


class QuantisedScores(nn.Module):
    """Unnormalised probabilities: exponentials of the scores relative to their row's maximum.

    Attributes:
        spec: The operation of the graph.
        bias: Biases of the scores [heads, keys]; None without any.
        output: Quantiser of the result.
    """

    def __init__(self, spec: ScoresSpec, bias: Tensor | None, output: ActivationQuantiser) -> None:
        super().__init__()
        self.spec = spec
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        self.output = output
        output.set_range(0.0, 1.0)

    def forward(self, tensors: Tensors, absent: Tensor | None = None) -> Tensor:
        """Return the exponentials [windows, heads, rows, keys], fake-quantised.

        Those of absent keys are 0.
        """
        query, key = tensors[self.spec.operand], tensors[self.spec.key]
        heads = self.spec.heads
        scores = split_heads(query, heads) @ split_heads(key, heads).transpose(2, 3)
        if self.bias is not None:
            scores = scores + self.bias[:, None]
        present: Tensor | float = 1.0
        if absent is not None:
            present = (~absent[:, None, None]).float()
            scores = scores.where(present > 0, scores.detach().min())  # below every row's maximum
        below = scores - scores.detach().amax(dim=-1, keepdim=True)
        if self.output.observer is not None:
            self.output.observer(self.output, below.exp() * present)
        apply: Callable[..., Tensor] = _Exponential.apply  # not typed in every version of torch
        e = apply(below, self.output.bits)
        return e if absent is None else e * present

    def tensor(self, _: IntegerTensors) -> IntegerTensor:
        """Return the integer tensor of the result."""
        return self.output.tensor()

    def export(self, tensors: IntegerTensors) -> tuple[Scores, Arrays]:
        """Return the integer operation and its table."""
        spec, bits = self.spec, self.output.bits
        factor = -tensors[spec.operand].scale * tensors[spec.key].scale / exponential_step(bits)
        q = _requantisation(np.array([factor]))
        table = f"exponential{bits}"
        operation = Scores(
            name=spec.name,
            operand=spec.operand,
            key=spec.key,
            output=spec.output,
            heads=spec.heads,
            multiplier=min(int(q.multiplier[0]), -1),
            shift=q.shift,
            table=table,
            bias=None if self.bias is None else f"{spec.name}.bias",
        )
        arrays = {table: exponential_table(bits)}
        if operation.bias is not None and self.bias is not None:
            unit = tensors[spec.operand].scale * tensors[spec.key].scale  # of a score
            arrays[operation.bias] = _integer_bias(self.bias, unit)
        return operation, arrays


class QuantisedContext(nn.Module):
    """Values weighted by the unnormalised probabilities, then divided by their sum.

    Attributes:
        spec: The operation of the graph.
        output: Quantiser of the result.
    """

    def __init__(self, spec: ContextSpec, output: ActivationQuantiser) -> None:
        super().__init__()
        self.spec = spec
        self.output = output

    def forward(self, tensors: Tensors, _: Tensor | None = None) -> Tensor:
        """Return the result [windows, rows, heads * size], fake-quantised."""
        e, value = tensors[self.spec.operand], tensors[self.spec.value]
        context = e @ split_heads(value, self.spec.heads) / e.sum(dim=-1, keepdim=True)
        quantised: Tensor = self.output(join_heads(context))
        return quantised

    def tensor(self, _: IntegerTensors) -> IntegerTensor:
        """Return the integer tensor of the result."""
        return self.output.tensor()

    def export(self, tensors: IntegerTensors) -> tuple[Context, Arrays]:
        """Return the integer operation; it has no arrays."""
        spec = self.spec
        ratio = min(tensors[spec.value].scale / tensors[spec.output].scale, _LARGEST_FACTOR)
        # A row's sum is at least its largest exponential, which is the highest integer.
        q = _requantisation(np.array([ratio / ((1 << tensors[spec.operand].bits) - 1)]))
        operation = Context(
            name=spec.name,
            operand=spec.operand,
            value=spec.value,
            output=spec.output,
            heads=spec.heads,
            numerator=max(round(ratio * 2.0**q.shift), 1),
            shift=q.shift,
        )
        return operation, {}


Step = QuantisedLinear | QuantisedRowSum | QuantisedAppend | QuantisedScores | QuantisedContext
