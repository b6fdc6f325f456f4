"""Synthesis, and the project for Vivado."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.outputs import (
    INTEGER_MODEL,
    PROGRAM,
    RTL,
    SYNTHESIS,
    VECTORS,
    VIVADO,
)
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress
from narrowcast.records import read_record
from narrowcast.targets.device import load_device
from narrowcast.targets.family import Family
from narrowcast.tools.verification import Checked
from narrowcast.tools.yosys import Synthesis


def stage(
    config: Config, out: Path, options: Options, precondition: Callable[[], None]
) -> Stage[Synthesis]:
    """Return the stage that synthesises the VHDL and writes a project for Vivado."""
    device = load_device(config.hardware.device)
    clock = device.clock(config.hardware.clock_mhz)

    def run(work: Path, progress: Progress) -> Synthesis:  # noqa: ARG001
        from narrowcast.tools.netlist import read_netlist
        from narrowcast.tools.scratch import scratch_folder
        from narrowcast.tools.vivado import synthesise_vivado, write_vivado_project
        from narrowcast.tools.yosys import find_yosys, synthesise_yosys

        by_vivado, yosys = options.synth == "vivado", find_yosys(options.yosys)
        synthesise = synthesise_vivado if by_vivado else synthesise_yosys
        with scratch_folder() as scratch:
            results = synthesise(out / RTL, device, clock, scratch, yosys)
            if not by_vivado:
                netlist = read_netlist(scratch / "engine.json", "engine")
                checked = _check(out, netlist, device.family, scratch / "simulation", yosys)
                results = replace(results, netlist=checked)
        write_vivado_project(work / VIVADO, device, clock)
        return results

    return Stage(
        name="synth",
        run=run,
        record=SYNTHESIS,
        kind=Synthesis,
        outputs=(VIVADO,),
        needs=(*INTEGER_MODEL, RTL, VECTORS, PROGRAM),
        settings={"hardware": {"device": device.name, "clock_mhz": clock}},
        options={
            "synth": options.synth,
            "yosys": None if options.yosys is None else str(options.yosys),
            "code": code_digest(__name__),
        },
        precondition=precondition,
    )


def _check(
    out: Path, netlist: Mapping[str, Any], family: Family, work: Path, yosys: Path | None
) -> Checked:
    """Simulate the netlist with the first windows."""
    from narrowcast.integer import load_model
    from narrowcast.integer.loaded_weights import LoadedWeights
    from narrowcast.tools.netlist_simulation import check_netlist, few_windows
    from narrowcast.tools.state_script import host_of_a_build
    from narrowcast.vectors import read_vectors

    model = load_model(out)
    inputs, expected, restart = read_vectors(out / VECTORS, model)
    program = read_record(out / PROGRAM, CompileResults)
    few = few_windows(model)
    first, begins = inputs[few], None if restart is None else restart[few]
    return check_netlist(
        *(netlist, family, model, first, expected[few], begins),
        host_of_a_build(model, first, begins, state_access=program.state_access),
        cycles=program.cycles,
        work=work,
        yosys=yosys,
        weights=LoadedWeights.read(out / RTL),
    )
