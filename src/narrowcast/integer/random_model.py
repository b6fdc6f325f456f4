"""Untrained integer models of any graph, for estimates and for tests of the hardware."""

from collections.abc import Mapping, Set
from dataclasses import replace

import numpy as np

from narrowcast.integer.arithmetic import (
    exponential_step,
    exponential_table,
    integer_range,
    requantisation,
)
from narrowcast.integer.builder import (
    AppendSpec,
    ArgMaxSpec,
    ContextSpec,
    GraphSpec,
    L1NormSpec,
    LinearSpec,
    Role,
    RowSumSpec,
    ScoresSpec,
    Shape,
    transformer,
)
from narrowcast.integer.model import (
    Affine,
    Append,
    ArgMax,
    Array,
    Context,
    Input,
    IntegerModel,
    L1Norm,
    Linear,
    Operation,
    Output,
    RowSum,
    Scores,
    Tensor,
    arg_max_tensor,
    l1_norm_tensor,
    largest_score,
    row_sum_tensor,
)


class _Draw:
    """Draws weights and scales such that every tensor uses most of its range."""

    def __init__(
        self,
        spec: GraphSpec,
        bits: tuple[int, ...],
        seed: int,
        widths: Mapping[str, int],
        symmetric: Set[str],
    ) -> None:
        self.spec = spec
        self.widths = widths
        self.symmetric = symmetric
        self.bits = bits
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.steps: list[Operation] = []
        self.arrays: dict[str, Array] = {}

    def model(self) -> IntegerModel:
        for name in self.spec.inputs:
            self.tensor(name)
        for operation in self.spec.operations:
            match operation:
                case LinearSpec():
                    self.linear(operation)
                case RowSumSpec():
                    self.row_sum(operation)
                case AppendSpec():
                    self.append(operation)
                case ScoresSpec():
                    self.scores(operation)
                case ContextSpec():
                    self.context(operation)
                case ArgMaxSpec():
                    self.arg_max(operation)
                case L1NormSpec():
                    self.l1_norm(operation)
        inputs = [self.tensors[name] for name in self.spec.inputs]
        return IntegerModel(
            inputs=tuple(
                Input(
                    each.name,
                    tuple(f"x{i}" for i in range(each.columns)),
                    Affine((0.0,) * each.columns, (1.0,) * each.columns),
                )
                for each in inputs
            ),
            outputs=tuple(map(Output, self.spec.outputs)),
            tensors=self.tensors,
            operations=tuple(self.steps),
            arrays=self.arrays,
        )

    def draw_bits(self, name: str) -> int:
        drawn = int(self.random.choice(self.bits))
        return self.widths.get(name, drawn)

    def tensor(self, name: str) -> Tensor:
        spec = self.spec.tensors[name]
        at_host = name in (*self.spec.inputs, *self.spec.outputs)
        given = self.widths.get(name) if at_host else None
        bits = given or self.draw_bits(name)
        low, high = integer_range(bits)
        anywhere = int(self.random.integers(low, high + 1)) if self.random.random() < 0.5 else 0
        zeros = {Role.LANES: 0, Role.PROBABILITY: low, Role.RELU: low}
        zero = 0 if name in self.symmetric else zeros.get(spec.role, anywhere)
        restricted = spec.role == Role.LANES
        scale = 2.0 / (high - low)
        tensor = Tensor(name, spec.rows, spec.columns, bits, scale, zero, restricted)
        self.tensors[name] = tensor
        return tensor

    def linear(self, spec: LinearSpec) -> None:
        a = self.tensors[spec.operand]
        columns = self.spec.tensors[spec.output].columns
        weight_bits = self.draw_bits(f"{spec.name}.weights")
        low, high = integer_range(weight_bits, restricted=True)
        inner = spec.kernel * a.columns
        weights = self.random.integers(low, high + 1, (columns, inner))
        y = self.tensor(spec.output)
        spread = self.operand_range(spec.operand) / 4 * high / 1.7 * np.sqrt(inner)
        multiplier = (1 << y.bits) / 4 / spread * self.random.uniform(0.3, 1.5, columns)
        sign = self.random.choice([1, 1, 1, -1], columns) if spec.residual else 1
        r = None
        if spec.residual is not None:
            ratio = (1 << y.bits) / self.operand_range(spec.residual)
            r = ratio * self.random.uniform(-1, 1, columns)
        q = requantisation(multiplier * sign, r)
        bias_shape = (y.rows, columns) if spec.bias_per_row else (columns,)
        bias = self.random.normal(0, spread / 2, bias_shape)
        self.arrays[f"{spec.name}.weights"] = weights.astype(np.int64)
        self.arrays[f"{spec.name}.bias"] = np.rint(bias).astype(np.int64)
        self.arrays[f"{spec.name}.multiplier"] = q.multiplier
        if q.residual is not None:
            self.arrays[f"{spec.name}.residual"] = q.residual
        self.steps.append(
            Linear(
                name=spec.name,
                operand=spec.operand,
                output=spec.output,
                weights=f"{spec.name}.weights",
                weight_bits=weight_bits,
                bias=f"{spec.name}.bias",
                multiplier=f"{spec.name}.multiplier",
                shift=q.shift,
                operand_row=spec.operand_row,
                kernel=spec.kernel,
                stride=spec.stride,
                residual=spec.residual,
                residual_multiplier=None if spec.residual is None else f"{spec.name}.residual",
                residual_shift=q.residual_shift,
                residual_row=spec.residual_row,
                residual_element=spec.residual_element,
                relu=self.spec.tensors[spec.output].role == Role.RELU,
            )
        )

    def operand_range(self, name: str) -> float:
        """Return the size of a tensor's range; for a sum of n rows, n times that of a row."""
        for step in self.steps:
            if isinstance(step, RowSum) and step.output == name:
                return self.operand_range(step.operand) * self.tensors[step.operand].rows
        return float(1 << self.tensors[name].bits)

    def row_sum(self, spec: RowSumSpec) -> None:
        self.tensors[spec.output] = row_sum_tensor(spec.output, self.tensors[spec.operand])
        self.steps.append(RowSum(spec.name, spec.operand, spec.output))

    def append(self, spec: AppendSpec) -> None:
        rows = self.spec.tensors[spec.output].rows
        operand = self.tensors[spec.operand]
        self.tensors[spec.output] = replace(operand, name=spec.output, rows=rows, state=True)
        self.steps.append(Append(spec.name, spec.operand, spec.output))

    def scores(self, spec: ScoresSpec) -> None:
        query, key = self.tensors[spec.operand], self.tensors[spec.key]
        e = self.tensor(spec.output)
        table = f"exponential{e.bits}"
        self.arrays[table] = exponential_table(e.bits)
        product = (1 << query.bits) * (1 << key.bits) / 16
        size = query.columns / spec.heads
        spread = product * np.sqrt(size)
        q = requantisation(np.array([-1.5 / (exponential_step(e.bits) * spread)]))
        bias = None
        if spec.bias:
            bias = f"{spec.name}.bias"
            drawn = self.random.normal(0, spread, (spec.heads, key.rows))
            self.arrays[bias] = np.rint(drawn).astype(np.int64)
        self.steps.append(
            Scores(
                *(spec.name, spec.operand, spec.key, spec.output, spec.heads),
                *(int(q.multiplier[0]), q.shift, table, bias),
            )
        )

    def context(self, spec: ContextSpec) -> None:
        e, value = self.tensors[spec.operand], self.tensors[spec.value]
        context = self.tensor(spec.output)
        gain = (1 << context.bits) / (1 << value.bits)
        largest = (1 << e.bits) - 1
        q = requantisation(np.array([gain * 1.5 / largest]))
        numerator = int(q.multiplier[0]) * largest
        self.steps.append(
            Context(
                *(spec.name, spec.operand, spec.value, spec.output, spec.heads),
                *(numerator, q.shift),
            )
        )

    def arg_max(self, spec: ArgMaxSpec) -> None:
        operand = self.tensors[spec.operand]
        self.tensors[spec.output] = arg_max_tensor(spec.output, operand)
        self.steps.append(ArgMax(spec.name, spec.operand, spec.output))

    def l1_norm(self, spec: L1NormSpec) -> None:
        operand = self.tensors[spec.operand]
        self.tensors[spec.output] = l1_norm_tensor(spec.output, operand)
        threshold = int(largest_score(operand) * self.random.uniform(0.2, 0.6))
        self.steps.append(L1Norm(spec.name, spec.operand, spec.output, threshold))


def random_graph(
    spec: GraphSpec,
    bits: tuple[int, ...] = (8,),
    seed: int = 0,
    *,
    widths: Mapping[str, int] | None = None,
    symmetric: Set[str] = frozenset(),
) -> IntegerModel:
    """Return an untrained model of a graph.

    Args:
        spec: The graph.
        bits: Widths from which every other width is drawn.
        seed: Seed of the random numbers.
        widths: Given widths by the name of a tensor or of weights, such as ``embed.output``,
            ``embed.weights``.
        symmetric: Names of tensors without a zero point.
    """
    return _Draw(spec, bits, seed, widths or {}, symmetric).model()


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
    """Return an untrained Transformer. Other arguments are those of :func:`random_graph`."""
    spec = transformer(shape)
    given = {each.name: output_bits for each in spec.tensors.values() if each.role == Role.RESULT}
    given |= {"input": input_bits} if input_bits else {}
    return random_graph(spec, bits, seed, widths={**given, **(widths or {})}, symmetric=symmetric)
