"""Devices and boards, each described by one TOML file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, InstanceOf, TypeAdapter, with_config

from narrowcast.config import InterfaceName, did_you_mean
from narrowcast.config.load import parse_toml
from narrowcast.errors import UserError, boundary, shown
from narrowcast.targets.ecp5 import ECP5
from narrowcast.targets.family import SPRAM_BITS, DspBlock, Family, Shapes
from narrowcast.targets.gowin import GOWIN
from narrowcast.targets.ice40 import ICE40
from narrowcast.targets.xc7 import XC7

FAMILIES = {family.name: family for family in (XC7, ICE40, ECP5, GOWIN)}
_FOLDER = resources.files("narrowcast.targets")
Content = TypeVar("Content")
_WHOLE = with_config(ConfigDict(extra="forbid", allow_inf_nan=False))

Count = Annotated[int, Field(strict=True, gt=0, le=10**7)]
Amount = Annotated[float, Field(strict=True, ge=0, le=10**9)]
Positive = Annotated[float, Field(strict=True, gt=0, le=10**9)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]


def _family(name: object) -> object:
    """Return the family of a name.

    Raises:
        ValueError: There is no such family.
    """
    if name not in FAMILIES:
        raise ValueError(f"must be one of {', '.join(FAMILIES)}")
    return FAMILIES[str(name)]


@_WHOLE
@dataclass(frozen=True)
class Board:
    """A board with a device on it.

    Attributes:
        name: Name of the board.
        device: Name of the device on it.
        clock_mhz: Frequency of its oscillator, in MHz.
        constraints: Name of the file of pin constraints for each interface that has pins, in the
            same folder as the board's file.
    """

    name: str
    device: str
    clock_mhz: Positive
    constraints: Mapping[InterfaceName, str]

    def constraints_text(self, interface: InterfaceName) -> str:
        """Return the content of the file of pin constraints for an interface that has pins."""
        return (_FOLDER / "boards" / self.constraints[interface]).read_text()


@_WHOLE
@dataclass(frozen=True)
class Power:
    """Coefficients of a device's power for estimates. The device's file states their sources.

    Attributes:
        static_mw: Power of the configured device without a clock, in mW.
        product_pj: Energy of a DSP block per product, in pJ.
        access_pj: Energy of a block memory per access, in pJ.
        table_pj: Energy of each look-up table in use per clock cycle, in pJ, with its flip-flops
            and their clock.
        lane_toggles: Toggle rate of the lanes for which the coefficients hold, as in
            ``narrowcast.estimate.power.Rates``.
        memory_toggles: Toggle rate of the memories for which the coefficients hold.
        rest_toggles: Toggle rate of all other signals for which the coefficients hold.
        static_error: Relative error of ``static_mw``.
        dynamic_error: Relative error of the energies per product, access and look-up table.
        clock_pj: Energy of the clock network per clock cycle, in pJ, even if nothing toggles; None
            if it is unknown as such. It is then part of ``table_pj``.
        stopped_mw: Power of the configured device with its clock stopped, in mW, if the device can
            take less than ``static_mw`` then; None if it cannot, or if this is unknown.
        stopped_error: Relative error of ``stopped_mw``.
    """

    static_mw: Amount
    product_pj: Amount
    access_pj: Amount
    table_pj: Amount
    lane_toggles: Positive
    memory_toggles: Positive
    rest_toggles: Positive
    static_error: Amount
    dynamic_error: Amount
    clock_pj: Amount | None = None
    stopped_mw: Amount | None = None
    stopped_error: Amount = 0.0


@_WHOLE
@dataclass(frozen=True)
class Configuration:
    """The configuration of a device from a flash after power-up. The device's file has its sources.

    Attributes:
        bits: Length of the bitstream without compression, in bits.
        compression: Length with compression / ``bits``; 1 if the bitstream is not compressed.
        flash_width: Number of data lines of the flash.
        flash_mhz: Clock frequency of the flash, in MHz.
        startup_ms: Time from power-up until the bitstream is read and after it, in ms.
        power_mw: Mean power in that time, in mW; None if it is unknown.
        error: Relative error of the energy.
    """

    bits: Annotated[int, Field(strict=True, gt=0, le=10**12)]
    compression: Share
    flash_width: Annotated[int, Field(strict=True, ge=1, le=64)]
    flash_mhz: Positive
    startup_ms: Amount
    power_mw: Amount | None = None
    error: Amount = 0.0

    @property
    def ms(self) -> float:
        """Duration, in ms."""
        bits = self.bits * self.compression
        return self.startup_ms + bits / (1000 * self.flash_width * self.flash_mhz)

    @property
    def mj(self) -> float | None:
        """Energy, in mJ; None if the power is unknown."""
        return None if self.power_mw is None else self.power_mw * self.ms / 1000


@_WHOLE
@dataclass(frozen=True)
class Device:
    """The resources of a device and its tool options.

    Attributes:
        name: Name of its file, without the extension.
        part: Part number, as the vendor's tools take it.
        family: Its family.
        lut: Number of look-up tables.
        ff: Number of flip-flops.
        dsp: Number of DSP blocks; 0 if it has none.
        blocks: Number of block memories, in units of the family's smallest.
        spram: Number of single-port memories for weights that a host loads; 0 if it has none.
        clock_mhz: Clock frequency of a design whose configuration does not state one, in MHz. With
            a board, that of its oscillator.
        reach_mhz: Highest clock frequency that is known to be reached on it, in MHz.
        power: Coefficients of its power.
        configuration: Its configuration after power-up.
        synthesis_options: Options of yosys for this device.
        place_options: Options of nextpnr for this device, its package and its speed grade.
        pack_options: Options of the tool that makes the bitstream, for this device.
        board: Board that bitstreams are made for; None if there is none.
    """

    name: str
    part: str
    family: Annotated[InstanceOf[Family], BeforeValidator(_family)]
    lut: Count
    ff: Count
    dsp: Annotated[int, Field(strict=True, ge=0, le=10**7)]
    blocks: Count
    clock_mhz: Positive
    reach_mhz: Positive
    power: Power
    configuration: Configuration
    spram: Annotated[int, Field(strict=True, ge=0, le=10**7)] = 0
    synthesis_options: tuple[str, ...] = ()
    place_options: tuple[str, ...] = ()
    pack_options: tuple[str, ...] = ()
    board: Board | None = None

    @property
    def dsp_block(self) -> DspBlock | None:
        """Its DSP block; None if the device has none."""
        return self.family.dsp_block if self.dsp else None

    @property
    def block_name(self) -> str:
        """Name of the smallest block memory."""
        return self.family.block_name

    @property
    def block_shapes(self) -> Shapes:
        """(words, bits, blocks) of each configuration of the block memory."""
        return self.family.block_shapes

    @property
    def spram_bits(self) -> int:
        """Number of bits of all single-port memories."""
        return self.spram * self.family.spram_words * SPRAM_BITS

    def clock(self, configured: float | Literal["auto"]) -> float:
        """Return the clock frequency of a design, in MHz; 'auto' stands for the device's own."""
        return self.clock_mhz if configured == "auto" else configured

    def clock_warning(self, clock_mhz: float) -> str | None:
        """Return one line on a clock beyond what the device is known to reach, else None."""
        if clock_mhz <= self.reach_mhz:
            return None
        return (
            f"hardware.clock_mhz: no design is known to reach {clock_mhz:g} MHz on {self.name}; "
            f"the fastest reaches {self.reach_mhz:g} MHz"
        )

    def dsp_of_product(self, a_bits: int, b_bits: int) -> int:
        """Return the DSP blocks of a signed product; 0 if it is made of look-up tables."""
        return self.dsp_block.blocks(a_bits, b_bits) if self.dsp_block else 0


