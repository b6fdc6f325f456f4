"""Numbers that the compiler and the VHDL have to agree on."""

import re
from collections.abc import Mapping
from enum import IntEnum

import pytest
from bench import RTL

from narrowcast.compile.emit import LANE_KINDS
from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.lanes import LaneKind
from narrowcast.compile.ranges import SEGMENT, STEP
from narrowcast.compile.timing import (
    BELOW_TO_DIVIDE,
    BELOW_TO_READ,
    ISSUE_TO_SUM,
    POOL_SPACING,
    ROW_MULTIPLIER_BITS,
    VALUE_TO_POOL,
    VALUE_TO_READ,
    VALUE_TO_RESULT,
)
from narrowcast.integer.validate import RECIPROCAL_BITS


def constants(entity: str) -> Mapping[str, int]:
    """The constants of a source, as far as they begin with a number."""
    text = (RTL / f"{entity}.vhd").read_text()
    found = re.findall(r"constant (\w+) *: *\w+ *:= *(\d+)", text)
    return {name: int(value) for name, value in found}


@pytest.mark.parametrize(("kind", "prefix"), [(Source, "FROM_"), (Destination, "TO_")])
def test_sources_and_destinations(kind: type[IntEnum], prefix: str) -> None:
    types = constants("engine_types")
    assert {name: n for name, n in types.items() if name.startswith(prefix)} == {
        each.name: each.value for each in kind
    }


def test_kinds_of_lanes() -> None:
    types = constants("engine_types")
    assert {kind: types[f"LANE_{kind.name}"] for kind in LaneKind} == LANE_KINDS


def bound(text: str, known: Mapping[str, int]) -> int:
    """The value of a bound of a range: a power of 2, a number or a name, more or less a number."""
    found = re.fullmatch(r"(-?)(?:2 \*\* (\d+)|(\d+)|([\w']+))(?: ([+-] \d+))?", text)
    assert found, text
    sign, power, number, name, more = found.groups()
    value = 1 << int(power) if power else int(number) if number else known[name]
    return (-value if sign else value) + int((more or "0").replace(" ", ""))


@pytest.mark.parametrize(("record", "ranges"), [("step_t", STEP), ("segment_t", SEGMENT)])
def test_ranges_of_fields(record: str, ranges: Mapping[str, range]) -> None:
    """The VHDL holds what the compiler accepts, and nothing else; no field is without a range."""
    text = (RTL / "engine_types.vhd").read_text()
    known = dict(constants("engine_types"))
    subtypes: dict[str, range] = {}

    def range_of(kind: str) -> range:
        if kind in subtypes:
            return subtypes[kind]
        low, high = kind.split(" range ")[1].split(" to ")
        return range(bound(low, known), bound(high, known) + 1)

    for name, kind in re.findall(r"subtype (\w+) is ([^;]+);", text):
        subtypes[name] = range_of(kind)
        known[f"{name}'high"] = subtypes[name][-1]
    body = text.split(f"type {record} is record")[1].split("end record")[0]
    fields = re.findall(r"^ +(\w+) *: ([^;]+);", body, re.MULTILINE)
    assert {name: range_of(kind) for name, kind in fields} == ranges


def test_clocks_of_the_pipeline() -> None:
    """What no bench measures; the benches take the rest of ``timing`` as it stands there."""
    stages = constants("epilogue")["STAGES"]
    assert constants("engine")["DONE_AT"] == ISSUE_TO_SUM
    assert stages + 1 == VALUE_TO_RESULT  # the output's register
    assert stages + 2 == VALUE_TO_READ  # and the store's
    assert stages + POOL_SPACING == VALUE_TO_POOL
    assert stages + 2 + 2 == BELOW_TO_READ  # the table of exponentials has two clocks
    assert stages + 2 + 3 == BELOW_TO_DIVIDE  # sum, division's start, write
    assert ROW_MULTIPLIER_BITS == RECIPROCAL_BITS
