"""The architecture: names, shapes and order of a graph's operations.

A :class:`GraphSpec` has no numbers. The float network, the quantised network, random models and the
tensor names of a configuration are all derived from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypedDict

from narrowcast.errors import shown


class Role(StrEnum):
    """The role of a tensor, which determines its range."""

    INPUT = "input"  # readings
    FREE = "free"  # any range
    RELU = "relu"  # never below its zero point
    LANES = "lanes"  # keys and values: restricted, without a zero point
    PROBABILITY = "probability"  # unnormalised: from 0 to full scale
    SUM = "sum"  # of rows, exact
    STATE = "state"  # rows of successive inferences
    RESULT = "result"  # the forecast, or a term of it
    DECISION = "decision"  # index and margin, or score and flag


@dataclass(frozen=True)
class TensorSpec:
    """A tensor without its numbers.

    Attributes:
        name: Name of the tensor.
        rows: Number of rows.
        columns: Number of columns.
        role: Role of the tensor.
    """

    name: str
    rows: int
    columns: int
    role: Role = Role.FREE


@dataclass(frozen=True)
class LinearSpec:
    """A matrix product with its epilogue, see ``narrowcast.integer.model.Linear``.

    Attributes:
        name: Name of the operation; its weights are ``<name>.weights``.
        operand: Tensor that is read.
        output: Tensor that is produced.
        operand_row: First row of the operand that is read.
        kernel: Number of successive rows of the operand that each row of the output reads.
        stride: Rows of the operand from one row of the output to the next.
        residual: Tensor that is added, or None.
        residual_row: First row of the residual that is read.
        residual_element: (row, column) of the one element that is added; None for all elements.
        bias_per_row: Whether each row has its own biases.
        learnt: Whether the weights and biases are those of a training.
    """

    name: str
    operand: str
    output: str
    operand_row: int = 0
    kernel: int = 1
    stride: int = 1
    residual: str | None = None
    residual_row: int = 0
    residual_element: tuple[int, int] | None = None
    bias_per_row: bool = False
    learnt: bool = True


@dataclass(frozen=True)
class RowSumSpec:
    """A sum over rows.

    Attributes:
        name: Name of the operation.
        operand: Tensor that is read.
        output: Tensor that is produced.
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class AppendSpec:
    """The rows of the last inferences.

    Attributes:
        name: Name of the operation.
        operand: Tensor that is read.
        output: State that is produced.
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class ScoresSpec:
    """Unnormalised probabilities of queries and keys.

    Attributes:
        name: Name of the operation.
        operand: Queries.
        key: Keys.
        output: Tensor that is produced.
        heads: Number of heads.
        bias: Whether a bias [heads, keys], ``<name>.bias``, is added to the scores.
    """

    name: str
    operand: str
    key: str
    output: str
    heads: int = 1
    bias: bool = False


@dataclass(frozen=True)
class ContextSpec:
    """Values weighted by probabilities.

    Attributes:
        name: Name of the operation.
        operand: Probabilities.
        value: Values.
        output: Tensor that is produced.
        heads: Number of heads.
    """

    name: str
    operand: str
    value: str
    output: str
    heads: int = 1


@dataclass(frozen=True)
class ArgMaxSpec:
    """The index of the largest integer, and its margin.

    Attributes:
        name: Name of the operation.
        operand: Tensor that is read.
        output: Tensor that is produced.
    """

    name: str
    operand: str
    output: str


@dataclass(frozen=True)
class L1NormSpec:
    """The sum of distances from the zero point, and whether it is above a threshold.

    Attributes:
        name: Name of the operation.
        operand: Tensor that is read.
        output: Tensor that is produced.
    """

    name: str
    operand: str
    output: str


Kind = Literal["window", "stream"]
Pooling = Literal["mean", "last"]
Decision = Literal["arg_max", "l1_norm"] | None

DecisionSpec = ArgMaxSpec | L1NormSpec
OperationSpec = LinearSpec | RowSumSpec | AppendSpec | ScoresSpec | ContextSpec | DecisionSpec


@dataclass(frozen=True)
class GraphSpec:
    """A graph without its numbers.

    Attributes:
        inputs: Tensors that a host writes, in order.
        outputs: Tensors that a host reads, in order.
        tensors: All tensors by name.
        operations: In order of execution.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, TensorSpec]
    operations: tuple[OperationSpec, ...]


