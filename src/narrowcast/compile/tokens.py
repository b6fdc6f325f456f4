"""The tokens of a graph: the rows of its inputs, and what is computed of each.

An engine of two ways has every other token in each, with all results that belong to it. So a
product can read and add numbers of the same token only. What all tokens share is beyond the ways:
keys and values, and a sum over rows, which takes the place of the first token.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from narrowcast.errors import UserError
from narrowcast.integer.model import (
    Append,
    ArgMax,
    Context,
    IntegerModel,
    L1Norm,
    Linear,
    Operation,
    RowSum,
    Scores,
    Tensor,
    row_sum_tensor,
)


def first_tokens(model: IntegerModel) -> Mapping[str, int]:
    """Return the token of each tensor's first row, by the tensor's name."""
    tokens = {tensor.name: 0 for tensor in model.input_tensors}
    for step in model.operations:
        tokens[step.output] = _token(step, tokens)
    return tokens


def _token(step: Operation, tokens: Mapping[str, int]) -> int:
    """Return the token of the first row of a result."""
    match step:
        case Linear() if step.convolves:
            return 0  # such an engine has one way
        case Linear():
            return tokens.get(step.operand, 0) + step.operand_row
        case RowSum() | Append() | ArgMax() | L1Norm():
            return 0
        case Scores() | Context():
            return tokens.get(step.operand, 0)


def align(model: IntegerModel) -> IntegerModel:
    """Return an equivalent graph in which each product reads and adds the same tokens.

    A single row moves to the first token by a sum over it, which is exact.

    Raises:
        UserError: Other tokens would have to move.
    """
    aligner = _Aligner(dict(model.tensors), {step.name for step in model.operations})
    for step in model.operations:
        aligner.add(step)
    if len(aligner.steps) == len(model.operations):
        return model
    return replace(model, tensors=aligner.tensors, operations=tuple(aligner.steps))


@dataclass
class _Aligner:
    """Builds the new graph.

    Attributes:
        tensors: Tensors of the new graph so far.
        names: Names of all operations of both graphs.
        steps: Operations of the new graph so far.
        tokens: Token of the first row of each tensor that is not an input.
        moved: The tensor at the first token that holds the row of another one.
    """

    tensors: dict[str, Tensor]
    names: set[str]
    steps: list[Operation] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def add(self, step: Operation) -> None:
        """Add an operation, behind the sums that move its operands."""
        match step:
            case Linear() if step.residual is not None and step.residual_element is None:
                step = self.aligned(step, step.residual)
            case Scores(key=name) | Context(value=name) if self.tokens.get(name, 0):
                raise UserError(
                    f"{type(step).__name__} {step.name}: {name} begins with row "
                    f"{self.tokens[name]} of what it is made of; the engine takes keys and values "
                    "from the first row on only"
                )
        self.steps.append(step)
        self.tokens[step.output] = _token(step, self.tokens)

    def aligned(self, step: Linear, residual: str) -> Linear:
        """Return a product whose operand and residual begin with the same token."""
        own = _token(step, self.tokens)
        other = self.tokens.get(residual, 0) + step.residual_row
        if own == other:
            return step
        moves = [name for name, token in ((step.operand, own), (residual, other)) if token]
        if all(self.tensors[name].rows == 1 for name in moves):
            if own:
                step = replace(step, operand=self.move(step.operand))
            return replace(step, residual=self.move(residual)) if other else step
        raise UserError(
            f"Linear {step.name}: reads what belongs to row {own} of an input, and adds what "
            f"belongs to row {other}; the engine adds numbers of the same row only"
        )

    def move(self, name: str) -> str:
        """Return the tensor at the first token with the only row of another one."""
        if name not in self.moved:
            moved, step = unused(name, self.tensors), unused(name, self.names)
            self.tensors[moved] = row_sum_tensor(moved, self.tensors[name])
            self.names.add(step)
            self.steps.append(RowSum(step, name, moved))
            self.tokens[moved] = 0
            self.moved[name] = moved
        return self.moved[name]


def unused(name: str, taken: Container[str]) -> str:
    """Return an unused name that is derived from another name."""
    number = 1
    while f"{name[:90]}.{number}" in taken:
        number += 1
    return f"{name[:90]}.{number}"
