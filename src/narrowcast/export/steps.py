"""The operations of a model as calls of C functions, with the constants that these read.

There is a function for each kind of operation and each combination of types. Where the numbers are
known before, they are prepared: the zero point of an operand is part of the biases, and residual
multipliers are shifted by Q.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from narrowcast.export.c_types import (
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    WIDE,
    CType,
    identifiers,
    literal,
    narrowest,
)
from narrowcast.export.layout import Layout, Stored, layout
from narrowcast.integer import Analysis, Append, ArgMax, Context, L1Norm, Linear, RowSum, Scores
from narrowcast.integer.analysis import reachable_range
from narrowcast.integer.arithmetic import MAX_SHIFT
from narrowcast.integer.bounds import Range, centred_range, hull, product_range
from narrowcast.integer.model import Array, Decision

SPLIT_BITS = 13
_BIASES = (INT16, INT32, INT64)


@dataclass(frozen=True)
class Kernel:
    """A function of C for one kind of operation.

    Attributes:
        kind: The macro of the template that writes it.
        types: The types of its operands by their names in the template; None: without.
        way: How sums are scaled, ``i32``, ``split`` or ``i64``; empty if there is nothing to scale.
    """

    kind: str
    types: tuple[tuple[str, CType | None], ...]
    way: str = ""

    @property
    def name(self) -> str:
        """Its name in C."""
        types = (t.short if t else "none" for _, t in self.types)
        return "_".join([self.kind, *types, *([self.way] if self.way else [])])

    @property
    def total(self) -> CType:
        """The type of scaled sums."""
        return INT64 if self.way == "i64" else INT32

    def __getitem__(self, name: str) -> CType | None:
        return dict(self.types).get(name)


@dataclass(frozen=True)
class Constant:
    """An array of constants.

    Attributes:
        name: Its name in C.
        type: The type of its elements.
        values: The elements.
    """

    name: str
    type: CType
    values: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size."""
        return len(self.values) * self.type.bytes


@dataclass(frozen=True)
class Descriptor:
    """A structure of constants that describes one operation.

    Attributes:
        type: The type of the structure.
        name: Its name in C.
        fields: Expressions by name.
    """

    type: str
    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """A call of a function.

    Attributes:
        kernel: The function.
        arguments: Expressions.
    """

    kernel: Kernel
    arguments: tuple[str, ...]


@dataclass
class Program:
    """What the C code of a model consists of.

    Attributes:
        layout: Where the tensors are.
        kernels: The functions, each once.
        constants: The arrays of constants, each once.
        descriptors: The structures of constants.
        calls: The calls, in order.
    """

    layout: Layout
    kernels: list[Kernel] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    descriptors: list[Descriptor] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def constant(self, name: str, kind: CType, values: Array) -> str:
        """Add an array of constants, and return the name of one of equal content."""
        numbers = tuple(values.ravel().tolist())
        for each in self.constants:
            if (each.type, each.values) == (kind, numbers):
                return each.name
        self.constants.append(Constant(name, kind, numbers))
        return name

    def descriptor(self, kind: str, name: str, **fields: str | int) -> str:
        """Add a structure of constants, and return a pointer to it."""
        texts = {k: v if isinstance(v, str) else literal(v) for k, v in fields.items()}
        self.descriptors.append(Descriptor(kind, name, texts))
        return f"&{name}"

    def call(
        self, kind: str, arguments: Sequence[str], way: str = "", **types: CType | None
    ) -> None:
        """Add a call, and its function if it is new."""
        kernel = Kernel(kind, tuple(types.items()), way)
        if kernel not in self.kernels:
            self.kernels.append(kernel)
        self.calls.append(Call(kernel, tuple(arguments)))


