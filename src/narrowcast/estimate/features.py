"""Features of a design from which the area of each part of the engine is estimated.

A part consists of one or more entities that share logic in the flat design. Its model is linear:
its look-up tables, or flip-flops, are a weighted sum of features, with weights from synthesised
designs (see ``area``). Features are counts of bits for which the VHDL needs a register, an adder, a
multiplexer or a look-up table. Features with a name that ends in "tables" or "choice" need no
flip-flops, and those that end in "registers" need no look-up tables.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from narrowcast.compile.bit_columns import BLOCK, BitColumns
from narrowcast.compile.constants import decision_constants
from narrowcast.compile.design import Design
from narrowcast.compile.lanes import LaneKind, table_lane
from narrowcast.compile.memory import CHECK_WORDS, Buffer
from narrowcast.integer.model import Array
from narrowcast.targets.family import SPRAM_BITS, Family

PARTS = ("control", "epilogue", "lanes", "softmax", "engine", "memories")

# State access without what depends on the model: CRC-16, steps, bytes on their way.
_ACCESS_LUT, _ACCESS_FF = 50, 69

_SEQUENCER = (
    *("tiles_last", "inner_last", "group_last", "tile_pause"),
    *("x_source", "lane_source", "lane_base", "lane_stride"),
)
_COLLECTOR = (
    *("column_first", "column_step", "columns_full", "columns_last", "bias_base", "m_base"),
    *("r_base", "destination", "y_stride", "block_last", "has_bias", "bias_per_row"),
    *("has_residual", "row_multiplier"),
)
_EPILOGUE = (
    *("residual_zero", "residual_shift", "shift", "y_zero", "y_low", "y_high"),
    *("has_bias", "has_residual"),
)
_ENGINE = (
    *("x_zero", "destination", "e_zero", "numerator", "table_base", "m_base"),
    *("bias_per_row", "residual_element", "row_multiplier"),
)


def features(design: Design) -> dict[str, dict[str, float]]:
    """Return the features of each part by name."""
    streams = stream_parts(design)
    parts = {
        "control": _control(design),
        "epilogue": _epilogue(design),
        "lanes": _lanes(design),
        "softmax": _softmax(design),
        "engine": _engine(design),
        "memories": _memories(design),
    }
    return {part: {**found, **streams} for part, found in parts.items()}


def _columns(design: Design, names: Sequence[str]) -> int:
    """Count the bits of the program that differ between steps; equal columns count once."""
    values = np.array([[fields[name] for name in names] for fields in design.fields], np.int64)
    width = int(np.abs(values).max()).bit_length() + 1
    bits = values[:, :, None] >> np.arange(width) & 1
    return _different(bits.reshape(len(values), -1))


def _different(bits: Array) -> int:
    """Count the bit columns that change; equal and inverse columns count once."""
    changes = np.packbits(bits != bits[0], axis=0)
    size, every = len(changes), changes.T.tobytes()
    seen = {every[first : first + size] for first in range(0, len(every), size)}
    return len(seen - {bytes(size)})


def _bits_of(design: Design, name: str) -> int:
    return max(abs(fields[name]) for fields in design.fields).bit_length()


def _control(design: Design) -> dict[str, float]:
    """Sequencer and collector: program words, counters, addresses."""
    c = design.constants
    addressed = max(
        f["lane_base"] + f["tiles_last"] * f["lane_stride"] + f["inner_last"] for f in design.fields
    )
    return {
        "one": 1,
        "sequencer's program bits": _columns(design, _SEQUENCER),
        "collector's program bits": _columns(design, _COLLECTOR),
        "lane address bits": addressed.bit_length(),
        "address bits": c["ADDRESS_BITS"] - 2,
        "counter bits": sum(_bits_of(design, f"{n}_last") for n in ("inner", "tiles"))
        + _bits_of(design, "tile_pause"),
        "wait bits": c["WAIT_BITS"],
        "group bits": c["GROUPED"] * _bits_of(design, "group_last"),
        "lane index bits": c["LANE_INDEX_BITS"],
        "job index bits": c["JOB_INDEX_BITS"],
    }


def _epilogue(design: Design) -> dict[str, float]:
    """Adders, shifters and clamps of each way; constants of the program once."""
    c = design.constants
    ways, total = c["WAYS"], c["TOTAL_BITS"]
    product = c["RESIDUAL_BITS"] + 1 + c["M_BITS"]
    raised = min(total, product + c["UP_HIGH"]) - c["UP_LOW"]
    shifted = max(total - c["SHIFT_LOW"], c["Y_BITS"] + 2)
    coarse = (c["SHIFT_HIGH"] - c["SHIFT_LOW"]) // 4 + 1
    products = ((c["BIASED_BITS"], c["M_BITS"]), (c["RESIDUAL_BITS"] + 1, c["M_BITS"]))
    return {
        "ways": ways,
        "second way": ways - 1,
        "total bits": ways * total,
        "sum bits": ways * c["SUM_BITS"],
        "raised bits x further raises": ways * raised * (_raises(design) - 1),
        "shifted bits": ways * shifted,
        "shifted bits x shifts": ways * shifted * coarse,
        "program bits": _columns(design, _EPILOGUE),
        "bits of products that are cut": ways * sum(_cut(a, b, design) for a, b in products),
        "outside products' tables": ways
        * sum(a * b for a, b in products if not design.device.dsp_of_product(a, b)),
    }


def _cut(a_bits: int, b_bits: int, design: Design) -> int:
    """Return the bits of the partial sums of a product that needs several DSP blocks."""
    block = design.device.dsp_block
    if block is None:
        return 0
    parts = -(-max(a_bits, b_bits) // block.wide) * -(-min(a_bits, b_bits) // block.narrow)
    return (parts - 1) * (a_bits + b_bits)


def _raises(design: Design) -> int:
    """Count the shifts of a residual that the shifter must support.

    They are all values of the shift's register within the range. A bit that is equal in all steps
    is a constant, and bits that are always equal share one register.
    """
    shifts = np.array([fields["residual_shift"] for fields in design.fields], np.int64)
    bits = shifts[:, None] >> np.arange(6) & 1
    low, high = design.constants["UP_LOW"], design.constants["UP_HIGH"]
    alike = {column.tobytes(): i for i, column in reversed(list(enumerate(bits.T)))}
    first = np.array([alike[column.tobytes()] for column in bits.T])
    every = np.arange(low, high + 1)[:, None] >> np.arange(6) & 1
    constant = (bits == bits[0]).all(axis=0)
    possible = (every == every[:, first]) & (~constant | (every == bits[0]))
    return int(possible.all(axis=1).sum())


def _lanes(design: Design) -> dict[str, float]:
    """Lanes, the registers of their sums with their multiplexer, and the row maximum."""
    c, array = design.constants, design.array
    ways, columns, sums = c["WAYS"], c["COLUMNS"], c["SUM_BITS"]
    count = {kind: sum(k == kind for k in array.kinds) for kind in LaneKind}
    widths = [(c["X_BITS"], c["LANE_BITS"]), (array.narrow_x, array.narrow_w)]
    each = list(zip(array.kinds, widths, strict=False))
    of_tables = [
        table_lane(*bits, sums, tree=kind == LaneKind.TREES)
        for kind, bits in each
        if kind in {LaneKind.TABLES, LaneKind.TREES}
    ]
    outside = [  # products that are too narrow for DSP blocks
        bits
        for kind, bits in each
        if kind == LaneKind.SINGLE and not design.device.dsp_of_product(*bits)
    ]
    return {
        "one": 1,
        "ways": ways,
        "sum bits": ways * sums,
        # w - 1 sums of x + 1 bits: that their tables grow with w once more, the samples show
        "outside products' tables": columns * sum((x + 1) * (w - 1) * w / 2 for x, w in outside),
        # x is registered once for all columns; w and the product once for each
        "outside products' registers": sum(x + columns * (x + 2 * w) for x, w in outside),
        "sums": ways * columns * sums,
        "columns": ways * columns,
        "pairs' registers": count[LaneKind.PAIRS] * columns / 2,
        "pairs' sum registers": count[LaneKind.PAIRS] * columns * sums / 2,
        "grouped sums": count[LaneKind.PAIRS] * c["GROUPED"] * columns * sums,
        "pairs' operands": count[LaneKind.PAIRS] * columns * c["LANE_BITS"] / 2,
        "single sums": count[LaneKind.SINGLE] * columns * sums,
        "table lanes' tables": columns * sum(tables for tables, _ in of_tables),
        "table lanes' registers": columns * sum(registers for _, registers in of_tables),
    }


def _softmax(design: Design) -> dict[str, float]:
    """The divider of each way."""
    c = design.constants
    ways = c["WAYS"]
    return {
        "ways": ways,
        "row sum bits": ways * c["ROW_SUM_BITS"],
        "exponential bits": ways * c["E_BITS"],
        "numerator bits": ways * c["NUMERATOR_BITS"],
    }


def _engine(design: Design) -> dict[str, float]:
    """Streams, multiplexers of operands, write-back, pool."""
    c = design.constants
    ways = c["WAYS"]
    of_bank = [
        [s for s in design.segments if s.bank == bank] for bank in range(len(design.bank_bits))
    ]
    lanes = design.array.word_lanes
    bank_bits = [bits * lanes for bits in design.bank_bits]
    kept = Counter({b.name: b.copies * b.width for b in design.buffers})
    outputs = c["PLAIN_RESULTS"] * c["OUTPUT_BITS"] if c["PLAIN_RESULTS"] > 1 else 0
    return {
        "ways": ways,
        "operand bits": ways * c["X_BITS"],
        "operand bits of two ways": (ways - 1) * c["X_BITS"],
        "lane operand bits": lanes * c["LANE_BITS"],
        "lane operand bits with keys": c["KEY_LANES"] * design.array.at_once * c["LANE_BITS"],
        "lane operand bits x further segments": lanes * c["LANE_BITS"] * (len(design.segments) - 1),
        "lane operand tables": _lane_operand_tables(design),
        "bias bits": ways * c["BIAS_BITS"],
        "further banks' bits": sum(bank_bits) - max(bank_bits),
        "further segments' bits": sum((len(own) - 1) * own[0].width for own in of_bank if own),
        "segments": len(design.segments),
        "caches' bits": kept["keys"] + kept["values"],
        "values' bits of a way": kept["values"] // ways,
        "results' bits": ways * c["Y_BITS"],
        "bits of further outputs": outputs,
        "address bits": c["ADDRESS_BITS"] - 2,
        "lane index bits": c["LANE_INDEX_BITS"],
        "pool bits": c["POOL_BITS"],
        "residual bits": ways * c["RESIDUAL_BITS"],
        "program bits": _columns(design, _ENGINE),
        "bits of weights in blocks": sum(s.block_bits for s in design.segments),
        # some of which the mapper joins with the multiplexers
        "weights' tables": sum(
            design.device.family.rom_luts(s.words, s.width - s.block_bits) for s in design.segments
        ),
        "bits of parameters": sum(
            kept[name] for name in ("biases", "positions", "multipliers", "residual multipliers")
        ),
    }


def stream_parts(design: Design) -> dict[str, float]:
    """Return features of what only streams have, some of which is in every part.

    They are counted bit by bit: counters of the ring, sums of scores and biases, running sums, what
    the ways of a split engine tell each other, results that come in pairs, and state access.
    """
    c, ways = design.constants, design.array.at_once
    if not c["KEPT_ROWS"]:
        return {"stream tables": 0.0, "stream registers": 0.0}
    sums, address = c["SUM_BITS"], c["ADDRESS_BITS"]
    ring = 3 * address + c["LANE_INDEX_BITS"]
    run = c["RUNNING_X_BITS"], c["RUNNING_W_BITS"]
    product = 0 if design.device.dsp_of_product(*run) else run[0] * run[1]
    running = ways * (sums + address + product) if c["RUNNING_SUMS"] else 0
    shared = 0
    if design.array.split:
        shared = (2 * ways + 1) * sums + ways * c["KEY_LANES"] * c["KEY_BITS"]
    kept = ways * c["RUNNING_SUMS"] * sums
    access = _state_access(design)
    pairs = c["RESULT_PAIRS"] * c["OUTPUTS"] * c["OUTPUT_BITS"]
    in_tables = design.device.family.lut_inputs == 6  # where single results are shifted
    biases = ways * c["SCORE_BIASES"] * sums
    return {
        "stream tables": ring + biases + running + shared + pairs + access["lut"],
        "stream registers": ring + running + kept + ways * sums + pairs * in_tables + access["ff"],
    }


def _state_access(design: Design) -> dict[str, float]:
    """Return the same of state access: its counters, checksum and steps, and the write ports.

    Its memories are among the others, except for the registers of the state row.
    """
    c, ways = design.constants, design.array.at_once
    if design.state_access is None:
        return {"lut": 0.0, "ff": 0.0}
    numbers = ways * max(c["KEY_BITS"], c["VALUE_BITS"])
    counters = 3 * c["STATE_ORDER_BITS"] + c["KEPT_ROWS"].bit_length()
    write = 2 * c["ADDRESS_BITS"] + c["LANE_INDEX_BITS"] + 2 * numbers
    return {
        "lut": _ACCESS_LUT + counters + write,
        "ff": _ACCESS_FF + counters + 2 * numbers,
    }


def decision_parts(design: Design) -> dict[str, float]:
    """Return the look-up tables and flip-flops of decisions, counted bit by bit like streams.

    A class compares each number with two others, one of which changes, and subtracts. A score
    subtracts the zero point, adds, and compares. Words that leave pass a multiplexer. The shares of
    a bit are those of yosys for decisions alone.
    """
    c, six = design.constants, design.device.family.lut_inputs == 6
    lut, ff = 0.0, 0
    if not c["DECISIONS"]:
        return {"lut": 0.0, "ff": 0.0}
    for each in decision_constants(design.graph):
        if each.is_score:
            of_number, of_score = (0.4, 1.0) if six else (2.5, 2.2)
            lut += of_number * each.bits + of_score * each.score_bits
            ff += each.bits + 4 + each.score_bits
        else:
            lut += (3.5 if six else 6.5) * each.bits
            ff += 3 * each.bits + (each.columns - 1).bit_length()
    counters = c["RESULTS_MADE"].bit_length() + c["OUTPUTS"].bit_length()
    further = 2 * c["DECISIONS"] + (c["PLAIN_RESULTS"] > 0) - 1  # words beside the first one
    tables = -(-further // 2) if six else further
    return {"lut": lut + counters + tables * c["OUTPUT_BITS"], "ff": ff + counters}


def loader_parts(design: Design) -> dict[str, float]:
    """Return the look-up tables and flip-flops with which weights are loaded and checked.

    The memory itself has one segment's. The shares of a column of 16 bits and of a bit of an
    address are those of yosys for ``weight_memory`` alone, for an iCE40.
    """
    if not design.images.loaded:
        return {"lut": 0.0, "ff": 0.0}
    (segment,) = design.segments
    address = segment.words.bit_length()
    deep = segment.words + CHECK_WORDS > design.device.family.spram_words
    lut = 66 + 3 * address + (12 + SPRAM_BITS * deep) * segment.columns
    return {"lut": lut, "ff": 80 + address}


def _lane_operand_tables(design: Design) -> int:
    """Return the look-up tables of the multiplexers for weights, keys and values.

    The inputs of each bit are: two for every segment (data and enable), the selection of each bank
    after the first, a key, and a value of each way. A look-up table with six inputs reduces the
    number of inputs by five. One with four inputs selects between two sources, of which the weights
    are one, or reduces the inputs of several segments by three.
    """
    c = design.constants
    segments, banks = len(design.segments), len(design.bank_bits)
    chosen = 2 * segments + banks - 1
    total = 0
    for lane in range(c["COLUMNS"]):
        cached = (lane < c["KEY_LANES"]) + design.array.tokens * (lane < c["VALUE_LANES"])
        if design.device.family.lut_inputs == 6:
            tables = -(-(chosen + cached + 1) // 5)
        else:
            tables = cached + (-(-(chosen - 1) // 3) if segments > 1 else 0)
        total += tables * c["LANE_BITS"]
    return total * design.array.at_once


def rom_columns(bits: BitColumns, family: Family) -> tuple[int, int]:
    """Return the resources of a ROM made of look-up tables.

    A bit column that is constant in a block needs no look-up table, and equal columns share one.

    Returns:
        The registers at the outputs, and the look-up tables.
    """
    counts = bits.different
    of_column = np.full(len(counts), family.column_luts(BLOCK))
    of_column[-1] = family.column_luts(bits.words - BLOCK * (len(counts) - 1))
    return int(counts.sum()), int(counts @ of_column)


def _memories(design: Design) -> dict[str, float]:
    """All memories made of look-up tables, and the registers of all memories."""
    c, family = design.constants, design.device.family
    ram = _in_tables(design.buffers, writable=True)
    small = ("inputs", "scratch", "tokens", "residuals", "keys", "values")
    primitives = choice = 0
    for b in ram:
        if b.name in small and family.distributed_ram is not None:
            primitives += b.copies * family.distributed_ram.primitives_luts(b.words, b.width)
            choice += b.copies * b.width * (-(-b.words // family.distributed_ram.depth) - 1)
    random = regular = registers = chosen = outputs = 0
    for name, copies, bits in design.tables():
        behind, tables = rom_columns(bits, family)
        registers += copies * behind
        if name.startswith(("jobs", "exponentials")):
            regular += copies * tables
        else:
            random += copies * tables
        each = family.choice_luts(bits.columns.shape[1])
        varying = copies * bits.changes
        chosen += each * varying
        outputs += varying
    return {
        "one": 1,
        "RAM tables": primitives,
        "RAM choice": choice,
        "ROM tables": random,
        "regular ROM tables": regular,
        "ROM registers": registers + outputs,
        "ROM choice": chosen,
        "lanes of caches": c["KEY_LANES"] + c["WAYS"] * c["VALUE_LANES"],
        "ways": c["WAYS"],
        "segments": len(design.segments),
        "bits of RAM outside of blocks": sum(b.copies * b.width for b in ram if b.name in small),
        "bits of RAM in blocks": sum(
            b.copies * b.width for b in design.buffers if b.name in small and b.storage == "block"
        ),
    }


def _in_tables(buffers: Iterable[Buffer], *, writable: bool) -> list[Buffer]:
    return [b for b in buffers if b.writable == writable and b.storage == "distributed"]
