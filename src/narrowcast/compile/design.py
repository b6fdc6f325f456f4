"""Compiles an integer model for a device: lanes, program, memory images, widths, cycles."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from narrowcast.compile import emit, memory
from narrowcast.compile.bit_columns import BitColumns
from narrowcast.compile.encode import (
    RING_BITS,
    JobWord,
    Layout,
    job_words,
    rows_of_store,
    step_fields,
)
from narrowcast.compile.lanes import (
    LaneArray,
    LaneKind,
    modes_of,
    operands_of,
)
from narrowcast.compile.memory import Buffer, Segment
from narrowcast.compile.program import Schedule, pooled_tensor, token_tensors
from narrowcast.compile.schedule import schedule
from narrowcast.compile.select import lane_bits
from narrowcast.compile.timing import (
    BELOW_TO_READ,
    ROW_MULTIPLIER_BITS,
    SCORE_TO_BELOW,
    VALUE_TO_READ,
)
from narrowcast.config import did_you_mean
from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer.arithmetic import MULTIPLIER_BITS, signed_bits
from narrowcast.integer.bounds import Bounds, bounds
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores
from narrowcast.rtl import RTL
from narrowcast.targets.device import Device
from narrowcast.targets.multipliers import dsp_of_product

Digits = NDArray[np.unsignedinteger[Any]]

TRACE_ORDER = "trace.json"  # beside the sources: what the engine stores, in its order


@dataclass(frozen=True)
class StepCost:
    """What one step of the program costs.

    Attributes:
        name: of the step. rows, tiles, inner: its loops.
        macs: multiply-accumulates. cycles: clocks that its jobs take, waiting included.
        lost: clocks without an operand pair, by what they were spent on. utilisation =
            MACs / (lanes x cycles).
    """

    name: str
    rows: int
    tiles: int
    inner: int
    macs: int
    cycles: int
    utilisation: float
    lost: dict[str, int]


@dataclass(frozen=True, eq=False)
class Design:
    """A compiled model, ready to be written as VHDL; equal to itself only, as a model is.

    Attributes:
        model, device: what was compiled, and for what. array: the lanes.
        schedule: the program. scratch: first address of each row in the scratch store.
        buffers: all memories, those of weights by bank; segments: of the weight banks.
        dsp: DSP blocks. bank_bits: weights' width in each bank.
        constants: the numbers of ``engine_config.vhd`` by name. fields: the words of the steps.
        jobs: the words of the jobs.
    """

    model: IntegerModel
    device: Device
    array: LaneArray
    schedule: Schedule
    scratch: Mapping[memory.Place, int]
    buffers: tuple[Buffer, ...]
    segments: tuple[Segment, ...]
    dsp: int
    bank_bits: tuple[int, ...]
    constants: Mapping[str, int] = field(repr=False)
    fields: tuple[Mapping[str, int], ...] = field(repr=False)
    jobs: tuple[JobWord, ...] = field(repr=False)
    _images: "_Images" = field(repr=False)

    @property
    def lanes(self) -> int:
        """Multiply-accumulates per clock."""
        return self.array.lanes

    @property
    def cycles(self) -> int:
        """Clocks of one inference."""
        return self.schedule.cycles

    @property
    def steps(self) -> list[StepCost]:
        """The cost of every step; the last entry is what comes after the last operand pair."""
        result = []
        for index, step in enumerate(self.schedule.steps):
            jobs = [job for job in self.schedule.jobs if job.step == index]
            lost: dict[str, int] = {}
            pauses = len(jobs) * (step.issues - step.tiles * step.inner)
            for reason, clocks in (
                *((job.reason, job.wait + job.late) for job in jobs),
                ("collector", pauses),
            ):
                if clocks:
                    lost[reason] = lost.get(reason, 0) + clocks
            cycles = sum(step.issues + job.wait + job.late for job in jobs)
            macs = step.rows * step.macs
            used = macs / (cycles * self.lanes)
            result.append(
                StepCost(*(step.name, step.rows, step.tiles, step.inner, macs, cycles, used, lost))
            )
        last = self.cycles - sum(cost.cycles for cost in result)
        result.append(StepCost("results", 1, 0, 0, 0, last, 0.0, {"pipeline": last}))
        return result

    @property
    def utilisation(self) -> float:
        """MACs / (lanes x cycles) of a whole inference."""
        return self.model.macs / (self.lanes * self.cycles)

    def write_rtl(self, folder: Path) -> None:
        """Write the hand-written sources and the generated package to ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in RTL.glob("*.vhd"):
            shutil.copyfile(path, folder / path.name)
        write_whole(folder / "engine_config.vhd", self._package)
        write_whole(folder / TRACE_ORDER, json.dumps(self.trace_order()))

    def trace_order(self) -> list[tuple[str, int, int]]:
        """Return (tensor, row, column) of every number that is stored, in the order of storing."""
        found = []
        for job in self.schedule.jobs:
            step = self.schedule.steps[job.step]
            source = step.source
            if source.output == self.model.output:
                continue
            first_row = first_column = 0
            times = [value + VALUE_TO_READ for value in job.values]
            if isinstance(source, Scores):
                first_row = step.head * self.model.window
                begin = job.values[-1] + SCORE_TO_BELOW + BELOW_TO_READ
                times = [begin + column for column in range(step.columns)]
            elif isinstance(source, Context):
                first_column = step.head * step.columns
            found += [
                (time, row, source.output, first_row + row, first_column + column)
                for row in job.rows
                for column, time in enumerate(times)
            ]
        return [(name, row, column) for _, _, name, row, column in sorted(found)]

    def tables(self) -> Iterator[tuple[str, int, BitColumns]]:
        """Yield what read-only memory lies in look-up tables: a buffer's name, copies, the bits.

        A weight bank comes segment by segment, copies that differ one by one.
        """
        banks = {f"weights, {bits} bit" for bits in self.bank_bits}
        for segment in self.segments:
            if segment.block_bits < segment.width:
                whole = self._images.bits(segment)
                rest = BitColumns(whole.words, whole.columns[segment.block_bits :])
                yield f"weights, {self.bank_bits[segment.bank]} bit", 1, rest
        jobs = _job_contents(self.jobs, _JobWidths.of(self.constants))
        for buffer in self.buffers:
            if buffer.storage == "distributed" and not buffer.writable and buffer.name not in banks:
                if buffer.name in jobs:
                    contents = _bits(jobs[buffer.name], buffer.width)
                else:
                    contents = self._images.parameters.bits(buffer.name, buffer.width)
                for bits in contents:
                    yield buffer.name, buffer.copies // len(contents), bits

    @cached_property
    def _package(self) -> str:
        return _package(self, self._images)

    @property
    def digest(self) -> str:
        """SHA-256 of the generated package."""
        return hashlib.sha256(self._package.encode()).hexdigest()


