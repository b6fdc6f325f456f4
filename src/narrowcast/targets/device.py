"""Devices and the boards that carry them, each read from a file of its own."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from narrowcast.config import did_you_mean
from narrowcast.errors import UserError
from narrowcast.targets.ecp5 import ECP5
from narrowcast.targets.family import DspBlock, Family, Shapes
from narrowcast.targets.ice40 import ICE40
from narrowcast.targets.xc7 import XC7

FAMILIES = {family.name: family for family in (XC7, ICE40, ECP5)}
_FOLDER = resources.files("narrowcast.targets")


@dataclass(frozen=True)
class Board:
    """A board with a device on it.

    Attributes:
        name: as people call it.
        device: name of the device.
        clock_mhz: of its oscillator.
        constraints: name of the file, beside the board's, that says which pin is which.
    """

    name: str
    device: str
    clock_mhz: float
    constraints: str

    @property
    def constraints_text(self) -> str:
        """Content of the file of constraints."""
        return (_FOLDER / "boards" / self.constraints).read_text()


@dataclass(frozen=True)
class Power:
    """What a device takes, for estimates; the sources stand in its file.

    Attributes:
        static_mw: milliwatts, whether it works or not.
        product_pj: picojoules of a DSP block for each product.
        access_pj: picojoules of a block memory for each access.
        table_pj: picojoules of each look-up table in use, with the flip-flops beside it and their
            clock, in every clock.
        lane_toggles, memory_toggles, rest_toggles: toggle rates of designs for which these are
            meant, as ``narrowcast.estimate.power.Rates`` has them.
        static_error: by how much of itself ``static_mw`` may be wrong.
        dynamic_error: the same for all picojoules.
    """

    static_mw: float
    product_pj: float
    access_pj: float
    table_pj: float
    lane_toggles: float
    memory_toggles: float
    rest_toggles: float
    static_error: float
    dynamic_error: float


@dataclass(frozen=True)
class Device:
    """What one device has.

    Attributes:
        name: of its file.
        part: as the vendor's tools call it.
        family: what it is built of.
        lut: look-up tables.
        ff: flip-flops.
        dsp: DSP blocks; 0 where there are none.
        blocks: block memories, counted in the smallest that the family has.
        power: what it takes.
        synthesis_options: yosys' for this device.
        place_options: nextpnr's for this device, its package and its speed grade.
        board: that a bitstream is for; None: there is none.
    """

    name: str
    part: str
    family: Family
    lut: int
    ff: int
    dsp: int
    blocks: int
    power: Power
    synthesis_options: tuple[str, ...] = ()
    place_options: tuple[str, ...] = ()
    board: Board | None = None

    @property
    def dsp_block(self) -> DspBlock | None:
        """A DSP block; None: the device has none."""
        return self.family.dsp_block if self.dsp else None

    @property
    def block_name(self) -> str:
        """The smallest block memory."""
        return self.family.block_name

    @property
    def block_shapes(self) -> Shapes:
        """(words, bits, blocks) of each shape that block memory can take."""
        return self.family.block_shapes

    def dsp_of_product(self, a_bits: int, b_bits: int) -> int:
        """Return the DSP blocks of a signed product; 0: it is made of look-up tables."""
        return self.dsp_block.blocks(a_bits, b_bits) if self.dsp_block else 0


def device_names() -> list[str]:
    """Return the names of all devices that have a file."""
    return [name for name, _ in _files("devices")]


@cache
def load_device(name: str) -> Device:
    """Read a device file, and the board of this device that comes first by its file's name.

    Raises:
        UserError: there is no such device.
    """
    files = dict(_files("devices"))
    if name not in files:
        hint = did_you_mean(name, files)
        raise UserError(
            f"hardware.device: unknown device {name!r}{hint}; one of {', '.join(files)}"
        )
    fields = tomllib.loads(files[name])
    return Device(
        name=name,
        family=FAMILIES[fields.pop("family")],
        power=Power(**fields.pop("power")),
        synthesis_options=tuple(fields.pop("synthesis_options", ())),
        place_options=tuple(fields.pop("place_options", ())),
        board=next((board for board in boards() if board.device == name), None),
        **fields,
    )


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
    """Return all boards that have a file."""
    return [Board(**tomllib.loads(text)) for _, text in _files("boards")]


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Yield name and content of all files of a folder, in the order of their names."""
    for file in sorted((_FOLDER / folder).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield file.name.removesuffix(".toml"), file.read_text()
