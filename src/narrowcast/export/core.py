"""Writes an IP core: the engine between two AXI4-Streams, with what other tools need to use it."""

import re
from dataclasses import dataclass
from pathlib import Path

from narrowcast import __version__
from narrowcast.errors import UserError, shown
from narrowcast.export.rendering import render
from narrowcast.files import write_whole
from narrowcast.integer import IntegerModel
from narrowcast.integer.execute import Flags
from narrowcast.integer.loaded_weights import WEIGHTS
from narrowcast.integer.model import Array, Tensor
from narrowcast.targets.device import load_device
from narrowcast.tools.ghdl import AXIS_SOURCES, SOURCES, TESTBENCH, to_verilog
from narrowcast.tools.scratch import scratch_folder
from narrowcast.vectors import EXPECTED, INPUTS, RESTART, write_vectors

NAME = "narrowcast_core"
TOP = "axis_engine"
_NAMES = re.compile(r"(?=.{1,40}$)[a-z](_?[a-z0-9])*", re.ASCII)
# Words of VHDL and Verilog, and libraries that the benches use.
_WORDS = (
    "abs access after alias all always and architecture array assert assign assume attribute "
    "automatic begin block body buf buffer bufif0 bufif1 bus case casex casez cell cmos "
    "component config configuration constant context cover deassign default default_library "
    "defparam design disable disconnect downto edge else elsif end endcase endconfig "
    "endfunction endgenerate endmodule endprimitive endspecify endtable endtask entity event "
    "exit fairness file for force forever fork function generate generic genvar group guarded "
    "highz0 highz1 ieee if ifnone impure in incdir include inertial initial inout input "
    "instance integer is join label large liblist library linkage literal localparam loop "
    "macromodule map medium mod module nand negedge new next nmos nor noshowcancelled not "
    "notif0 notif1 null of on open or osvvm others out output package parameter pmos port "
    "posedge postponed primitive procedure process property protected pull0 pull1 pulldown "
    "pullup pulsestyle_ondetect pulsestyle_onevent pure range rcmos real realtime record reg "
    "register reject release rem repeat report restrict return rnmos rol ror rpmos rtran "
    "rtranif0 rtranif1 scalared select sequence severity shared showcancelled signal signed "
    "sla sll small specify specparam sra srl std strong strong0 strong1 subtype supply0 "
    "supply1 table task then time to tran tranif0 tranif1 transport tri tri0 tri1 triand "
    "trior trireg type unaffected units unsigned until use uwire variable vectored vmode "
    "vprop vunit vunit_lib wait wand weak0 weak1 when while wire with wor work xnor xor "
)
_TAKEN = frozenset(_WORDS.split())
_MODULE = re.compile(r"^module (\w+)$", re.MULTILINE)
_INSTANCE = re.compile(r"^(\s+)(\w+)( \w+ \($)", re.MULTILINE)
_REGISTER = re.compile(
    r"^  always @\(posedge \w+\)\n    (\w+) <= .*;\n(?!  initial\n)", re.MULTILINE
)
_BENCHES = ("axis_monitor.vhd", "axis_engine_tb.vhd")
_VIVADO = "xc7s15"  # the device of the project for Vivado, of which the user can choose another
# What Verilator finds unusual in GHDL's Verilog: signals of which a model needs a part only,
# comparisons that are always true for its sizes, outputs that are left open, an assignment that
# does not wait in a block without a clock, and several modules in a file.
_LINT = ("UNUSED", "UNSIGNED", "PINCONNECTEMPTY", "COMBDLY", "DECLFILENAME")


