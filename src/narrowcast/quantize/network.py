"""The Transformer with quantised tensors.

In train mode it computes real numbers with fake quantisation. In eval mode every step derives its
integer constants from the current parameters and computes the very integers of the executor. These
are kept in float64, whose 53 bits hold every number of the arithmetic: biases are below 2^28, M
below 2^18, and a residual's factor, R << Q, below 2^40.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from narrowcast.integer.arithmetic import (
    Reals,
    Requantisation,
    exponential_step,
    exponential_table,
    requantisation,
)
from narrowcast.integer.model import Array, Context, Linear, Scores
from narrowcast.model.transformer import Layer, Transformer, join_heads, split_heads
from narrowcast.quantize.fake_quantise import ActivationQuantiser, RangeKind, WeightQuantiser
from narrowcast.quantize.precision import Precision

_LARGEST_BIAS = 2.0**27
_LARGEST_FACTOR = 2.0**15  # what requantisation takes for sure
_LARGEST_DIVISOR = 2.0**4  # of a column of the input


def _requantise(product: Tensor, shift: int, zero_point: int = 0) -> Tensor:
    """Return ``requantise`` of the arithmetic, but for its product, in place of the latter."""
    return product.add_(0.5 * 2.0**shift).mul_(2.0**-shift).floor_().add_(zero_point)


def _requantisation(multiplier: Reals, residual: Reals | None = None) -> Requantisation:
    """Return the integers of factors, those of a degenerate scale being cut off."""
    if residual is not None:
        residual = np.clip(residual, -_LARGEST_FACTOR, _LARGEST_FACTOR)
    return requantisation(np.clip(multiplier, -_LARGEST_FACTOR, _LARGEST_FACTOR), residual)


class QuantisedLinear(nn.Module):
    """A matrix product with its epilogue, ``y = x @ weight.T + bias [+ gain * residual]``.

    Constant factors of a row of the product (batch norm's gain, 1/sqrt(d_head), one over the
    number of tokens) are part of ``weight``: its scales per row take them to the multipliers.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        operand: ActivationQuantiser,
        output: ActivationQuantiser,
        bits: int,
        *,
        residual: tuple[ActivationQuantiser, Tensor] | None = None,
        residual_column: int | None = None,
        pooled: bool = False,
    ) -> None:
        """Copy the parameters.

        Args:
            weight: [columns, inner].
            bias: [columns] or [rows, columns].
            operand: of x.
            output: of y.
            bits: of the weights.
            residual: its quantiser and its gain [columns].
            residual_column: only this column of the residual's last row is added.
            pooled: sum the operand over its rows first.
        """
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())
        self.gain = nn.Parameter(residual[1].detach().clone()) if residual else None
        self.quantise_weight = WeightQuantiser(self.weight.detach(), bits)
        self.output = output
        self.pooled = pooled
        self._residual_column = residual_column
        # In a tuple, the operands are not taken for children of this module.
        self._operands = (operand, residual[0] if residual else None)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """[windows, rows, inner] -> [windows, rows, columns]; integers in eval mode."""
        if residual is not None and self._residual_column is not None:
            residual = residual[:, -1:, self._residual_column, None]
        if not self.training:
            return self._integers(x, residual)
        if self.pooled:
            x = x.sum(dim=1, keepdim=True)
        weight = self.quantise_weight(self.weight)
        if self.bias.ndim == 1:
            y = functional.linear(x, weight, self.bias)
        else:
            y = functional.linear(x, weight) + self.bias
        if residual is not None and self.gain is not None:
            y = torch.addcmul(y, residual, self.gain)
        quantised: Tensor = self.output(y)
        return quantised

    @torch.no_grad()
    def export(self) -> tuple[Linear, dict[str, Array]]:
        """Return the step of the integer model and its arrays."""
        operand, residual = self._operands
        name = self.output.name.removesuffix(".output")
        scale = self.quantise_weight.scale.double().numpy()
        out = float(self.output.scale.detach())
        factor = None
        if residual is not None and self.gain is not None:
            factor = self.gain.double().numpy() * (float(residual.scale.detach()) / out)
        q = _requantisation(scale * (float(operand.scale.detach()) / out), factor)
        # The bias counts in units of what M makes of an accumulator's unit, M's rounding included.
        unit = np.maximum(q.multiplier, 1) * 2.0**-q.shift * out
        bias = np.clip(self.bias.double().numpy() / unit, -_LARGEST_BIAS, _LARGEST_BIAS)
        arrays = {
            f"{name}.weights": self.quantise_weight.integers(self.weight).numpy(),
            f"{name}.bias": np.rint(bias).astype(np.int64),
            f"{name}.multiplier": q.multiplier,
        }
        if q.residual is not None:
            arrays[f"{name}.residual"] = q.residual
        step = Linear(
            name=name,
            operand=operand.name,
            output=self.output.name,
            weights=f"{name}.weights",
            weight_bits=self.quantise_weight.bits,
            bias=f"{name}.bias",
            multiplier=f"{name}.multiplier",
            shift=q.shift,
            residual=None if residual is None else residual.name,
            residual_multiplier=None if residual is None else f"{name}.residual",
            residual_shift=q.residual_shift,
            residual_column=self._residual_column,
            relu=self.output.relu,
            pooled=self.pooled,
        )
        return step, arrays

    def _integers(self, x: Tensor, residual: Tensor | None) -> Tensor:
        step, exported = self.export()
        arrays = {name: torch.from_numpy(array).double() for name, array in exported.items()}
        operand, added = self._operands
        x = x - int(operand.zero_point)
        if self.pooled:
            x = x.sum(dim=1, keepdim=True)
        weights, bias, factor = (arrays[a] for a in (step.weights, step.bias, step.multiplier))
        y = (x @ weights.T).add_(bias).mul_(factor)
        if residual is not None and added is not None and step.residual_multiplier is not None:
            gain = arrays[step.residual_multiplier] * 2.0**step.residual_shift
            y = y.addcmul_(residual - int(added.zero_point), gain)
        y = _requantise(y, step.shift, int(self.output.zero_point))
        return y.clamp_(self.output.lowest, self.output.high)


