"""Rewrites a graph such that each tensor is in one type of the engine's memories.

The engine writes each result to one memory. A tensor with several uses, such as query and keys, is
copied by a product with the identity matrix. A copy is exact: ``(x * 2 + 1) >> 1`` is x.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from narrowcast.compile.timing import SHIFTED_RESULTS
from narrowcast.compile.tokens import align, unused
from narrowcast.errors import UserError
from narrowcast.integer.analysis import Analysis, Product, analyse
from narrowcast.integer.model import (
    Append,
    ArgMax,
    Array,
    Context,
    Decision,
    IntegerModel,
    L1Norm,
    Linear,
    Operation,
    RowSum,
    Scores,
    Tensor,
)


class Use(StrEnum):
    """How a tensor is read. Each exclusive use has its own memory."""

    OPERAND = "operand"  # broadcast to the lanes
    RESIDUAL = "residual"
    ELEMENT = "element"  # one number of an input, as residual
    PROBABILITIES = "probabilities"
    KEYS = "keys"
    VALUES = "values"
    SUM = "sum"
    APPENDED = "appended"  # the newest row of keys or values, written where the others are
    RESULT = "result"
    DECISION = "decision"  # reduced to two results


Reader = tuple[str, Use]  # name of the reading operation (empty for a host), and its use
_SHARED = {Use.OPERAND, Use.RESIDUAL}  # both read from the same store
_MOST_COPIED = 2048  # columns of a copy, which takes the square of them as weights


def legalise(analysis: Analysis) -> Analysis:
    """Return an equivalent graph that the engine can run.

    Raises:
        UserError: The engine cannot run an operation. The message names it and the reason.
    """
    aligned = align(analysis.model)
    if aligned is not analysis.model:
        analysis = analyse(aligned)
    model = _Rewriter(analysis).rewritten()
    return analysis if model.operations == analysis.model.operations else analyse(model)


def uses(step: Operation) -> Iterator[tuple[str, Use]]:
    """Yield each tensor that an operation reads, and how."""
    match step:
        case Linear():
            yield step.operand, Use.OPERAND
            if step.residual is not None:
                whole = step.residual_element is None
                yield step.residual, Use.RESIDUAL if whole else Use.ELEMENT
        case RowSum():
            yield step.operand, Use.SUM
        case Append():
            yield step.operand, Use.APPENDED
        case Scores():
            yield step.operand, Use.OPERAND
            yield step.key, Use.KEYS
        case Context():
            yield step.operand, Use.PROBABILITIES
            yield step.value, Use.VALUES
        case ArgMax() | L1Norm():
            yield step.operand, Use.DECISION


def words_of_results(analysis: Analysis) -> int:
    """Return the number of integers of all outputs but decisions."""
    outputs = (analysis.model.tensors[each.tensor] for each in analysis.model.outputs)
    return sum(t.size for t in outputs if not isinstance(analysis.producers[t.name], Decision))


@dataclass
class _Rewriter:
    """Builds the new graph.

    Attributes:
        analysis: Analysis of the original graph.
        steps: Operations of the new graph so far.
        tensors: Tensors of the new graph so far.
        arrays: Arrays of the new graph so far.
        renamed: The copy that a reader reads instead of a tensor, by tensor and reader.
        states: The state to which a tensor is appended.
    """

    analysis: Analysis
    steps: list[Operation] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    renamed: dict[tuple[str, Reader], str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def rewritten(self) -> IntegerModel:
        model = self.analysis.model
        for step in model.operations:
            if isinstance(step, Scores) and model.states and not model.tensors[step.key].state:
                raise UserError(
                    f"Scores {step.name}: in a model with states, the engine keeps all keys, and "
                    f"{step.key} is no state"
                )
        inputs = {each.tensor for each in model.inputs}
        for product in self.analysis.products:
            self.refuse_element(product)
            if isinstance(product, Linear) and product.convolves and product.operand not in inputs:
                raise UserError(
                    f"Linear {product.name}: the engine reads several rows at once of an input "
                    f"only, not of {product.operand}"
                )
        self.tensors, self.arrays = dict(model.tensors), dict(model.arrays)
        for each in model.inputs:
            self.place(each.tensor, {Use.OPERAND, Use.ELEMENT}, set())
        sums = sum(isinstance(step, RowSum) for step in model.operations)
        for step in model.operations:
            match step:
                case Scores():
                    self.scores(step)
                    continue
                case Context():
                    self.steps.append(self.reading(step))
                    self.place(step.output, _SHARED, set())
                case Linear():
                    self.steps.append(self.reading(step))
                    exclusive = {Use.KEYS, Use.VALUES, Use.SUM, Use.RESULT, Use.DECISION}
                    self.place(step.output, _SHARED, exclusive)
                case RowSum():
                    self.steps.append(self.reading(step))
                    self.row_sum(step, alone=sums == 1)
                case Append():
                    self.append(step)
                case ArgMax() | L1Norm():
                    self.refuse_many_others(step)
                    self.steps.append(step)
        outputs = tuple(
            replace(each, tensor=self.renamed.get((each.tensor, ("", Use.RESULT)), each.tensor))
            for each in model.outputs
        )
        return replace(
            model,
            outputs=outputs,
            operations=tuple(self.steps),
            tensors=self.tensors,
            arrays=self.arrays,
        )

    def refuse_element(self, step: Product) -> None:
        """Reject a residual that is one element of a tensor other than an input."""
        if not isinstance(step, Linear) or step.residual_element is None:
            return
        if step.residual not in {each.tensor for each in self.analysis.model.inputs}:
            raise UserError(
                f"Linear {step.name}: the engine adds one number of an input only, "
                f"not of {step.residual}"
            )

    def refuse_many_others(self, step: Decision) -> None:
        """Reject a decision beside results that need a memory."""
        others = words_of_results(self.analysis)
        if others > SHIFTED_RESULTS:
            raise UserError(
                f"{type(step).__name__} {step.name}: the engine has a decision beside up to "
                f"{SHIFTED_RESULTS} integers of other outputs, not {others}"
            )

    def readers(self, name: str) -> list[Reader]:
        """Return the readers of a tensor in the original graph, of a state if it is appended."""
        found: list[Reader] = []
        for step in self.analysis.readers[name]:
            if isinstance(step, Append):
                found += self.readers(step.output)
            else:
                found += [(step.name, use) for tensor, use in uses(step) if tensor == name]
        ends = [each for each in self.analysis.model.outputs if each.tensor == name]
        return list(dict.fromkeys(found)) + [("", Use.RESULT) for _ in ends]

    def place(self, name: str, shared: set[Use], exclusive: set[Use]) -> None:
        """Copy a new tensor for the readers that cannot read its memory.

        Args:
            name: Name of the tensor.
            shared: Uses that can read the memory of the tensor.
            exclusive: Uses whose memory the tensor may be written to directly, if there is no
                other.
        """
        readers = self.readers(name)
        apart = [reader for reader in readers if reader[1] not in shared]
        if len(apart) == len(readers) and self.one_memory(apart) and apart[0][1] in exclusive:
            return
        self.copy_for(name, apart)

    def copy_for(self, name: str, readers: list[Reader]) -> None:
        """Copy a tensor once for all readers that can share a memory."""
        copies: dict[tuple[Use, str], str] = {}
        for reader in readers:
            memory = self.memory(reader)
            if memory not in copies:
                copies[memory] = self.copy(name)
            self.renamed[name, reader] = copies[memory]

    def memory(self, reader: Reader) -> tuple[Use, str]:
        """Return the memory of an exclusive use.

        Each sum over rows needs the whole pool, and the layout of values depends on the heads.
        """
        name, use = reader
        if use == Use.VALUES:
            steps = self.analysis.model.operations
            heads = next(s.heads for s in steps if isinstance(s, Context) and s.name == name)
            return use, str(heads)
        return use, name if use == Use.SUM else ""

    def one_memory(self, readers: list[Reader]) -> bool:
        return len({self.memory(reader) for reader in readers}) == 1

    def row_sum(self, step: RowSum, *, alone: bool) -> None:
        """Leave the only sum in the pool, or copy a sum at once to where rows are.

        The next sum waits for this copy, so it must not wait for any other memory itself.
        """
        readers = self.readers(step.output)
        if alone and all(use == Use.OPERAND for _, use in readers):
            return
        copied = self.copy(step.output)
        apart = [reader for reader in readers if reader[1] not in _SHARED]
        self.copy_for(copied, apart)
        for reader in readers:
            self.renamed[step.output, reader] = self.renamed.get((copied, reader), copied)

    def append(self, step: Append) -> None:
        """Append to a state for each memory. Equal rows that one memory holds are one state."""
        kept = step.output, step.name
        for reader in self.readers(step.output):
            operand = self.renamed.get((step.operand, reader), step.operand)
            if operand not in self.states:
                output, name = kept
                self.states[operand] = output
                self.tensors[output] = replace(self.tensors[step.output], name=output)
                self.steps.append(Append(name, operand, output))
                kept = unused(step.output, self.tensors), self.unused_step(step.name)
            self.renamed[step.output, reader] = self.states[operand]
        if step.output not in self.states.values():
            del self.tensors[step.output]

    def scores(self, step: Scores) -> None:
        """Compute scores once for each context that reads them."""
        readers = self.readers(step.output)
        for reader, use in readers:
            if use != Use.PROBABILITIES:
                raise UserError(
                    f"Scores {step.name}: the engine hands probabilities to a context only, "
                    f"not to {reader or 'the host'}"
                )
        for number, each in enumerate(readers):
            if number == 0:
                self.steps.append(self.reading(step))
                continue
            output = unused(step.output, self.tensors)
            self.tensors[output] = replace(self.tensors[step.output], name=output)
            again = replace(step, name=self.unused_step(step.name), output=output)
            self.renamed[step.output, each] = output
            self.steps.append(self.reading(again, of=step.name))

    def copy(self, name: str) -> str:
        """Append a product with the identity matrix, and return the new tensor.

        Raises:
            UserError: The matrix is far larger than what a small FPGA holds.
        """
        source = self.tensors[name]
        if source.columns > _MOST_COPIED:
            raise UserError(
                f"tensor {name}: its readers need it in several memories, but a copy may have "
                f"{_MOST_COPIED} columns at most, not {source.columns}"
            )
        output = unused(name, self.tensors)
        self.tensors[output] = replace(source, name=output)
        step = self.unused_step(name)
        columns = source.columns
        named = {}
        for part, array in (
            ("weights", np.eye(columns, dtype=np.int64)),
            ("bias", np.zeros(columns, np.int64)),
            ("multiplier", np.full(columns, 2, np.int64)),
        ):
            named[part] = unused(f"{step}.{part}", self.arrays)
            self.arrays[named[part]] = array
        self.steps.append(
            Linear(
                *(step, name, output, named["weights"], 2, named["bias"], named["multiplier"], 1)
            )
        )
        return output

    def reading(self, step: Operation, of: str = "") -> Operation:
        """Return an operation that reads the copies which were made for it."""
        reader = of or step.name

        def renamed(name: str, use: Use) -> str:
            return self.renamed.get((name, (reader, use)), name)

        match step:
            case Linear():
                step = replace(step, operand=renamed(step.operand, Use.OPERAND))
                if step.residual is None:
                    return step
                use = Use.RESIDUAL if step.residual_element is None else Use.ELEMENT
                return replace(step, residual=renamed(step.residual, use))
            case RowSum():
                return replace(step, operand=renamed(step.operand, Use.SUM))
            case Append() | ArgMax() | L1Norm():
                return step
            case Scores():
                operand, key = renamed(step.operand, Use.OPERAND), renamed(step.key, Use.KEYS)
                return replace(step, operand=operand, key=key)
            case Context():
                operand = renamed(step.operand, Use.PROBABILITIES)
                return replace(step, operand=operand, value=renamed(step.value, Use.VALUES))

    def unused_step(self, name: str) -> str:
        taken = {step.name for step in (*self.steps, *self.analysis.model.operations)}
        return unused(name, taken)