@dataclass
class GraphBuilder:
    """Builds a graph, operation by operation. Each method returns the name of the new tensor.

    Each method raises a ValueError if it is given a tensor that the graph does not have, or makes
    one for the second time. ``narrowcast.integer.analyse`` checks all else, as soon as there are
    numbers.

    Attributes:
        inputs: Tensors that a host writes so far.
        tensors: All tensors so far.
        operations: All operations so far.
    """

    inputs: list[str] = field(default_factory=list)
    tensors: dict[str, TensorSpec] = field(default_factory=dict)
    operations: list[OperationSpec] = field(default_factory=list)

    def _shape(self, name: str) -> tuple[int, int]:
        """Return the rows and columns of a tensor."""
        if name not in self.tensors:
            raise ValueError(f"the graph has no tensor {shown(name)}")
        return self.tensors[name].rows, self.tensors[name].columns

    def _tensor(self, name: str, rows: int, columns: int, role: Role) -> str:
        if name in self.tensors:
            raise ValueError(f"the graph has a tensor {shown(name)} already")
        self.tensors[name] = TensorSpec(name, rows, columns, role)
        return name

    def input(self, name: str, rows: int, columns: int) -> str:
        """Add an input [rows, columns]."""
        self._tensor(name, rows, columns, Role.INPUT)
        self.inputs.append(name)
        return name

    def linear(
        self,
        name: str,
        operand: str,
        columns: int,
        *,
        role: Role = Role.FREE,
        row: int | None = None,
        kernel: int = 1,
        stride: int = 1,
        residual: str | None = None,
        residual_element: tuple[int, int] | None = None,
        bias_per_row: bool = False,
        until: int | None = None,
        learnt: bool = True,
    ) -> str:
        """Add a matrix product [rows, inner] -> [rows, columns], or a convolution over rows.

        Args:
            name: Name of the operation.
            operand: Tensor that is read.
            columns: Columns of the result.
            role: Role of the result.
            row: The only row of the operand that is read; None for all rows.
            kernel: Number of successive rows of the operand that each row of the result reads.
            stride: Rows of the operand from one row of the result to the next. The last row of the
                result reads the operand's last rows.
            residual: Tensor that is added, or None. If it has more rows than the result, its last
                ones are added.
            residual_element: (row, column) of the one element that is added.
            bias_per_row: Whether each row has its own biases.
            until: Number of rows of the operand that may be read; None for all.
            learnt: Whether the weights and biases are those of a training.
        """
        first, left = divmod((until or self._shape(operand)[0]) - kernel, stride)[::-1]
        rows = left + 1 if row is None else 1
        given = rows if residual is None else self._shape(residual)[0]
        residual_row = given - rows if residual_element is None else 0
        output = self._tensor(f"{name}.output", rows, columns, role)
        self.operations.append(
            LinearSpec(
                *(name, operand, output, first if row is None else row, kernel, stride),
                *(residual, residual_row, residual_element, bias_per_row, learnt),
            )
        )
        return output

    def row_sum(self, name: str, operand: str) -> str:
        """Add a sum over rows [rows, columns] -> [1, columns]."""
        output = self._tensor(f"{name}.output", 1, self._shape(operand)[1], Role.SUM)
        self.operations.append(RowSumSpec(name, operand, output))
        return output

    def append(self, name: str, operand: str, rows: int) -> str:
        """Add the last rows of successive inferences: [1, columns] -> [rows, columns]."""
        output = self._tensor(f"{name}.output", rows, self._shape(operand)[1], Role.STATE)
        self.operations.append(AppendSpec(name, operand, output))
        return output

    def scores(self, name: str, query: str, key: str, heads: int = 1, *, bias: bool = False) -> str:
        """Add probabilities: [rows, columns] and [keys, columns] -> [heads * rows, keys].

        Args:
            name: Name of the operation.
            query: Queries.
            key: Keys.
            heads: Number of heads.
            bias: Whether each head and key has a bias.
        """
        rows, keys = self._shape(query)[0], self._shape(key)[0]
        output = self._tensor(f"{name}.output", heads * rows, keys, Role.PROBABILITY)
        self.operations.append(ScoresSpec(name, query, key, output, heads, bias))
        return output

    def context(self, name: str, probabilities: str, value: str, heads: int = 1) -> str:
        """Add contexts: [heads * rows, keys] and [keys, columns] -> [rows, columns]."""
        rows, columns = self._shape(probabilities)[0] // heads, self._shape(value)[1]
        output = self._tensor(f"{name}.output", rows, columns, Role.FREE)
        self.operations.append(ContextSpec(name, probabilities, value, output, heads))
        return output

    def arg_max(self, name: str, operand: str) -> str:
        """Add index and margin of the largest number: [1, columns] -> [1, 2]."""
        return self._decision(ArgMaxSpec(name, operand, f"{name}.output"))

    def l1_norm(self, name: str, operand: str) -> str:
        """Add a score and whether it is above a threshold: [1, columns] -> [1, 2]."""
        return self._decision(L1NormSpec(name, operand, f"{name}.output"))

    def _decision(self, spec: DecisionSpec) -> str:
        self._shape(spec.operand)
        self.operations.append(spec)
        return self._tensor(spec.output, 1, 2, Role.DECISION)

    def build(self, *outputs: str) -> GraphSpec:
        """Return the graph.

        Args:
            outputs: Tensors that a host reads, in order.

        Raises:
            ValueError: An output is not a tensor of the graph.
        """
        for name in outputs:
            self._shape(name)
        return GraphSpec(tuple(self.inputs), outputs, dict(self.tensors), tuple(self.operations))


