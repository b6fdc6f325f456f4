"""GHDL: analysis, simulation, and conversion to Verilog for the tools that do not read VHDL.

The Verilog of GHDL 2.0 is not always equivalent to the VHDL. This module corrects or rejects the
known differences. In addition, every build compares the simulations in GHDL and in Verilator.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from narrowcast.errors import ToolError
from narrowcast.files import copy
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
    "weight_ram.vhd",
    "weight_loader.vhd",
    "weight_memory.vhd",
    "job_list.vhd",
    "input_loader.vhd",
    "result_buffer.vhd",
    "arg_max.vhd",
    "l1_norm.vhd",
    "decision_buffer.vhd",
    "state_ring.vhd",
    "state_reader.vhd",
    "state_writer.vhd",
    "sequencer.vhd",
    "collector.vhd",
    "row_maximum.vhd",
    "row_reciprocal.vhd",
    "epilogue.vhd",
    "way.vhd",
    "pool.vhd",
    "running_sums.vhd",
    "row_operands.vhd",
    "lane_operands.vhd",
    "epilogue_operands.vhd",
    "engine.vhd",
)
AXIS_SOURCES = ("axis_engine.vhd",)  # with the engine's, the sources of the IP core
TESTBENCH = RTL / "testbench" / "engine_tb.vhd"
AXIS_MONITOR = TESTBENCH.with_name("axis_monitor.vhd")

_SIGNED_PRODUCT = re.compile(r"= (\w+) \* (\w+); // smul")
_INITIAL = re.compile(r"(initial\n\s+\w+) <=")
# Warnings about attributes do not matter: they are for tools that read the VHDL.
_WARNING = re.compile(r"^.*:warning:(?! (?:unhandled )?attribute \").*$", re.MULTILINE)
_ARITHMETIC_SHIFT = re.compile(r"\$signed\(\w+\) >> ")


def analyse(rtl: Path, work: Path, *extra: Path) -> None:
    """Analyse the engine's sources, then ``extra``, into the library in ``work``.

    The sources are copied to ``work``, as GHDL does not find files in folders of every name.

    Raises:
        ToolError: A source is missing, has an error, or causes a warning.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = [*(rtl / name for name in SOURCES), *extra]
    for path in files:
        if not path.is_file():
            raise ToolError(f"{path}: no such file: run 'narrowcast compile --force'")
        copy(path, work / path.name)
    names = [path.name for path in files]
    run([require("ghdl"), "-a", "--std=08", "--warn-error", *names], work)


def version(work: Path) -> str:
    """Return the name and version of the installed GHDL, run in ``work``.

    Raises:
        ToolError: GHDL is not installed, failed, or does not give its version.
    """
    found = re.search(r"^(GHDL \S+)", run([require("ghdl"), "--version"], work))
    if found is None:
        raise ToolError("ghdl gives no version: check that the program of that name is GHDL")
    return found[1]


def mend_verilog(text: str) -> str:
    """Correct the Verilog of GHDL 2.0.

    GHDL writes signed products as unsigned ones with the comment ``// smul``. They become signed
    again, which also keeps each in one DSP block. GHDL writes initial values as non-blocking
    assignments, of which Verilator warns. They become blocking ones.

    Raises:
        ToolError: The text has an arithmetic shift right, which GHDL 2.0 writes as a logical one.
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
    """Write the elaborated design as Verilog, with corrections, to ``<top>.v`` in ``work``.

    Args:
        rtl: Folder of the engine's sources.
        work: Folder for the output.
        top: Top entity.
        extra: Names of further sources in ``rtl`` that it needs.
        generics: Generics of the entity.
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
