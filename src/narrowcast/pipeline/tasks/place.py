"""Place and route for a board, the check of what was routed, and the bitstream."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from narrowcast.compile.summary import CompileResults
from narrowcast.config import Config, InterfaceName
from narrowcast.files import write_whole
from narrowcast.pipeline.code import code_digest
from narrowcast.pipeline.options import Options
from narrowcast.pipeline.outputs import BOARD, INTEGER_MODEL, PLACEMENT, PROGRAM, RTL, VECTORS
from narrowcast.pipeline.stages import Stage
from narrowcast.progress import Progress
from narrowcast.records import read_record
from narrowcast.targets.device import Device
from narrowcast.tools.nextpnr import Placement
from narrowcast.tools.verification import Checked

_SECONDS = 600.0  # for an answer: a large design is simulated slowly


def stage(
    config: Config, out: Path, options: Options, precondition: Callable[[], None]
) -> Stage[Placement]:
    """Return the stage that places and routes, and simulates what was routed."""

    def run(work: Path, progress: Progress) -> Placement:
        from narrowcast.targets.device import load_device
        from narrowcast.tools.nextpnr import place
        from narrowcast.tools.scratch import scratch_folder
        from narrowcast.tools.yosys import find_yosys

        device, yosys = load_device(config.hardware.device), find_yosys(options.yosys)
        interface = config.hardware.interface
        with scratch_folder() as scratch:
            placement = place(out / RTL, device, scratch, yosys, progress.advanced, interface)
            checked = _check(out, device, interface, scratch, yosys)
            bitstream = Path(BOARD) / placement.bitstream.name
            write_whole(work / bitstream, placement.bitstream.read_bytes())
        return replace(placement, bitstream=bitstream, netlist=checked)

    return Stage(
        name="place",
        run=run,
        record=PLACEMENT,
        kind=Placement,
        outputs=(BOARD,),
        needs=(*INTEGER_MODEL, RTL, VECTORS, PROGRAM),
        settings=config.model_dump(mode="json", include={"hardware": {"device", "interface"}}),
        options={
            "yosys": None if options.yosys is None else str(options.yosys),
            "code": code_digest(__name__),
        },
        precondition=precondition,
    )


def _check(
    out: Path, device: Device, interface: InterfaceName, work: Path, yosys: Path | None
) -> Checked:
    """Simulate the routed netlist as a board, with its identity and the first windows."""
    from narrowcast.host.check import check_board
    from narrowcast.host.ports import simulated_port
    from narrowcast.integer import load_model, model_sha256
    from narrowcast.integer.loaded_weights import LoadedWeights
    from narrowcast.tools.netlist_simulation import routed_command, routed_windows
    from narrowcast.tools.nextpnr import routed_netlist
    from narrowcast.vectors import read_vectors

    model = load_model(out)
    inputs, expected, restart = read_vectors(out / VECTORS, model)
    program = read_record(out / PROGRAM, CompileResults)
    netlist = routed_netlist(work, interface)
    simulation = work / "simulation"
    weights = LoadedWeights.read(out / RTL)
    command = routed_command(netlist, device, interface, program.cycles, simulation, yosys, weights)
    few = routed_windows(model, device, interface, program.cycles)
    port = simulated_port(command, "the routed design", interface)
    port.seconds = _SECONDS
    return check_board(
        port,
        model,
        model_sha256(out),
        *(inputs[few], expected[few], None if restart is None else restart[few]),
        state_access=program.state_access,
        weights=weights,
    )
