"""Estimates the cost of a model on a device, without training, simulation or synthesis."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import computed_field

from narrowcast.compile import Design, HardwareOptions, best_design
from narrowcast.config import Config
from narrowcast.estimate.area import Tool, area, area_model
from narrowcast.estimate.duty_cycle import DutyCycle, duty_cycle
from narrowcast.estimate.power import Energy, energy
from narrowcast.estimate.untrained import stand_in
from narrowcast.integer.model import IntegerModel
from narrowcast.records import IF_KNOWN
from narrowcast.targets.device import Device, check_vivado, load_device


@dataclass(frozen=True)
class Spread:
    """The least and the most that a model may take, by the widths that training gives its sums.

    Attributes:
        cycles: Clock cycles of one inference.
        dsp: Number of DSP blocks.
        blocks: Number of block memories.
    """

    cycles: tuple[int, int]
    dsp: tuple[int, int]
    blocks: tuple[int, int]


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a design.

    What is exact holds for the model that was compiled. If that is a stand-in for one to be
    trained, ``spread`` has the range of these figures.

    Attributes:
        device: Name of the device.
        clock_mhz: Clock frequency, in MHz.
        cycles: Clock cycles of one inference, exact.
        dsp: Number of DSP blocks, exact.
        blocks: Number of block memories in units of the device's smallest, exact.
        sprams: Number of single-port memories, exact; 0 unless a host loads the weights.
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
        energy: Power and energy, without the accesses of single-port memories, whose energy is
            unknown.
        spread: What the model may take after training; None for an estimate of a given model.
    """

    device: str
    clock_mhz: float
    cycles: int
    dsp: int
    blocks: int
    sprams: int
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
    spread: Annotated[Spread | None, IF_KNOWN] = None

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
        unknown = ", without reads of SPRAM" if self.sprams else ""
        fitted = f"fitted to {self.tool}, within"
        cells = [
            f"cells:      {self.cells} of {device.lut}, with a serial line, fitted to nextpnr, "
            f"within {self.cells_error:.1%}"
        ] * bool(self.cells)
        latency, remark = self._counted("cycles", "{:.1f}", self.clock_mhz)
        (cycles, _), (dsp, of_dsp), (blocks, of_blocks) = map(
            self._counted, ("cycles", "dsp", "blocks")
        )
        return [
            f"latency:    {latency} us at {self.clock_mhz:g} MHz, {remark}",
            f"cycles:     {cycles}, {remark}",
            f"DSP:        {dsp} of {device.dsp}, {of_dsp}",
            f"{device.block_name + ':':<11} {blocks} of {device.blocks}, {of_blocks}",
            *[f"SPRAM:      {self.sprams} of {device.spram}, for weights that a host loads"]
            * bool(self.sprams),
            f"LUT:        {self.lut} of {device.lut}, {fitted} {self.lut_error:.1%}",
            f"FF:         {self.ff} of {device.ff}, {fitted} {self.ff_error:.1%}",
            *cells,
            f"fits:       {'yes' if self.fits else verdict}",
            f"power:      {self.power_mw:.3g} mW while it works, {within}{unknown}",
            f"energy:     {self.energy_uj:.3g} uJ for an inference, {within}{unknown}",
        ]

    def _counted(self, name: str, form: str = "{:.0f}", unit: float = 1) -> tuple[str, str]:
        """Return a number of ``Spread`` as text, or its range, and how exact it is."""
        if self.spread is None:
            return form.format(getattr(self, name) / unit), "exact"
        least, most = (form.format(each / unit) for each in getattr(self.spread, name))
        if least == most:
            return most, "with narrow and with wide sums"
        return f"{least} to {most}", "by the widths of sums"


def estimate(config: Config, tool: Tool = "yosys") -> Estimate:
    """Estimate the cost of a configuration, with untrained models of its shape and widths.

    The figures are those of a model with wide sums. ``spread`` has those of narrow sums, too.

    Args:
        config: The configuration.
        tool: Synthesis tool whose counts of look-up tables and flip-flops are estimated.

    Raises:
        UserError: The model cannot be compiled for the device, because there are too few DSP blocks
            or block memories; or the tool has not been characterised for the device's family.
    """
    wide, narrow = (
        estimate_on(config, stand_in(config, wide=each), tool) for each in (True, False)
    )

    def ends(a: int, b: int) -> tuple[int, int]:
        return min(a, b), max(a, b)

    return replace(
        wide,
        spread=Spread(
            cycles=ends(wide.cycles, narrow.cycles),
            dsp=ends(wide.dsp, narrow.dsp),
            blocks=ends(wide.blocks, narrow.blocks),
        ),
    )


def estimate_on(config: Config, model: IntegerModel, tool: Tool = "yosys") -> Estimate:
    """Estimate the cost of a model on the hardware of a configuration; see :func:`estimate`."""
    hardware = config.hardware
    device = load_device(hardware.device)
    clock_mhz = device.clock(hardware.clock_mhz)
    return estimate_model(model, device, clock_mhz, tool, **hardware.choices())


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
        sprams=sum(buffer.sprams for buffer in design.buffers),
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
