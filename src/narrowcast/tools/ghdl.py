"""GHDL: analysis, simulation, and Verilog for the tools that do not read VHDL.

GHDL 2.0's Verilog is not always the VHDL. What is known of it is mended or refused here, in one
place, and every build compares GHDL's own simulation with Verilator's on the same vectors.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from narrowcast.errors import ToolError
from narrowcast.rtl import RTL
from narrowcast.tools.process import require, run

SOURCES = (
    "engine_types.vhd",
    "engine_config.vhd",
    "rom.vhd",
    "ram.vhd",
    "lane.vhd",
    "lane_pair.vhd",
    "lane_tables.vhd",
    "lane_cache.vhd",
    "weight_bank.vhd",
    "job_list.vhd",
    "input_loader.vhd",
    "result_buffer.vhd",
    "sequencer.vhd",
    "collector.vhd",
    "row_maximum.vhd",
    "row_reciprocal.vhd",
    "epilogue.vhd",
    "way.vhd",
    "pool.vhd",
    "row_operands.vhd",
    "lane_operands.vhd",
    "epilogue_operands.vhd",
    "engine.vhd",
)
TESTBENCH = RTL / "testbench" / "engine_tb.vhd"

_SIGNED_PRODUCT = re.compile(r"= (\w+) \* (\w+); // smul")
_INITIAL = re.compile(r"(initial\n\s+\w+) <=")
# attributes are for the tools that read the VHDL itself
_WARNING = re.compile(r"^.*:warning:(?! (?:unhandled )?attribute \").*$", re.MULTILINE)
_ARITHMETIC_SHIFT = re.compile(r"\$signed\(\w+\) >> ")


def analyse(rtl: Path, work: Path, *extra: Path) -> None:
    """Analyse the engine's sources, then ``extra``, into the library in ``work``.

    Raises:
        ToolError: a source is missing or wrong, or gives a warning.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = [(rtl / name).resolve() for name in SOURCES] + [path.resolve() for path in extra]
    run([require("ghdl"), "-a", "--std=08", "--warn-error", *files], work)


def version() -> str:
    """Return the name and version of the GHDL that is installed."""
    words = run([require("ghdl"), "--version"], Path.cwd()).split()
    return " ".join(words[:2])


def mend_verilog(text: str) -> str:
    """Put right what GHDL 2.0 gets wrong in Verilog.

    Signed products come out as unsigned ones, marked ``// smul``; they are made signed again,
    which also keeps them in one DSP. Initial values come out as delayed assignments, which
    Verilator warns of; they become plain ones.

    Raises:
        ToolError: the text holds an arithmetic shift, which GHDL 2.0 writes as a logical one.
    """
    if _ARITHMETIC_SHIFT.search(text):
        raise ToolError("GHDL's Verilog holds an arithmetic shift right, which it gets wrong")
    text = _INITIAL.sub(r"\1 =", text)
    return _SIGNED_PRODUCT.sub(r"= $signed(\1) * $signed(\2); // smul", text)


def to_verilog(
    rtl: Path,
    work: Path,
    top: str = "engine",
    extra: Sequence[str] = (),
    generics: Mapping[str, int] = MappingProxyType({}),
) -> Path:
    """Write ``<top>.v`` in ``work``: the elaborated design as Verilog, mended.

    Args:
        rtl: folder of the engine's sources.
        work: folder for what is made.
        top: entity.
        extra: further sources in ``rtl`` that it takes.
        generics: of the entity.
    """
    analyse(rtl, work, *(rtl / name for name in extra))
    values = [f"-g{name}={value}" for name, value in generics.items()]
    text = run([require("ghdl"), "--synth", "--std=08", "--out=verilog", *values, top], work)
    start = text.find("module ")  # notes come first
    if start < 0:
        raise ToolError(f"ghdl wrote no Verilog:\n{text}")
    if warning := _WARNING.search(text[:start]):
        raise ToolError(f"ghdl warns of the design: {warning[0]}")
    path = work / f"{top}.v"
    path.write_text(mend_verilog(text[start:]))
    return path
