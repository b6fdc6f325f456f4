"""Generates the packages of constants, ``engine_config.vhd`` and ``model_identity.vhd``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from narrowcast.compile.constants import DecisionConstants
from narrowcast.compile.images import Images
from narrowcast.compile.lanes import LaneArray, LaneKind
from narrowcast.compile.memory import Segment
from narrowcast.compile.ranges import segment_fields
from narrowcast.compile.state_access import ORDER, PLACES
from narrowcast.integer.identity import Identity


def bits_of(value: int, width: int) -> str:
    """Return a two's complement integer as a string of 0 and 1."""
    return format(value & ((1 << width) - 1), f"0{width}b")


def image(words: Iterable[int], width: int) -> str:
    """Return a memory image as VHDL: word 0 leftmost."""
    text = "".join(bits_of(word, width) for word in words)
    whole = len(text) // 4 * 4
    digits = "".join(f"{int(text[i : i + 4], 2):X}" for i in range(0, whole, 4))
    parts = [f'x"{digits[i : i + 80]}"' for i in range(0, len(digits), 80)]
    if whole < len(text):
        parts.append(f'"{text[whole:]}"')
    return "\n      " + "\n      & ".join(parts)


def vector(name: str, words: Sequence[int], width: int) -> str:
    """Return the declaration of a memory image."""
    words = words or [0]
    size = len(words) * width
    return f"  constant {name} : std_logic_vector(0 to {size - 1}) :={image(words, width)};"


def scalar(name: str, value: int) -> str:
    """Return the declaration of a number."""
    return f"  constant {name} : integer := {value};"


def aggregate(fields: Mapping[str, int]) -> str:
    """Return a record aggregate."""
    return "(" + ", ".join(f"{name} => {value}" for name, value in fields.items()) + ")"


def array_of(name: str, kind: str, items: Sequence[str]) -> str:
    """Return the declaration of a constant array, indexed downwards.

    With an ascending range, GHDL would infer a subtraction for each index.
    """
    body = ",\n    ".join(f"{i} => {item}" for i, item in enumerate(items))
    return f"  constant {name} : {kind}({len(items) - 1} downto 0) := (\n    {body});"


def package(
    array: LaneArray,
    constants: Mapping[str, int],
    fields: Sequence[Mapping[str, int]],
    segments: Sequence[Segment],
    images: Images,
    lists: Mapping[str, Sequence[Sequence[int]]],
    decisions: Sequence[DecisionConstants],
) -> str:
    """Return the package of constants of a design.

    All names are fixed and all values are numbers, so no text of a model enters the VHDL. A memory
    that a model does not need has one word of zeros. Weights have one bit if a host loads them.
    """
    wide = constants["X_BITS"], array.narrow_x
    narrow = constants["LANE_BITS"], array.narrow_w
    words, bits = images.bank_words, images.bank_bits
    firsts = accumulate(
        (w * b * array.word_lanes for w, b in zip(words, bits, strict=True)), initial=0
    )
    weights = "".join(
        bits_of(word, width * array.word_lanes)
        for width, bank in (() if images.loaded else zip(bits, images.banks, strict=True))
        for part in bank
        for word in part.words()
    )
    contents = images.parameters.contents
    of_ways = {name: [number for way in ways for number in way] for name, ways in contents.items()}
    positions = of_ways["positions"]
    declarations = [
        *(scalar(name, value) for name, value in constants.items()),
        _naturals("WAY_KIND", [LANE_KINDS[kind] for kind in array.kinds]),
        _naturals("WAY_X_BITS", wide[: array.ways]),
        _naturals("WAY_W_BITS", narrow[: array.ways]),
        _naturals("INPUT_TENSOR_ROWS", [t.rows for t in images.inputs]),
        _naturals("INPUT_TENSOR_COLUMNS", [t.columns for t in images.inputs]),
        *_elements(images),
        *_decisions(decisions),
        _naturals("BANK_BITS", bits),
        _naturals("BANK_DEPTH", words),
        _naturals("BANK_FIRST", list(firsts)[:-1]),
        array_of("SEGMENTS", "segment_array", [aggregate(segment_fields(s)) for s in segments]),
        array_of("PROGRAM", "step_array", [aggregate(f) for f in fields]),
        vector("ISSUE_IMAGE", lists["jobs, issued"][0], constants["ISSUE_WORD_BITS"]),
        vector("COLLECT_IMAGE", lists["jobs, collected"][0], constants["COLLECT_WORD_BITS"]),
        vector("STATE_ORDER_IMAGE", lists.get(ORDER, [[]])[0], constants["STATE_ORDER_BITS"]),
        vector("STATE_PLACES_IMAGE", lists.get(PLACES, [[]])[0], constants["STATE_PLACE_BITS"]),
        vector("BIASES_IMAGE", of_ways["biases"], constants["BIAS_BITS"]),
        vector("POSITIONS_IMAGE", positions or [0] * array.ways, constants["POSITION_BITS"]),
        vector("MULTIPLIERS_IMAGE", of_ways["multipliers"], constants["M_BITS"]),
        vector("RESIDUALS_IMAGE", of_ways["residual multipliers"], constants["M_BITS"]),
        vector("RUNNING_IMAGE", of_ways["running weights"], constants["RUNNING_W_BITS"]),
        vector("EXPONENTIALS_IMAGE", contents["exponentials"][0], constants["E_BITS"]),
        vector("WEIGHTS", [int(bit) for bit in weights], 1),
    ]
    body = "\n".join(declarations)
    return (
        "-- Generated: widths, the program, and the contents of all read-only memories.\n"
        "library ieee;\nuse ieee.std_logic_1164.all;\n\nlibrary work;\n"
        f"use work.engine_types.all;\n\npackage engine_config is\n\n{body}\n\n"
        "end package engine_config;\n"
    )


def identity_package(identity: Identity) -> str:
    """Return the package of what a board says of itself."""
    return (
        "-- Generated: what the board answers to the question what it is.\n"
        "library ieee;\nuse ieee.std_logic_1164.all;\n\npackage model_identity is\n\n"
        f"{vector('IDENTITY', list(identity.pack()), 8)}\n\n"
        "end package model_identity;\n"
    )


LANE_KINDS = {LaneKind.PAIRS: 0, LaneKind.SINGLE: 1, LaneKind.TABLES: 2, LaneKind.TREES: 3}


def _naturals(name: str, numbers: Sequence[int]) -> str:
    return array_of(name, "natural_array", [str(number) for number in numbers])


def _decisions(decisions: Sequence[DecisionConstants]) -> Iterator[str]:
    """Yield the numbers of the decisions; zeros if there are none."""
    names = DecisionConstants._fields
    columns = zip(*(decisions or [DecisionConstants(*([0] * len(names)))]), strict=True)
    for name, numbers in zip(names, columns, strict=True):
        kind = "level_array" if name == "zero" else "natural_array"
        yield array_of(f"DECISION_{name.upper()}", kind, [str(number) for number in numbers])


def _elements(images: Images) -> list[str]:
    """Return the positions of the input elements that are residuals; zeros if there are none."""
    number = {tensor.name: i for i, tensor in enumerate(images.inputs)}
    found = [(number[name], row, column) for name, row, column in images.layout.elements]
    names = ("ELEMENT_TENSOR", "ELEMENT_ROW", "ELEMENT_COLUMN")
    columns = zip(*(found or [(0, 0, 0)]), strict=True)
    return [_naturals(name, column) for name, column in zip(names, columns, strict=True)]
