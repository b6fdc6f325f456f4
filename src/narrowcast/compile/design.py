"""Compiles an integer model for a device: program, memory images, widths, cycles."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from importlib import resources
from pathlib import Path

import numpy as np

from narrowcast.compile import memory, vhdl
from narrowcast.compile.bounds import Bounds, bounds
from narrowcast.compile.memory import Buffer, MemoryPlan, Segment
from narrowcast.compile.program import (
    ROW_MULTIPLIER_BITS,
    ProgramStep,
    schedule,
    token_tensors,
)
from narrowcast.device import Device
from narrowcast.errors import UserError
from narrowcast.files import write_whole
from narrowcast.integer.arithmetic import MULTIPLIER_BITS, signed_bits
from narrowcast.integer.model import Context, IntegerModel, Linear, Scores

DSP_WIDE_PORT = 25  # bits of the DSP48E1's wider multiplier port
MOST_OUTPUTS = 63  # the engine counts them in 6 bits
LOGIC_LUTS = 900  # sequencer, collector, softmax, epilogue; synthesis has the last word
ROOM = 0.88  # of the device's tables: the estimate of a full one may be a tenth too low
LANE_LUTS = 22  # operand selection and collector of one lane


class Destination(IntEnum):
    """Where a step's results go; the same names and numbers as in ``engine_types.vhd``."""

    TO_SCRATCH = 0
    TO_TOKENS = 1
    TO_KEYS = 2
    TO_VALUES = 3
    TO_RESULT = 4
    TO_SOFTMAX = 5


@dataclass(frozen=True)
class StepCost:
    """What one step of the program costs; ``utilisation`` = MACs / (lanes x cycles)."""

    name: str
    rows: int
    tiles: int
    inner: int
    macs: int
    cycles: int
    utilisation: float


