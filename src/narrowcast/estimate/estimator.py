"""Estimates the cost of a model on a device, without training, simulation or synthesis."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import computed_field

from narrowcast.compile import Design, HardwareOptions, best_design
from narrowcast.config import Config
from narrowcast.estimate.area import Tool, area, area_model
from narrowcast.estimate.duty_cycle import DutyCycle, duty_cycle
from narrowcast.estimate.power import Energy, energy
from narrowcast.estimate.untrained import stand_in
from narrowcast.integer.model import IntegerModel
from narrowcast.targets.device import Device, check_vivado, load_device


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a design.

    Attributes:
        device: Name of the device.
        clock_mhz: Clock frequency, in MHz.
        cycles: Clock cycles of one inference, exact.
        dsp: Number of DSP blocks, exact.
        blocks: Number of block memories in units of the device's smallest, exact.
        lut: Number of look-up tables (logic and memory), fitted.
        ff: Number of flip-flops, fitted.
        cells: Number of cells into which nextpnr packs the look-up tables, fitted; 0 if the
            device's family has no open place and route. It includes the serial interface that
            ``place`` adds.
        lut_error: Relative error bound of ``lut``.
        ff_error: Relative error bound of ``ff``.
        cells_error: Relative error bound of ``cells``.
        tool: Synthesis tool whose counts ``lut`` and ``ff`` estimate.
        fits: Whether the design fits the device even if ``lut``, ``ff`` and ``cells`` exceed the
            estimate by their error bounds.
        too_large: Whether the design exceeds the device by the bare estimate.
        energy: Power and energy.
    """

    device: str
    clock_mhz: float
    cycles: int
    dsp: int
    blocks: int
    lut: int
    ff: int
    cells: int
    lut_error: float
    ff_error: float
    cells_error: float
    tool: Tool
    fits: bool
    too_large: bool
    energy: Energy

    @computed_field  # type: ignore[prop-decorator]
    @property
    def power_mw(self) -> float:
        """Power during an inference in mW, estimated."""
        return self.energy.power_mw

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_uj(self) -> float:
        """Energy of an inference in uJ, estimated."""
        return self.energy.inference_uj

    @computed_field  # type: ignore[prop-decorator]
    @property
    def power_error(self) -> float:
        """Relative error bound of power and energy."""
        return self.energy.error

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latency_us(self) -> float:
        """Duration of one inference in us, exact."""
        return self.cycles / self.clock_mhz

    def duty_cycle(self, intervals: Iterable[float], cell_wh: float | None = None) -> DutyCycle:
        """Return the energy of a day with forecasts at each of the intervals, in seconds.

        Args:
            intervals: Intervals between two inferences, in seconds.
            cell_wh: Energy of a battery in Wh; adds the battery life.
        """
        device = load_device(self.device)
        return duty_cycle(self.energy, device, self.clock_mhz, intervals, cell_wh)

    def lines(self) -> list[str]:
        """Return the estimate as lines of text."""
        device = load_device(self.device)
        verdict = "no" if self.too_large else "within the margin: only synthesis can tell"
        within = f"estimated, within {self.power_error:.0%}"
        fitted = f"fitted to {self.tool}, within"
        cells = [
            f"cells:      {self.cells} of {device.lut}, with the serial line, fitted to nextpnr, "
            f"within {self.cells_error:.1%}"
        ] * bool(self.cells)
        return [
            f"latency:    {self.latency_us:.1f} us at {self.clock_mhz:g} MHz, exact",
            f"cycles:     {self.cycles}, exact",
            f"DSP:        {self.dsp} of {device.dsp}, exact",
            f"{device.block_name + ':':<11} {self.blocks} of {device.blocks}, exact",
            f"LUT:        {self.lut} of {device.lut}, {fitted} {self.lut_error:.1%}",
            f"FF:         {self.ff} of {device.ff}, {fitted} {self.ff_error:.1%}",
            *cells,
            f"fits:       {'yes' if self.fits else verdict}",
            f"power:      {self.power_mw:.3g} mW while it works, {within}",
            f"energy:     {self.energy_uj:.3g} uJ for an inference, {within}",
        ]


def estimate(config: Config, tool: Tool = "yosys") -> Estimate:
    """Estimate the cost of a configuration, with an untrained model of its shape and widths.

    Args:
        config: The configuration.
        tool: Synthesis tool whose counts of look-up tables and flip-flops are estimated.

    Raises:
        UserError: The model cannot be compiled for the device, because there are too few DSP blocks
            or block memories; or the tool has not been characterised for the device's family.
    """
    hardware = config.hardware
    device = load_device(hardware.device)
    clock_mhz = device.clock(hardware.clock_mhz)
    return estimate_model(stand_in(config), device, clock_mhz, tool, **hardware.choices())


def estimate_model(
    model: IntegerModel,
    device: Device,
    clock_mhz: float | None = None,
    tool: Tool = "yosys",
    **choices: Any,
) -> Estimate:
    """Estimate the cost of a model.

    Args:
        model: The integer model.
        device: The device.
        clock_mhz: Clock frequency, in MHz; None for the device's default.
        tool: As in :func:`estimate`.
        choices: The fields of ``HardwareOptions``.

    Raises:
        UserError: As :func:`estimate`.
    """
    if tool == "vivado":
        check_vivado(device)
    design = best_design(model, device, area_model(tool), HardwareOptions(**choices))
    return estimate_design(design, clock_mhz, tool)


def estimate_design(
    design: Design, clock_mhz: float | None = None, tool: Tool = "yosys"
) -> Estimate:
    """Estimate the cost of a compiled design; the arguments are those of :func:`estimate_model`.

    Raises:
        UserError: The tool has not been characterised for the device's family.
    """
    device, found = design.device, area(design, tool)
    clock_mhz = device.clock_mhz if clock_mhz is None else clock_mhz
    blocks = sum(buffer.blocks for buffer in design.buffers)
    whole = design.dsp <= device.dsp and blocks <= device.blocks
    return Estimate(
        device=device.name,
        clock_mhz=clock_mhz,
        cycles=design.cycles,
        dsp=design.dsp,
        blocks=blocks,
        lut=found.lut,
        ff=found.ff,
        cells=found.cells,
        lut_error=found.lut_error,
        ff_error=found.ff_error,
        cells_error=found.cells_error,
        tool=tool,
        fits=whole and found.fits(device),
        too_large=not whole or found.share(device) > 1,
        energy=energy(design, found.lut, clock_mhz),
    )