@dataclass(frozen=True)
class Shape:
    """The size of a Transformer that forecasts from a window, or from a stream of readings.

    A stream has one token in each inference, the last of ``window`` that are attended to. Its input
    has ``kernel`` rows, the last readings, besides those that are hidden, and ``pooling`` and
    ``stride`` mean nothing.

    Attributes:
        window: Rows of the input; of a stream, the tokens that are attended to.
        inputs: Columns of the input.
        channels: Columns of the residual stream.
        layers: Encoder layers.
        heads: Heads of each attention.
        ffn_channels: Columns between the two products of a feed-forward part; 4 x ``channels``
            unless given.
        outputs: Steps ahead that are forecast of each target.
        quantiles: Forecasts of each step.
        targets: Number of targets. With several, each has terms, a head and an output of its own,
            whose names end in its number.
        pooling: What the head reads of the tokens: their mean, or the last one. In the second case
            the last layer computes that token only.
        kernel: Successive rows of the input that each token embeds.
        stride: Rows of the input from one token to the next.
        relative: Index of the input of each target whose last value is added to the forecasts; none
            if no value is added.
        seasons: Number of earlier seasons of which the readings at the forecast's times are a
            further input for each target.
        known: Number of columns known ahead, whose values at the forecast's times are a further
            input, with the same row for each series.
        fold: Whether successive linear maps are one product where that has fewer multiplications.
        kind: Whether each inference has a whole window, or the last reading of a stream.
        decision: What the results of a target are reduced to: the largest one, or a score; None if
            they are outputs themselves.
        compared: Newest rows of the input that the results are differences from, column by column
            of those in ``monitored``, row by row; 0 if they are no differences.
        monitored: Indices of these columns of the input.
        hidden: Whether the tokens embed the rows before those only.
        series: Whether each token is a series, one of the targets, and not some rows of the window.
            It embeds all readings of its column, and the forecasts of a series are read from its
            token.
        shared: Number of the last columns of the input that all series share; a token embeds those
            of the last row.
    """

    window: int
    inputs: int
    channels: int
    layers: int = 1
    heads: int = 1
    ffn_channels: int | None = None
    outputs: int = 1
    quantiles: int = 1
    targets: int = 1
    pooling: Pooling = "mean"
    kernel: int = 1
    stride: int = 1
    relative: tuple[int, ...] = ()
    seasons: int = 0
    known: int = 0
    fold: bool = False
    kind: Kind = "window"
    decision: Decision = None
    compared: int = 0
    monitored: tuple[int, ...] = ()
    hidden: bool = False
    series: bool = False
    shared: int = 0

    @property
    def rows(self) -> int:
        """Rows of the input's tensor."""
        if self.series:
            return self.targets
        if self.kind == "window":
            return self.window
        return self.kernel + (self.compared if self.hidden else 0)

    @property
    def columns(self) -> int:
        """Columns of the input's tensor."""
        if not self.series:
            return self.inputs
        return self.window * (self.inputs - self.shared) // self.targets + self.shared

    @property
    def results(self) -> int:
        """Number of outputs: one for each target, or a single one with a row for each series."""
        return 1 if self.series else self.targets

    @property
    def seen(self) -> int:
        """Rows of the input, the first ones, that the tokens embed."""
        return self.rows - self.compared if self.hidden else self.rows

    @property
    def reach(self) -> int:
        """Inferences before one that its forecast may depend on."""
        return 0 if self.kind == "window" else self.layers * (self.window - 1)

    @property
    def lead(self) -> int:
        """Inferences before one of which its forecast needs nothing but keys and values.

        With several layers it needs more, the results of the layers below.
        """
        return self.reach if self.layers == 1 else 0

    @property
    def mean(self) -> bool:
        """Whether the head reads the mean of several tokens."""
        return self.kind == "window" and self.pooling == "mean" and not self.series

    @property
    def embedded(self) -> int:
        """Columns of what each token embeds."""
        return self.kernel * self.columns

    @property
    def all_tokens(self) -> bool:
        """Whether the first layer computes all tokens, and not the last one only."""
        return self.layers > 1 or self.mean or self.series

    @property
    def embeds_known(self) -> bool:
        """Whether values known ahead are part of the tokens that the last layer computes.

        Their mean cannot have any: each of several tokens would need the same row.
        """
        return bool(self.known) and not self.mean

    @property
    def folds_keys(self) -> bool:
        """Whether keys and values of the first layer are products of the input.

        The embedding is then needed for the residual stream only.
        """
        rows, d = self.tokens, self.channels
        streamed = rows if self.all_tokens else 1
        apart = rows * self.embedded * d + 2 * rows * d * d
        return self.fold and (2 * rows + streamed) * self.embedded * d < apart

    @property
    def folds_query(self) -> bool:
        """Whether the query of the first layer is a product of the input."""
        return self.fold and self.embedded < self.channels

    @property
    def folds_tail(self) -> bool:
        """Whether the last down projection and the head are one product.

        The head then has two terms: of the sum behind attention, and of what follows the ReLU. An
        engine that sums both over the tokens, or moves both to the token of further inputs or of
        compared rows, copies them by products with the identity matrix. So it does with what is
        summed and read as well.
        """
        d, e, o = self.channels, self.ffn, self.results * self.forecasts
        rows, copies = 1, 0
        first = self.layers == 1 and self.folds_keys and (self.kernel > 1 or self.stride > 1)
        if self.mean:
            rows, copies = self.tokens, (1 + self.tokens) * d * d + e * e
        elif (self.further or self.compared) and self.kind == "window" and not first:
            copies = d * d + e * e
        return self.fold and (d + e) * o + copies < rows * e * d + d * o

    @property
    def tokens(self) -> int:
        """Tokens of an inference. The last one embeds the last row of the input."""
        return (self.seen - self.kernel) // self.stride + 1 if self.kind == "window" else 1

    @property
    def forecasts(self) -> int:
        """Columns of the output of each target: the quantiles of a step, step by step."""
        return self.outputs * self.quantiles

    @property
    def further(self) -> dict[str, int]:
        """Inputs besides the window, and the number of their columns."""
        seasons = [self.of_target("seasons", target) for target in range(self.targets)]
        columns = {**dict.fromkeys(seasons, self.seasons), "known": self.known}
        return {name: self.outputs * each for name, each in columns.items() if each}

    def of_target(self, name: str, target: int) -> str:
        """Return the name of what each target has on its own."""
        return name if self.results == 1 else f"{name}_{target}"

    def terms(self, target: int) -> dict[str, str]:
        """Return the product of each further input of a target, and the input's name.

        Series have one of their own readings, too.
        """
        seasons = self.of_target("seasons", target)
        products = {"seasonal": seasons, "ahead": "known"}
        found = {
            self.of_target(product, target): name
            for product, name in products.items()
            if name in self.further
        }
        return found | {"own": "input"} if self.series else found

    def forecast(self, target: int) -> list[str]:
        """Return the products whose sum is the forecast of a target, in order.

        The head is the last one, but a series' product of its own readings follows it: an engine
        makes results of one row at a time, and this one is the shortest sum.
        """
        tail = ("skip", "head") if self.folds_tail else ("head",)
        actual = ("actual",) if self.compared else ()
        own = (self.of_target(name, target) for name in tail)
        if self.series:
            return [*reversed(tail), *self.terms(target)]
        return [*actual, *self.terms(target), *own]

    @property
    def ffn(self) -> int:
        """Columns between the two products of a feed-forward part."""
        return self.ffn_channels or 4 * self.channels


