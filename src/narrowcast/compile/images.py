"""The contents of all read-only memories, and the base addresses in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from narrowcast.compile.allocate import deal, key_biases, positions
from narrowcast.compile.bit_columns import BitColumns
from narrowcast.compile.encode import EncodedJob, Layout
from narrowcast.compile.lanes import LaneArray, Mode
from narrowcast.compile.memory import Segment
from narrowcast.compile.program import EngineGraph
from narrowcast.compile.timing import biases_scores
from narrowcast.integer.model import Linear, Scores, Tensor

Digits = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class PackedWeights:
    """The weights of a step in their bank.

    Attributes:
        weights: Weights [outputs, inner].
        bits: Width of a weight in bits.
        columns: Number of weights of a word.
        stride: 2 if only the upper lane of each pair gets a weight, else 1.
        ways: Ways among which the columns are dealt out; those of the first come first in a word.
    """

    weights: np.ndarray
    bits: int
    columns: int
    stride: int
    ways: int = 1

    @property
    def count(self) -> int:
        """Number of words."""
        outputs, inner = self.weights.shape
        return int(inner) * -(-int(outputs) // (self.columns // self.stride))

    def words(self) -> list[int]:
        """Return the packed words, tile by tile, with lane 0 in the lowest bits.

        With a stride of 2 the lower lane of each pair gets zeros.
        """
        return [
            sum(int(d) << (self.bits * lane) for lane, d in enumerate(word))
            for word in self.digits().T
        ]

    def digits(self) -> Digits:
        """Return the unsigned weights [columns, words] of each lane, word by word."""
        outputs, inner = self.weights.shape
        capacity = self.columns // self.stride
        tiles = -(-outputs // capacity)
        mask = (1 << self.bits) - 1
        dtype = np.min_scalar_type(mask)
        padded = np.zeros((tiles * capacity, self.stride, inner), dtype)
        padded[:outputs, self.stride - 1] = self.weights & mask
        lanes = capacity * self.stride
        result: Digits = np.zeros((self.columns, self.count), dtype)
        result[:lanes] = padded.reshape(tiles, lanes, inner).swapaxes(0, 1).reshape(lanes, -1)
        dealt: Digits = result.reshape(-1, self.ways, self.count).swapaxes(0, 1)
        return dealt.reshape(self.columns, self.count)


@dataclass(eq=False)
class Parameters:
    """The parameters of a model other than weights, and their base addresses.

    Attributes:
        contents: Words of each memory by its name; copies that differ are separate.
        bias_base: As in ``Layout``.
        position_base: As in ``Layout``.
        m_base: As in ``Layout``.
        r_base: As in ``Layout``.
        run_base: As in ``Layout``.
        table_base: As in ``Layout``.
    """

    contents: dict[str, list[list[int]]]
    bias_base: dict[str, int] = field(default_factory=dict)
    position_base: dict[str, int] = field(default_factory=dict)
    m_base: dict[str, int] = field(default_factory=dict)
    r_base: dict[str, int] = field(default_factory=dict)
    run_base: dict[str, int] = field(default_factory=dict)
    table_base: dict[str, int] = field(default_factory=dict)
    _bits: dict[tuple[str, int], list[BitColumns]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: EngineGraph, ways: int, at_once: int = 1) -> Self:
        """Collect the parameters of a graph.

        Args:
            graph: The graph.
            ways: Number of ways.
            at_once: Ways among which the columns of a row are dealt out.
        """
        biases: list[list[int]] = [[] for _ in range(at_once)]
        of_rows: list[list[int]] = [[] for _ in range(ways)]
        multipliers: list[list[int]] = [[] for _ in range(at_once)]
        residuals: list[list[int]] = [[] for _ in range(at_once)]
        running: list[list[int]] = [[] for _ in range(at_once)]
        exponentials: list[int] = []
        result = cls(
            {
                "exponentials": [exponentials],
                "biases": biases,
                "positions": of_rows,
                "multipliers": multipliers,
                "residual multipliers": residuals,
                "running weights": running,
            }
        )

        def put(memory: list[list[int]], numbers: list[int]) -> None:
            for way, part in enumerate(deal(numbers, at_once)):
                memory[way].extend(part)

        arrays = graph.model.arrays
        for run in graph.runs.values():
            result.run_base[run.name] = len(running[0])
            put(running, arrays[run.weights][0].tolist())
        for step in graph.analysis.products:
            result.m_base[step.name] = len(multipliers[0])
            if isinstance(step, Linear):
                bias = arrays[step.bias]
                if bias.ndim == 2:
                    token = graph.tokens[step.output]
                    result.position_base[step.name] = len(of_rows[0])
                    for way, words in enumerate(positions(bias, ways, token)):
                        of_rows[way].extend(words)
                else:
                    result.bias_base[step.name] = len(biases[0])
                    put(biases, bias.tolist())
                put(multipliers, arrays[step.multiplier].tolist())
                if step.residual_multiplier is not None:
                    result.r_base[step.name] = len(residuals[0])
                    put(residuals, arrays[step.residual_multiplier].tolist())
            elif isinstance(step, Scores):
                put(multipliers, [step.multiplier] * at_once)
                if biases_scores(graph.model):
                    result.bias_base[step.name] = len(biases[0])
                    for head in key_biases(graph.model, step, at_once):
                        for way, part in enumerate(head):
                            biases[way].extend(part)
                if step.table not in result.table_base:
                    result.table_base[step.table] = len(exponentials)
                    exponentials += arrays[step.table].tolist()
        return result

    def bits(self, name: str, width: int) -> list[BitColumns]:
        """Return the bits of a memory; copies that differ are separate."""
        if (name, width) not in self._bits:
            self._bits[name, width] = bit_columns(self.contents[name], width)
        return self._bits[name, width]


@dataclass(eq=False)
class Images:
    """Images of the read-only memories except the list of jobs.

    Attributes:
        parameters: Parameters other than weights.
        bank_bits: Width of the weights of each bank, in bits.
        banks: Weights of each bank.
        layout: Base addresses.
        inputs: Tensors that a host writes, in order.
        loaded: Whether a host loads the weights: all banks follow each other in one memory.
    """

    parameters: Parameters
    bank_bits: tuple[int, ...]
    banks: list[list[PackedWeights]]
    layout: Layout
    inputs: tuple[Tensor, ...]
    loaded: bool

    @classmethod
    def of(
        cls,
        graph: EngineGraph,
        array: LaneArray,
        modes: Mapping[str, Mode],
        parameters: Parameters,
        *,
        loaded: bool,
    ) -> Self:
        """Pack the weights for an array of lanes."""
        linear = graph.in_lanes()
        bank_bits = tuple(sorted({step.weight_bits for step in linear}))
        banks: list[list[PackedWeights]] = [[] for _ in bank_bits]
        lane_source, lane_base = {}, {}
        elements: dict[tuple[str, int, int], None] = {}
        for step in linear:
            bank = bank_bits.index(step.weight_bits)
            lane_source[step.name] = bank
            lane_base[step.name] = sum(weights.count for weights in banks[bank])
            weights, stride = graph.model.arrays[step.weights], modes[step.name].stride
            place = array.word_lanes, stride, array.at_once
            banks[bank].append(PackedWeights(weights, step.weight_bits, *place))
        if loaded:
            words = [sum(weights.count for weights in bank) for bank in banks]
            firsts = list(accumulate(words, initial=0))
            lane_base = {name: firsts[lane_source[name]] + at for name, at in lane_base.items()}
        for step in graph.linear():
            if step.residual is not None and step.residual_element is not None:
                elements[step.residual, *step.residual_element] = None
        layout = Layout(
            lane_source=lane_source,
            lane_base=lane_base,
            bias_base=parameters.bias_base,
            position_base=parameters.position_base,
            m_base=parameters.m_base,
            r_base=parameters.r_base,
            run_base=parameters.run_base,
            table_base=parameters.table_base,
            elements=tuple(elements),
        )
        return cls(parameters, bank_bits, banks, layout, graph.model.input_tensors, loaded)

    @property
    def bank_words(self) -> list[int]:
        """Number of words of each bank."""
        return [sum(weights.count for weights in bank) for bank in self.banks]

    def loaded_bytes(self, width: int) -> bytes:
        """Return the weights that a host loads, in words of so many bits, the lowest byte first."""
        return b"".join(
            word.to_bytes(width // 8, "little")
            for bank in self.banks
            for part in bank
            for word in part.words()
        )

    def bits(self, segment: Segment) -> BitColumns:
        """Return the bits of a segment of a bank."""
        return self._banks_bits[segment.bank].run(segment.first, segment.words)

    @cached_property
    def _banks_bits(self) -> list[BitColumns]:
        return [
            BitColumns.of(np.hstack([part.digits() for part in bank]), bits)
            for bank, bits in zip(self.banks, self.bank_bits, strict=True)
        ]


def bit_columns(contents: Sequence[Sequence[int]], width: int) -> list[BitColumns]:
    """Return the bits of the copies of a memory."""
    return [BitColumns.of(np.array(words, np.int64), width) for words in contents]


@dataclass(frozen=True)
class JobFormat:
    """Widths of the fields of a job's word, from the lowest bits on.

    Attributes:
        step: Width of the step's index.
        address: Width of an address.
        needs: Width of the number of required input rows.
        wait: Width of the number of idle clock cycles before the job.
        slot: Width of the slot.
        residual_rows: Whether the address of the residual is a separate field.
        position_rows: Whether the address of the biases per row is a separate field.
    """

    step: int
    address: int
    needs: int
    wait: int
    slot: int
    residual_rows: bool
    position_rows: bool

    @property
    def issue(self) -> int:
        """Width of the sequencer's word."""
        return self.step + self.address + 2 + self.needs + self.wait

    @property
    def collect(self) -> int:
        """Width of the collector's word."""
        addresses = 1 + self.residual_rows + self.position_rows
        return self.step + addresses * self.address + 2 + self.slot

    def issue_word(self, job: EncodedJob) -> int:
        """Return the sequencer's word of a job."""
        return _packed(
            (job.step, self.step),
            (job.x_row, self.address),
            (job.ways, 2),
            (job.needs, self.needs),
            (job.wait, self.wait),
        )

    def collect_word(self, job: EncodedJob) -> int:
        """Return the collector's word of a job."""
        return _packed(
            (job.step, self.step),
            (job.y_row, self.address),
            (job.ways, 2),
            (job.slot, self.slot),
            *([(job.residual_row, self.address)] if self.residual_rows else []),
            *([(job.position_row, self.address)] if self.position_rows else []),
        )

    def contents(self, jobs: Sequence[EncodedJob]) -> dict[str, list[list[int]]]:
        """Return the words of both lists of jobs, as ``Parameters`` has them."""
        return {
            "jobs, issued": [[self.issue_word(job) for job in jobs]],
            "jobs, collected": [[self.collect_word(job) for job in jobs]],
        }


def _packed(*fields: tuple[int, int]) -> int:
    """Return a word of fields (value, width), the first in the lowest bits."""
    word = place = 0
    for value, width in fields:
        assert 0 <= value < 1 << width, f"{value} does not fit {width} bits"
        word |= value << place
        place += width
    return word
