"""Numbers that the compiler and the VHDL have to agree on."""

import re
from collections.abc import Mapping
from enum import IntEnum

import pytest
from bench import RTL

from narrowcast.compile.emit import LANE_KINDS
from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.lanes import LaneKind
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
from narrowcast.integer.arithmetic import MAX_SHIFT
from narrowcast.integer.validate import (
    LANE_BITS,
    MOST_RESIDUAL_SHIFT,
    RECIPROCAL_BITS,
    TENSOR_BITS,
)


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


def test_ranges_of_a_steps_fields() -> None:
    """Every valid model's numbers fit, and none beyond: what is wider is seen in simulation."""
    text = (RTL / "engine_types.vhd").read_text()
    ranges = dict(re.findall(r"(\w+) +(?:is|:) \w+ range ([^;]+);", text))
    level = TENSOR_BITS.stop - 2  # bits beside the sign
    lanes = LANE_BITS.stop - 1
    assert ranges == {
        "flag_t": "0 to 1",
        "shift_t": f"1 to {MAX_SHIFT}",
        "raise_t": f"0 to {MOST_RESIDUAL_SHIFT}",
        "level_t": f"-2 ** {level} to 2 ** {level} - 1",
        "rounding": "0 to shift_t'high - 1",
        "x_source": f"{Source(0).name} to {max(Source).name}",
        "destination": f"{Destination(0).name} to {max(Destination).name}",
        "lane_source": f"0 to {len(LANE_BITS) + 1}",  # a bank for each width, keys, values
        "column_step": "1 to 2",
        "numerator": f"0 to 2 ** {lanes + RECIPROCAL_BITS} - 1",
        "e_zero": f"{-1 << lanes - 1} to 0",
    }


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