class _Embedding(TypedDict, total=False):
    """Arguments of a product that reads what a token embeds; none if it reads the tokens."""

    kernel: int
    stride: int
    bias_per_row: bool
    until: int


def transformer(shape: Shape) -> GraphSpec:
    """Return the encoder: embedding, layers, sum over all tokens or the last token, head.

    A stream appends the keys and values of its only token to those of the tokens before. Its
    positions are biases of the scores, in place of biases per row.

    The forecast of a target is a sum of terms, each of which adds the one before: linear maps of
    further inputs, and the head. The first of them adds the last reading. If results are
    differences from the newest rows, these rows, negative, are the first term. Values known ahead
    are also embedded in the tokens that the last layer computes, beside what attention makes of the
    others: so the feed-forward part joins them with the readings.

    With a token for each series, all tokens are computed to the end. The forecasts of a series are
    what the head makes of its token, and a linear map of its own readings.

    If the shape is folded, linear maps with nothing between them are one product: embedding and
    key, value or query of the first layer; down projection of the last layer and head.
    """
    graph = GraphBuilder()
    d = shape.channels
    stream = shape.kind == "stream"
    first = graph.input("input", shape.rows, shape.columns)
    stride = 1 if stream else shape.stride
    embedding = _Embedding(
        kernel=shape.kernel, stride=stride, bias_per_row=not stream, until=shape.seen
    )
    for name, columns in shape.further.items():
        graph.input(name, shape.rows if shape.series else 1, columns)
    of_last = shape.seen - shape.kernel  # first row that the last token embeds
    streamed = None if shape.all_tokens or not shape.folds_keys else of_last
    x = graph.linear("embed", first, d, row=streamed, **embedding)
    for layer in range(shape.layers):
        at = f"layers.{layer}"
        last = layer == shape.layers - 1 and not shape.mean and not shape.series
        of_input = layer == 0 and shape.folds_keys
        source, form = (first, embedding) if of_input else (x, _Embedding())
        key = graph.linear(f"{at}.key", source, d, role=Role.LANES, **form)
        if layer == 0 and shape.folds_query:
            row = of_last if last else None
            query = graph.linear(f"{at}.query", first, d, row=row, **embedding)
        else:
            row = graph.tensors[x].rows - 1 if last else None
            query = graph.linear(f"{at}.query", x, d, row=row)
        value = graph.linear(f"{at}.value", source, d, role=Role.LANES, **form)
        if stream:
            key = graph.append(f"{at}.keys", key, shape.window)
            value = graph.append(f"{at}.values", value, shape.window)
        e = graph.scores(f"{at}.scores", query, key, shape.heads, bias=stream)
        context = graph.context(f"{at}.context", e, value, shape.heads)
        x = graph.linear(f"{at}.attention_out", context, d, residual=x)
        if layer == shape.layers - 1 and shape.embeds_known:
            x = graph.linear("embed_ahead", "known", d, residual=x)
        up = graph.linear(f"{at}.ffn_up", x, shape.ffn, role=Role.RELU)
        if layer < shape.layers - 1 or not shape.folds_tail:
            x = graph.linear(f"{at}.ffn_down", up, d, residual=x)
    outputs = list(_forecasts(graph, shape, x, up))
    if shape.decision == "arg_max":
        outputs = [graph.arg_max("decision", each) for each in outputs]
    elif shape.decision == "l1_norm":
        outputs = [graph.l1_norm("decision", each) for each in outputs]
    return graph.build(*outputs)