def scaling(sums: CType, total: Range, shift: int, added: Range = (0, 0)) -> str:
    """Return how ``(sum * M + added + 2^(S-1)) >> S`` is computed.

    Products of 64 bits take many instructions on a small processor. ``split`` has none: with
    sum = 2^13 * high + low and below = (low * M + added + 2^(S-1)) >> 13, the result is
    (high * M + below) >> (S - 13). This is exact, because the shifts round downwards. As M has 18
    bits, low * M is within 2^30.

    Args:
        sums: The type of the sum.
        total: Range of all terms and of their sum.
        shift: S.
        added: Range of what is added, without 2^(S-1).
    """
    if sums != INT32:
        return "i64"
    if INT32.holds(*total):
        return "i32"
    narrow = total[0] > -(1 << 43) and total[1] < 1 << 43
    most = (1 << 30) - (1 << (MAX_SHIFT - 1))
    small = -most < added[0] and added[1] < most
    return "split" if shift >= SPLIT_BITS and narrow and small else "i64"


def program(analysis: Analysis) -> Program:
    """Translate the operations of a model."""
    model = analysis.model
    result = Program(layout(analysis))
    names = identifiers(step.name for step in model.operations)
    for step in model.operations:
        name = names[step.name]
        match step:
            case Linear():
                _linear(result, analysis, step, name)
            case RowSum():
                _row_sum(result, step, name)
            case Append():
                _append(result, step)
            case Scores():
                _scores(result, analysis, step, name)
            case Context():
                _context(result, analysis, step, name)
            case ArgMax():
                _decision(result, "arg_max", step)
            case L1Norm():
                _decision(
                    result, "l1_norm", step, result.layout.stored[step.operand].zero, step.threshold
                )
    for each in model.outputs:
        stored = result.layout.stored[each.tensor]
        if not stored.at.startswith("outputs"):
            _give_out(result, stored)
    return result


def _give_out(result: Program, stored: Stored) -> None:
    tensor = stored.tensor
    kind = narrowest(tensor.low, tensor.high)
    to = f"outputs->{result.layout.names[tensor.name]}"
    arguments = [stored.element(), to, literal(tensor.size), literal(stored.offset)]
    result.call("copy", arguments, x=stored.type, y=kind)


def _elements_range(analysis: Analysis, stored: Stored) -> Range:
    """Return the range of the stored numbers of a tensor; of a sum of rows, from its terms."""
    low, high = reachable_range(analysis.model, analysis.producers, stored.tensor.name)
    return low + stored.zero, high + stored.zero


def _linear_sums(analysis: Analysis, step: Linear, x: Stored) -> tuple[Array, Range]:
    """Return the biases less the products with the zero point, and the range of all sums."""
    weights = analysis.model.arrays[step.weights]
    bias = analysis.model.arrays[step.bias] - x.zero * weights.sum(axis=1)
    low, high = _elements_range(analysis, x)
    least, most = product_range((min(low, 0), max(high, 0)), weights)
    sums = least.sum(axis=1), most.sum(axis=1)
    return bias, hull(*sums, bias, bias + sums[0], bias + sums[1])


def _linear(result: Program, analysis: Analysis, step: Linear, name: str) -> None:
    model, stored = analysis.model, result.layout.stored
    x, y = stored[step.operand], stored[step.output]
    weights = model.arrays[step.weights]
    bias, sums = _linear_sums(analysis, step, x)
    sum_type = narrowest(*sums, WIDE)
    total, raised = analysis.bounds[step.name].total, (0, 0)
    bias_type = narrowest(*hull(bias), _BIASES)
    columns = y.tensor.columns
    fields: dict[str, str | int] = {
        "weights": result.constant(f"weights_{name}", INT8, weights),
        "multipliers": result.constant(f"multipliers_{name}", INT32, model.arrays[step.multiplier]),
        "rows": y.tensor.rows,
        "columns": columns,
        "inner": weights.shape[1],
        "operand_step": step.stride * x.tensor.columns,
        "bias_step": columns if bias.ndim == 2 else 0,
        "shift": step.shift,
        "zero": y.zero,
        "low": 0 if step.relu else y.tensor.low - y.tensor.zero_point,
        "high": y.tensor.high - y.tensor.zero_point,
    }
    arguments = [
        x.element(step.operand_row),
        result.constant(f"biases_{name}", bias_type, bias),
        y.element(),
    ]
    r_type, factor_type = None, None
    if step.residual is not None and step.residual_multiplier is not None:
        r = stored[step.residual]
        factors = model.arrays[step.residual_multiplier] << step.residual_shift
        r_type, factor_type = r.type, narrowest(*hull(factors), WIDE)
        raised = hull(*product_range(centred_range(r.tensor), factors))
        row, column = step.residual_element or (step.residual_row, 0)
        moves = step.residual_element is None
        fields |= {
            "residual_row_step": columns if moves else 0,
            "residual_column_step": int(moves),
            "residual_zero": r.zero,
        }
        factor = result.constant(f"factors_{name}", factor_type, factors)
        arguments += [r.element(row, column), factor]
    arguments = [result.descriptor("linear_t", f"step_{name}", **fields), *arguments]
    result.call(
        "linear",
        arguments,
        scaling(sum_type, total, step.shift, raised),
        x=x.type,
        bias=bias_type,
        sum=sum_type,
        y=y.type,
        r=r_type,
        factor=factor_type,
    )


