"""Exported IP cores of small models, for the tests of what is done with them."""

import sys
from collections.abc import Iterable
from pathlib import Path

from typer.testing import CliRunner, Result

from narrowcast.cli import app
from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.compile.summary import summarise
from narrowcast.estimate import area
from narrowcast.integer import IntegerModel, save_model
from narrowcast.records import write_record
from narrowcast.targets.device import load_device
from narrowcast.tools.process import run
from narrowcast.vectors import write_vectors
from words import random_words, stream_words

FUSESOC = (sys.executable, "-c", "from fusesoc.main import main; main()")


def export(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", "core", *map(str, arguments)])


def compiled(model: IntegerModel, out: Path) -> int:
    """Write the output folder of a compiled model, and return its cycles."""
    options = HardwareOptions(lanes=8)
    design = compile_model(model, load_device("xc7s15"), area, options)
    save_model(model, out)
    design.write_rtl(out / "rtl")
    write_record(out / "program.json", summarise(design))
    if model.states:
        inputs, restart, expected = stream_words(model, 9)
        write_vectors(out / "vectors", model, inputs, expected, restart)
    else:
        write_vectors(out / "vectors", model, *random_words(model, 5))
    return design.cycles


def fusesoc(roots: Iterable[Path], target: str, work: Path, *arguments: str) -> str:
    """Run a target of a core, built in ``work``, and return the output."""
    places = [argument for root in roots for argument in ("--cores-root", root)]
    build = ("--build-root", work / "build", f"--target={target}")
    return run([*FUSESOC, *places, "run", *build, *arguments], work, name="fusesoc")


class Exported:
    """An exported core.

    Attributes:
        name: Name of the core.
        out: Output folder of the model.
        core: The core's folder.
        cycles: Cycles of an inference.
    """

    def __init__(self, name: str, model: IntegerModel, folder: Path) -> None:
        self.name, self.out, self.core = name, folder / "out", folder / "core"
        self.cycles = compiled(model, self.out)
        result = export(self.out, "--to", self.core, "--name", self.name, "--vectors", "4")
        assert result.exit_code == 0, result.output
        assert f"latency:    {self.cycles} clocks" in result.output

    def fusesoc(self, target: str, work: Path, *options: str) -> str:
        return fusesoc([self.core], target, work, *options, self.name)