@dataclass(frozen=True)
class Design:
    """A compiled model, ready to be written as VHDL."""

    model: IntegerModel
    device: Device
    lanes: int
    cycles: int
    program: tuple[ProgramStep, ...]
    plan: MemoryPlan
    dsp: int
    luts: int
    bank_bits: tuple[int, ...]
    _package: str = field(repr=False)

    @property
    def steps(self) -> list[StepCost]:
        """The cost of every step."""
        return [
            StepCost(
                s.name, s.rows, s.tiles, s.inner, s.macs, s.cycles, s.macs / (s.cycles * self.lanes)
            )
            for s in self.program
        ]

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """Every memory and its resource."""
        return self.plan.buffers

    @property
    def utilisation(self) -> float:
        """MACs / (lanes x cycles) of a whole inference."""
        return self.model.macs / (self.lanes * self.cycles)

    def write_rtl(self, folder: Path) -> None:
        """Write the hand-written sources and the generated package to ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        source = resources.files("narrowcast.hardware") / "rtl"
        for entry in source.iterdir():
            if entry.name.endswith(".vhd"):
                with resources.as_file(entry) as path:
                    shutil.copyfile(path, folder / entry.name)
        write_whole(folder / "engine_config.vhd", self._package)

    @property
    def digest(self) -> str:
        """SHA-256 of the generated package."""
        return hashlib.sha256(self._package.encode()).hexdigest()


@dataclass(frozen=True)
class _Layout:
    """Addresses of everything that the program points to."""

    lane_source: dict[str, int]
    lane_base: dict[str, int]
    bias_base: dict[str, int]
    m_base: dict[str, int]
    r_base: dict[str, int]
    table_base: dict[str, int]


@dataclass
class _Images:
    """Memory images while they are being put together."""

    banks: dict[int, list[int]]
    biases: list[int] = field(default_factory=list)
    multipliers: list[int] = field(default_factory=list)
    residuals: list[int] = field(default_factory=list)
    exponentials: list[int] = field(default_factory=list)


def _weight_words(weights: np.ndarray, bits: int, lanes: int) -> list[int]:
    """Pack weights [columns, inner] into words: tile by tile, lane 0 in the lowest bits."""
    columns, inner = weights.shape
    tiles = -(-columns // lanes)
    padded = np.zeros((tiles * lanes, inner), np.int64)
    padded[:columns] = weights
    digits = (padded.reshape(tiles, lanes, inner) & ((1 << bits) - 1)).swapaxes(1, 2)
    return [
        sum(int(d) << (bits * lane) for lane, d in enumerate(word))
        for word in digits.reshape(-1, lanes)
    ]


def _lay_out(model: IntegerModel, lanes: int) -> tuple[_Images, _Layout, tuple[int, ...]]:
    linear = [s for s in model.steps if isinstance(s, Linear)]
    bank_bits = tuple(sorted({s.weight_bits for s in linear}))
    images = _Images({b: [] for b in range(len(bank_bits))})
    layout = _Layout({}, {}, {}, {}, {}, {})
    for step in model.steps:
        layout.m_base[step.name] = len(images.multipliers)
        if isinstance(step, Linear):
            bank = bank_bits.index(step.weight_bits)
            layout.lane_source[step.name] = bank
            layout.lane_base[step.name] = len(images.banks[bank])
            images.banks[bank] += _weight_words(model.arrays[step.weights], step.weight_bits, lanes)
            layout.bias_base[step.name] = len(images.biases)
            images.biases += [int(v) for v in model.arrays[step.bias].reshape(-1)]
            images.multipliers += [int(v) for v in model.arrays[step.multiplier]]
            if step.residual_multiplier is not None:
                layout.r_base[step.name] = len(images.residuals)
                images.residuals += [int(v) for v in model.arrays[step.residual_multiplier]]
        elif isinstance(step, Scores):
            images.multipliers.append(step.multiplier)
            if step.table not in layout.table_base:
                layout.table_base[step.table] = len(images.exponentials)
                images.exponentials += [int(v) for v in model.arrays[step.table]]
    return images, layout, bank_bits


def _lane_fields(
    model: IntegerModel, step: ProgramStep, layout: _Layout, banks: int
) -> dict[str, int]:
    source = step.source
    if isinstance(source, Linear):
        place = layout.lane_source[source.name], layout.lane_base[source.name], step.wrap
    elif isinstance(source, Scores):
        place = banks, step.head * step.inner, model.channels
    else:
        place = banks + 1, step.head * step.tiles * step.inner, step.inner
    return dict(zip(("lane_source", "lane_base", "lane_stride"), place, strict=True))


def _destination(
    model: IntegerModel, step: ProgramStep, scratch: Mapping[str, int], caches: tuple[set[str], ...]
) -> dict[str, int]:
    """Return where the results of a step go: destination, base, stride, columns of a block."""
    source = step.source
    keys, values = caches
    place: dict[str, int] = {
        "destination": Destination.TO_SCRATCH,
        "y_base": 0,
        "y_stride": step.columns,
        "block_last": 0,
    }
    if source.output == model.output:
        place["destination"] = Destination.TO_RESULT
    elif source.output in token_tensors(model):
        place["destination"] = Destination.TO_TOKENS
    elif source.output in keys:
        place["destination"] = Destination.TO_KEYS
    elif source.output in values:
        block = model.channels // model.heads
        place["destination"] = Destination.TO_VALUES
        place |= {"y_stride": model.window, "block_last": block - 1}
    elif isinstance(source, Scores):
        place |= {"destination": Destination.TO_SOFTMAX, "y_base": scratch[source.output]}
    elif isinstance(source, Context):
        base = scratch[source.output] + step.head * step.columns
        place |= {"y_base": base, "y_stride": model.channels}
    else:
        place["y_base"] = scratch[source.output]
    return place


def _step_fields(
    model: IntegerModel,
    step: ProgramStep,
    layout: _Layout,
    scratch: Mapping[str, int],
    caches: tuple[set[str], ...],
    banks: int,
) -> dict[str, int]:
    """Return the program word of a step, field by field as in ``engine_types.vhd``."""
    source = step.source
    operand, output = model.tensors[source.operand], model.tensors[source.output]
    in_tokens = source.operand in token_tensors(model)
    x_base = 0 if in_tokens else scratch[source.operand]
    if isinstance(source, Scores):
        x_base += step.head * step.inner
    linear = source if isinstance(source, Linear) else None
    residual = None if linear is None or linear.residual is None else linear.residual
    is_scores = isinstance(source, Scores)
    low = output.zero_point if linear is not None and linear.relu else output.low
    table = len(model.arrays[source.table]) if isinstance(source, Scores) else 0
    return {
        "rows_last": step.rows - 1,
        "tiles_last": step.tiles - 1,
        "inner_last": step.inner - 1,
        "tile_pause": step.tile_pause,
        "row_pause": step.row_pause,
        "step_pause": step.step_pause,
        "x_tokens": int(in_tokens),
        "x_base": x_base,
        "x_stride": operand.columns,
        "x_zero": operand.zero_point,
        **_lane_fields(model, step, layout, banks),
        "wrap_last": step.wrap - 1,
        "columns_last": step.last_columns - 1,
        "bias_base": layout.bias_base.get(source.name, 0),
        "bias_per_row": int(linear is not None and model.arrays[linear.bias].ndim == 2),
        "m_base": layout.m_base[source.name],
        "r_base": layout.r_base.get(source.name, 0),
        "residual_base": 0,
        **_destination(model, step, scratch, caches),
        "has_bias": int(linear is not None),
        "has_residual": int(residual is not None),
        "row_multiplier": int(isinstance(source, Context)),
        "residual_zero": 0 if residual is None else model.tensors[residual].zero_point,
        "residual_shift": 0 if linear is None else linear.residual_shift,
        "shift": source.shift,
        "rounding": source.shift - 1,
        "y_zero": 0 if is_scores else output.zero_point,
        "y_low": 0 if is_scores else low,
        "y_high": table - 1 if is_scores else output.high,
        "numerator": _numerator(model, source) if isinstance(source, Scores) else 0,
        "table_base": layout.table_base[source.table] if isinstance(source, Scores) else 0,
        "e_zero": output.zero_point if is_scores else 0,
    }


def _numerator(model: IntegerModel, scores: Scores) -> int:
    """Return the numerator of the context step that reads a scores step's exponentials."""
    return next(
        s.numerator for s in model.steps if isinstance(s, Context) and s.operand == scores.output
    )