@dataclass(frozen=True)
class _Weights:
    """The weights of a step in their bank: arrays [outputs, inner], so many columns to a word."""

    weights: np.ndarray
    bits: int
    columns: int
    stride: int

    @property
    def count(self) -> int:
        """Words that they take."""
        outputs, inner = self.weights.shape
        return int(inner) * -(-int(outputs) // (self.columns // self.stride))

    def words(self) -> list[int]:
        """Pack them: tile by tile, lane 0 in the lowest bits.

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
        return result


@dataclass(eq=False)
class _Parameters:
    """The numbers of a model but for its weights, one behind the other, and where each lies.

    Attributes:
        contents: the words of each memory by its name, copies that differ apart.
        bias_base, m_base, r_base, table_base: as in ``Layout``. widths: of all that a model makes,
            by the names of ``engine_config.vhd``.
    """

    contents: dict[str, list[list[int]]]
    bias_base: dict[str, int] = field(default_factory=dict)
    m_base: dict[str, int] = field(default_factory=dict)
    r_base: dict[str, int] = field(default_factory=dict)
    table_base: dict[str, int] = field(default_factory=dict)
    widths: Mapping[str, int] = field(default_factory=dict)
    _bits: dict[tuple[str, int], list[BitColumns]] = field(default_factory=dict)

    def bits(self, name: str, width: int) -> list[BitColumns]:
        """Return the bits of a memory, copies that differ apart."""
        if (name, width) not in self._bits:
            self._bits[name, width] = _bits(self.contents[name], width)
        return self._bits[name, width]


@dataclass(eq=False)
class _Images:
    """Images of the read-only memories, but for the list of jobs; where the weights lie."""

    parameters: _Parameters
    bank_bits: tuple[int, ...]
    banks: list[list[_Weights]]
    layout: Layout

    def bits(self, segment: Segment) -> BitColumns:
        """Return the bits of a segment of a bank."""
        return self._banks_bits[segment.bank].run(segment.first, segment.words)

    @cached_property
    def _banks_bits(self) -> list[BitColumns]:
        return [
            BitColumns.of(np.hstack([part.digits() for part in bank]), bits)
            for bank, bits in zip(self.banks, self.bank_bits, strict=True)
        ]


@lru_cache(8)  # one array of a model comes after the other
def _parameters(model: IntegerModel, ways: int) -> _Parameters:
    biases: list[int] = []
    positions: list[list[int]] = []
    multipliers: list[int] = []
    residuals: list[int] = []
    exponentials: list[int] = []
    result = _Parameters(
        {
            "exponentials": [exponentials],
            "biases": [biases],
            "positions": positions,
            "multipliers": [multipliers],
            "residual multipliers": [residuals],
        }
    )
    for step in model.steps:
        result.m_base[step.name] = len(multipliers)
        if isinstance(step, Linear):
            bias = model.arrays[step.bias]
            if bias.ndim == 2:
                positions += _positions(bias, ways)
            else:
                result.bias_base[step.name] = len(biases)
                biases += bias.tolist()
            multipliers += model.arrays[step.multiplier].tolist()
            if step.residual_multiplier is not None:
                result.r_base[step.name] = len(residuals)
                residuals += model.arrays[step.residual_multiplier].tolist()
        elif isinstance(step, Scores):
            multipliers.append(step.multiplier)
            if step.table not in result.table_base:
                result.table_base[step.table] = len(exponentials)
                exponentials += model.arrays[step.table].tolist()
    limits = [bounds(model, step) for step in model.steps]
    result.widths = _widths(model, limits, biases, positions)
    return result


@lru_cache(8)  # schedules of one array come one after the other
def _images(model: IntegerModel, array: LaneArray) -> _Images:
    linear = [s for s in model.steps if isinstance(s, Linear)]
    bank_bits = tuple(sorted({s.weight_bits for s in linear}))
    modes = modes_of(model, array)
    banks: list[list[_Weights]] = [[] for _ in bank_bits]
    lane_source, lane_base = {}, {}
    for step in linear:
        bank = bank_bits.index(step.weight_bits)
        lane_source[step.name] = bank
        lane_base[step.name] = sum(weights.count for weights in banks[bank])
        weights, stride = model.arrays[step.weights], modes[step.name].stride
        banks[bank].append(_Weights(weights, step.weight_bits, array.columns, stride))
    parameters = _parameters(model, array.ways)
    layout = Layout(
        *(lane_source, lane_base, parameters.bias_base, parameters.m_base),
        *(parameters.r_base, parameters.table_base),
    )
    return _Images(parameters, bank_bits, banks, layout)


def _positions(bias: np.ndarray, ways: int) -> list[list[int]]:
    """Return the biases [tokens, channels] of each way's tokens, all ways of one length."""
    rows = -(-len(bias) // ways)
    padded = np.zeros((rows * ways, bias.shape[1]), np.int64)
    padded[: len(bias)] = bias
    return [padded[way::ways].ravel().tolist() for way in range(ways)]


def _widths(
    model: IntegerModel, limits: list[Bounds], biases: list[int], positions: list[list[int]]
) -> dict[str, int]:
    scores = [s for s in model.steps if isinstance(s, Scores)]
    contexts = [s for s in model.steps if isinstance(s, Context)]
    linear = [s for s in model.steps if isinstance(s, Linear)]
    keys = max(model.tensors[s.key].bits for s in scores)
    values = max(model.tensors[s.value].bits for s in contexts)
    scratch = [model.tensors[name].bits for name in memory.scratch_tensors(model)]
    tokens = max(model.tensors[t].bits for t in token_tensors(model))
    pooled = model.tensors[pooled_tensor(model)]
    e_bits = max(model.tensors[s.output].bits for s in scores)
    index_bits = max(len(model.arrays[s.table]) for s in scores).bit_length() + 1
    output = model.tensors[model.output].bits
    of_positions = min(map(min, positions)), max(map(max, positions))
    pool = signed_bits(pooled.low * pooled.rows, pooled.high * pooled.rows)
    return {
        "INPUT_BITS": model.tensors[model.input].bits,
        "OUTPUT_BITS": output,
        "X_BITS": max(pool, *(operands_of(model, s).x_bits for s in model.steps)),
        "LANE_BITS": lane_bits(model),
        "KEY_BITS": keys,
        "VALUE_BITS": values,
        "SCRATCH_BITS": max(scratch),
        "TOKEN_BITS": tokens,
        "RESIDUAL_BITS": max(
            tokens, *(model.tensors[s.residual].bits for s in linear if s.residual)
        ),
        "POOL_BITS": pool,
        "SUM_BITS": max(b.sum_bits for b in limits),
        "BIAS_BITS": max(
            signed_bits(min(biases), max(biases)),
            signed_bits(*of_positions),
        ),
        "POSITION_BITS": signed_bits(*of_positions),
        "BIASED_BITS": max(b.biased_bits for b in limits),
        "TOTAL_BITS": max(b.total_bits for b in limits),
        "M_BITS": MULTIPLIER_BITS,
        "ROW_M_BITS": ROW_MULTIPLIER_BITS,
        "Y_BITS": max(output, index_bits, *scratch, tokens, pooled.bits, keys, values, e_bits + 1),
        "E_BITS": e_bits,
        "ROW_SUM_BITS": (model.window * ((1 << e_bits) - 1)).bit_length(),
        "NUMERATOR_BITS": max(
            max(s.numerator for s in contexts).bit_length(), ROW_MULTIPLIER_BITS + 1
        ),
        "SHIFT_LOW": min(s.shift for s in model.steps),
        "SHIFT_HIGH": max(s.shift for s in model.steps),
        "UP_LOW": min(s.residual_shift for s in linear if s.residual is not None),
        "UP_HIGH": max(s.residual_shift for s in linear if s.residual is not None),
    }


def _wanted(
    model: IntegerModel,
    array: LaneArray,
    parameters: _Parameters,
    scratch_words: int,
) -> Iterator[tuple[Buffer, str]]:
    """Yield all memories but the weights and the list of jobs, each with its kind."""
    ways, columns, widths = array.ways, array.columns, parameters.widths
    depth = {name: len(contents[0]) for name, contents in parameters.contents.items()}
    rows = rows_of_store(model, array)
    size = model.channels // model.heads
    token_words = rows * model.channels
    key_lanes = min(columns, -(-model.window // ways) * ways)
    value_lanes = min(columns, size)
    row_words = 2 << (max(2, model.window) - 1).bit_length()
    for name, words, width, copies, ram, kind in (
        ("inputs", rows * model.inputs, widths["INPUT_BITS"], ways, True, "activations"),
        ("scratch", scratch_words, widths["SCRATCH_BITS"], ways, True, "activations"),
        ("tokens", token_words, widths["TOKEN_BITS"], ways, True, "activations"),
        ("residuals", token_words, widths["TOKEN_BITS"], ways, True, "activations"),
        ("pool", model.channels, widths["POOL_BITS"], 1, True, "activations"),
        (
            *("keys", -(-model.window // columns) * model.channels),
            *(widths["KEY_BITS"], key_lanes, True, "keys"),
        ),
        (
            *("values", model.heads * -(-size // columns) * rows),
            *(widths["VALUE_BITS"], ways * value_lanes, True, "values"),
        ),
        ("scores", row_words, widths["SUM_BITS"], ways, True, "softmax"),
        ("row multipliers", 1 << RING_BITS, ROW_MULTIPLIER_BITS, ways, True, "softmax"),
        ("exponentials", depth["exponentials"], widths["E_BITS"], ways, False, "exponentials"),
        ("biases", depth["biases"], widths["BIAS_BITS"], 1, False, "parameters"),
        ("positions", token_words, widths["POSITION_BITS"], ways, False, "parameters"),
        ("multipliers", depth["multipliers"], MULTIPLIER_BITS, 1, False, "parameters"),
        (
            *("residual multipliers", depth["residual multipliers"]),
            *(MULTIPLIER_BITS, 1, False, "parameters"),
        ),
    ):
        yield Buffer(name, words, width, copies, ram, "auto", 0, 0), kind


_BLOCK_CONSTANTS = {
    "inputs": "INPUT_BLOCK",
    "scratch": "SCRATCH_BLOCK",
    "tokens": "TOKEN_BLOCK",
    "residuals": "RESIDUAL_BLOCK",
    "pool": "POOL_BLOCK",
    "keys": "KEY_BLOCK",
    "values": "VALUE_BLOCK",
    "scores": "SCORES_BLOCK",
    "row multipliers": "ROW_M_BLOCK",
    "exponentials": "EXPONENTIAL_BLOCK",
    "biases": "BIAS_BLOCK",
    "positions": "POSITION_BLOCK",
    "multipliers": "MULTIPLIER_BLOCK",
    "residual multipliers": "R_BLOCK",
    "jobs, issued": "ISSUE_BLOCK",
    "jobs, collected": "COLLECT_BLOCK",
}


@dataclass(frozen=True)
class _JobWidths:
    """Widths of the fields of a job's word."""

    step: int
    address: int
    wait: int
    slot: int

    @classmethod
    def of(cls, constants: Mapping[str, int]) -> Self:
        step, address = constants["STEP_BITS"], constants["ADDRESS_BITS"]
        wait = constants["ISSUE_WORD_BITS"] - step - address - 2
        return cls(step, address, wait, constants["SLOT_BITS"])

    @property
    def issue(self) -> int:
        return self.step + self.address + 2 + self.wait

    @property
    def collect(self) -> int:
        return self.step + self.address + 2 + self.slot

    def issue_word(self, word: JobWord) -> int:
        ways = word.wait << 2 | word.ways
        return (ways << self.address | word.x_row) << self.step | word.step

    def collect_word(self, word: JobWord) -> int:
        ways = word.slot << 2 | word.ways
        return (ways << self.address | word.y_row) << self.step | word.step


def compile_array(
    model: IntegerModel,
    device: Device,
    array: LaneArray,
    storage: Mapping[str, str],
    *,
    thorough: bool,
) -> Design:
    """Compile for an array of lanes.

    Args:
        model: the integer model.
        device: DSP blocks and block memories are the budget.
        array: the lanes.
        storage: the user's choices by buffer or kind of buffer.
        thorough: look longer for an order of jobs that takes few cycles.

    Raises:
        UserError: DSP blocks or block memories are too few.
    """
    program = schedule(model, array, thorough=thorough)
    scratch, scratch_words = memory.allocate_scratch(model, program, array.ways)
    images = _images(model, array)
    bank_bits, widths = images.bank_bits, images.parameters.widths
    wanted = list(_wanted(model, array, images.parameters, scratch_words))
    banks = [sum(weights.count for weights in bank) for bank in images.banks]
    fields = [step_fields(model, s, images.layout, array, len(banks)) for s in program.steps]
    deepest = max(
        *(buffer.words for buffer, _ in wanted),
        *banks,
        *(f["lane_base"] + f["tiles_last"] * f["lane_stride"] + f["inner_last"] for f in fields),
        array.columns,
    )
    jobs = job_words(model, program, scratch, array)
    lane_index = max(1, (array.columns - 1).bit_length())
    job_widths = _JobWidths(
        step=max(1, (len(program.steps) - 1).bit_length()),
        address=deepest.bit_length() + 1,
        wait=max(1, max(job.wait for job in jobs).bit_length()),
        slot=max(lane_index, RING_BITS),
    )
    for name, width in (
        ("jobs, issued", job_widths.issue),
        ("jobs, collected", job_widths.collect),
    ):
        wanted.append((Buffer(name, len(jobs), width, 1, False, "auto", 0, 0), "program"))
    segments = [
        s
        for b, bits in enumerate(bank_bits)
        for s in memory.cut_bank(b, banks[b], bits * array.columns, device.block_shapes)
    ]
    choice = storage.get("weights", "auto")
    _check_storage(storage, wanted)
    buffers, segments = memory.assign_storage(
        [(b, storage.get(b.name, storage.get(kind, "auto"))) for b, kind in wanted],
        *(segments, choice, device),
    )
    of_weights = memory.weight_buffers(segments, bank_bits, array.columns, choice)
    of_weights = _without_empty_columns(of_weights, segments, images)
    buffers = _without_constants(buffers, images, jobs, job_widths, device)
    all_buffers = tuple(of_weights + buffers)
    dsp = _dsp(array, widths, device)
    _check(device, dsp, sum(buffer.blocks for buffer in all_buffers))
    in_block = {b.name: int(b.storage == "block") for b in buffers}
    depth = {buffer.name: buffer.words for buffer, _ in wanted}
    copies = {buffer.name: buffer.copies for buffer, _ in wanted}
    columns = [s.residual_column for s in model.steps if isinstance(s, Linear)]
    scalars = {
        "WAYS": array.ways,
        "COLUMNS": array.columns,
        "PAIR_FIELD": max(1, array.field),
        "GROUPED": int(array.grouped),
        "WINDOW": model.window,
        "INPUTS": model.inputs,
        "OUTPUTS": model.outputs,
        "LAST_VALUE_COLUMN": next((c for c in columns if c is not None), 0),
        "INPUT_WORDS": model.window * model.inputs,
        "INPUT_WORDS_OF_WAY": depth["inputs"],
        **widths,
        "ADDRESS_BITS": job_widths.address,
        "COUNT_BITS": max(job_widths.address, job_widths.wait),
        "STEP_BITS": job_widths.step,
        "LANE_INDEX_BITS": lane_index,
        "RING_BITS": RING_BITS,
        "SLOT_BITS": job_widths.slot,
        "JOBS": len(jobs),
        "JOB_INDEX_BITS": max(1, (len(jobs) - 1).bit_length()),
        "ISSUE_WORD_BITS": job_widths.issue,
        "COLLECT_WORD_BITS": job_widths.collect,
        "SCRATCH_WORDS": scratch_words,
        "TOKEN_WORDS": depth["tokens"],
        "POOL_WORDS": depth["pool"],
        "KEY_WORDS": depth["keys"],
        "KEY_LANES": copies["keys"],
        "VALUE_WORDS": depth["values"],
        "VALUE_LANES": copies["values"] // array.ways,
        "POSITION_SIZE": depth["positions"] * widths["POSITION_BITS"],
        **{constant: in_block[name] for name, constant in _BLOCK_CONSTANTS.items()},
    }
    return Design(
        *(model, device, array, program, scratch, all_buffers, tuple(segments), dsp),
        *(bank_bits, scalars, tuple(fields), tuple(jobs), images),
    )


def _dsp(array: LaneArray, widths: Mapping[str, int], device: Device) -> int:
    """Return the DSP blocks of lanes and epilogues, as synthesis makes them."""
    products = [(widths["BIASED_BITS"], MULTIPLIER_BITS)] * array.ways
    products += [(widths["RESIDUAL_BITS"] + 1, MULTIPLIER_BITS)] * array.ways
    lane_widths = [(widths["X_BITS"], widths["LANE_BITS"]), (array.narrow_x, array.narrow_w)]
    for kind, (x_bits, w_bits) in zip(array.kinds, lane_widths, strict=False):
        if kind == LaneKind.PAIRS:
            products += [(x_bits, array.field + widths["LANE_BITS"])] * (array.columns // 2)
        elif kind == LaneKind.SINGLE:
            products += [(x_bits, w_bits)] * array.columns
    return sum(dsp_of_product(*product, device.family) for product in products)


def _job_contents(jobs: Sequence[JobWord], job_widths: _JobWidths) -> dict[str, list[list[int]]]:
    """Return the words of the list of jobs, as those of ``_Parameters``."""
    return {
        "jobs, issued": [[job_widths.issue_word(word) for word in jobs]],
        "jobs, collected": [[job_widths.collect_word(word) for word in jobs]],
    }


def _bits(contents: Sequence[Sequence[int]], width: int) -> list[BitColumns]:
    return [BitColumns.of(np.array(words, np.int64), width) for words in contents]


def _without_constants(
    buffers: list[Buffer],
    images: _Images,
    jobs: list[JobWord],
    job_widths: _JobWidths,
    device: Device,
) -> list[Buffer]:
    """Count the blocks of read-only buffers again: a bit that is the same in all words takes none.

    That is known only when everything has its place.
    """
    contents = images.parameters.contents | _job_contents(jobs, job_widths)
    return [
        replace(
            b,
            blocks=sum(
                memory.rom_blocks(words, b.width, device.block_shapes) for words in contents[b.name]
            )
            * b.copies
            // len(contents[b.name]),
        )
        if b.storage == "block" and not b.writable
        else b
        for b in buffers
    ]


def _without_empty_columns(
    buffers: list[Buffer], segments: list[Segment], images: _Images
) -> list[Buffer]:
    """Count the blocks of weight banks again: a column in which nothing changes takes none.

    Such are the lanes beyond the last column of a product that has a bank to itself.
    """
    result = []
    for bank, buffer in enumerate(buffers):
        empty = 0
        for s in (s for s in segments if s.bank == bank and s.columns):
            filled = s.words > 1 and s.words & (s.words - 1) == 0
            changing = images.bits(s).changing(before_zeros=not filled)[: s.block_bits]
            firsts = range(0, s.block_bits, s.column_bits)
            empty += int((~np.logical_or.reduceat(changing, firsts)).sum())
        result.append(replace(buffer, blocks=buffer.blocks - empty))
    return result


def _package(design: Design, images: _Images) -> str:
    """Return the generated package of constants."""
    model, array, numbers = design.model, design.array, design.constants
    of = images.parameters.contents
    bank_bits, jobs = design.bank_bits, design.jobs
    job_widths = _JobWidths.of(numbers)
    wide, narrow = (numbers["X_BITS"], array.narrow_x), (numbers["LANE_BITS"], array.narrow_w)
    banks = [sum(part.count for part in bank) for bank in images.banks]
    firsts = np.cumsum([0] + [w * b * array.columns for w, b in zip(banks, bank_bits, strict=True)])
    weights = "".join(
        emit.bits_of(word, bits * array.columns)
        for bits, bank in zip(bank_bits, images.banks, strict=True)
        for part in bank
        for word in part.words()
    )
    kinds = {LaneKind.PAIRS: 0, LaneKind.SINGLE: 1, LaneKind.TABLES: 2}
    return emit.package(
        [
            f"Generated: a model of window {model.window}, {model.inputs} inputs,"
            f" {model.channels} channels, {model.layers} layers, {model.heads} heads.",
            "Constants only: widths, the program, and the contents of all read-only memories.",
        ],
        [
            *(emit.scalar(name, value) for name, value in numbers.items()),
            emit.array("WAY_KIND", "natural_array", [str(kinds[k]) for k in array.kinds]),
            emit.array("WAY_X_BITS", "natural_array", [str(b) for b in wide[: array.ways]]),
            emit.array("WAY_W_BITS", "natural_array", [str(b) for b in narrow[: array.ways]]),
            emit.array("BANK_BITS", "natural_array", [str(b) for b in bank_bits]),
            emit.array("BANK_DEPTH", "natural_array", [str(w) for w in banks]),
            emit.array("BANK_FIRST", "natural_array", [str(f) for f in firsts[:-1]]),
            emit.array("SEGMENTS", "segment_array", [_segment_text(s) for s in design.segments]),
            emit.array("PROGRAM", "step_array", [emit.aggregate(f) for f in design.fields]),
            emit.vector("ISSUE_IMAGE", [job_widths.issue_word(w) for w in jobs], job_widths.issue),
            emit.vector(
                *("COLLECT_IMAGE", [job_widths.collect_word(w) for w in jobs]),
                job_widths.collect,
            ),
            emit.vector("BIASES_IMAGE", of["biases"][0], numbers["BIAS_BITS"]),
            emit.vector(
                *("POSITIONS_IMAGE", [v for way in of["positions"] for v in way]),
                numbers["POSITION_BITS"],
            ),
            emit.vector("MULTIPLIERS_IMAGE", of["multipliers"][0], numbers["M_BITS"]),
            emit.vector("RESIDUALS_IMAGE", of["residual multipliers"][0], numbers["M_BITS"]),
            emit.vector("EXPONENTIALS_IMAGE", of["exponentials"][0], numbers["E_BITS"]),
            emit.vector("WEIGHTS", [int(b) for b in weights], 1),
        ],
    )


def _check_storage(storage: Mapping[str, str], wanted: list[tuple[Buffer, str]]) -> None:
    """Refuse a choice for a buffer that there is not, or of a resource that there is not."""
    names = {"weights", *(kind for _, kind in wanted), *(buffer.name for buffer, _ in wanted)}
    for name, choice in storage.items():
        if name not in names:
            raise UserError(
                f"hardware.storage: no buffer {name!r}{did_you_mean(name, names)}; one of "
                + ", ".join(sorted(names))
            )
        if choice not in ("auto", "block", "distributed"):
            raise UserError(
                f"hardware.storage.{name}: {choice!r} is not 'auto', 'block' or 'distributed'"
            )


def _segment_text(segment: Segment) -> str:
    return emit.aggregate(
        {
            "bank": segment.bank,
            "first": segment.first,
            "words": segment.words,
            "columns": segment.columns,
            "column_bits": segment.column_bits,
        }
    )


def _check(device: Device, dsp: int, blocks: int) -> None:
    """Refuse what cannot fit, before anything large is made of it."""
    for name, need, have, advice in (
        ("DSP", dsp, device.dsp, "lower hardware.lanes"),
        (
            *(device.block_name, blocks, device.blocks),
            "set hardware.storage to 'auto', or lower quantization.bits",
        ),
    ):
        if need > have:
            raise too_large(device, need, have, name, advice)


def too_large(device: Device, need: int, have: int, name: str, advice: str) -> UserError:
    """Return what is said of a model that needs too much of a resource."""
    return UserError(
        f"the model does not fit {device.name}: it needs {need:.9g} {name} of {have}, "
        f"{need - have:.9g} too many; {advice}"
    )
