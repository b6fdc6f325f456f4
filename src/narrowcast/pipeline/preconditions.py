"""Preconditions of the stages, which are checked before training, not after an hour of it.

They do not affect the outputs of a stage, so this module does not count as code of the stages.
"""

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.config import Config, InterfaceName
from narrowcast.estimate import stand_in
from narrowcast.estimate.area import area_model
from narrowcast.extras import require_extra
from narrowcast.pipeline.options import Options
from narrowcast.targets.device import Device, check_vivado, load_device
from narrowcast.tools import ghdl
from narrowcast.tools.nextpnr import board_of
from narrowcast.tools.process import require
from narrowcast.tools.scratch import scratch_folder
from narrowcast.tools.yosys import find_yosys, version


def can_learn(config: Config) -> None:
    """Check that torch is installed, and that some model of this size fits the device.

    Raises:
        UserError: A package is missing, or the model cannot fit the device.
    """
    require_extra("train", "training")
    if config.data.holidays is not None:
        require_extra("holidays", "data.holidays")
    hardware = config.hardware
    device, options = load_device(hardware.device), HardwareOptions(**hardware.choices())
    compile_model(stand_in(config, wide=False), device, area_model("yosys"), options)


def can_simulate() -> None:
    """Check that the simulators are installed, and that GHDL runs.

    Raises:
        UserError: There is no folder for temporary files that tools can use.
        ToolError: A program is missing, or GHDL failed.
    """
    _require_simulators()
    with scratch_folder() as scratch:
        ghdl.version(scratch)


def _require_simulators() -> None:
    for tool in ("ghdl", "verilator", "g++", "make"):
        require(tool)


def can_synthesise(device: Device, options: Options) -> None:
    """Check that the synthesis tools are installed and support the device, and that yosys runs.

    With yosys, the simulators are needed, too: they check the netlist.

    Raises:
        UserError: Vivado does not support the device, a package or the user's yosys is missing, or
            there is no folder for temporary files that tools can use.
        ToolError: A program is missing, or yosys failed.
    """
    if options.synth == "vivado":
        require("ghdl")
        check_vivado(device)
        require("vivado")
    else:
        _require_simulators()
        _run_yosys("synth", "synthesis", options)


def can_place(device: Device, interface: InterfaceName, options: Options) -> None:
    """Check that the board has pins, that the tools are installed, and that yosys runs.

    The simulators are needed, too: they check the routed design.

    Raises:
        UserError: There is no board, or it has no pins for the interface; a package or the user's
            yosys is missing, or there is no folder for temporary files that tools can use.
        ToolError: A program is missing, or yosys failed.
    """
    _, tools = board_of(device, interface)
    _require_simulators()
    require_extra("place", "place and route", *tools.packages)
    _run_yosys("place", "place and route", options)


def _run_yosys(stage: str, purpose: str, options: Options) -> None:
    program = find_yosys(options.yosys)
    if program is None:
        require_extra("synth", purpose)

    def remark(line: str) -> None:
        if line.startswith("Preparing to run"):
            options.progress.remarked(
                stage, "yosys prepares itself for its first run, which takes minutes"
            )

    with scratch_folder() as scratch:
        version(scratch, program, remark)
