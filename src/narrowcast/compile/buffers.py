"""Which memories an engine has, and what of each lies in block memory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from narrowcast.compile import memory, state_access
from narrowcast.compile.allocate import Addresses
from narrowcast.compile.compilation import Compilation
from narrowcast.compile.encode import RING_BITS
from narrowcast.compile.images import Images
from narrowcast.compile.lanes import LaneArray
from narrowcast.compile.memory import Buffer, Segment
from narrowcast.compile.program import EngineGraph, Store
from narrowcast.compile.timing import ROW_MULTIPLIER_BITS, SHIFTED_RESULTS
from narrowcast.config import did_you_mean
from narrowcast.errors import UserError
from narrowcast.integer.arithmetic import MULTIPLIER_BITS
from narrowcast.targets.device import Device


def wanted_buffers(
    compilation: Compilation, array: LaneArray, addresses: Addresses
) -> Iterator[tuple[Buffer, str]]:
    """Yield all memories except the weights and the list of jobs, each with its group.

    A memory that a graph does not need is left out.
    """
    graph, ways, columns = compilation.graph, array.ways, array.columns
    at_once = array.at_once
    parameters, widths = compilation.parameters(ways, at_once), compilation.widths(ways)
    depth = {name: len(contents[0]) for name, contents in parameters.contents.items()}
    keys, values = graph.held(Store.KEYS), graph.held(Store.VALUES)
    tokens = array.tokens
    key_lanes = max(
        (min(columns, -(-t.rows // tokens // at_once) * tokens) for t in keys), default=0
    )
    key_copies = key_lanes * at_once**2  # of each way, for every other number of a key each
    of_head = [-(-t.columns // graph.parts[t.name] // at_once) for t in values]
    value_lanes = max((min(columns, each) for each in of_head), default=0)
    longest = max((-(-each.rows // at_once) for each in keys), default=0)
    row_words = 2 << (max(2, longest) - 1).bit_length() if keys else 0
    pool = max((graph.model.tensors[step.output].columns for step in graph.sums), default=0)
    scratch = addresses.scratch_words if graph.held(Store.SCRATCH) else 0
    for name, words, width, copies, ram, kind in (
        ("inputs", addresses.input_words, widths["INPUT_BITS"], ways, True, "activations"),
        ("scratch", scratch, widths["SCRATCH_BITS"], ways, True, "activations"),
        ("tokens", addresses.token_words, widths["TOKEN_BITS"], ways, True, "activations"),
        ("residuals", addresses.token_words, widths["TOKEN_BITS"], ways, True, "activations"),
        ("pool", pool, widths["POOL_BITS"], 1, True, "activations"),
        ("keys", addresses.key_words, widths["KEY_BITS"], key_copies, True, "keys"),
        ("values", addresses.value_words, widths["VALUE_BITS"], ways * value_lanes, True, "values"),
        # of a state also whether the key exists
        (
            "scores",
            row_words,
            widths["SUM_BITS"] + bool(graph.model.kept_rows),
            ways,
            True,
            "softmax",
        ),
        (
            *("row multipliers", 1 << RING_BITS if keys else 0, ROW_MULTIPLIER_BITS),
            *(ways, True, "softmax"),
        ),
        ("exponentials", depth["exponentials"], widths["E_BITS"], ways, False, "exponentials"),
        ("biases", depth["biases"], widths["BIAS_BITS"], at_once, False, "parameters"),
        ("positions", depth["positions"], widths["POSITION_BITS"], ways, False, "parameters"),
        ("multipliers", depth["multipliers"], MULTIPLIER_BITS, at_once, False, "parameters"),
        (
            *("residual multipliers", depth["residual multipliers"], MULTIPLIER_BITS),
            *(at_once, False, "parameters"),
        ),
        (
            *("running weights", depth["running weights"], widths["RUNNING_W_BITS"]),
            *(at_once, False, "parameters"),
        ),
        ("results", _buffered(graph), widths["OUTPUT_BITS"], 1, True, "activations"),
    ):
        if words:
            yield Buffer(name, words, width, copies, ram, "auto", 0, 0), kind


def _buffered(graph: EngineGraph) -> int:
    """Return the words of the memory of results; 0 if registers hold them."""
    words = graph.plain_words
    return words if words > SHIFTED_RESULTS else 0


BLOCK_CONSTANTS = {
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
    "running weights": "RUNNING_BLOCK",
    "results": "RESULT_BLOCK",
    "jobs, issued": "ISSUE_BLOCK",
    "jobs, collected": "COLLECT_BLOCK",
    state_access.ROW: "STATE_ROW_BLOCK",
    state_access.ORDER: "STATE_ORDER_BLOCK",
    state_access.PLACES: "STATE_PLACES_BLOCK",
}


def without_constants(
    buffers: list[Buffer], contents: Mapping[str, list[list[int]]], device: Device
) -> list[Buffer]:
    """Count the blocks of ROMs again: synthesis removes bits that are equal in all words.

    The contents are known only after addresses are allocated.
    """
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


def without_empty_columns(
    buffers: list[Buffer], segments: list[Segment], images: Images
) -> list[Buffer]:
    """Count the blocks of weight banks again: synthesis removes columns without changes.

    These are the lanes beyond the last column of a product that has its own bank.
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


def check_storage(storage: Mapping[str, str], wanted: list[tuple[Buffer, str]]) -> None:
    """Reject storage options for unknown buffers, unknown resources, and SPRAM for others."""
    names = {"weights", *KINDS, *BLOCK_CONSTANTS, *(buffer.name for buffer, _ in wanted)}
    for name, choice in storage.items():
        if name not in names:
            raise UserError(
                f"hardware.storage: no buffer {name!r}{did_you_mean(name, names)}; one of "
                + ", ".join(sorted(names))
            )
        if choice == "spram" and name != "weights":
            raise UserError(f"hardware.storage.{name}: 'spram' is for weights only")
        if choice not in ("auto", "block", "distributed", "spram"):
            raise UserError(
                f"hardware.storage.{name}: {choice!r} is not 'auto', 'block', 'distributed' or "
                "'spram'"
            )


KINDS = ("activations", "keys", "values", "softmax", "exponentials", "parameters", "program")