def _forecasts(graph: GraphBuilder, shape: Shape, x: str, up: str) -> Iterator[str]:
    """Add the terms of the forecast of each target, and yield its tensor.

    Args:
        graph: The graph up to the last layer, with all inputs.
        shape: Size of the network.
        x: Result of the last layer; that of its attention if the tail is folded.
        up: Result of the last layer's first feed-forward product.
    """
    pooled: dict[str, str] = {}

    def tokens(name: str, tensor: str) -> str:
        """Return what a term reads of a tensor: the sum of the tokens, or the last one."""
        if shape.mean and name not in pooled:
            pooled[name] = graph.row_sum(name, tensor)
        return pooled.get(name, tensor)

    for target in range(shape.results):
        residual, element = None, None
        if shape.relative and not shape.series:
            residual, element = graph.inputs[0], (shape.rows - 1, shape.relative[target])
        terms = shape.terms(target)
        for name in shape.forecast(target):
            if name == "actual":
                residual = graph.linear(
                    name,
                    graph.inputs[0],
                    shape.forecasts,
                    role=Role.RESULT,
                    row=shape.rows - shape.compared,
                    kernel=shape.compared,
                    learnt=False,
                )
                continue
            if name in terms:
                operand = terms[name]
            elif shape.folds_tail and name == shape.of_target("head", target):
                operand = tokens("ffn_pool", up)
            else:
                operand = tokens("pool", x)
            residual = graph.linear(
                name,
                operand,
                shape.forecasts,
                role=Role.RESULT,
                residual=residual,
                residual_element=element,
            )
            element = None
        assert residual is not None
        yield residual


def weight_name(operation: LinearSpec) -> str:
    """Return the name of a product's weights."""
    return f"{operation.name}.weights"
