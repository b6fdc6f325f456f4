"""What a model costs on a device, without training, simulation or synthesis."""

from dataclasses import dataclass

from narrowcast.compile import Design, compile_model
from narrowcast.config import Config
from narrowcast.device import load_device
from narrowcast.estimate.untrained import stand_in


@dataclass(frozen=True)
class Estimate:
    """What a design takes of its device, and how long it needs.

    Attributes:
        device: its name. clock_mhz: the clock.
        cycles: clocks of one inference, exact.
        dsp, blocks: DSP blocks and block memories (the device's smallest), exact.
        lut, ff: look-up tables (logic and memory) and flip-flops, fitted.
        lut_error, ff_error: relative bounds of what is fitted.
        fits: whether each resource is within the device, with look-up tables and flip-flops at
            the upper end of their bounds.
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

    @property
    def latency_us(self) -> float:
        """Microseconds of one inference, exact."""
        return self.cycles / self.clock_mhz
