"""What a model costs on a device, without training, simulation or synthesis."""

from dataclasses import asdict, dataclass
from typing import Any

from narrowcast.compile import Design, compile_model
from narrowcast.config import Config
from narrowcast.device import Device, load_device
from narrowcast.estimate.area import area
from narrowcast.estimate.untrained import stand_in
from narrowcast.integer.model import IntegerModel


@dataclass(frozen=True)
class Estimate:
    """What a design takes of its device, and how long it needs.

    Attributes:
        device: its name. clock_mhz: the clock.
        cycles: clocks of one inference, exact.
        dsp, blocks: DSP blocks and block memories (the device's smallest), exact.
        lut, ff: look-up tables (logic and memory) and flip-flops, fitted.
        lut_error, ff_error: by how much of themselves these two may be wrong.
        fits: whether everything is within the device, even if these two are as wrong as they may.
        too_large: whether something is beyond the device without any such margin.
    """

    device: str
    clock_mhz: float
    cycles: int
    dsp: int
    blocks: int
    lut: int
    ff: int
    lut_error: float
    ff_error: float
    fits: bool
    too_large: bool

    @property
    def latency_us(self) -> float:
        """Microseconds of one inference, exact."""
        return self.cycles / self.clock_mhz

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in ``report.json``."""
        return {**asdict(self), "latency_us": self.latency_us}


def estimate(config: Config) -> Estimate:
    """Estimate what a configuration costs, from an untrained model of its shape and widths.

    Raises:
        UserError: it cannot be compiled for the device: a model that is far too large, for one.
    """
    hardware = config.hardware
    device = load_device(hardware.device)
    return estimate_model(stand_in(config), device, hardware.clock_mhz, **hardware.choices())


def estimate_model(
    model: IntegerModel, device: Device, clock_mhz: float = 100.0, **choices: Any
) -> Estimate:
    """Estimate what a model costs; ``choices`` as ``compile_model`` takes them.

    Raises:
        UserError: as :func:`estimate`.
    """
    return estimate_design(compile_model(model, device, **choices), clock_mhz)


def estimate_design(design: Design, clock_mhz: float = 100.0) -> Estimate:
    """Estimate what a compiled model costs."""
    device, found = design.device, area(design)
    blocks = sum(buffer.blocks for buffer in design.buffers)
    whole = design.dsp <= device.dsp and blocks <= device.blocks
    most = found.lut * (1 + found.lut_error), found.ff * (1 + found.ff_error)
    return Estimate(
        device=device.name,
        clock_mhz=clock_mhz,
        cycles=design.cycles,
        dsp=design.dsp,
        blocks=blocks,
        lut=found.lut,
        ff=found.ff,
        lut_error=found.lut_error,
        ff_error=found.ff_error,
        fits=whole and most[0] <= device.lut and most[1] <= device.ff,
        too_large=not whole or found.lut > device.lut or found.ff > device.ff,
    )
