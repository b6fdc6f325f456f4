"""Numbers that the compiler and the VHDL have to agree on."""

import re
from collections.abc import Mapping
from enum import IntEnum

import pytest
from bench import RTL

from narrowcast.compile.encode import Destination, Source
from narrowcast.compile.timing import (
    BELOW_TO_DIVIDE,
    BELOW_TO_READ,
    ISSUE_TO_SUM,
    VALUE_TO_READ,
    VALUE_TO_RESULT,
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


def test_clocks_of_the_pipeline() -> None:
    stages = constants("epilogue")["STAGES"]
    assert constants("engine")["DONE_AT"] == ISSUE_TO_SUM
    assert stages + 1 == VALUE_TO_RESULT  # the output's register
    assert stages + 2 == VALUE_TO_READ  # and the store's
    assert stages + 2 + 2 == BELOW_TO_READ  # the table of exponentials has two clocks
    assert stages + 2 + 3 == BELOW_TO_DIVIDE  # sum, division's start, write
