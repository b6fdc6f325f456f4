"""Where the C code keeps each tensor, and as which integers.

Inputs and outputs lie in the structures of the caller, states in arrays of their own. All other
tensors share one buffer: the bytes of a tensor are free after the last operation that reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from narrowcast.export.c_types import UINT8, WIDE, CType, identifiers, narrowest
from narrowcast.integer import Analysis, IntegerModel, Linear, Scores, Tensor
from narrowcast.integer.model import operands_read

ALIGNMENT = 8  # bytes: of the widest type


@dataclass(frozen=True)
class Stored:
    """A tensor as the C code keeps it.

    Attributes:
        tensor: The tensor.
        type: The type of its elements.
        offset: What is subtracted from its integers. It is 0, but the zero point for probabilities
            and queries, which are multiplied by numbers that are not known before.
        at: Expression of the array that holds it.
        first: Index of its first element there.
    """

    tensor: Tensor
    type: CType
    offset: int
    at: str
    first: int = 0

    @property
    def zero(self) -> int:
        """What represents 0."""
        return self.tensor.zero_point - self.offset

    def element(self, row: int = 0, column: int = 0) -> str:
        """Return the expression of a pointer to an element."""
        index = self.first + row * self.tensor.columns + column
        return self.at if index == 0 else f"{self.at} + {index}"


@dataclass(frozen=True)
class _Lifetime:
    """Bytes that are needed from one operation to another, by their indices."""

    size: int
    born: int
    dies: int

    def overlaps(self, other: "_Lifetime") -> bool:
        return self.born <= other.dies and other.born <= self.dies


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        stored: All tensors by name.
        sums: The array of the sums of each scores operation, one row of keys, by its name.
        buffer: Size of the shared buffer in bytes.
        views: Types of the elements that the shared buffer holds.
        names: The identifier of each tensor.
    """

    stored: Mapping[str, Stored]
    sums: Mapping[str, Stored]
    buffer: int
    views: tuple[CType, ...]
    names: Mapping[str, str]


def sum_type(analysis: Analysis, step: Scores) -> CType:
    """Return the type of the sums of scores."""
    return narrowest(*analysis.bounds[step.name].biased, WIDE)


def layout(analysis: Analysis) -> Layout:
    """Lay out the tensors of a model, and the sums that the operations need for a while."""
    model = analysis.model
    names = identifiers(model.tensors)
    at_caller = {each.tensor: "inputs" for each in model.inputs}
    at_caller |= {each.tensor: "outputs" for each in model.outputs}
    stored: dict[str, Stored] = {}
    shared: list[str] = []
    for tensor in model.tensors.values():
        made = isinstance(analysis.producers.get(tensor.name), Scores)
        query = any(
            isinstance(step, Scores) and step.operand == tensor.name
            for step in analysis.readers[tensor.name]
        )
        apart = made or (query and tensor.name not in at_caller)
        offset = tensor.zero_point if apart else 0
        kind = UINT8 if made else narrowest(tensor.low - offset, tensor.high - offset)
        name = names[tensor.name]
        if tensor.state:
            at = f"state_{name}"
        elif tensor.name in at_caller and not made:
            at = f"{at_caller[tensor.name]}->{name}"
        else:
            at = f"buffer.{kind.short}"
            shared.append(tensor.name)
        stored[tensor.name] = Stored(tensor, kind, offset, at)
    groups = _groups(model, shared, stored)
    lives = {}
    for group in groups:
        born = min(_made(model, name) for name in group)
        dies = max(_last_read(model, name) for name in group)
        size = stored[group[0]].tensor.size * stored[group[0]].type.bytes
        lives[group[0]] = _Lifetime(size, born, dies)
    rows: dict[str, Stored] = {}
    for number, step in enumerate(model.operations):
        if isinstance(step, Scores):
            key, kind = model.tensors[step.key], sum_type(analysis, step)
            row = Tensor(f"sums of {step.name}", 1, key.rows, kind.bits, 1.0, 0)
            rows[step.name] = Stored(row, kind, 0, f"buffer.{kind.short}")
            lives[row.name] = _Lifetime(row.size * kind.bytes, number, number)
    places, size = _places(lives)
    for group in groups:
        for name in group:
            each = stored[name]
            stored[name] = replace(each, first=places[group[0]] // each.type.bytes)
    for name, each in rows.items():
        rows[name] = replace(each, first=places[each.tensor.name] // each.type.bytes)
    views = {stored[name].type for name in shared} | {each.type for each in rows.values()}
    in_order = tuple(sorted(views, key=lambda each: (each.bits, each.signed)))
    return Layout(stored, rows, size, in_order, names)


def _made(model: IntegerModel, name: str) -> int:
    return next(i for i, step in enumerate(model.operations) if step.output == name)


def _last_read(model: IntegerModel, name: str) -> int:
    """Return the last operation that reads a tensor; of an output, one after all."""
    if any(each.tensor == name for each in model.outputs):
        return len(model.operations)
    reading = (i for i, step in enumerate(model.operations) if name in operands_read(step))
    return max(reading, default=_made(model, name))


def _groups(
    model: IntegerModel, shared: Sequence[str], stored: Mapping[str, Stored]
) -> list[list[str]]:
    """Return the tensors that take the same bytes, one after the other.

    A sum with a residual takes the place of the residual, if no later operation reads that: each
    element is read before the one in its place is written.
    """
    groups = {name: [name] for name in shared}
    for number, step in enumerate(model.operations):
        if not isinstance(step, Linear) or step.output not in groups:
            continue
        residual, output = step.residual, stored[step.output]
        if (
            residual in groups
            and residual != step.operand
            and step.residual_element is None
            and stored[residual].tensor.rows == output.tensor.rows
            and stored[residual].type == output.type
            and _last_read(model, residual) == number
        ):
            groups[residual] += groups[step.output]
            groups[step.output] = groups[residual]
    return list({id(group): group for group in groups.values()}.values())


def _places(lives: Mapping[str, _Lifetime]) -> tuple[dict[str, int], int]:
    """Return the first byte of each of some lifetimes, and the size of all.

    The largest is placed first, each as low as those allow that live at the same time.
    """
    places: dict[str, int] = {}
    for name, life in sorted(lives.items(), key=lambda item: -item[1].size):
        others = sorted(
            (places[o], places[o] + lives[o].size) for o in places if lives[o].overlaps(life)
        )
        at = 0
        for first, after in others:
            if at + life.size <= first:
                break
            at = max(at, -(-after // ALIGNMENT) * ALIGNMENT)
        places[name] = at
    end = max((at + lives[name].size for name, at in places.items()), default=0)
    return places, -(-end // ALIGNMENT) * ALIGNMENT