def device_names() -> list[str]:
    """Return the names of all known devices."""
    return list(_files("devices"))


@cache
def load_device(name: str) -> Device:
    """Read a device file. Of several boards with this device, take the first by file name.

    Args:
        name: Name of the device, in upper or lower case.

    Raises:
        UserError: The device is unknown, or a file of a device or board is damaged.
    """
    files = {known.lower(): (known, file) for known, file in _files("devices").items()}
    if name.lower() not in files:
        names = [known for known, _ in files.values()]
        for each in boards():
            if _plain(each.name) == _plain(name):
                raise UserError(
                    f"hardware.device: {shown(name)} is a board with a {each.device}: set "
                    f"hardware.device = '{each.device}'"
                )
        raise UserError(
            f"hardware.device: unknown device {shown(name)}{did_you_mean(name, names)}; "
            f"one of {', '.join(names)}"
        )
    known, file = files[name.lower()]
    board = next((board for board in boards() if board.device == known), None)
    return _read(file, Device, name=known, board=board)


def _plain(name: str) -> str:
    """Return the letters and digits of a board's name."""
    return re.sub(r"[\W_]", "", name.lower())


def check_vivado(device: Device) -> None:
    """Refuse a device that Vivado does not know.

    Raises:
        UserError: it is of another family than those that Vivado knows.
    """
    if not device.family.vivado:
        known = " or ".join(family.name for family in FAMILIES.values() if family.vivado)
        raise UserError(
            f"Vivado does not know {device.name}, which is of the family {device.family.name}: "
            f"take yosys, or a device of the family {known}"
        )


def boards() -> list[Board]:
    """Return all known boards."""
    return [_read(file, Board) for file in _files("boards").values()]


def _files(folder: str) -> dict[str, Traversable]:
    """Return the TOML files of a folder by name, sorted."""
    files = sorted((_FOLDER / folder).iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file for file in files if file.name.endswith(".toml")}


def _read(file: Traversable, kind: type[Content], **known: Any) -> Content:
    """Read a TOML file; ``known`` are fields that are not in it.

    Raises:
        UserError: The file cannot be read, is not TOML, or its fields are not those of ``kind``.
    """
    with boundary(str(file), "correct it, see docs/targets.md"):
        fields = parse_toml(file.read_text(encoding="utf-8"))
        return TypeAdapter(kind).validate_python({**fields, **known})