@dataclass(frozen=True)
class Core:
    """An IP core.

    Attributes:
        name: Name of the core, of its VHDL library, and of the top module in Verilog.
        rtl: Folder of the sources of the compiled design.
        model: The model.
        cycles: Clocks from the first word of a packet to the last word of the answer.
        inputs: Words [windows, input_words] of the test vectors.
        expected: Words [windows, output_words] that have to come out.
        restart: Which windows follow a restart; None if the model has no states.
    """

    name: str
    rtl: Path
    model: IntegerModel
    cycles: int
    inputs: Array
    expected: Array
    restart: Flags | None

    def __post_init__(self) -> None:
        if not _NAMES.fullmatch(self.name) or self.name in _TAKEN:
            raise UserError(
                f"--name: {shown(self.name)} is not possible: it takes up to 40 lower-case "
                "letters, digits and single '_' between them, a letter first, and must not be a "
                "word of VHDL or Verilog"
            )

    def write(self, folder: Path) -> None:
        """Write all files of the core.

        Args:
            folder: Empty, or does not exist.

        Raises:
            UserError: The folder is not empty, or cannot be written.
            ToolError: GHDL failed.
        """
        _check_empty(folder)
        if (self.rtl / WEIGHTS).exists():
            raise UserError(
                "a host loads the weights of this design over a UART or SPI, and a core has "
                "neither: set hardware.storage.weights to 'block' or 'distributed' and run "
                "'narrowcast compile'"
            )
        sources = (*SOURCES, *AXIS_SOURCES)
        with scratch_folder() as scratch:
            verilog = to_verilog(self.rtl, scratch, TOP, AXIS_SOURCES).read_text()
        for source in sources:
            write_whole(folder / "rtl" / source, (self.rtl / source).read_bytes())
        write_whole(folder / "verilog" / f"{self.name}.v", self._verilog(verilog))
        write_vectors(folder / "vectors", self.model, self.inputs, self.expected, self.restart)
        for bench in _BENCHES:
            write_whole(folder / "tb" / bench, TESTBENCH.with_name(bench).read_bytes())
        vunit = TESTBENCH.with_name("tb_axis_engine.vhd")
        write_whole(folder / "vunit" / vunit.name, vunit.read_bytes())
        for template, path in (
            ("core.core.j2", f"{self.name}.core"),
            ("readme.md.j2", "README.md"),
            ("bench.v.j2", f"tb/{self.name}_tb.v"),
            ("cocotb_test.py.j2", f"cocotb/test_{self.name}.py"),
            ("cocotb_run.py.j2", "cocotb/run.py"),
            ("vunit_run.py.j2", "vunit/run.py"),
        ):
            write_whole(folder / path, render(f"core/{template}", self._context()))

    def _verilog(self, text: str) -> str:
        """Return GHDL's Verilog with the core's name as a prefix of all modules, as a bench or
        another core in a design may have modules of the same names.

        Registers without an initial value get zeros. They are X in a simulator until they are
        written, an X that enables a memory makes its output X, and 0 times that is X again.
        """
        text = _REGISTER.sub(r"\g<0>  initial\n    \1 = 0;\n", text)
        names = {each: f"{self.name}_{each}" for each in _MODULE.findall(text)} | {TOP: self.name}
        text = _MODULE.sub(lambda found: f"module {names[found[1]]}", text)
        text = _INSTANCE.sub(
            lambda found: f"{found[1]}{names.get(found[2], found[2])}{found[3]}", text
        )
        off = "".join(f"/* verilator lint_off {each} */\n" for each in _LINT)
        about = f"// SPDX-License-Identifier: Apache-2.0\n// {self.name}: made by narrowcast.\n"
        return f"{about}{off}{text}"

    def _context(self) -> dict[str, object]:
        model, windows = self.model, len(self.inputs)
        in_bits, out_bits = _bits(model.input_tensors), _bits(model.output_tensors)
        words = windows * (model.input_words + model.output_words)
        return {
            "name": self.name,
            "version": __version__,
            "sources": (*SOURCES, *AXIS_SOURCES),
            "benches": _BENCHES,
            "vectors": (INPUTS, EXPECTED, *([RESTART] if model.states else [])),
            "part": load_device(_VIVADO).part,
            "inputs": model.input_tensors,
            "outputs": model.output_tensors,
            "input_words": model.input_words,
            "output_words": model.output_words,
            "input_bits": in_bits,
            "output_bits": out_bits,
            "input_bytes": -(-in_bits // 8),
            "output_bytes": -(-out_bits // 8),
            "input_digits": -(-in_bits // 4),
            "output_digits": -(-out_bits // 4),
            "states": bool(model.states),
            "windows": windows,
            "cycles": self.cycles,
            # with stalls in every second clock on both sides, several times what it takes
            "patience": 10 * (words + windows * self.cycles) + 10_000,
        }


def _bits(tensors: tuple[Tensor, ...]) -> int:
    return max(each.bits for each in tensors)


def _check_empty(folder: Path) -> None:
    """Refuse a folder that exists and is not empty, or is none."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: is not empty: name a new folder with --to")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