def _row_sum(result: Program, step: RowSum, name: str) -> None:
    x, y = (result.layout.stored[each] for each in (step.operand, step.output))
    arguments = [
        result.descriptor(
            "row_sum_t",
            f"step_{name}",
            rows=x.tensor.rows,
            columns=x.tensor.columns,
            start=x.tensor.rows * x.offset - y.offset,
        ),
        x.element(),
        y.element(),
    ]
    result.call("row_sum", arguments, x=x.type, y=y.type)


def _decision(result: Program, kind: str, step: Decision, *numbers: int) -> None:
    x, y = (result.layout.stored[each] for each in (step.operand, step.output))
    arguments = [x.element(), y.element(), *map(literal, (x.tensor.columns, *numbers))]
    result.call(kind, arguments, x=x.type, y=y.type)


def _append(result: Program, step: Append) -> None:
    x, y = (result.layout.stored[each] for each in (step.operand, step.output))
    arguments = [x.element(), y.element(), literal(y.tensor.size), literal(y.tensor.columns)]
    result.call("append", arguments, x=x.type)


def _first_key(key: Stored) -> str:
    return "KEPT_ROWS - present" if key.tensor.state else "0"


def _scores(result: Program, analysis: Analysis, step: Scores, name: str) -> None:
    model, stored = analysis.model, result.layout.stored
    query, key, e = (stored[each] for each in (step.operand, step.key, step.output))
    sums = result.layout.sums[step.name]
    table = model.arrays[step.table]
    descriptor = result.descriptor(
        "scores_t",
        f"step_{name}",
        table=result.constant(f"table_{name}", UINT8, table),
        heads=step.heads,
        rows=query.tensor.rows,
        keys=key.tensor.rows,
        columns=query.tensor.columns,
        size=query.tensor.columns // step.heads,
        zero=query.zero,
        multiplier=step.multiplier,
        shift=step.shift,
        last=len(table) - 1,
    )
    bias_type, bias = None, []
    if step.bias is not None:
        biases = model.arrays[step.bias]
        bias_type = narrowest(*hull(biases), _BIASES)
        bias = [result.constant(f"biases_{name}", bias_type, biases)]
    arguments = [
        descriptor,
        *(query.element(), key.element(), sums.element(), e.element()),
        _first_key(key),
        *bias,
    ]
    result.call(
        "scores",
        arguments,
        scaling(sums.type, analysis.bounds[step.name].total, step.shift),
        x=query.type,
        sum=sums.type,
        zero=INT32 if query.zero else None,
        bias=bias_type,
    )


def _context(result: Program, analysis: Analysis, step: Context, name: str) -> None:
    stored = result.layout.stored
    e, value, y = (stored[each] for each in (step.operand, step.value, step.output))
    way = scaling(INT32, analysis.bounds[step.name].total, step.shift)
    descriptor = result.descriptor(
        "context_t",
        f"step_{name}",
        heads=step.heads,
        rows=y.tensor.rows,
        keys=value.tensor.rows,
        columns=y.tensor.columns,
        size=y.tensor.columns // step.heads,
        numerator=step.numerator,
        shift=step.shift,
        zero=y.zero,
        low=y.tensor.low - y.tensor.zero_point,
        high=y.tensor.high - y.tensor.zero_point,
    )
    arguments = [descriptor, e.element(), value.element(), y.element()]
    result.call("context", arguments, way, y=y.type)