class _Exponential(torch.autograd.Function):
    """``table[round(below / step)]``, with the gradient of the exponential it stands for."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, below: Tensor, bits: int) -> Tensor:
        table = torch.from_numpy(exponential_table(bits)).float() / ((1 << bits) - 1)
        index = torch.round(below * (-1.0 / exponential_step(bits)))
        ctx.save_for_backward(below)
        return table[index.clamp(0, len(table) - 1).long()]

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor, None]:
        (below,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradients[0] * below.exp(), None


class QuantisedScores(nn.Module):
    """Unnormalised probabilities: exponentials of the scores relative to their row's maximum."""

    def __init__(
        self,
        query: ActivationQuantiser,
        key: ActivationQuantiser,
        output: ActivationQuantiser,
        heads: int,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.output = output
        output.set_range(0.0, 1.0)
        self._operands = (query, key)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Twice [windows, n, d] -> e [windows, heads, n, n]; integers in eval mode."""
        if not self.training:
            return self._integers(query, key)
        scores = split_heads(query, self.heads) @ split_heads(key, self.heads).transpose(2, 3)
        below = scores - scores.detach().amax(dim=-1, keepdim=True)
        if self.output.observer is not None:
            self.output.observer(self.output, below.exp())
        e: Tensor = _Exponential.apply(below, self.output.bits)  # type: ignore[no-untyped-call]
        return e

    def export(self) -> tuple[Scores, dict[str, Array]]:
        """Return the step of the integer model and its table."""
        query, key = self._operands
        bits = self.output.bits
        factor = -float(query.scale.detach()) * float(key.scale.detach()) / exponential_step(bits)
        q = _requantisation(np.array([factor]))
        table = f"exponential{bits}"
        step = Scores(
            name=self.output.name.removesuffix(".output"),
            operand=query.name,
            key=key.name,
            output=self.output.name,
            heads=self.heads,
            multiplier=int(q.multiplier[0]),
            shift=q.shift,
            table=table,
        )
        return step, {table: exponential_table(bits)}

    def _integers(self, query: Tensor, key: Tensor) -> Tensor:
        step, arrays = self.export()
        query = split_heads(query - int(self._operands[0].zero_point), self.heads)
        score = query @ split_heads(key, self.heads).transpose(2, 3)
        below = score.sub_(score.amax(dim=-1, keepdim=True))
        index = _requantise(below.mul_(step.multiplier), step.shift)
        table = torch.from_numpy(arrays[step.table]).double()
        return table[index.clamp_(0, len(table) - 1).long()]


class QuantisedContext(nn.Module):
    """Values weighted by the unnormalised probabilities, then divided by their sum."""

    def __init__(
        self,
        scores: ActivationQuantiser,
        value: ActivationQuantiser,
        output: ActivationQuantiser,
        heads: int,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.output = output
        self._operands = (scores, value)

    def forward(self, e: Tensor, value: Tensor) -> Tensor:
        """[windows, heads, n, n] and [windows, n, d] -> [windows, n, d]; integers in eval mode."""
        if not self.training:
            return self._integers(e, value)
        context = e @ split_heads(value, self.heads) / e.sum(dim=-1, keepdim=True)
        quantised: Tensor = self.output(join_heads(context))
        return quantised

    def export(self) -> tuple[Context, dict[str, Array]]:
        """Return the step of the integer model; it has no arrays."""
        scores, value = self._operands
        ratio = float(value.scale.detach()) / float(self.output.scale.detach())
        ratio = min(ratio, _LARGEST_FACTOR)
        # A row's sum is at least the full scale of its largest entry.
        q = _requantisation(np.array([ratio / ((1 << scores.bits) - 1)]))
        step = Context(
            name=self.output.name.removesuffix(".output"),
            operand=scores.name,
            value=value.name,
            output=self.output.name,
            heads=self.heads,
            numerator=round(ratio * 2.0**q.shift),
            shift=q.shift,
        )
        return step, {}

    def _integers(self, e: Tensor, value: Tensor) -> Tensor:
        step, _ = self.export()
        multiplier = torch.floor(step.numerator / e.sum(dim=-1, keepdim=True))
        acc = e @ split_heads(value, self.heads)
        y = _requantise(acc.mul_(multiplier), step.shift, int(self.output.zero_point))
        return join_heads(y.clamp_(self.output.low, self.output.high))


def _fold(linear: nn.Linear, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight, bias and the residual's gain of ``norm(linear(x) + residual)``."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    gain = norm.weight / torch.sqrt(variance + norm.eps)
    return gain[:, None] * linear.weight, gain * (linear.bias - mean) + norm.bias, gain


class QuantisedLayer(nn.Module):
    """The steps of one encoder layer, in order of execution."""

    def __init__(
        self, prefix: str, layer: Layer, operand: ActivationQuantiser, plan: Precision
    ) -> None:
        super().__init__()
        n, d, heads = operand.rows, operand.columns, layer.heads

        def output(
            step: str,
            kind: RangeKind = "free",
            rows: int = n,
            columns: int = d,
            *,
            relu: bool = False,
        ) -> ActivationQuantiser:
            name = f"{prefix}.{step}.output"
            return ActivationQuantiser(
                name, rows, columns, plan.bits[name], kind, relu=relu, scheme=plan.scheme(name)
            )

        def bits(step: str) -> int:
            return plan.bits[f"{prefix}.{step}.weights"]

        key, query, value = layer.key, layer.query, layer.value
        root = math.sqrt(d / heads)
        self.key = QuantisedLinear(
            key.weight, key.bias, operand, output("key", "lanes"), bits("key")
        )
        self.query = QuantisedLinear(
            query.weight / root, query.bias / root, operand, output("query"), bits("query")
        )
        self.value = QuantisedLinear(
            value.weight, value.bias, operand, output("value", "lanes"), bits("value")
        )
        self.scores = QuantisedScores(
            self.query.output, self.key.output, output("scores", "fixed", heads * n, n), heads
        )
        self.context = QuantisedContext(
            self.scores.output, self.value.output, output("context"), heads
        )
        weight, bias, gain = _fold(layer.attention_out, layer.attention_norm)
        self.attention_out = QuantisedLinear(
            weight,
            bias,
            self.context.output,
            output("attention_out"),
            bits("attention_out"),
            residual=(operand, gain),
        )
        self.ffn_up = QuantisedLinear(
            layer.ffn_up.weight,
            layer.ffn_up.bias,
            self.attention_out.output,
            output("ffn_up", columns=layer.ffn_up.out_features, relu=True),
            bits("ffn_up"),
        )
        weight, bias, gain = _fold(layer.ffn_down, layer.ffn_norm)
        self.ffn_down = QuantisedLinear(
            weight,
            bias,
            self.ffn_up.output,
            output("ffn_down"),
            bits("ffn_down"),
            residual=(self.attention_out.output, gain),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, d] -> [windows, n, d]; integers in eval mode."""
        key, query, value = self.key(x), self.query(x), self.value(x)
        context = self.context(self.scores(query, key), value)
        x = self.attention_out(context, x)
        y: Tensor = self.ffn_down(self.ffn_up(x), x)
        return y


def balance(
    inputs: Tensor,
    bits: int,
    column: int | None = None,
    levels: tuple[float, float] | None = None,
) -> Tensor:
    """Return powers of two, one per column, by which scaled readings are divided.

    All columns share one scale in integers, so a column with rare peaks would leave the others
    few of them. What a column is divided by, the weights of the embedding are multiplied by; half
    of what the columns' best ranges differ is taken from the readings and given to the weights, as
    in Xiao et al., "SmoothQuant" (2023), section 4, with alpha = 0.5.

    Where a change is forecast, the rounding of the last known value is an error of the forecast.
    There all integers are for the target's column, and the others have to fit in its range.

    Args:
        inputs: scaled windows [windows, n, m].
        bits: of the input tensor.
        column: the target's, where a change is forecast.
        levels: lowest and highest of that column that integers have to cover.
    """
    quantiser = ActivationQuantiser("column", 1, 1, bits, scheme="symmetric")
    ranges = torch.cat([quantiser.ranges(column)[0].scale for column in inputs.unbind(-1)])
    factors: Tensor = 2.0 ** torch.round(0.5 * torch.log2(ranges / ranges.median()))
    if column is not None and levels is not None:
        bounds = (min(levels[0], 0.0), max(levels[1], 0.0))
        lowest, highest = (bound / float(factors[column]) for bound in bounds)
        for i in set(range(len(factors))) - {column}:
            below, above = quantiser.ranges(inputs[..., i])[1].bounds(bits)
            excess = max(_ratio(below, lowest), _ratio(above, highest))
            if excess > float(factors[i]):
                factors[i] = 2.0 ** math.ceil(math.log2(excess))
    factors.clamp_(1.0 / _LARGEST_DIVISOR, _LARGEST_DIVISOR)  # a column may be all but constant
    return factors


def _ratio(bound: float, limit: float) -> float:
    """Return by what to divide ``bound`` to keep within ``limit``, which is on its side of 0."""
    if bound == 0.0:
        return 0.0
    return min(bound / limit, _LARGEST_DIVISOR) if limit else _LARGEST_DIVISOR


class QuantisedTransformer(nn.Module):
    """A Transformer for quantisation-aware training and, in eval mode, its integer network."""

    factors: Tensor

    def __init__(self, source: Transformer, plan: Precision, factors: Tensor | None = None) -> None:
        """Take over the parameters of ``source``; :meth:`calibrate` then sets the ranges.

        Args:
            source: in floating point.
            plan: widths and schemes.
            factors: of the columns of the input, see :func:`balance`; 1 unless given.
        """
        super().__init__()
        factors = torch.ones(source.embed.in_features) if factors is None else factors
        self.register_buffer("factors", factors)
        n, d = source.position.shape
        self._relative = source.relative
        bits = plan.bits
        self.input = ActivationQuantiser(
            "input",
            n,
            source.embed.in_features,
            bits["input"],
            "free" if source.relative is None else "fixed",
            scheme=plan.scheme("input"),
        )
        self.embed = QuantisedLinear(
            source.embed.weight * factors,
            source.embed.bias + source.position,
            self.input,
            ActivationQuantiser(
                "embed.output", n, d, bits["embed.output"], scheme=plan.scheme("embed.output")
            ),
            bits["embed.weights"],
        )
        operand = self.embed.output
        self.layers = nn.ModuleList()
        for i, layer in enumerate(source.layers):
            assert isinstance(layer, Layer)
            quantised = QuantisedLayer(f"layers.{i}", layer, operand, plan)
            self.layers.append(quantised)
            operand = quantised.ffn_down.output
        outputs, residual = source.head.out_features, None
        if source.gain is not None and source.relative is not None:
            residual = (self.input, source.gain * factors[source.relative])
        self.head = QuantisedLinear(
            source.head.weight / n,
            source.head.bias,
            operand,
            ActivationQuantiser("head.output", 1, outputs, bits["head.output"], "fixed"),
            bits["head.weights"],
            residual=residual,
            residual_column=source.relative,
            pooled=True,
        )

    def forward(self, x: Tensor) -> Tensor:
        """[windows, n, m] -> [windows, outputs]; in eval mode in float64, from exact integers."""
        if not self.training:
            return self.head.output.dequantise(self.forward_integers(x))
        forecast: Tensor = self._run(self.input(x.to(self.embed.weight.dtype) / self.factors))
        return forecast

    @torch.no_grad()
    def forward_integers(self, x: Tensor) -> Tensor:
        """Scaled readings [windows, n, m] -> the result's integers, int64 [windows, outputs].

        The model has to be in eval mode.
        """
        return self._run(self.input.quantise(x / self.factors).double()).long()

    def _run(self, readings: Tensor) -> Tensor:
        x = self.embed(readings)
        for layer in self.layers:
            x = layer(x)
        y: Tensor = self.head(x) if self._relative is None else self.head(x, readings)
        return y[:, 0]

    @torch.no_grad()
    def calibrate(
        self, inputs: Tensor, target: Tensor, levels: tuple[float, float] | None = None
    ) -> None:
        """Choose the schemes and ranges of all tensors, one after the other.

        Args:
            inputs: scaled training windows [windows, n, m].
            target: scaled training targets [windows, outputs]; their range, widened on either
                side by half of it, becomes the result's.
            levels: lowest and highest, in scaled units, that the input has to cover in the target's
                column where a change is forecast: what is cut off the last known value is missing
                in the forecast. Those of ``inputs`` unless given.
        """
        margin = 0.5 * float(target.max() - target.min())
        self.head.output.set_range(float(target.min()) - margin, float(target.max()) + margin)
        if self._relative is not None:
            column = inputs[..., self._relative]
            lowest, highest = levels or (float(column.min()), float(column.max()))
            factor = float(self.factors[self._relative])
            self.input.cover(lowest / factor, highest / factor)
        self.observe(inputs, ActivationQuantiser.calibrate)

    def review(self, inputs: Tensor) -> bool:
        """Let adaptive schemes follow the distributions; return whether one has changed."""
        before = [int(each.zero_point) for each in self.activations()]
        self.observe(inputs, ActivationQuantiser.review)
        return before != [int(each.zero_point) for each in self.activations()]

    @torch.no_grad()
    def observe(
        self, inputs: Tensor, observer: Callable[[ActivationQuantiser, Tensor], None]
    ) -> None:
        """Show ``observer`` all tensors for scaled windows, as they are in train mode."""
        training = self.training
        self.train()
        for each in self.activations():
            each.observer = observer
        self(inputs)
        for each in self.activations():
            each.observer = None
        self.train(training)

    def activations(self) -> Iterator[ActivationQuantiser]:
        """Yield the quantisers of all tensors, the input's first."""
        yield self.input
        for step in self.steps():
            yield step.output

    def steps(self) -> Iterator[QuantisedLinear | QuantisedScores | QuantisedContext]:
        """Yield the steps in order of execution."""
        for module in self.modules():
            if isinstance(module, QuantisedLinear | QuantisedScores | QuantisedContext):
                yield module