def _widths(
    model: IntegerModel, limits: list[Bounds], images: _Images, bank_bits: tuple[int, ...]
) -> dict[str, int]:
    scores = [s for s in model.steps if isinstance(s, Scores)]
    contexts = [s for s in model.steps if isinstance(s, Context)]
    linear = [s for s in model.steps if isinstance(s, Linear)]
    tokens = token_tensors(model)
    keys = max(model.tensors[s.key].bits for s in scores)
    values = max(model.tensors[s.value].bits for s in contexts)
    cached = {s.key for s in scores} | {s.value for s in contexts}
    scratch = [
        t.bits
        for t in model.tensors.values()
        if t.name not in tokens and t.name not in cached and t.name != model.output
    ]
    operands = [model.tensors[s.operand] for s in model.steps]
    x_bits = max(signed_bits(t.low - t.zero_point, t.high - t.zero_point) for t in operands)
    x_bits = max(x_bits, max(t.bits for t in operands) + 1)
    e_bits = max(model.tensors[s.output].bits for s in scores)
    index_bits = max(len(model.arrays[s.table]) for s in scores).bit_length() + 1
    output = model.tensors[model.output].bits
    token_bits = max(model.tensors[t].bits for t in tokens)
    return {
        "INPUT_BITS": model.tensors[model.input].bits,
        "OUTPUT_BITS": output,
        "X_BITS": x_bits,
        "LANE_BITS": max(*bank_bits, keys, values),
        "KEY_BITS": keys,
        "VALUE_BITS": values,
        "SCRATCH_BITS": max(scratch),
        "TOKEN_BITS": token_bits,
        "SUM_BITS": max(b.sum_bits for b in limits),
        "BIAS_BITS": max(signed_bits(min(images.biases), max(images.biases)), 2),
        "BIASED_BITS": max(b.biased_bits for b in limits),
        "TOTAL_BITS": max(b.total_bits for b in limits),
        "M_BITS": MULTIPLIER_BITS,
        "ROW_M_BITS": ROW_MULTIPLIER_BITS,
        "Y_BITS": max(output, index_bits, *scratch, token_bits, keys, values, e_bits + 1),
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


def _compile(model: IntegerModel, device: Device, lanes: int, storage: Mapping[str, str]) -> Design:
    program, cycles = schedule(model, lanes)
    images, layout, bank_bits = _lay_out(model, lanes)
    scratch, scratch_words = memory.allocate_scratch(model, program)
    limits = [bounds(model, step) for step in model.steps]
    widths = _widths(model, limits, images, bank_bits)
    caches = (
        {s.key for s in model.steps if isinstance(s, Scores)},
        {s.value for s in model.steps if isinstance(s, Context)},
    )
    token_words = model.window * model.channels
    head_tiles = -(-(model.channels // model.heads) // lanes)
    key_words = -(-model.window // lanes) * model.channels
    value_words = model.heads * head_tiles * model.window

    wanted = [
        (Buffer(name, words, widths[width], copies, ram, "auto", 0, 0), storage.get(kind, "auto"))
        for name, words, width, copies, ram, kind in (
            ("scratch", scratch_words, "SCRATCH_BITS", 1, True, "activations"),
            ("tokens", token_words, "TOKEN_BITS", 1, True, "activations"),
            ("keys", key_words, "KEY_BITS", lanes, True, "keys"),
            ("values", value_words, "VALUE_BITS", lanes, True, "values"),
            ("biases", len(images.biases), "BIAS_BITS", 1, False, "parameters"),
            ("multipliers", len(images.multipliers), "M_BITS", 1, False, "parameters"),
            ("residuals", len(images.residuals), "M_BITS", 1, False, "parameters"),
            ("exponentials", len(images.exponentials), "E_BITS", 1, False, "exponentials"),
        )
    ]
    segments = [
        s
        for b, bits in enumerate(bank_bits)
        for s in memory.cut_bank(b, len(images.banks[b]), bits * lanes)
    ]
    buffers, segments = memory.assign_storage(
        wanted, segments, storage.get("weights", "auto"), device
    )
    all_buffers = tuple(memory.weight_buffers(segments, bank_bits, lanes) + buffers)
    dsp = lanes + epilogue_dsp(widths["BIASED_BITS"])
    luts = LOGIC_LUTS + LANE_LUTS * lanes + sum(b.luts for b in all_buffers)
    _check(device, dsp, luts, all_buffers)
    plan = MemoryPlan(scratch, scratch_words, token_words, all_buffers, tuple(segments))
    in_block = {b.name: int(b.storage == "block") for b in buffers}
    words = [len(bank) for bank in images.banks.values()]
    deepest = max(
        *words,
        scratch_words,
        token_words,
        key_words,
        value_words,
        len(images.biases),
        len(images.multipliers),
        len(images.exponentials),
        model.window * model.channels,
        *(s.inner + s.tile_pause + s.row_pause + s.step_pause for s in program),
    )
    address_bits = (deepest + lanes).bit_length()
    scalars = {
        "LANES": lanes,
        "WINDOW": model.window,
        "OUTPUTS": model.outputs,
        "INPUT_WORDS": model.window * model.inputs,
        "INPUT_BASE": scratch[model.input],
        **widths,
        "ADDRESS_BITS": address_bits,
        "COUNT_BITS": address_bits,
        "STEP_BITS": max(1, (len(program) - 1).bit_length()),
        "LANE_INDEX_BITS": max(1, (lanes - 1).bit_length()),
        "SCRATCH_WORDS": scratch_words,
        "TOKEN_WORDS": token_words,
        "KEY_WORDS": key_words,
        "VALUE_WORDS": value_words,
        "SCRATCH_BLOCK": in_block["scratch"],
        "TOKEN_BLOCK": in_block["tokens"],
        "KEY_BLOCK": in_block["keys"],
        "VALUE_BLOCK": in_block["values"],
        "BIAS_BLOCK": in_block["biases"],
        "MULTIPLIER_BLOCK": in_block["multipliers"],
        "RESIDUAL_BLOCK": in_block["residuals"],
        "EXPONENTIAL_BLOCK": in_block["exponentials"],
    }
    fields = [
        _step_fields(model, step, layout, scratch, caches, len(bank_bits)) for step in program
    ]
    firsts = np.cumsum([0] + [w * b * lanes for w, b in zip(words, bank_bits, strict=True)])
    weights = "".join(
        vhdl.bits_of(word, bank_bits[b] * lanes)
        for b, bank in images.banks.items()
        for word in bank
    )
    text = vhdl.package(
        [
            f"Generated: a model of window {model.window}, {model.inputs} inputs,"
            f" {model.channels} channels, {model.layers} layers, {model.heads} heads.",
            "Constants only: widths, the program, and the contents of all read-only memories.",
        ],
        [
            *(vhdl.scalar(name, value) for name, value in scalars.items()),
            vhdl.array("BANK_BITS", "natural_array", [str(b) for b in bank_bits]),
            vhdl.array("BANK_DEPTH", "natural_array", [str(w) for w in words]),
            vhdl.array("BANK_FIRST", "natural_array", [str(f) for f in firsts[:-1]]),
            vhdl.array("SEGMENTS", "segment_array", [_segment_text(s) for s in segments]),
            vhdl.array("PROGRAM", "step_array", [vhdl.aggregate(f) for f in fields]),
            vhdl.vector("BIASES_IMAGE", images.biases, widths["BIAS_BITS"]),
            vhdl.vector("MULTIPLIERS_IMAGE", images.multipliers, widths["M_BITS"]),
            vhdl.vector("RESIDUALS_IMAGE", images.residuals, widths["M_BITS"]),
            vhdl.vector("EXPONENTIALS_IMAGE", images.exponentials, widths["E_BITS"]),
            vhdl.vector("WEIGHTS", [int(b) for b in weights], 1),
        ],
    )
    return Design(model, device, lanes, cycles, program, plan, dsp, luts, bank_bits, text)


def _segment_text(segment: Segment) -> str:
    return vhdl.aggregate(
        {
            "bank": segment.bank,
            "first": segment.first,
            "words": segment.words,
            "columns": segment.columns,
            "column_bits": segment.column_bits,
        }
    )


def epilogue_dsp(biased_bits: int) -> int:
    """DSP blocks of the epilogue: the sum's multiplier and the residual's."""
    return -(-biased_bits // DSP_WIDE_PORT) + 1


def compile_model(
    model: IntegerModel,
    device: Device,
    lanes: int | None = None,
    storage: Mapping[str, str] | None = None,
) -> Design:
    """Compile for a device.

    Args:
        model: the integer model.
        device: whose DSPs and block memory are the budget.
        lanes: multiply-accumulates per clock; None takes the fastest that the DSPs allow, and of
            equally fast ones the narrowest. If the tables get short, a count that wastes less of
            the weights' words may do better, and is taken.
        storage: ``block``, ``distributed`` or ``auto`` by kind of buffer: weights, activations,
            keys, values, parameters, exponentials.

    Raises:
        UserError: the model cannot fit the device: which resource, by how much, what would help.
    """
    storage = storage or {}
    if model.window < 2 or model.outputs > MOST_OUTPUTS:
        raise UserError(
            f"the engine takes windows of at least 2 and gives at most {MOST_OUTPUTS} outputs, "
            f"not a window of {model.window} and {model.outputs} outputs"
        )
    if lanes is not None:
        return _compile(model, device, lanes, storage)
    widest = max(bounds(model, step).biased_bits for step in model.steps)
    most = device.dsp - epilogue_dsp(widest)
    if most < 1:
        raise UserError(f"{device.name} has {device.dsp} DSP, too few for the epilogue")
    counts = range(max(1, most - 5), most + 1)
    designs: list[Design] = []
    refusals: list[UserError] = []
    for count in sorted(counts, key=lambda count: (schedule(model, count)[1], count)):
        try:
            designs.append(_compile(model, device, count, storage))
        except UserError as refusal:
            refusals.append(refusal)
            continue
        if designs[-1].luts <= ROOM * device.lut:
            return designs[-1]
    if not designs:
        raise refusals[0]
    return min(designs, key=lambda design: design.luts)


def _check(device: Device, dsp: int, luts: int, buffers: tuple[Buffer, ...]) -> None:
    """Refuse what cannot fit, before anything large is made of it."""
    blocks = sum(b.ramb18 for b in buffers) / 2
    for name, need, have, key in (
        ("DSP", dsp, device.dsp, "dsp"),
        ("RAMB36", blocks, device.bram36, "bram36"),
        ("LUT (estimated)", luts, device.lut, "lut"),
    ):
        if need > have:
            advice = {
                "dsp": "lower hardware.lanes",
                "bram36": "set hardware.storage to 'auto', or lower quantization.bits",
                "lut": "lower quantization.bits, model.channels or model.ffn_channels, "
                "or take a larger hardware.device",
            }[key]
            raise UserError(
                f"the model does not fit {device.name}: it needs {need:.9g} {name} of {have}, "
                f"{need - have:.9g} too many; {advice}"
            )
