"""Preconditions of the stages, which are checked before training, not after an hour of it.

They do not affect the outputs of a stage, so this module does not count as code of the stages.
"""

from narrowcast.compile import HardwareOptions, compile_model
from narrowcast.config import Config
from narrowcast.estimate import stand_in
from narrowcast.estimate.area import area_model
from narrowcast.extras import require_extra
from narrowcast.pipeline.options import Options
from narrowcast.targets.device import Device, check_vivado, load_device
from narrowcast.tools.process import require


def can_learn(config: Config) -> None:
    """Check that torch is installed, and that an untrained model of this size fits the device.

    Raises:
        UserError: A package is missing, or the model cannot fit the device.
    """
    require_extra("train", "training")
    hardware = config.hardware
    device, options = load_device(hardware.device), HardwareOptions(**hardware.choices())
    compile_model(stand_in(config), device, area_model("yosys"), options)


def can_simulate() -> None:
    """Check that the simulators are installed.

    Raises:
        ToolError: A program is missing.
    """
    for tool in ("ghdl", "verilator", "g++", "make"):
        require(tool)


def can_synthesise(device: Device, options: Options) -> None:
    """Check that the synthesis tools are installed and support the device.

    Raises:
        UserError: Vivado does not support the device, or a package or the user's yosys is missing.
        ToolError: A program is missing.
    """
    require("ghdl")
    if options.synth == "vivado":
        check_vivado(device)
        require("vivado")
    elif options.find_yosys() is None:
        require_extra("synth", "synthesis")


def can_place(options: Options) -> None:
    """Check that the tools for place and route are installed.

    Raises:
        UserError: A package or the user's yosys is missing.
        ToolError: A program is missing.
    """
    require("ghdl")
    require_extra("place", "place and route")
    if options.find_yosys() is None:
        require_extra("synth", "place and route")
