"""Untrained integer models of any shape: what a trained one would cost, and tests of hardware."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from narrowcast.integer.arithmetic import (
    exponential_step,
    exponential_table,
    integer_range,
    requantisation,
)
from narrowcast.integer.model import (
    Affine,
    Array,
    Context,
    IntegerModel,
    Linear,
    Scores,
    Step,
    Tensor,
)


@dataclass(frozen=True)
class Shape:
    """The architecture of a random model."""

    window: int
    inputs: int
    channels: int
    layers: int = 1
    heads: int = 1
    ffn_channels: int | None = None
    outputs: int = 1
    relative: int | None = None  # the input whose last value the head adds


class _Builder:
    """Draws weights and scales such that every tensor uses most of its range."""

    def __init__(
        self,
        shape: Shape,
        bits: tuple[int, ...],
        seed: int,
        widths: Mapping[str, int],
        symmetric: Set[str],
    ) -> None:
        self.shape = shape
        self.widths = widths
        self.symmetric = symmetric
        self.bits = bits
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.steps: list[Step] = []
        self.arrays: dict[str, Array] = {}

    def draw_bits(self, name: str) -> int:
        drawn = int(self.random.choice(self.bits))
        return self.widths.get(name, drawn)

    def tensor(
        self, name: str, rows: int, columns: int, *, kind: str = "any", bits: int = 0
    ) -> str:
        bits = bits or self.draw_bits(name)
        low, high = integer_range(bits)
        anywhere = int(self.random.integers(low, high + 1)) if self.random.random() < 0.5 else 0
        zero = {"lanes": 0, "exponential": low, "relu": low}.get(kind, anywhere)
        zero = 0 if name in self.symmetric else zero
        scale = 2.0 / (high - low)
        self.tensors[name] = Tensor(name, rows, columns, bits, scale, zero, kind == "lanes")
        return name

    def linear(
        self,
        name: str,
        operand: str,
        columns: int,
        *,
        kind: str = "any",
        residual: str | None = None,
        residual_column: int | None = None,
        bias_rows: int | None = None,
        pooled: bool = False,
        bits: int = 0,
    ) -> str:
        a = self.tensors[operand]
        weight_bits = self.draw_bits(f"{name}.weights")
        low, high = integer_range(weight_bits, restricted=True)
        weights = self.random.integers(low, high + 1, (columns, a.columns))
        output = self.tensor(
            f"{name}.output", 1 if pooled else a.rows, columns, kind=kind, bits=bits
        )
        y = self.tensors[output]
        spread = (1 << a.bits) / 4 * high / 1.7 * np.sqrt(a.columns)
        if pooled:
            spread *= a.rows  # tokens are alike, so their sum grows with their number
        multiplier = (1 << y.bits) / 4 / spread * self.random.uniform(0.3, 1.5, columns)
        sign = self.random.choice([1, 1, 1, -1], columns) if residual else 1
        r = None
        if residual is not None:
            ratio = (1 << y.bits) / (1 << self.tensors[residual].bits)
            r = ratio * self.random.uniform(-1, 1, columns)
        q = requantisation(multiplier * sign, r)
        bias_shape = (columns,) if bias_rows is None else (bias_rows, columns)
        bias = self.random.normal(0, spread / 2, bias_shape)
        self.arrays[f"{name}.weights"] = weights.astype(np.int64)
        self.arrays[f"{name}.bias"] = np.rint(bias).astype(np.int64)
        self.arrays[f"{name}.multiplier"] = q.multiplier
        if q.residual is not None:
            self.arrays[f"{name}.residual"] = q.residual
        self.steps.append(
            Linear(
                name=name,
                operand=operand,
                output=output,
                weights=f"{name}.weights",
                weight_bits=weight_bits,
                bias=f"{name}.bias",
                multiplier=f"{name}.multiplier",
                shift=q.shift,
                residual=residual,
                residual_multiplier=None if residual is None else f"{name}.residual",
                residual_shift=q.residual_shift,
                residual_column=residual_column,
                relu=kind == "relu",
                pooled=pooled,
            )
        )
        return output

    def attention(self, prefix: str, x: str) -> str:
        n, heads, d = self.shape.window, self.shape.heads, self.shape.channels
        key = self.linear(f"{prefix}.key", x, d, kind="lanes")
        query = self.linear(f"{prefix}.query", x, d)
        value = self.linear(f"{prefix}.value", x, d, kind="lanes")
        e = self.tensor(f"{prefix}.scores.output", heads * n, n, kind="exponential")
        e_bits = self.tensors[e].bits
        table = f"exponential{e_bits}"
        self.arrays[table] = exponential_table(e_bits)
        product = (1 << self.tensors[query].bits) * (1 << self.tensors[key].bits) / 16
        factor = -1.5 / (exponential_step(e_bits) * product * np.sqrt(d / heads))
        q = requantisation(np.array([factor]))
        self.steps.append(
            Scores(f"{prefix}.scores", query, key, e, heads, int(q.multiplier[0]), q.shift, table)
        )
        context = self.tensor(f"{prefix}.context.output", n, d)
        gain = (1 << self.tensors[context].bits) / (1 << self.tensors[value].bits)
        largest = (1 << e_bits) - 1
        q = requantisation(np.array([gain * 1.5 / largest]))
        numerator = int(q.multiplier[0]) * largest
        self.steps.append(
            Context(f"{prefix}.context", e, value, context, heads, numerator, q.shift)
        )
        return context


def random_model(
    shape: Shape,
    bits: tuple[int, ...] = (8,),
    seed: int = 0,
    *,
    input_bits: int | None = None,
    output_bits: int = 16,
    widths: Mapping[str, int] | None = None,
    symmetric: Set[str] = frozenset(),
) -> IntegerModel:
    """Return an untrained model; every width that is not given is drawn from ``bits``.

    ``widths``: by the name of a tensor or of weights, such as ``embed.output``, ``embed.weights``.
    ``symmetric``: names of tensors without a zero point.
    """
    b = _Builder(shape, bits, seed, widths or {}, symmetric)
    n, d = shape.window, shape.channels
    ffn = shape.ffn_channels or 4 * d
    first = b.tensor("input", n, shape.inputs, bits=input_bits or 0)
    x = b.linear("embed", first, d, bias_rows=n)
    for layer in range(shape.layers):
        prefix = f"layers.{layer}"
        context = b.attention(prefix, x)
        x = b.linear(f"{prefix}.attention_out", context, d, residual=x)
        up = b.linear(f"{prefix}.ffn_up", x, ffn, kind="relu")
        x = b.linear(f"{prefix}.ffn_down", up, d, residual=x)
    output = b.linear(
        "head",
        x,
        shape.outputs,
        residual=None if shape.relative is None else first,
        residual_column=shape.relative,
        pooled=True,
        bits=output_bits,
    )
    return IntegerModel(
        window=n,
        inputs=shape.inputs,
        channels=d,
        layers=shape.layers,
        heads=shape.heads,
        ffn_channels=ffn,
        outputs=shape.outputs,
        input=first,
        output=output,
        input_names=tuple(f"x{i}" for i in range(shape.inputs)),
        target_name="y",
        input_scaling=Affine((0.0,) * shape.inputs, (1.0,) * shape.inputs),
        target_scaling=Affine((0.0,) * shape.outputs, (1.0,) * shape.outputs),
        tensors=b.tensors,
        steps=tuple(b.steps),
        arrays=b.arrays,
    )
