"""Results that are missing or torn are the tool's fault."""

import re
from pathlib import Path

import pytest
from fuzz_results import RESULTS, escaped

from narrowcast.errors import ToolError


@pytest.mark.parametrize("name", list(RESULTS))
def test_whole_results_are_read(name: str, tmp_path: Path) -> None:
    content, read = RESULTS[name]
    (tmp_path / "result").write_text(content)
    assert read(tmp_path / "result")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ghdl", None, "GHDL left no results that can be read (No such file or directory): run"),
        ("ghdl", "", "GHDL left no results that can be read (the end is missing)"),
        ("ghdl", "12\ncyc", "GHDL left no results that can be read (the end is missing)"),
        ("ghdl", "1\n2\ncycles 3\n4\n", "GHDL left no results that can be read ("),
        ("verilator", "1 2 3\n4 5\n", "Verilator left no results that can be read ("),
        ("netlist", "{}", "yosys left no netlist that can be read ('modules')"),
        ("netlist", '{"modules": {"engine": {"cells": []}}}', "yosys left no netlist that can be"),
        ("report", '{"fmax": {}}', "nextpnr left no report that can be read ("),
    ],
)
def test_torn_results(name: str, content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "result").write_text(content)
    with pytest.raises(ToolError, match=f"^{re.escape(message)}"):
        RESULTS[name][1](tmp_path / "result")


def test_no_other_error_escapes(tmp_path: Path) -> None:
    assert not list(escaped(500, 0, tmp_path))
