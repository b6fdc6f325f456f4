"""What must hold before a stage runs: found out beforehand, not after an hour of training.

Nothing here has a part in what a stage makes, so none of it counts as code of the stage.
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
    """Refuse to train without torch, and a model that cannot fit: an untrained one is as large.

    Raises:
        UserError: A package is missing, or the model cannot fit.
    """
    require_extra("train", "training")
    hardware = config.hardware
    device, options = load_device(hardware.device), HardwareOptions(**hardware.choices())
    compile_model(stand_in(config), device, area_model("yosys"), options)


def can_simulate() -> None:
    """Refuse to simulate without simulators.

    Raises:
        ToolError: A program is missing.
    """
    for tool in ("ghdl", "verilator", "g++", "make"):
        require(tool)


def can_synthesise(device: Device, options: Options) -> None:
    """Refuse to synthesise without tools, or with one that does not know the device.

    Raises:
        UserError: Vivado does not know the device, or a package or the user's yosys is missing.
        ToolError: A program is missing.
    """
    require("ghdl")
    if options.synth == "vivado":
        check_vivado(device)
        require("vivado")
    elif options.find_yosys() is None:
        require_extra("synth", "synthesis")


def can_place(options: Options) -> None:
    """Refuse to place without tools.

    Raises:
        UserError: A package or the user's yosys is missing.
        ToolError: A program is missing.
    """
    require("ghdl")
    require_extra("place", "place and route")
    if options.find_yosys() is None:
        require_extra("synth", "place and route")
